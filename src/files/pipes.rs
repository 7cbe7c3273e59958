//! Standard input and output as streams of data, past std's buffers, which are never wiped; commands whose output is
//! read; pipes that are wide enough for it.

use std::fs::{File, Metadata};
use std::io::{self, Write};
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

/// Opens standard input for data.
///
/// # Errors
/// If it is closed.
pub fn stdin() -> io::Result<File> {
    let file = duplicate(&io::stdin())?;
    widen(&file);
    Ok(file)
}

/// Opens standard output for data.
///
/// # Errors
/// If it is closed.
pub fn stdout() -> io::Result<File> {
    let file = duplicate(&io::stdout())?;
    widen(&file);
    Ok(file)
}

/// Opens a stream once more, as it is: one that is closed cannot be.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

/// Opens a stream once more, as it is.
///
/// # Errors
/// The system's.
#[cfg(windows)]
pub fn duplicate(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    Ok(File::from(stream.as_handle().try_clone_to_owned()?))
}

/// Tells whether two are one file, pipe or socket, by whatever names they were reached.
#[cfg(unix)]
pub fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Tells whether two are one file.
#[cfg(not(unix))]
pub fn is_same(_: &Metadata, _: &Metadata) -> bool {
    // Standard input has no name there, and no descriptor.
    false
}

/// Passes text on to a terminal, and refuses whatever would act on it.
pub struct TextOnly<W> {
    inner: W,
    /// The last byte that was passed on: a command of two bytes may lie over a border.
    last: u8,
}

impl<W> TextOnly<W> {
    /// Stands before a terminal.
    pub fn new(inner: W) -> Self {
        Self { inner, last: 0 }
    }
}

impl<W: Write> Write for TextOnly<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let acts = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
        // U+0080 to U+009F, which old terminals take for commands.
        let is_c1 = |pair: &[u8]| pair[0] == 0xc2 && (0x80..0xa0).contains(&pair[1]);
        let over_the_border = bytes.first().is_some_and(|first| is_c1(&[self.last, *first]));
        if over_the_border || bytes.iter().any(acts) || bytes.windows(2).any(is_c1) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "binary data is not for a terminal"));
        }
        self.inner.write_all(bytes)?;
        self.last = bytes.last().copied().unwrap_or(self.last);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_does_not_pass_in_any_pieces() {
        for text in ["a\u{1b}[2Jb", "a\u{9b}2Jb", "a\u{7f}", "a\0", "a\u{8}b", "\u{85}"] {
            for at in 0..text.len() {
                let mut screen = Vec::new();
                let mut terminal = TextOnly::new(&mut screen);
                let (one, other) = text.as_bytes().split_at(at);
                let ended = terminal.write_all(one).and_then(|()| terminal.write_all(other));
                assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData, "{text:?} at {at}");
            }
        }
        let mut screen = Vec::new();
        TextOnly::new(&mut screen).write_all("Graz\t8010 \u{e9}\u{c2}\u{a0}\r\n".as_bytes()).unwrap();
        assert_eq!(screen, "Graz\t8010 \u{e9}\u{c2}\u{a0}\r\n".as_bytes());
    }
}
