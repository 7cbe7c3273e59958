//! Starting the agent: the same program, in a process of its own that outlives this one and its terminal. It gets the
//! opened data key over a pipe, and says over another, or the same, what came of it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::client::{Client, Unanswered};
use super::place::Place;
use super::protocol::{Refusal, Start, Started, Watching};
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(super) use system::Starter;

/// What the program is started with to be an agent: no command that anybody types.
pub const PROCESS: &str = "agent-process";

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
        match system::spawn(folder, start).map_err(NotStarted::Io)? {
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
