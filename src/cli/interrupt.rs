//! Ctrl-C and its relatives: the terminal is put back, unfinished output goes, the process ends.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[cfg(unix)]
static TERMINAL: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Names a file or folder that must not outlive an interrupted run.
pub fn remove_if_interrupted(path: &Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path.into());
}

/// Tells that a file is finished or gone.
pub fn keep(path: &Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other != path);
}

/// Remembers how the terminal is set before a prompt changes it.
pub fn remember_terminal() {
    #[cfg(unix)]
    {
        let settings = std::fs::File::open("/dev/tty").ok().and_then(|tty| rustix::termios::tcgetattr(tty).ok());
        let mut remembered = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.is_none() {
            *remembered = settings;
        }
    }
}

/// Starts listening.
pub fn install() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        // Where signals cannot be listened for, they do what they do by default.
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        let listen = move || {
            if let Some(signal) = signals.forever().next() {
                leave(signal);
            }
        };
        let _ = std::thread::Builder::new().name("signals".into()).spawn(listen);
    }
}

/// Cleans up and ends the process as the signal does by default.
#[cfg(unix)]
pub fn leave(signal: i32) -> ! {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir_all(path));
    }
    if let Some(settings) = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        && let Ok(tty) = std::fs::File::open("/dev/tty")
    {
        let _ = rustix::termios::tcsetattr(tty, rustix::termios::OptionalActions::Now, settings);
    }
    // Whoever waits sees a death by the signal: an exit code, 130 too, lets a shell's loop go on with the next file. The
    // first process of a container, though, outlives a signal that it does not listen for.
    if std::process::id() != 1 {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    // 128 + the signal's number, as shells say it.
    std::process::exit(128 + signal);
}
