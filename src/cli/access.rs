//! What a command records of itself in the access log, and what becomes of it if that cannot be done.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use super::output::Output;
use super::terminal::Terminal;
use crate::error::Error;
use crate::failure::Failure;
use crate::format::log::{Action, Destination, LogEnd, LoggedFile, NewEntry, Outcome, Via, What};
use crate::format::{ProjectId, VaultId};
use crate::home::{Unlogged, absolute, who};
use crate::host::{Host, ThisHost};
use crate::vault::{LogPolicy, OpenVault, ReasonPolicy, Unlocked, Vault};
use crate::words::{command, words};

/// The most characters of a reason.
const REASON_LIMIT: usize = 4096;

/// What a command is about to do.
#[derive(Debug, Clone)]
pub struct Doing<'a> {
    action: Action,
    project: Option<&'a str>,
    is_of_vault: bool,
    what: What,
}

impl<'a> Doing<'a> {
    /// Something that is done to the vault, and to no project more than to another.
    pub fn to_vault(action: Action) -> Self {
        Self { action, project: None, is_of_vault: true, what: What::default() }
    }

    /// Something that is done to a project; to one that is known when the files are read, if none is named.
    pub fn to_project(action: Action, project: Option<&'a str>) -> Self {
        Self { action, project, is_of_vault: false, what: What::default() }
    }

    /// Names the thing in words.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.what.subject = subject.into();
        self
    }

    /// Says how many files there are.
    pub fn files(mut self, count: usize) -> Self {
        self.what.files = Some(count as u64);
        self
    }

    /// Says where a plaintext or a secret goes.
    pub fn to(mut self, destination: Destination) -> Self {
        self.what.to = destination.word().into();
        self
    }

    /// Names the folder, or the program.
    pub fn place(mut self, place: impl AsRef<Path>) -> Self {
        self.what.place = absolute(place.as_ref()).display().to_string();
        self
    }

    /// Names the program that gets it.
    pub fn program(mut self, name: String) -> Self {
        self.what.place = name;
        self
    }

    /// Says that what is printed goes to a terminal, or into a pipe.
    pub fn printed(self) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        self.to(if is_terminal { Destination::Terminal } else { Destination::Pipe })
    }
}

/// What was begun and has not ended.
#[derive(Debug)]
pub struct Begun {
    seq: u64,
    end: LogEnd,
}

impl Begun {
    /// Says that all of it was done.
    pub fn done(&mut self) {
        self.end.outcome = Outcome::Done;
    }

    /// Says that it was not done, or not all of it, and why.
    pub fn failed(&mut self, kind: &str) {
        self.end.error = Some(kind.to_owned());
    }

    /// Says of which projects it was.
    pub fn of(&mut self, projects: Vec<ProjectId>) {
        self.end.projects = Some(projects).filter(|projects| !projects.is_empty());
    }

    /// Says what it was done to.
    pub fn count(&mut self, files: u64, bytes: u64) {
        self.end.what.files = Some(files);
        self.end.what.bytes = Some(bytes);
    }
}

/// Records what is about to be done. `None` if it could not be recorded and may be done all the same.
///
/// # Errors
/// If it may not.
pub fn begin(context: &Context, vault: &dyn OpenVault, doing: &Doing<'_>) -> Result<Option<Begun>, Failure> {
    begin_asking(context, vault, doing, context.terminal()).map(|begun| match begun {
        Ok(begun) => Some(begun),
        Err(error) => {
            warn(&context.output, "this access could not be recorded", error);
            None
        }
    })
}

/// As [`begin`], for a screen: nothing is asked and nothing printed.
///
/// # Errors
/// As [`begin`].
#[cfg(all(unix, feature = "tui"))]
pub fn begin_quietly(context: &Context, vault: &dyn OpenVault, doing: &Doing<'_>) -> Result<Option<Begun>, Failure> {
    begin_asking(context, vault, doing, None).map(Result::ok)
}

/// Says why it could not be recorded, if it may be done all the same.
fn begin_asking(
    context: &Context,
    vault: &dyn OpenVault,
    doing: &Doing<'_>,
    terminal: Option<Terminal>,
) -> Result<Result<Begun, Error>, Failure> {
    let rules = vault.logging_for(doing.project).map_err(|error| Failure::of("read what is to be logged", error))?;
    let releases = releases(doing.action);
    // A destruction cannot be taken back: why it was ordered is on its certificate.
    let wants_reason = releases || doing.action == Action::ProjectDestroy;
    let is_required = wants_reason && rules.reason == ReasonPolicy::Required;
    let entry = entry(context, vault, doing, is_required, terminal)?;
    match vault.log_begin(&entry) {
        Ok(seq) => {
            let what = What { files: doing.what.files, ..What::default() };
            Ok(Ok(Begun { seq, end: LogEnd { outcome: Outcome::Failed, error: None, projects: None, what } }))
        }
        Err(error) if releases && rules.log == LogPolicy::Required => {
            Err(Failure::of(format!("record the access ({})", doing.action.word()), error))
        }
        Err(error) => Ok(Err(error)),
    }
}

/// Makes the entry of what is about to be done.
fn entry(
    context: &Context,
    vault: &dyn OpenVault,
    doing: &Doing<'_>,
    is_required: bool,
    terminal: Option<Terminal>,
) -> Result<NewEntry, Failure> {
    let projects = match doing.project {
        None => doing.is_of_vault.then(Vec::new),
        // One that is missing is made, or it is said where it is needed.
        Some(name) => vault.project(name).ok().map(|project| vec![project.id]),
    };
    let reason = reason(context, is_required, terminal)?;
    Ok(NewEntry { projects, what: doing.what.clone(), reason, ..NewEntry::new(doing.action, who(via(context))) })
}

/// Records what is done by one entry, after which nothing is handed out.
///
/// # Errors
/// As [`begin`].
pub fn note(context: &Context, vault: &Unlocked, doing: &Doing<'_>) -> Result<(), Failure> {
    let entry = entry(context, vault, doing, false, None)?;
    if let Err(error) = vault.log_note(&entry) {
        warn(&context.output, "this could not be recorded", error);
    }
    Ok(())
}

/// Records what was done since without a key that could have recorded it.
pub fn catch_up(context: &Context, vault: &dyn OpenVault) {
    let Ok(known) = context.home.settings.all() else { return };
    if known.values().all(|known| known.unlogged.is_empty()) {
        return;
    }
    let Some(id) = context.store().ok().and_then(|store| Vault::open(Arc::new(store)).ok()).map(|vault| vault.id())
    else {
        return;
    };
    for unlogged in context.home.settings.take_unlogged(id).unwrap_or_default() {
        let Some(action) = Action::of(&unlogged.action) else { continue };
        let what = What { subject: format!("{}, at {}", unlogged.subject, unlogged.at), ..What::default() };
        let entry = NewEntry { what, ..NewEntry::new(action, who(via(context))) };
        let recorded = vault.log_begin(&entry).and_then(|seq| {
            let end = LogEnd { outcome: Outcome::Done, error: None, projects: None, what: What::default() };
            vault.log_end(seq, &end)
        });
        if let Err(error) = recorded {
            // For the next command; what cannot be noted either is in the warning.
            let _ = context.home.settings.remember_unlogged(id, unlogged);
            warn(&context.output, &format!("{} could not be recorded", action.word()), error);
        }
    }
}

/// Remembers that something was done to a vault without a key that could have recorded it: the next entry takes it along.
pub fn later(context: &Context, vault: VaultId, action: Action, subject: String) {
    let unlogged = Unlogged { at: ThisHost.now(), action: action.word().into(), subject };
    if let Err(error) = context.home.settings.remember_unlogged(vault, unlogged) {
        let text = format!("{} could not be noted for the access log: {error}", action.word());
        context.output.warn("access-not-recorded", text);
    }
}

/// Records files that it was done to.
pub fn files(output: &Output, vault: &dyn OpenVault, begun: &Begun, files: &[LoggedFile]) {
    if files.is_empty() {
        return;
    }
    if let Err(error) = vault.log_files(begun.seq, files) {
        warn(output, "the files of this access could not be recorded", error);
    }
}

/// Records how it ended.
pub fn end(output: &Output, vault: &dyn OpenVault, begun: &Begun) {
    if let Err(error) = vault.log_end(begun.seq, &begun.end) {
        let text = "the end of this access could not be recorded: the next command records it as interrupted";
        warn(output, text, error);
    }
}

/// As [`end`], for a screen: what could not be recorded, the next command records as interrupted.
#[cfg(all(unix, feature = "tui"))]
pub fn end_quietly(vault: &dyn OpenVault, begun: &Begun) {
    let _ = vault.log_end(begun.seq, &begun.end);
}

fn warn(output: &Output, text: &str, error: Error) {
    let failure = Failure::of("write the access log", error);
    let why = failure.cause.unwrap_or(failure.message);
    let text = words![format!("{text}: {why}; see what is wrong with "), command("log verify")];
    output.warn("access-not-recorded", text);
}

/// Tells whether an action hands out plaintext, a key, a secret, or another way to all of them.
fn releases(action: Action) -> bool {
    matches!(
        action,
        Action::FileOpen
            | Action::FileRange
            | Action::KeyShow
            | Action::SecretShow
            | Action::SecretExport
            | Action::KitNew
            | Action::VaultFork
            | Action::Run
    )
}

fn via(context: &Context) -> Via {
    if std::io::stdin().is_terminal() && !context.global.no_input { Via::Terminal } else { Via::Script }
}

/// Returns why it is done, which has to be said.
///
/// # Errors
/// If it is not said, or cannot be recorded.
pub fn needed_reason(context: &Context) -> Result<String, Failure> {
    match context.global.reason.as_deref() {
        Some(given) if !given.trim().is_empty() => recorded(given),
        _ => Err(no_reason()),
    }
}

fn recorded(given: &str) -> Result<String, Failure> {
    crate::format::name::free_text(given, REASON_LIMIT)
        .map_err(|why| Failure::usage(format!("the reason cannot be recorded: {why}")).hint("give another one"))
}

/// Returns why it is done, as the flag says, or as the user says if that is required.
fn reason(context: &Context, is_required: bool, terminal: Option<Terminal>) -> Result<String, Failure> {
    match (&context.global.reason, terminal) {
        (None, Some(mut terminal)) if is_required => {
            let said = terminal.ask("why? (the access log records it)")?;
            if said.trim().is_empty() {
                return Err(no_reason());
            }
            let said = recorded(&said)?;
            context.answer_reason(&said);
            Ok(said)
        }
        (None, None) if is_required => Err(no_reason()),
        (None, _) => Ok(String::new()),
        (Some(given), _) if is_required && given.trim().is_empty() => Err(no_reason()),
        (Some(given), _) => recorded(given),
    }
}

fn no_reason() -> Failure {
    Failure::usage("a reason is required, and none is given").hint("give it with --reason")
}
