//! What a client has the agent record in the access log.

use serde::{Deserialize, Serialize};

use crate::format::log::{Action, LogEnd, NewEntry, Outcome, What, Who};
use crate::format::{ProjectId, Timestamp};
use crate::vault::{LogPolicy, Logging, ReasonPolicy};

/// What is about to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedEntry {
    /// What is done, in a word of [`Action`].
    action: String,
    /// The projects; `None` if they are not known before the files are read.
    projects: Option<Vec<ProjectId>>,
    /// The version of the file key.
    key_version: Option<u32>,
    /// Who, as the client claims it.
    who: Who,
    /// Why.
    reason: String,
    /// To what.
    what: What,
}

impl From<&NewEntry> for LoggedEntry {
    fn from(entry: &NewEntry) -> Self {
        let NewEntry { action, projects, key_version, who, reason, what } = entry.clone();
        Self { action: action.word().into(), projects, key_version, who, reason, what }
    }
}

impl LoggedEntry {
    /// Returns what is to be recorded; `None` for an action that this program does not know.
    #[must_use]
    pub fn into_entry(self) -> Option<NewEntry> {
        let Self { action, projects, key_version, who, reason, what } = self;
        Some(NewEntry { action: Action::of(&action)?, projects, key_version, who, reason, what })
    }
}

/// How what was begun ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedEnd {
    /// How.
    outcome: Outcome,
    /// The kind of the error that it ended with.
    error: Option<String>,
    /// The projects, if they are known by now.
    projects: Option<Vec<ProjectId>>,
    /// What it was done to in the end.
    what: What,
}

impl From<&LogEnd> for LoggedEnd {
    fn from(end: &LogEnd) -> Self {
        let LogEnd { outcome, error, projects, what } = end.clone();
        Self { outcome, error, projects, what }
    }
}

impl From<LoggedEnd> for LogEnd {
    fn from(end: LoggedEnd) -> Self {
        let LoggedEnd { outcome, error, projects, what } = end;
        Self { outcome, error, projects, what }
    }
}

/// What the vault wants logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingOf {
    /// What cannot be recorded may be done all the same.
    best_effort: bool,
    /// A reason has to be given.
    needs_reason: bool,
    /// When that was decided.
    since: Option<Timestamp>,
}

impl From<Logging> for LoggingOf {
    fn from(logging: Logging) -> Self {
        Self {
            best_effort: logging.log == LogPolicy::BestEffort,
            needs_reason: logging.reason == ReasonPolicy::Required,
            since: logging.since,
        }
    }
}

impl From<LoggingOf> for Logging {
    fn from(logging: LoggingOf) -> Self {
        Self {
            log: if logging.best_effort { LogPolicy::BestEffort } else { LogPolicy::Required },
            reason: if logging.needs_reason { ReasonPolicy::Required } else { ReasonPolicy::Optional },
            since: logging.since,
        }
    }
}
