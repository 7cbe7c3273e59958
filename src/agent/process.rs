//! The agent's own process. It has no terminal, and says one line: that it answers, or why it does not.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::limits::CONFIRM_WAIT;
use super::place::{Place, PlaceError, Taken};
use super::protocol::{Start, Started, Watching};
use super::server::{Confirm, Server, Terms};
use super::starting::Starter;
use super::watch::{Ending, Limits, watch};
use crate::error::Error;
use crate::format::log::Via;
use crate::home::{Home, Kind, who};
use crate::host::ThisHost;
use crate::vault::Vault;

pub use super::starting::PROCESS;

/// How often the program that asks the user is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a signal that would end the process does instead.
pub type End = Box<dyn Fn() + Send + Sync>;

/// Is the agent until it locks. Neither the terminal nor the shell that it was started from ends it; `end_by` is told
/// what a signal is to do.
///
/// # Errors
/// Those of the system; if it cannot begin, which it has said.
pub fn run(end_by: impl FnOnce(End)) -> io::Result<()> {
    let mut starter = Starter::find()?;
    let server = match begin(&mut starter) {
        Ok(server) => server,
        Err(started) => {
            let _ = starter.say(&started);
            return Err(io::Error::other("it cannot begin"));
        }
    };
    let ready = |watching: &Watching| {
        starter.say(&Started::Ready { pid: std::process::id(), watching: watching.clone() })?;
        starter.let_go()
    };
    serve(server, end_by, ready).map(drop)
}

fn begin(starter: &mut Starter) -> Result<Server, Started> {
    let not_begun = |reason: &dyn ToString| Started::NotBegun { reason: reason.to_string() };
    let line = starter.read_line().map_err(|error| not_begun(&error))?;
    let start = Start::read(line.as_bytes()).map_err(|_| not_begun(&"it was started with something else"))?;
    drop(line);
    let home = Home::find(starter.named()).map_err(|error| not_begun(&error))?;
    server(&home, start)
}

/// Makes the agent: opens the vault again, with a keychain that asks nobody, and takes the place.
///
/// # Errors
/// What is said instead of that it answers.
pub fn server(home: &Home, start: Start) -> Result<Server, Started> {
    let not_begun = |reason: &dyn ToString| Started::NotBegun { reason: reason.to_string() };
    let failed = |error: Error| Started::Failed(Box::new(error.into()));
    let store = home.store().map_err(|error| not_begun(&error))?;
    let file = store.file().to_path_buf();
    let kind: Kind = start.keychain.parse().map_err(|error: String| not_begun(&error))?;
    let vault = Vault::open(Arc::new(store)).map_err(failed)?;
    let keychain = home.lasting_keychain(&kind, vault.id());
    let found = vault.find_key(keychain, Arc::new(ThisHost)).map_err(failed)?;
    let unlocked = found.take_over(start.data_key).map_err(failed)?;
    let taken = take(&home.folders.agent, &file)?;
    let limits =
        Limits { idle: Duration::from_secs(start.idle_seconds), life: Duration::from_secs(start.life_seconds) };
    let terms = Terms {
        limits,
        projects: start.projects,
        confirm: start.askpass.map(|program| confirm(program.into())),
        who: who(Via::Agent),
    };
    Server::new(unlocked, terms, taken).map_err(failed)
}

/// Takes the first place that can be had.
fn take(folders: &[PathBuf], vault_file: &std::path::Path) -> Result<Taken, Started> {
    let no_place = |error: PlaceError| Started::NoPlace { reason: error.to_string(), is_full: error.is_full() };
    let mut refused = Started::NoPlace { reason: "no folder is known for its socket".into(), is_full: false };
    for place in Place::all(folders, vault_file).map_err(no_place)? {
        match place.take() {
            Ok(taken) => return Ok(taken),
            Err(PlaceError::Taken) => return Err(Started::Taken),
            Err(error) => refused = no_place(error),
        }
    }
    Err(refused)
}

/// Answers until there is a reason to lock, and returns it. `end_by` is told what a signal is to do, and `ready` what is
/// watched, before the first answer.
///
/// # Errors
/// Those of `ready`, and of the system.
pub fn serve(
    server: Server,
    end_by: impl FnOnce(End),
    ready: impl FnOnce(&Watching) -> io::Result<()>,
) -> io::Result<Ending> {
    let bell = server.bell();
    let told = bell.clone();
    end_by(Box::new(move || told.ring(Ending::Told)));
    let watcher = watch(bell);
    ready(&watcher.watching())?;
    // The connections of those who asked to lock close with the process, and not before.
    let ended = server.run(Some(watcher))?;
    let why = ended.why.clone();
    std::mem::forget(ended);
    Ok(why)
}

/// Returns what asks the user, by the program that ssh would ask with: yes is an exit code of 0.
pub fn confirm(program: PathBuf) -> Confirm {
    Box::new(move |what| {
        let asking = Command::new(&program)
            .arg(format!("May strongroom {what}?"))
            .env("SSH_ASKPASS_PROMPT", "confirm")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut asking) = asking else { return false };
        let deadline = Instant::now() + CONFIRM_WAIT;
        loop {
            match asking.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK),
                _ => break,
            }
        }
        let _ = asking.kill();
        let _ = asking.wait();
        false
    })
}
