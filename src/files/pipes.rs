//! Commands whose output is read, and pipes that are wide enough for it.

use std::process::{Command, Stdio};

/// What a stream is called in messages.
pub const STDIN: &str = "standard input";

/// Prepares a command line for the shell. It gets no standard input, which may be the data, and its output is read
/// here.
pub fn shell(command: &str) -> Command {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut prepared = Command::new(shell);
    prepared.args([flag, command]).stdin(Stdio::null()).stdout(Stdio::piped());
    prepared
}

/// Gives a pipe room for a whole batch; what is no pipe, or may not grow, stays as it is.
#[cfg(unix)]
pub fn widen(file: &impl std::os::fd::AsFd) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        const ROOM: usize = 1 << 20;
        let _ = rustix::pipe::fcntl_setpipe_size(file, ROOM);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = file;
}

/// Leaves a pipe as it is.
#[cfg(not(unix))]
pub fn widen<T>(_: &T) {}
