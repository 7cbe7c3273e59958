//! Starting the process that holds a text on the clipboard: the same program, which outlives this one and its terminal. It
//! gets the text over a pipe.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::process::PROCESS;
use super::said::{NotHeld, Said, told};
use crate::crypto::secret::SecretText;
use crate::disk::plain;
use crate::host::own_program;

/// How long it may take until the text is on the clipboard. A display that another computer has may never answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest line that is read, in bytes.
const LINE_LIMIT: u64 = 4096;

/// Copies a text to the clipboard, from which it is taken off after so many seconds. It is there when this returns.
///
/// # Errors
/// If it cannot be there.
pub fn hold(text: &SecretText, seconds: u32) -> Result<(), NotHeld> {
    let failed = |error: std::io::Error| NotHeld::Failed(plain(&error));
    let mut child = spawn().map_err(failed)?;
    match hear(&mut child, text, seconds) {
        Ok(Said::Held) => Ok(()),
        Ok(Said::Not(why)) => Err(ended(child, why)),
        Err(why) => Err(ended(child, NotHeld::Failed(why.into()))),
    }
}

/// Ends the process, which must not hold the text later on.
fn ended(mut child: Child, why: NotHeld) -> NotHeld {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    why
}

fn spawn() -> std::io::Result<Child> {
    // What this process was given by a shell, such as the descriptor of a lock, is not that one's.
    #[cfg(unix)]
    close_fds::set_fds_cloexec(3, &[]);
    let mut command = Command::new(own_program()?);
    command.arg(PROCESS).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        /// No console: that of this process would end it when it is closed.
        const DETACHED_PROCESS: u32 = 0x8;
        command.creation_flags(DETACHED_PROCESS);
    }
    command.spawn()
}

/// Tells the process what to hold, and returns what it says.
///
/// # Errors
/// Why it says nothing.
fn hear(child: &mut Child, text: &SecretText, seconds: u32) -> Result<Said, &'static str> {
    const ENDED: &str = "the process that was to hold it ended at once";
    let (mut stdin, stdout) = (child.stdin.take().ok_or(ENDED)?, child.stdout.take().ok_or(ENDED)?);
    // If it has ended, what it said tells more.
    let _ = stdin.write_all(&told(seconds, text));
    drop(stdin);
    let (sender, receiver) = mpsc::channel();
    let listen = move || {
        let mut line = Vec::new();
        let _ = BufReader::new(stdout.take(LINE_LIMIT)).read_until(b'\n', &mut line);
        let _ = sender.send(line);
    };
    std::thread::Builder::new().name("clipboard".into()).spawn(listen).map_err(|_| ENDED)?;
    let line = receiver.recv_timeout(PATIENCE).map_err(|_| "the display does not answer")?;
    Said::read(&line).ok_or(ENDED)
}
