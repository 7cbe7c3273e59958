//! Two pipes of Unix: standard input and output of the new process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use zeroize::Zeroizing;

use super::PROCESS;
use crate::agent::limits::QUESTION_LIMIT;
use crate::agent::protocol::{Line, Start, Started};
use crate::home::Named;
use crate::host::{detach, own_program};

/// Starts the process, tells it what it is started with, and waits for what it says.
pub fn spawn(folder: &Path, start: &Start) -> io::Result<Started> {
    // What this process was given by a shell, such as the descriptor of a lock, is not the agent's.
    close_fds::set_fds_cloexec(3, &[]);
    let mut child = Command::new(own_program()?)
        .arg(PROCESS)
        .env("STRONGROOM_VAULT", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    tell(&mut child, start)
}

fn tell(child: &mut Child, start: &Start) -> io::Result<Started> {
    let ended = || io::Error::other("its process ended at once");
    let (stdin, stdout) = (child.stdin.take().ok_or_else(ended)?, child.stdout.take().ok_or_else(ended)?);
    // Past every buffer that is not wiped.
    let mut stdin = File::from(OwnedFd::from(stdin));
    // If it has ended, what it said tells more.
    let _ = stdin.write_all(start.to_line().as_bytes());
    drop(stdin);
    let mut said = Vec::new();
    stdout.take(QUESTION_LIMIT as u64).read_to_end(&mut said)?;
    let line = said.strip_suffix(b"\n").ok_or_else(ended)?;
    Started::read(line).map_err(|_| ended())
}

/// Who has started this process.
pub struct Starter;

impl Starter {
    /// Finds it. Neither its terminal nor its shell ends this process from now on.
    pub fn find() -> io::Result<Self> {
        let _ = rustix::process::setsid();
        Ok(Self)
    }

    /// Returns what it has named: the vault's folder is in the environment.
    pub fn named(&self) -> Named {
        Named::default()
    }

    /// Reads the line that it says, past every buffer that is not wiped.
    pub fn read_line(&mut self) -> io::Result<Line> {
        let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut chunk = Zeroizing::new([0; 4096]);
        let mut read = Line::new();
        loop {
            let length = stdin.read(&mut *chunk)?;
            if length == 0 || read.as_bytes().len() > QUESTION_LIMIT {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let searched = read.as_bytes().len();
            read.extend(&chunk[..length]);
            if let Some(line) = read.take_line(searched) {
                return Ok(line);
            }
        }
    }

    /// Says a line. An error means that nobody waits for it any more.
    pub fn say(&mut self, started: &Started) -> io::Result<()> {
        let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        stdout.write_all(started.to_line().as_bytes())
    }

    /// Lets go of it.
    pub fn let_go(&mut self) -> io::Result<()> {
        detach()
    }
}
