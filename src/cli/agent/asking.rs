//! Asking the agent of the vault, if there is one, starting it and ending it.

use crate::agent::client::{AgentVault, AskError, Client, Unanswered};
use crate::agent::place::Place;
use crate::agent::protocol::{self, Start, Started, Watching};
use crate::agent::starting::{self, NotStarted};
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::password;
use crate::disk::plain;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::home::Home;
use crate::words::{Words, command, words};

/// What fails if the agent does not start.
const STARTING: &str = "keep the vault unlocked";

/// Returns the vault that an agent keeps unlocked, if one answers for what the command asks. Whoever names a password, a
/// keychain, or a vault file that is not the expected one means this process. If an agent is there and is of no use, the
/// user is told why.
pub fn reach(context: &Context, uses: Uses<'_>) -> Option<AgentVault> {
    if !may_answer(context) {
        return None;
    }
    let client = find(context)?;
    let projects = client.projects_answered_for();
    let is_answered_for = match uses {
        Uses::Project(project) => projects.is_none_or(|names| names.iter().any(|name| name == project)),
        // Whether it is in the agent's scope, the agent alone knows.
        Uses::Secret { name, project } => projects.is_none_or(|names| {
            let is_there = match client.secret(name) {
                Ok(_) => true,
                // A new one is in the scope if its project is.
                Err(AskError::Vault(_)) => project.is_some(),
                Err(AskError::Unanswered(_)) => false,
            };
            is_there && project.is_none_or(|project| names.iter().any(|name| name == project))
        }),
        Uses::AllProjects => projects.is_none(),
    };
    if !is_answered_for {
        let names = projects.unwrap_or_default().join(", ");
        context.output.remark(words![
            format!("the vault is unlocked for some projects only ({names}): to unlock it for all, run "),
            command("unlock")
        ]);
        return None;
    }
    Some(AgentVault::new(client))
}

/// Tells whether an agent may answer in place of a password.
pub fn may_answer(context: &Context) -> bool {
    let global = &context.global;
    !(global.accept_rollback || global.keychain.is_some() || password::has_source(context))
}

/// Returns the agent for a screen that stays open, whatever it answers for; `None` if none answers. Says nothing.
#[cfg(all(unix, feature = "tui"))]
pub fn quietly(context: &Context) -> Option<Client> {
    if !may_answer(context) {
        return None;
    }
    Client::find(&places(context).ok()?).ok()
}

/// Returns what the agent does, if one answers.
pub fn status(context: &Context) -> Option<protocol::Status> {
    find(context)?.status().ok()
}

/// Returns the names of the projects that an agent answers for: none, without a word, if no agent answers.
pub fn names(home: &Home) -> Vec<String> {
    let places = home.store().ok().and_then(|store| Place::all(&home.folders.agent, store.file()).ok());
    let client = places.and_then(|places| Client::find(&places).ok());
    client.and_then(|client| client.names().ok()).unwrap_or_default()
}

/// Finds the agent of the vault. Why one that is there does not answer is said.
fn find(context: &Context) -> Option<Client> {
    // Whoever needs the vault itself says what is wrong with its place.
    let places = places(context).ok()?;
    match Client::find(&places) {
        Ok(client) => Some(client),
        Err(why) => {
            if why.is_surprising(&places) {
                let hint: Words = match why {
                    Unanswered::OtherProtocol => words!["; end it with ", command("lock")],
                    _ => Words::default(),
                };
                context.output.remark(Words::from(format!("the vault is not unlocked for this command: {why}")) + hint);
            }
            None
        }
    }
}

/// Returns where the agent of the vault may be.
///
/// # Errors
/// If the vault has no place.
fn places(context: &Context) -> Result<Vec<Place>, Failure> {
    let store = context.store()?;
    Place::all(&context.home.folders.agent, store.file()).map_err(|error| no_agent("find the agent", &error))
}

/// Says what could not be done with an agent.
fn no_agent(doing: &str, error: &impl ToString) -> Failure {
    Failure::new(Exit::Failed, "agent", format!("cannot {doing}")).cause(error.to_string())
}

/// Ends the agent of the vault. Tells whether there was one.
///
/// # Errors
/// If one is there and does not end.
pub fn lock(context: &Context) -> Result<bool, Failure> {
    Client::lock_all(&places(context)?).map_err(|why| not_locked(&why))
}

/// Says that an agent does not end.
fn not_locked(why: &Unanswered) -> Failure {
    let hint = if cfg!(windows) {
        "end the process strongroom.exe in the Task Manager; what is in its memory is gone then"
    } else {
        "see which process has the socket, with `ss -xlp`, and end it; what is in its memory is gone then"
    };
    no_agent("lock the vault", why).hint(hint)
}

/// Ends the agent of the vault after a change that it must not outlive: a new password, a new data key, another vault
/// file.
pub fn lock_after_change(context: &Context) {
    match lock(context) {
        Ok(false) => {}
        Ok(true) => context.output.remark(words!["the vault is locked again: to unlock it, run ", command("unlock")]),
        Err(failure) => {
            let why = failure.cause.unwrap_or_default();
            context.output.warn(
                "agent-not-locked",
                words![
                    format!("the vault is still unlocked in another process ({why}): to end it, run "),
                    command("lock")
                ],
            );
        }
    }
}

/// Starts the agent of the vault in the place of one that may be there, and returns its process and what it watches.
///
/// # Errors
/// If it cannot have a socket, or the vault or the keychain refuses.
pub fn start(context: &Context, start: &Start) -> Result<(u32, Watching), Failure> {
    starting::start(&places(context)?, &context.home.vault_folder()?, start).map_err(|error| match error {
        NotStarted::Said(started) => started_failure(started),
        NotStarted::NotEnded(why) => not_locked(&why),
        NotStarted::Unanswered(why) => no_agent(STARTING, &why),
        NotStarted::Io(error) => no_agent(STARTING, &plain(&error)),
    })
}

/// Says why an agent does not answer.
pub fn started_failure(started: Started) -> Failure {
    match started {
        Started::Ready { .. } => no_agent(STARTING, &"it has ended since"),
        Started::Taken => no_agent(STARTING, &"other commands unlock the vault at the same time").hint("run it again"),
        Started::NoPlace { reason, is_full: true } => {
            no_agent(STARTING, &reason).hint("free some space there and run it again")
        }
        Started::NoPlace { reason, is_full: false } if cfg!(windows) => no_agent(STARTING, &reason),
        Started::NoPlace { reason, is_full: false } => no_agent(STARTING, &reason)
            .hint("name a folder that is yours alone in XDG_RUNTIME_DIR, or move away what is in the way"),
        Started::NotBegun { reason } => no_agent(STARTING, &reason),
        Started::Failed(failed) => Failure::of(STARTING, Error::from(*failed)),
    }
}
