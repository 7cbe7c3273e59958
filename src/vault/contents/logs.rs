//! What the vault holds of the access logs: their keys, how far they were, and what has to be logged.

use std::cmp::Ordering;

use super::Editing;
use super::project::{ProjectInfo, normal};
use crate::crypto::cobblestone;
use crate::crypto::secret::{DataKey, LogKey};
use crate::error::{Error, Subject};
use crate::format::item::LogTip;
use crate::format::scalar::Base64;
use crate::format::vault::{LogKeyVersion, LogWitness, LoggingRevision, Payload, RENEW};
use crate::format::{RevisionId, Timestamp, VaultId, label};

/// What becomes of a command whose entry cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogPolicy {
    /// It is refused.
    #[default]
    Required,
    /// It goes on, and the next entry says that one is missing.
    BestEffort,
}

/// Whether a reason has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReasonPolicy {
    /// It may be left out.
    #[default]
    Optional,
    /// It must be given.
    Required,
}

/// What has to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logging {
    /// Whether a command goes on without its entry.
    pub log: LogPolicy,
    /// Whether a reason has to be given.
    pub reason: ReasonPolicy,
    /// When that was decided; `None` if nobody has.
    pub since: Option<Timestamp>,
}

const REQUIRED: &str = "required";
const BEST_EFFORT: &str = "best-effort";
const OPTIONAL: &str = "optional";

/// Returns what is in force. Of a word that a later program has added, the stricter is taken.
pub fn logging(payload: &Payload) -> Logging {
    let Some(newest) = payload.logging.iter().max_by_key(|revision| (revision.at, revision.id)) else {
        return Logging::default();
    };
    Logging {
        log: if newest.log == BEST_EFFORT { LogPolicy::BestEffort } else { LogPolicy::Required },
        reason: if newest.reason == OPTIONAL { ReasonPolicy::Optional } else { ReasonPolicy::Required },
        since: Some(newest.at),
    }
}

/// Returns what is in force for a project; for any of them, if none is named. Of the vault's rule and the project's, the
/// stricter counts.
pub fn logging_for(payload: &Payload, project: Option<&str>) -> Logging {
    let mut rules = logging(payload);
    let project = project.map(normal);
    let concerned = payload.projects.iter().filter(|other| match &project {
        Some(name) => other.name == *name,
        None => other.destroyed.is_none(),
    });
    for terms in concerned.map(|project| ProjectInfo::from(project).terms()) {
        if terms.log.given().is_some_and(|rule| rule != BEST_EFFORT) {
            rules.log = LogPolicy::Required;
        }
        if terms.reason.given().is_some_and(|rule| rule != OPTIONAL) {
            rules.reason = ReasonPolicy::Required;
        }
    }
    rules
}

/// Decides what has to be logged from now on. Nothing is added if it is so already.
pub fn set_logging(
    payload: &mut Payload,
    log: LogPolicy,
    reason: ReasonPolicy,
    why: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let current = logging(payload);
    if (current.log, current.reason) == (log, reason) {
        return Ok(());
    }
    // Of two with one time the id decides, which is drawn: a decision that follows another counts.
    let at = current.since.map_or(now, |since| now.max(Timestamp::from_unix(since.as_unix() + 1)));
    let log = if log == LogPolicy::Required { REQUIRED } else { BEST_EFFORT };
    let reason = if reason == ReasonPolicy::Required { REQUIRED } else { OPTIONAL };
    payload.logging.push(LoggingRevision {
        id: RevisionId::generate()?,
        at,
        log: log.into(),
        reason: reason.into(),
        why: super::project::checked_text("the reason", why)?,
        others: Default::default(),
    });
    Ok(())
}

/// Gives the vault one more version of the log key, and says that a rotation has to wrap it anew.
pub fn push_key(payload: &mut Payload, vault: VaultId, data_key: &DataKey, now: Timestamp) -> Result<(), Error> {
    let highest = payload.log_keys.iter().map(|key| key.version).max().unwrap_or(0);
    let full = Error::Damaged { what: Subject::Content("the access log's keys"), detail: "no version is left".into() };
    let version = highest.checked_add(1).ok_or(full)?;
    let wrapped = wrap(vault, data_key, version, &LogKey::generate()?)?;
    payload.log_keys.push(LogKeyVersion { version, created: now, wrapped, others: Default::default() });
    let need = format!("{RENEW}log_keys");
    if !payload.needs.contains(&need) {
        payload.needs.push(need);
    }
    Ok(())
}

/// Gives an older vault its first log key.
pub fn make_key(payload: &mut Payload, editing: &Editing<'_>) -> Result<(), Error> {
    if payload.log_keys.is_empty() {
        push_key(payload, editing.vault, editing.data_key, editing.now)?;
    }
    Ok(())
}

/// Wraps each key anew: for another data key.
pub fn renew(payload: &mut Payload, from: (VaultId, &DataKey), to: (VaultId, &DataKey)) -> Result<(), Error> {
    for held in &mut payload.log_keys {
        held.wrapped = wrap(to.0, to.1, held.version, &unwrap(from.0, from.1, held)?)?;
    }
    Ok(())
}

/// Forgets the logs of the vault that this one is made of: it has keys and a log of its own.
pub fn begin_anew(payload: &mut Payload, vault: VaultId, data_key: &DataKey, now: Timestamp) -> Result<(), Error> {
    payload.log_keys.clear();
    payload.logs.clear();
    push_key(payload, vault, data_key, now)
}

fn wrap(vault: VaultId, data_key: &DataKey, version: u32, key: &LogKey) -> Result<Base64, Error> {
    let number = version.to_be_bytes();
    let context = [label::LOG_KEY, vault.as_bytes(), &number];
    Ok(Base64(cobblestone::seal(data_key.expose(), &context, key.expose())?))
}

pub fn unwrap(vault: VaultId, data_key: &DataKey, held: &LogKeyVersion) -> Result<LogKey, Error> {
    let number = held.version.to_be_bytes();
    let context = [label::LOG_KEY, vault.as_bytes(), &number];
    LogKey::fill_with(|key| cobblestone::open_key(data_key.expose(), &context, &held.wrapped.0, key))
        .map_err(|error| Error::Damaged { what: Subject::Content("the access log's key"), detail: error.to_string() })
}

/// Remembers how far a log is.
pub fn witness(payload: &mut Payload, tip: &LogTip) {
    let seen = LogWitness { enrolment: tip.enrolment, count: tip.count, tip: tip.tip, others: Default::default() };
    take_witness(&mut payload.logs, &seen);
}

/// Takes what was seen of a log, if it is more than what is known. Two that differ at one number are both kept: one of
/// them was written over.
fn take_witness(known: &mut Vec<LogWitness>, seen: &LogWitness) {
    let highest = known.iter().filter(|own| own.enrolment == seen.enrolment).map(|own| own.count).max();
    match highest.map_or(Ordering::Greater, |highest| seen.count.cmp(&highest)) {
        Ordering::Less => {}
        Ordering::Equal if known.iter().any(|own| own.enrolment == seen.enrolment && own.tip == seen.tip) => {}
        Ordering::Equal => known.push(seen.clone()),
        Ordering::Greater => {
            known.retain(|own| own.enrolment != seen.enrolment);
            known.push(seen.clone());
        }
    }
    known.sort_by_key(|own| (own.enrolment, own.tip.0));
}

/// Takes in what another file of the same data key has of logs.
pub fn unite(own: &mut Payload, other: &Payload) {
    for key in &other.log_keys {
        // A copy of a key has the same bytes: between two files of one data key nothing wraps it anew.
        if own.log_keys.iter().all(|held| held.wrapped != key.wrapped) {
            own.log_keys.push(key.clone());
        }
    }
    own.log_keys.sort_by(|one, other| (one.version, &one.wrapped.0).cmp(&(other.version, &other.wrapped.0)));
    for seen in &other.logs {
        take_witness(&mut own.logs, seen);
    }
    for revision in &other.logging {
        if own.logging.iter().all(|held| held.id != revision.id) {
            own.logging.push(revision.clone());
        }
    }
    own.logging.sort_by_key(|revision| (revision.at, revision.id));
}
