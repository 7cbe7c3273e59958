//! Starting the agent: the same program, in a process of its own that outlives this one and its terminal. It gets the
//! opened data key over a pipe.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::{Client, Unanswered};
use super::limits::QUESTION_LIMIT;
use super::place::Place;
use super::process::PROCESS;
use super::protocol::{Refusal, Start, Started, Watching};
use crate::host::own_program;

/// How often another agent is ended that takes the place first.
const TRIES: usize = 5;
/// How long another `unlock` may take to put its agent in the place of this one's.
const REPLACED_WAIT: Duration = Duration::from_secs(2);
/// How often it is asked for meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Why an agent does not answer that was to be started.
#[derive(Debug)]
pub enum NotStarted {
    /// It said so itself. It has ended since if it said that it is ready.
    Said(Started),
    /// One that was there before does not end.
    NotEnded(Unanswered),
    /// It was ready, and does not answer.
    Unanswered(Unanswered),
    /// Its process cannot be started.
    Io(io::Error),
}

/// Starts the agent of the vault in this folder, in the place of one that may be there, and returns its process and what
/// it watches.
///
/// # Errors
/// If it cannot have a socket, or the vault or the keychain refuses.
pub fn start(places: &[Place], folder: &Path, start: &Start) -> Result<(u32, Watching), NotStarted> {
    for _ in 0..TRIES {
        Client::lock_all(places).map_err(NotStarted::NotEnded)?;
        match spawn(folder, start).map_err(NotStarted::Io)? {
            Started::Ready { pid, watching } => {
                answers(places).map_err(NotStarted::Unanswered)?;
                return Ok((pid, watching));
            }
            // Another `unlock` was faster: the last one counts.
            Started::Taken => {}
            other => return Err(NotStarted::Said(other)),
        }
    }
    Err(NotStarted::Said(Started::Taken))
}

/// Sees to it that an agent answers, not only that a socket is there: this one, or that of another `unlock` that has
/// ended this one meanwhile. An error says why the first one does not.
fn answers(places: &[Place]) -> Result<(), Unanswered> {
    let deadline = Instant::now() + REPLACED_WAIT;
    let mut first = None;
    loop {
        let why = match Client::find(places) {
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        let is_replaced =
            matches!(why, Unanswered::NotRunning | Unanswered::Gone | Unanswered::Refused(Refusal::Locked { .. }));
        let why = first.unwrap_or(why);
        if !is_replaced || Instant::now() >= deadline {
            return Err(why);
        }
        first = Some(why);
        std::thread::sleep(LOOK);
    }
}

/// Starts the process, tells it what it is started with, and waits for what it says.
fn spawn(folder: &Path, start: &Start) -> io::Result<Started> {
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
    let mut stdin = File::from(std::os::fd::OwnedFd::from(stdin));
    // If it has ended, what it said tells more.
    let _ = stdin.write_all(start.to_line().as_bytes());
    drop(stdin);
    let mut said = Vec::new();
    stdout.take(QUESTION_LIMIT as u64).read_to_end(&mut said)?;
    let line = said.strip_suffix(b"\n").ok_or_else(ended)?;
    Started::read(line).map_err(|_| ended())
}
