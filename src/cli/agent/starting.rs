//! Starting the agent: the same program, in a process of its own that outlives this one and its terminal. It gets the
//! opened data key over a pipe, and what comes back is said in this process's words.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::asking::{lock_all, no_agent, places};
use super::process::PROCESS;
use crate::agent::client::{Client, Unanswered};
use crate::agent::limits::QUESTION_LIMIT;
use crate::agent::place::Place;
use crate::agent::protocol::{Refusal, Start, Started, Watching};
use crate::cli::context::Context;
use crate::error::Error;
use crate::failure::Failure;

/// What fails if the agent does not start.
const DOING: &str = "keep the vault unlocked";
/// How often another agent is ended that takes the place first.
const TRIES: usize = 5;
/// How long another `unlock` may take to put its agent in the place of this one's.
const REPLACED_WAIT: Duration = Duration::from_secs(2);
/// How often it is asked for meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Starts the agent of the vault in the place of one that may be there, and returns its process and what it watches.
///
/// # Errors
/// If it cannot have a socket, or the vault or the keychain refuses.
pub fn start(context: &Context, start: &Start) -> Result<(u32, Watching), Failure> {
    let places = places(context)?;
    for _ in 0..TRIES {
        lock_all(&places)?;
        match spawn(context, start).map_err(|error| no_agent(DOING, &crate::disk::plain(&error)))? {
            Started::Ready { pid, watching } => {
                answers(&places).map_err(|why| no_agent(DOING, &why))?;
                return Ok((pid, watching));
            }
            // Another `unlock` was faster: the last one counts.
            Started::Taken => {}
            other => return Err(started_failure(other)),
        }
    }
    Err(started_failure(Started::Taken))
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

/// Says why an agent does not answer.
pub fn started_failure(started: Started) -> Failure {
    match started {
        Started::Ready { .. } => no_agent(DOING, &"it has ended since"),
        Started::Taken => no_agent(DOING, &"other commands unlock the vault at the same time").hint("run it again"),
        Started::NoPlace { reason } => no_agent(DOING, &reason)
            .hint("name a folder that is yours alone in XDG_RUNTIME_DIR, or move away what is in the way"),
        Started::Failed(failed) => Failure::of(DOING, Error::from(*failed)),
    }
}

/// Starts the process, tells it what it is started with, and waits for what it says.
fn spawn(context: &Context, start: &Start) -> io::Result<Started> {
    let folder = context.home.vault_folder().map_err(|error| io::Error::other(error.to_string()))?;
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

/// Returns this program, also if it was replaced since it was started.
fn own_program() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let link = PathBuf::from("/proc/self/exe");
    Ok(if own.exists() || !link.exists() { own } else { link })
}
