//! The terminal while the screen is shown on it. Nothing that is drawn stays in its lines: the alternate screen has none
//! that are kept.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Mutex;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::cli::interrupt;

/// Begins the alternate screen, without a cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
/// Clears the alternate screen and ends it, with the attributes and the cursor as they were.
const LEAVE: &[u8] = b"\x1b[0m\x1b[2J\x1b[?25h\x1b[?1049l";

/// How the terminal was set before the screen was shown, while it is shown.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal while the screen is shown on it.
pub struct Screen(Terminal<CrosstermBackend<Output>>);

impl Screen {
    /// Shows an empty screen.
    ///
    /// # Errors
    /// Where the terminal refuses.
    pub fn open() -> io::Result<Self> {
        interrupt::remember_terminal();
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            previous(panic);
        }));
        enter()?;
        // From here on the screen is left whatever happens.
        let left = LeftOnDrop;
        let terminal = Terminal::new(CrosstermBackend::new(Output::new()?))?;
        std::mem::forget(left);
        Ok(Self(terminal))
    }

    /// Draws what a function puts into a buffer; only what has changed is sent.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        self.0.draw(|frame| draw(frame.buffer_mut())).map(drop)
    }

    /// Has the next [`Screen::draw`] send everything.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    /// Returns how wide and high it is.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.0.size().map(|size| (size.width, size.height))
    }

    /// Leaves the screen, and stops the program and what runs it as the terminal does. Shows the screen again once it
    /// is continued.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        // This process listens for the signal, so that others can suspend it, and has to stop itself.
        kill_current_process_group(Signal::TSTP)?;
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        enter()?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

struct LeftOnDrop;

impl Drop for LeftOnDrop {
    fn drop(&mut self) {
        leave();
    }
}

/// Has the terminal give every key at once and show none, and begins the alternate screen.
fn enter() -> io::Result<()> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut raw = before.clone();
    raw.make_raw();
    let mut leaves = interrupt::screen();
    *BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(before);
    *leaves = LEAVE;
    tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
    stdout()?.write_all(ENTER)
}

/// Leaves the alternate screen, if it is shown. Errors are nobody's: the terminal may be gone.
fn leave() {
    let mut leaves = interrupt::screen();
    let before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    if let Some(before) = before {
        let _ = stdout().and_then(|mut stdout| stdout.write_all(&leaves));
        // What was typed and not read is for the screen, not for the shell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &before);
    }
    *leaves = b"";
}

/// Returns standard output past std's buffer, which is never wiped: what is drawn may be a secret.
fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// What is drawn, until it is sent at once. Then it is wiped.
struct Output {
    stdout: File,
    drawn: Zeroizing<Vec<u8>>,
}

impl Output {
    fn new() -> io::Result<Self> {
        Ok(Self { stdout: stdout()?, drawn: Zeroizing::default() })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.drawn.len() + bytes.len() > self.drawn.capacity() {
            // What is left behind where it was is wiped, too.
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * (self.drawn.len() + bytes.len()).max(4096)));
            larger.extend_from_slice(&self.drawn);
            self.drawn = larger;
        }
        self.drawn.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let leaves = interrupt::screen();
        // Once the screen is left, lines are kept.
        let sent = if leaves.is_empty() { Ok(()) } else { self.stdout.write_all(&self.drawn) };
        self.drawn.fill(0);
        self.drawn.clear();
        sent
    }
}
