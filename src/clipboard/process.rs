//! The process that holds a text on the clipboard. It has no terminal, and says one line: that the text is there, or why
//! it is not.

#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write};

use super::deadline::Deadline;
use super::said::{NotHeld, Said, hear};
#[cfg(all(unix, not(target_os = "macos")))]
use crate::crypto::secret::SecretText;

/// What the program is started with to hold a text: no command that anybody types.
pub const PROCESS: &str = "clipboard-process";

/// Holds the text that it is told until it is time, or another program copies something.
///
/// # Errors
/// Those of the system; if the text cannot be on the clipboard, which it has said if that was so from the start.
pub fn run() -> io::Result<()> {
    #[cfg(unix)]
    let _ = rustix::process::setsid();
    let (seconds, text) = hear(stdin()?)?;
    hold(&text, &Deadline::after(seconds), begin).map_err(|why| {
        // Nobody reads this any more if the text was there before.
        let _ = say(&Said::Not(why));
        io::Error::other("the text is not on the clipboard")
    })
}

/// Says that the text is on the clipboard, and lets go of who waited for that.
fn begin() -> Result<(), NotHeld> {
    let begun = say(&Said::Held).and_then(|()| detach());
    begun.map_err(|error| NotHeld::Failed(error.to_string()))
}

/// Whatever Wayland cannot do, X11 may: its server runs beside most compositors.
#[cfg(all(unix, not(target_os = "macos")))]
fn hold(text: &SecretText, until: &Deadline, begin: fn() -> Result<(), NotHeld>) -> Result<(), NotHeld> {
    let Some(wayland) = super::wayland::hold(text, until, begin)? else { return Ok(()) };
    super::x11::hold(text, until, begin).map_err(|x11| match x11 {
        NotHeld::NoDisplay(x11) => NotHeld::NoDisplay(format!("Wayland: {wayland}; X11: {x11}")),
        failed @ NotHeld::Failed(_) => failed,
    })
}

#[cfg(any(target_os = "macos", windows))]
use super::native::hold;

/// Returns standard input, past every buffer that is not wiped.
#[cfg(unix)]
fn stdin() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdin() -> io::Result<io::StdinLock<'static>> {
    Ok(io::stdin().lock())
}

#[cfg(unix)]
use crate::host::detach;

#[cfg(not(unix))]
fn detach() -> io::Result<()> {
    std::env::set_current_dir("/")
}

/// Says a line on standard output. An error means that nobody waits for it any more.
fn say(said: &Said) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(&said.to_line())?;
    stdout.flush()
}
