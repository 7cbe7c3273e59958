//! A shell command whose output is data to be encrypted. The data counts only if the command ends well.

use std::io::{self, Read};
use std::process::Child;
use std::sync::{Mutex, PoisonError};

use super::error::{CommandError, FilesError};
use super::pipes;

/// What the command's output is called in messages.
pub const OUTPUT: &str = "the command's output";

/// The command that is running, to be ended with this program.
static RUNNING: Mutex<Option<Child>> = Mutex::new(None);

/// A command that is running.
pub struct Producer(());

impl Producer {
    /// Starts a command through the shell. It gets no standard input.
    ///
    /// # Errors
    /// If the shell cannot be started.
    pub fn start(command: &str) -> Result<(Self, impl Read + Send + use<>), FilesError> {
        let failed = CommandError::Start;
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = pipes::shell(command).spawn().map_err(failed)?;
        let output = child.stdout.take();
        *running = Some(child);
        let producer = Self(());
        let output = output.ok_or_else(|| failed(io::Error::from(io::ErrorKind::BrokenPipe)))?;
        pipes::widen(&output);
        Ok((producer, output))
    }

    /// Waits for the command's end, once its output has ended.
    ///
    /// # Errors
    /// If it ended with anything but 0.
    pub fn finish(self) -> Result<(), FilesError> {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
            let id = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Pid::from_child);
            if let Some(id) = id {
                // Its number stays its own until it is waited for below, so an interruption meets no other process.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while waitid(WaitId::Pid(id), options).is_err_and(|error| error == rustix::io::Errno::INTR) {}
            }
        }
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let status = running.as_mut().map(Child::wait).transpose().map_err(CommandError::Wait)?;
        *running = None;
        match status {
            Some(status) if !status.success() => Err(CommandError::Ended(status).into()),
            _ => Ok(()),
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let child = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Ends the command that is running, if any, because this program ends.
#[cfg(unix)]
pub fn interrupt() {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(child) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
    }
}
