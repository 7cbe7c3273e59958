//! The record of a destruction. It is opened before a key goes, each step is added when it is done, and it is closed
//! when none is missing: nobody reads an end that was not reached.

use super::Editing;
use super::keys::unwrap;
use super::project::{checked_text, find, find_mut, usable};
use super::unread::unite_members;
use crate::crypto::signing::key_check;
use crate::error::{Error, Subject};
use crate::format::vault::{DestructionRecord, DestructionStep, KeyCheck, KeyState, Payload, Project, Stage};
use crate::format::{RevisionId, Timestamp, label};

/// What is said of a destruction when it is ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestructionOrder {
    /// Who orders it; may be empty.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// On what basis, such as the end of the contract; may be empty.
    pub basis: String,
}

impl DestructionOrder {
    /// Returns it as it would be written.
    ///
    /// # Errors
    /// [`Refused::Text`](crate::error::Refused) for a text that cannot be seen or is too long.
    pub fn checked(&self) -> Result<Self, Error> {
        Ok(Self {
            by: checked_text("who orders it", &self.by)?,
            reason: checked_text("the reason", &self.reason)?,
            basis: checked_text("the basis", &self.basis)?,
        })
    }
}

/// Opens the record of a destruction, with what each key is recognized by. One that is open goes on.
pub fn open(payload: &mut Payload, name: &str, order: &DestructionOrder, editing: &Editing<'_>) -> Result<(), Error> {
    let records = payload.projects.iter().filter_map(|project| project.destruction.as_ref());
    let last = records.map(|record| record.number).max().unwrap_or(0);
    let project = find(payload, name).and_then(usable)?;
    if project.destruction.as_ref().is_some_and(DestructionRecord::is_begun) {
        return Ok(());
    }
    let held = project.keys.iter().filter(|key| key.state != KeyState::Destroyed);
    let checks = held.map(|key| {
        let opened = unwrap(editing.vault, editing.data_key, project, key)?;
        let check = key_check(&opened, label::KEY_CHECK).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(KeyCheck { version: key.version, check, others: Default::default() })
    });
    let checks = checks.collect::<Result<Vec<_>, Error>>()?;
    let id = RevisionId::generate()?;
    let record = find_mut(payload, name)?.destruction.get_or_insert_default();
    record.id = Some(id);
    record.opened = Some(editing.now);
    record.number = last.saturating_add(1);
    record.by.clone_from(&order.by);
    record.reason.clone_from(&order.reason);
    record.basis.clone_from(&order.basis);
    record.checks = checks;
    Ok(())
}

/// Adds a step that was done. One that is there already stays as it is, unless it can be done several times.
///
/// # Errors
/// [`Error::Changed`] if nothing was ordered, or it is too early for this step.
pub fn note(payload: &mut Payload, name: &str, stage: Stage, result: &str, editing: &Editing<'_>) -> Result<(), Error> {
    let is_rotated = |record: &DestructionRecord| {
        payload.rotation.is_none() && record.data_key.is_some_and(|before| before != editing.data_key_id)
    };
    let project = find(payload, name)?;
    let record = begun(project)?;
    if record.done(stage).is_some() && stage != Stage::FilesDeleted {
        return Ok(());
    }
    let is_too_early = match stage {
        Stage::Copies => project.destroyed.is_some(),
        // That is noted with their removal alone.
        Stage::KeysRemoved => true,
        Stage::Settled => !is_rotated(record),
        Stage::Proved => false,
        Stage::FilesDeleted => record.done(Stage::Proved).is_none(),
    };
    if is_too_early || record.waits_for().is_some_and(|waits| waits < stage) {
        return Err(changed());
    }
    let result = checked_text("the result", result)?;
    push(find_mut(payload, name)?, stage, result, editing.now);
    Ok(())
}

/// Notes that a project's keys have gone, in the write in which they go.
pub fn note_removed(payload: &mut Payload, name: &str, editing: &Editing<'_>) -> Result<(), Error> {
    let kits = payload.kits.iter().map(|kit| kit.id).collect();
    let project = find_mut(payload, name)?;
    let versions = project.keys.len();
    let Some(record) = project.destruction.as_mut().filter(|record| record.is_begun()) else { return Ok(()) };
    record.data_key = Some(editing.data_key_id);
    record.kits = kits;
    if record.done(Stage::Copies).is_none() {
        push(project, Stage::Copies, "left out: readable copies were not looked for".into(), editing.now);
    }
    let keys = if versions == 1 { "key version was" } else { "key versions were" };
    push(project, Stage::KeysRemoved, format!("{versions} {keys} removed from the vault file"), editing.now);
    Ok(())
}

/// Closes a record to which nothing is missing.
///
/// # Errors
/// [`Error::Changed`] if it is too early.
pub fn close(payload: &mut Payload, name: &str, now: Timestamp) -> Result<(), Error> {
    let project = find_mut(payload, name)?;
    let record = begun(project)?;
    if record.waits_for().is_some() || project.destroyed.is_none() {
        return Err(changed());
    }
    if let Some(record) = &mut project.destruction {
        record.closed.get_or_insert(now);
    }
    Ok(())
}

fn begun(project: &Project) -> Result<&DestructionRecord, Error> {
    project.destruction.as_ref().filter(|record| record.is_begun()).ok_or_else(changed)
}

fn changed() -> Error {
    Error::Changed { what: Subject::Content("the record of the destruction") }
}

fn push(project: &mut Project, stage: Stage, result: String, at: Timestamp) {
    if let Some(record) = &mut project.destruction {
        record.steps.push(DestructionStep { step: stage.word().into(), at, result, others: Default::default() });
    }
}

/// Takes over what another file has of a project's destruction: each step that is done in either is done. Of two
/// orders that were given apart, the earlier one counts.
pub fn unite(own: &mut Project, other: &Project, differing: &mut Vec<String>) {
    let Some(theirs) = &other.destruction else { return };
    let name = format!("the destruction of project {:?}", own.name);
    let record = own.destruction.get_or_insert_default();
    unite_members(&mut record.others, &theirs.others, &name, differing);
    let head = |record: &DestructionRecord| record.opened.zip(record.id);
    if let Some(earlier) = head(theirs)
        && head(record).is_none_or(|held| earlier < held)
    {
        record.id = theirs.id;
        record.opened = theirs.opened;
        record.number = theirs.number;
        record.by.clone_from(&theirs.by);
        record.reason.clone_from(&theirs.reason);
        record.basis.clone_from(&theirs.basis);
    }
    add_missing(&mut record.steps, &theirs.steps, |step| (step.at, step.step.clone(), step.result.clone()));
    add_missing(&mut record.checks, &theirs.checks, |check| (check.version, check.check.clone()));
    add_missing(&mut record.kits, &theirs.kits, |kit| *kit);
    record.data_key = earlier(record.data_key, theirs.data_key);
    record.closed = earlier(record.closed, theirs.closed);
}

fn add_missing<T: Clone + PartialEq, K: Ord>(own: &mut Vec<T>, theirs: &[T], key: impl Fn(&T) -> K) {
    for value in theirs {
        if !own.contains(value) {
            own.push(value.clone());
        }
    }
    own.sort_by_key(key);
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
