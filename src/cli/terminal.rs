//! Questions at the terminal. It is opened by its own name, so that standard input stays free for data.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

use zeroize::Zeroizing;

use super::failure::Failure;
use super::interrupt;

const INPUT: &str = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
const OUTPUT: &str = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };

/// The terminal of this process.
pub struct Terminal {
    input: BufReader<File>,
    output: File,
}

impl Terminal {
    /// Opens the terminal; `None` where the process has none.
    pub fn open() -> Option<Self> {
        let input = OpenOptions::new().read(true).open(INPUT).ok()?;
        let output = OpenOptions::new().write(true).open(OUTPUT).ok()?;
        Some(Self { input: BufReader::new(input), output })
    }

    /// Prints to the terminal itself, wherever standard output goes.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.output, "{text}").map_err(|error| Failure::io("write to the terminal", &error))
    }

    /// Asks for a line that may be seen. An end of input is an interruption.
    ///
    /// # Errors
    /// [`Failure::interrupted`], or where the terminal is gone.
    pub fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let failed = |error| Failure::io("read from the terminal", &error);
        write!(self.output, "{question} ").and_then(|()| self.output.flush()).map_err(failed)?;
        let mut line = String::new();
        if self.input.read_line(&mut line).map_err(failed)? == 0 {
            return Err(Failure::interrupted());
        }
        Ok(line.trim().to_owned())
    }

    /// Asks a question whose answer is no unless it begins with y.
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        Ok(self.ask(&format!("{question} [y/N]"))?.to_lowercase().starts_with('y'))
    }

    /// Asks for a line that is not shown.
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub fn ask_hidden(&mut self, question: &str) -> Result<Zeroizing<String>, Failure> {
        interrupt::remember_terminal();
        // Before the question stands there: what is typed or pasted the moment it appears must not be shown.
        let _quiet = Quiet::new();
        match rpassword::prompt_password(format!("{question}: ")) {
            Ok(password) => Ok(Zeroizing::new(password)),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof) => {
                Err(Failure::interrupted())
            }
            Err(error) => Err(Failure::io("read from the terminal", &error)),
        }
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
#[cfg(unix)]
struct Quiet(Option<(File, rustix::termios::Termios)>);

#[cfg(unix)]
impl Quiet {
    fn new() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        // Where this fails, the prompt itself turns the echo off a moment later.
        Self((|| {
            let tty = File::open(INPUT).ok()?;
            let shown = tcgetattr(&tty).ok()?;
            let mut hidden = shown.clone();
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            tcsetattr(&tty, OptionalActions::Now, &hidden).ok()?;
            Some((tty, shown))
        })())
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some((tty, shown)) = &self.0 {
            // A terminal that is gone needs no restoring.
            let _ = rustix::termios::tcsetattr(tty, rustix::termios::OptionalActions::Now, shown);
        }
    }
}

#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn new() -> Self {
        Self
    }
}
