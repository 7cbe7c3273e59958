//! Questions at the terminal. It is opened by its own name, so that standard input stays free for data.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

use zeroize::Zeroizing;

use super::interrupt;
use super::wrapping::{width_of, wrapped};
use crate::failure::Failure;

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
        let text = wrapped(text, width_of(&self.output));
        writeln!(self.output, "{text}").map_err(|error| Failure::io("write to the terminal", &error))
    }

    /// Sends bytes as they are, past every buffer.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.output.write_all(bytes).map_err(|error| Failure::io("write to the terminal", &error))
    }

    /// Asks for a line that may be seen. An end of input is an interruption.
    ///
    /// # Errors
    /// [`interrupt::failure`], or where the terminal is gone.
    pub fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let failed = |error| Failure::io("read from the terminal", &error);
        let question = wrapped(question, width_of(&self.output));
        write!(self.output, "{question} ").and_then(|()| self.output.flush()).map_err(failed)?;
        let mut line = String::new();
        if self.input.read_line(&mut line).map_err(failed)? == 0 {
            // Past the question.
            self.say("")?;
            return Err(interrupt::failure());
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
        match self.hidden_line(question) {
            Ok(line) => Ok(line),
            // Where Ctrl-C is not the terminal's key for it, the prompt takes it for one.
            #[cfg(unix)]
            Err(error) if error.kind() == io::ErrorKind::Interrupted => interrupt::leave(signal_hook::consts::SIGINT),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof) => {
                Err(interrupt::failure())
            }
            Err(error) => Err(Failure::io("read from the terminal", &error)),
        }
    }

    /// Reads a line in a mode of our own: in the prompt's, Ctrl-C is a key like others, and no signal reaches the
    /// script that runs this program.
    #[cfg(unix)]
    fn hidden_line(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        let keys = Keys::of(question, self.output.try_clone()?)?;
        let config = rpassword::ConfigBuilder::new().input_reader(keys).output_discard().build();
        let line = rpassword::read_password_with_config(config).map(Zeroizing::new);
        // The one that was typed is not shown.
        writeln!(self.output)?;
        line
    }

    #[cfg(not(unix))]
    fn hidden_line(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        rpassword::prompt_password(format!("{question}: ")).map(Zeroizing::new)
    }
}

/// The key that has the prompt forget what was typed.
#[cfg(unix)]
const CTRL_U: u8 = 0x15;

/// The keys that are typed at a hidden question. The one that suspends a program is acted on here, and not by the
/// terminal: that would stop the program while nothing that is typed is shown.
#[cfg(unix)]
struct Keys {
    tty: File,
    output: File,
    question: String,
    /// `None` while the program is suspended.
    quiet: Option<Quiet>,
}

#[cfg(unix)]
impl Keys {
    fn of(question: &str, output: File) -> io::Result<Self> {
        let mut keys = Self { tty: File::open(INPUT)?, output, question: question.to_owned(), quiet: None };
        keys.ask()?;
        Ok(keys)
    }

    fn ask(&mut self) -> io::Result<()> {
        // Before the question stands there: what is typed or pasted the moment it appears must not be shown.
        self.quiet = Some(Quiet::new()?);
        write!(self.output, "{}: ", self.question)?;
        self.output.flush()
    }

    /// Stops the program, and what runs it, as the terminal does; asks again once it is continued.
    fn suspend(&mut self) -> io::Result<()> {
        self.quiet = None;
        writeln!(self.output)?;
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        self.ask()
    }
}

#[cfg(unix)]
impl io::Read for Keys {
    fn read(&mut self, keys: &mut [u8]) -> io::Result<usize> {
        // One at a time: what follows a line end answers the next question.
        let Some(key) = keys.get_mut(..1) else { return Ok(0) };
        let read = self.tty.read(key)?;
        if read == 1 && self.quiet.as_ref().is_some_and(|quiet| quiet.suspends(key[0])) {
            self.suspend()?;
            key[0] = CTRL_U;
        }
        Ok(read)
    }
}

/// What stands for no key at all among a terminal's special ones.
#[cfg(unix)]
const NO_KEY: u8 = if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };

/// A terminal that shows nothing of what is typed and gives every key at once, until this is dropped. Ctrl-C is left to
/// the terminal, which sends its signal to a script around this program, too.
#[cfg(unix)]
struct Quiet(File, rustix::termios::Termios);

#[cfg(unix)]
impl Quiet {
    /// Tells whether a key is the one that suspends a program on this terminal.
    fn suspends(&self, key: u8) -> bool {
        use rustix::termios::{LocalModes, SpecialCodeIndex};
        let suspend = self.1.special_codes[SpecialCodeIndex::VSUSP];
        key == suspend && suspend != NO_KEY && self.1.local_modes.contains(LocalModes::ISIG)
    }

    fn new() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let tty = File::open(INPUT)?;
        let shown = tcgetattr(&tty)?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        // These would halt or end the program and leave the shell a terminal that shows nothing.
        for key in [
            SpecialCodeIndex::VQUIT,
            SpecialCodeIndex::VSUSP,
            #[cfg(target_os = "macos")]
            SpecialCodeIndex::VDSUSP,
        ] {
            hidden.special_codes[key] = NO_KEY;
        }
        tcsetattr(&tty, OptionalActions::Now, &hidden)?;
        Ok(Self(tty, shown))
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = rustix::termios::tcsetattr(&self.0, rustix::termios::OptionalActions::Now, &self.1);
    }
}
