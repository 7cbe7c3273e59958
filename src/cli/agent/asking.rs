//! Asking the agent of the vault, if there is one, and ending it.

use std::time::Duration;

use crate::agent::client::{AgentVault, Client, Unanswered};
use crate::agent::place::{Place, PlaceError};
use crate::agent::protocol;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::password;
use crate::failure::{Exit, Failure};
use crate::home::Home;
use crate::words::{Words, command, words};

/// How long the end of an agent's process is waited for once its keys are wiped.
const END_WAIT: Duration = Duration::from_secs(2);

/// Returns the vault that an agent keeps unlocked, if one answers for what the command asks. Whoever names a password, a
/// keychain, or a vault file that is not the expected one means this process. If an agent is there and is of no use, the
/// user is told why.
pub fn reach(context: &Context, uses: Uses<'_>) -> Option<AgentVault> {
    let global = &context.global;
    if global.accept_rollback || global.keychain.is_some() || password::has_source(context) {
        return None;
    }
    let client = find(context)?;
    let projects = client.projects_answered_for();
    let is_answered_for = match uses {
        Uses::Project(project) => projects.is_none_or(|names| names.iter().any(|name| name == project)),
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
            if is_expected(&places, &why) {
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

/// Tells whether somebody who unlocked the vault would expect an answer: something is there.
fn is_expected(places: &[Place], why: &Unanswered) -> bool {
    match why {
        Unanswered::NotRunning => false,
        Unanswered::Place(PlaceError::NotPrivate { .. } | PlaceError::Io { .. }) => {
            places.iter().any(|place| place.socket().symlink_metadata().is_ok())
        }
        _ => true,
    }
}

/// Returns where the agent of the vault may be.
///
/// # Errors
/// If the vault has no place.
pub fn places(context: &Context) -> Result<Vec<Place>, Failure> {
    let store = context.store()?;
    Place::all(&context.home.folders.agent, store.file()).map_err(|error| no_agent("find the agent", &error))
}

/// Says what could not be done with an agent.
pub fn no_agent(doing: &str, error: &impl ToString) -> Failure {
    Failure::new(Exit::Failed, "agent", format!("cannot {doing}")).cause(error.to_string())
}

/// Ends the agent of the vault. Tells whether there was one.
///
/// # Errors
/// If one is there and does not end.
pub fn lock(context: &Context) -> Result<bool, Failure> {
    lock_all(&places(context)?)
}

/// Ends the agents in these places. Tells whether there was one.
///
/// # Errors
/// If one is there and does not end.
pub fn lock_all(places: &[Place]) -> Result<bool, Failure> {
    let (mut locked, mut failed) = (false, None);
    for place in places {
        match Client::lock(place, END_WAIT) {
            Ok(()) => locked = true,
            Err(Unanswered::NotRunning) => {}
            Err(why) if !is_expected(std::slice::from_ref(place), &why) => {}
            Err(why) => failed = Some(why),
        }
    }
    match failed {
        None => Ok(locked),
        Some(why) => Err(no_agent("lock the vault", &why)
            .hint("see which process has the socket, with `ss -xlp`, and end it; what is in its memory is gone then")),
    }
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
                words![format!("the vault is still unlocked in another process ({why}): see "), command("lock")],
            );
        }
    }
}
