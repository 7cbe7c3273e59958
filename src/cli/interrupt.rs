//! Ctrl-C and its relatives: the terminal is put back, unfinished output goes, what is so by then is said, the process
//! ends.

#[cfg(unix)]
use std::io::{self, IsTerminal, Write};
#[cfg(unix)]
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
#[cfg(unix)]
use std::time::Duration;

use indicatif::ProgressBar;

use super::output::Output;
#[cfg(unix)]
use super::rendering;
#[cfg(unix)]
use crate::disk::unfinished;
use crate::failure::{Exit, Failure};
use crate::words::Words;

#[cfg(unix)]
static TERMINAL: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);
/// What leaves the screen that the program draws on, as the terminal takes it; empty if it draws on none.
#[cfg(all(unix, feature = "tui"))]
static LEAVES_SCREEN: Mutex<&[u8]> = Mutex::new(b"");
/// What is so if the user interrupts now, and what to do about it: the widest work first.
static SO: Mutex<Vec<(String, Words)>> = Mutex::new(Vec::new());
/// What a signal does instead of ending the process at once.
#[cfg(unix)]
static ENDS_BY: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();
/// How it is said.
static OUTPUT: OnceLock<Output> = OnceLock::new();
/// The bar that is shown, if any: its own thread would draw it between the words.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Has an interruption say that something is so, until this is dropped. What is done meanwhile may add to it. Only the
/// main thread makes them, and drops the last one first.
#[must_use = "it is said until this is dropped"]
pub struct Said(usize);

/// Has an interruption say that this is so, and what to do, which may be nothing.
pub fn say(so: impl Into<String>, hint: impl Into<Words>) -> Said {
    let mut said = said();
    said.push((so.into(), hint.into()));
    Said(said.len() - 1)
}

impl Said {
    /// Has it say something else. Before a write begins that would make the former untrue, it says what is true until
    /// after the write: an interruption that is under way holds this call up until the process has ended.
    pub fn replace(&self, so: impl Into<String>, hint: impl Into<Words>) {
        let mut said = said();
        said.truncate(self.0);
        said.push((so.into(), hint.into()));
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        said().truncate(self.0);
    }
}

/// Holds what leaves the screen that the program draws on. Whoever draws holds it meanwhile: the end of the process by a
/// signal takes it and keeps it, so that nothing is drawn where the terminal's lines are kept.
#[cfg(all(unix, feature = "tui"))]
pub fn screen() -> MutexGuard<'static, &'static [u8]> {
    LEAVES_SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves the screen that the program draws on, if it does. Whoever draws on it may wait for the terminal for ever.
#[cfg(all(unix, feature = "tui"))]
fn leave_screen() -> Option<MutexGuard<'static, &'static [u8]>> {
    let start = std::time::Instant::now();
    let leaves = loop {
        match LEAVES_SCREEN.try_lock() {
            Ok(leaves) => break leaves,
            Err(std::sync::TryLockError::Poisoned(leaves)) => break leaves.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(std::sync::TryLockError::WouldBlock) => return None,
        }
    };
    if let Ok(mut tty) = std::fs::OpenOptions::new().write(true).open("/dev/tty") {
        let _ = tty.write_all(&leaves);
    }
    Some(leaves)
}

/// Has an interruption clear a bar that is shown before it says anything.
pub fn clears(bar: &ProgressBar) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
}

/// Returns the failure of an interruption, with what is so.
pub fn failure() -> Failure {
    failure_of(&said())
}

fn said() -> MutexGuard<'static, Vec<(String, Words)>> {
    SO.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure_of(said: &[(String, Words)]) -> Failure {
    let so: Vec<&str> = said.iter().map(|(so, _)| so.as_str()).collect();
    let text = if so.is_empty() { "interrupted".into() } else { format!("interrupted: {}", so.join("; ")) };
    let failure = Failure::new(Exit::Interrupted, "interrupted", text);
    // The narrowest work first: its hint is what to do at once.
    let hints = said.iter().rev().map(|(_, hint)| hint.clone()).filter(|hint| !hint.is_empty());
    match hints.reduce(|hints, hint| hints + "; " + hint) {
        Some(hints) => failure.hint(hints),
        None => failure,
    }
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

/// What becomes of signals that this program was started to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// They stay ignored.
    Stay,
    /// They are listened for as others are.
    AreHeard,
}

/// Starts listening. What is so is said on this output.
pub fn install(output: &Output, ignored: Ignored) {
    let _ = OUTPUT.set(output.clone());
    #[cfg(not(unix))]
    let _ = ignored;
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let mut listened = vec![SIGINT, SIGTERM, SIGHUP];
        if ignored == Ignored::Stay {
            let ignored = ignored_from_the_start();
            listened.retain(|signal| ignored & (1 << (signal - 1)) == 0);
        }
        // Where signals cannot be listened for, they do what they do by default.
        let Ok(mut signals) = signal_hook::iterator::Signals::new(listened) else { return };
        let listen = move || {
            for signal in signals.forever() {
                match ENDS_BY.get() {
                    Some(end) => end(),
                    None => leave(signal),
                }
            }
        };
        let _ = std::thread::Builder::new().name("signals".into()).spawn(listen);
    }
}

/// Returns the signals that this process ignores, a bit for each. No more is known than what Linux shows.
#[cfg(unix)]
fn ignored_from_the_start() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Has a signal do this from now on: the process then ends in its own time.
#[cfg(unix)]
pub fn end_by(end: Box<dyn Fn() + Send + Sync>) {
    // There is one such process in a program's life.
    let _ = ENDS_BY.set(end);
}

/// Has nothing done: the system ends the process itself, and its keys with it.
#[cfg(not(unix))]
pub fn end_by(_: Box<dyn Fn() + Send + Sync>) {}

/// How long what is so may take to be said: a busy computer takes a while to start a thread.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(2);

/// Clears the bar and prints a failure. Whoever reads standard error may have stopped reading, so that this, or another
/// thread that holds it, waits for ever: an interruption ends the process all the same.
#[cfg(unix)]
fn print_or_give_up(failure: Failure, output: Output) {
    let (done, said) = mpsc::channel();
    let print = move || {
        if let Some(bar) = BAR.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
        if !output.json && io::stderr().is_terminal() {
            // Past the question.
            let _ = writeln!(io::stderr());
        }
        rendering::print(&failure, &output);
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("interrupted".into()).spawn(print).is_ok() {
        let _ = said.recv_timeout(PATIENCE);
    }
}

/// Cleans up and ends the process as the signal does by default.
#[cfg(unix)]
pub fn leave(signal: i32) -> ! {
    // Held until the process ends: what is said stays true, since no thread gets past the end of its words.
    let said = said();
    crate::files::producer::interrupt();
    // Held until the process ends: no thread makes or names another file meanwhile.
    let _unfinished = unfinished::remove_all();
    #[cfg(feature = "tui")]
    let _screen = leave_screen();
    if let Some(settings) = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        && let Ok(tty) = std::fs::File::open("/dev/tty")
    {
        let _ = rustix::termios::tcsetattr(tty, rustix::termios::OptionalActions::Now, settings);
    }
    if let Some(output) = OUTPUT.get().filter(|_| !said.is_empty()) {
        print_or_give_up(failure_of(&said), output.clone());
    }
    // The terminal sends it to one process after the other, this one before the script around it. A shell that sees
    // this death before it has had the signal itself takes it for this program's alone, and goes on with the next file.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{command, words};

    #[test]
    fn what_is_so_is_said_from_the_widest_work_to_the_narrowest_until_each_is_over() {
        assert_eq!(failure().message, "interrupted");
        let wide = say("project a is not destroyed", "");
        {
            let _narrow = say("the code above opens nothing", "throw it away");
            let failure = failure();
            assert_eq!(failure.message, "interrupted: project a is not destroyed; the code above opens nothing");
            assert_eq!((failure.exit, failure.hint), (Exit::Interrupted, Some("throw it away".into())));
        }
        wide.replace("project a may be destroyed or not", words!["see ", command("project list")]);
        let told = failure();
        assert_eq!(told.message, "interrupted: project a may be destroyed or not");
        assert_eq!(told.hint, Some(words!["see ", command("project list")]));
        drop(wide);
        assert_eq!(failure().hint, None);
    }
}
