//! Ctrl-C and its relatives: the terminal is put back, unfinished output goes, the process ends.

#[cfg(unix)]
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use super::output::Output;
#[cfg(unix)]
use super::rendering;
use crate::disk::unfinished;
use crate::failure::Failure;

#[cfg(unix)]
static TERMINAL: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);
/// What there is to say where the user interrupts.
static LAST_WORDS: Mutex<Option<(Failure, Output)>> = Mutex::new(None);

/// Has an interruption say what was done by then, until [`be_silent`].
pub fn say(failure: Failure, output: &Output) {
    *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some((failure, output.clone()));
}

/// Has an interruption say nothing any more, and returns what it would have said.
pub fn be_silent() -> Option<Failure> {
    LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).take().map(|(failure, _)| failure)
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
    super::producer::interrupt();
    // Held until the process ends: no thread makes or names another file meanwhile.
    let _unfinished = unfinished::remove_all();
    if let Some(settings) = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        && let Ok(tty) = std::fs::File::open("/dev/tty")
    {
        let _ = rustix::termios::tcsetattr(tty, rustix::termios::OptionalActions::Now, settings);
    }
    if let Some((failure, output)) = LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        if !output.json && io::stderr().is_terminal() {
            // Past the question.
            let _ = writeln!(io::stderr());
        }
        rendering::print(failure, output);
    }
    // The terminal sends it to one process after the other, this one before the script around it. A shell that sees this
    // death before it has had the signal itself takes it for this program's alone, and goes on with the next file.
    if signal == signal_hook::consts::SIGINT {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Whoever waits sees a death by the signal: an exit code, 130 too, lets a shell's loop go on with the next file.
    // The first process of a container, though, outlives a signal that it does not listen for.
    if std::process::id() != 1 {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    // 128 + the signal's number, as shells say it.
    std::process::exit(128 + signal);
}
