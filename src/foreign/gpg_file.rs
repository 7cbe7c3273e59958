//! A file of client data that gpg decrypts. gpg passes on what it decrypts before it has seen whether that is whole, so
//! whoever reads it must wait for the end: only then does its reader say whether it was right.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::gpg::{REPORT, Said, decrypting};

/// The descriptor that gpg reads the password from.
#[cfg(unix)]
const PASSWORD_FD: i32 = 3;
/// What gpg reports before the first byte of the plaintext, and only with the right key.
const BEGUN: &str = "[GNUPG:] PLAINTEXT ";

/// Why a file does not open.
#[derive(Debug, thiserror::Error)]
pub enum GpgError {
    /// gpg cannot be started.
    #[error(transparent)]
    Start(io::Error),
    /// gpg cannot be given a password here.
    #[error("on this system gpg itself has to ask for the password")]
    NoPassword,
    /// Who was asked for the passphrase has cancelled.
    #[error("the passphrase was not given")]
    Cancelled,
    /// None of the keys that the file is encrypted for is here, or gpg was not allowed to ask for its passphrase.
    #[error("gpg has none of the keys that the file is encrypted for, or may not ask for its passphrase")]
    NoKey,
    /// The file has no protection of its integrity: who could write it could alter it without a trace.
    #[error("the file has no protection of its integrity, so gpg does not open it")]
    Unchecked,
    /// gpg did not decrypt it.
    #[error("gpg cannot decrypt it")]
    NotOpened,
}

impl From<GpgError> for io::Error {
    fn from(error: GpgError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// What gpg decrypts, read forwards. Nothing of it may be used before the reader has come to its end without an error.
pub struct Decrypting {
    gpg: Child,
    stdout: ChildStdout,
    events: Receiver<Event>,
    is_done: bool,
}

enum Event {
    Begun,
    Ended(String),
}

impl Decrypting {
    /// Starts gpg, and waits until it has found the key. gpg may ask for a passphrase only if it `may_ask`; a password
    /// that is given here is the only one it tries.
    ///
    /// # Errors
    /// [`GpgError`].
    pub fn begin(file: File, password: Option<&[u8]>, may_ask: bool) -> Result<Self, GpgError> {
        let mut command = decrypting(may_ask && password.is_none());
        #[cfg(unix)]
        let pipe = match password {
            None => None,
            Some(_) => Some(passed_on(&mut command).map_err(GpgError::Start)?),
        };
        #[cfg(not(unix))]
        if password.is_some() {
            return Err(GpgError::NoPassword);
        }
        command.arg("--decrypt").stdin(file).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut gpg = command.spawn().map_err(GpgError::Start)?;
        // The pipe's other end is in gpg alone from now on.
        drop(command);
        #[cfg(unix)]
        if let (Some(mut pipe), Some(password)) = (pipe, password) {
            // If gpg has ended, its report says why.
            let _ = io::Write::write_all(&mut pipe, password);
        }
        let ended = || GpgError::Start(io::Error::other("it has ended"));
        let (stdout, stderr) = (gpg.stdout.take().ok_or_else(ended)?, gpg.stderr.take().ok_or_else(ended)?);
        let (send, events) = channel();
        std::thread::spawn(move || report(stderr, &send));
        let mut decrypting = Self { gpg, stdout, events, is_done: false };
        match decrypting.events.recv() {
            Ok(Event::Begun) => Ok(decrypting),
            Ok(Event::Ended(report)) => Err(decrypting.end(&report).err().unwrap_or(GpgError::NotOpened)),
            Err(_) => Err(GpgError::NotOpened),
        }
    }

    /// Waits for gpg's end, and judges it by its exit code and what it has reported.
    fn end(&mut self, report: &str) -> Result<(), GpgError> {
        let status = self.gpg.wait().map_err(GpgError::Start)?;
        match Said::read(report) {
            Said::Decrypted if status.success() => Ok(()),
            Said::Unchecked => Err(GpgError::Unchecked),
            Said::Cancelled => Err(GpgError::Cancelled),
            Said::NoKey => Err(GpgError::NoKey),
            Said::Decrypted | Said::Nothing => Err(GpgError::NotOpened),
        }
    }
}

impl Read for Decrypting {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_done || into.is_empty() {
            return Ok(0);
        }
        let read = self.stdout.read(into)?;
        if read == 0 {
            let report = self.events.iter().find_map(|event| match event {
                Event::Begun => None,
                Event::Ended(report) => Some(report),
            });
            self.end(&report.unwrap_or_default())?;
            self.is_done = true;
        }
        Ok(read)
    }
}

impl Drop for Decrypting {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = self.gpg.kill();
            let _ = self.gpg.wait();
        }
    }
}

/// Makes the pipe that the password goes through, and says so in the command. What is written at once fits into it.
#[cfg(unix)]
fn passed_on(command: &mut std::process::Command) -> io::Result<io::PipeWriter> {
    use command_fds::{CommandFdExt, FdMapping};
    let (read, write) = io::pipe()?;
    command.args(["--pinentry-mode", "loopback", "--passphrase-fd", &PASSWORD_FD.to_string()]);
    command
        .fd_mappings(vec![FdMapping { parent_fd: read.into(), child_fd: PASSWORD_FD }])
        .map_err(|_| io::Error::other("its descriptors cannot be set"))?;
    Ok(write)
}

/// Reads what gpg reports, to its end: what nobody reads would stop it.
fn report(stderr: ChildStderr, events: &Sender<Event>) {
    let mut stderr = BufReader::new(stderr);
    let mut report = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        match stderr.by_ref().take(REPORT).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        if line.starts_with(BEGUN) {
            let _ = events.send(Event::Begun);
        }
        // A file may have so many recipients that what comes last, and decides, would find no room.
        let room = if line.starts_with("[GNUPG:] ENC_TO ") { REPORT / 2 } else { REPORT };
        if line.starts_with("[GNUPG:] ") && ((report.len() + line.len()) as u64) < room {
            report += &line;
        }
    }
    let _ = events.send(Event::Ended(report));
}
