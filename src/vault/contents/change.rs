//! Changes as values, and what each does to a vault's contents.

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;

use super::destruction::DestructionOrder;
use super::keys::{SharedKeys, new_key, places_of, push_key, unwrap};
use super::kits::{self, NewKit};
use super::logs::{LogPolicy, ReasonPolicy};
use super::project::{NewProject, checked_name, checked_text, find, find_mut, find_usable, normal, usable};
use super::secret_edits::{self, Before, NewSecret, SecretEdit, SecretsOfProject};
use super::{Contents, Editing, destroy, destruction, engagement, logs, signing};
use crate::crypto::secret::{DataKey, FileKey};
use crate::error::{Error, Exists, KeyPlace, NotFound, Refused, Subject};
use crate::format::signing::ReportRecord;
use crate::format::vault::{Hold, KeyState, Moment, Payload, Project, Rotation, Seen, Stage, Terms, UnderWay};
use crate::format::{DataKeyId, EnrolmentId, KitId, ProjectId, Timestamp};

/// One change of a vault's contents. Projects go by their names, kits by their ids.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// Projects are added, each with its first file key.
    ProjectsAdded(&'a [NewProject]),
    /// A project gets another name.
    ProjectRenamed { project: &'a str, name: &'a str },
    /// Something else is agreed about a project.
    EngagementSet { project: &'a str, terms: &'a Terms, by: &'a str },
    /// A project must not be destroyed from now on.
    ProjectHeld { project: &'a str, reason: &'a str, by: &'a str },
    /// A project may be destroyed again, for a reason.
    ProjectReleased { project: &'a str, reason: &'a str, by: &'a str },
    /// The destruction of a project is ordered.
    DestructionOpened { project: &'a str, order: &'a DestructionOrder },
    /// A step of it is done.
    DestructionNoted { project: &'a str, stage: Stage, result: &'a str },
    /// It is over.
    DestructionClosed { project: &'a str },
    /// A project's keys are deleted.
    ProjectDestroyed { project: &'a str, shared: SharedKeys, secrets: SecretsOfProject },
    /// A project gets a new file key, which is current from now on.
    KeyRotated { project: &'a str },
    /// A project gets a file key from elsewhere, which is current from now on.
    KeyImported { project: &'a str, key: &'a FileKey, shared: SharedKeys },
    /// A version is marked as one that no file should be under any more.
    KeyRetired { project: &'a str, version: u32 },
    /// That mark is taken off again.
    KeyReinstated { project: &'a str, version: u32 },
    /// A file was sealed under the current key, the first one as far as anybody noted it.
    KeyUsed { project: &'a str },
    /// A scan has counted a project's files by version: those not named, none.
    FilesCounted { project: &'a str, files: &'a BTreeMap<u32, u64> },
    /// A secret is edited, or made.
    SecretEdited { name: &'a str, edit: &'a SecretEdit, before: Before },
    /// Secrets are added.
    SecretsAdded(&'a [NewSecret]),
    /// A secret is deleted with all its versions.
    SecretRemoved { name: &'a str },
    /// The earlier versions of a secret, or of all of them, are deleted but for some.
    SecretsPruned { name: Option<&'a str>, keep: usize },
    /// A kit opens the vault, and the next data key's if a rotation is under way: a kit that it ends without a word
    /// would be reported good.
    KitMade { kit: &'a NewKit, next: Option<NextDataKey<'a>> },
    /// A kit opens the vault no more.
    KitRevoked { kit: KitId, paper_destroyed: bool },
    /// A key signs the vault's reports, if none did.
    SigningKeyMade,
    /// Another key signs them from now on.
    SigningKeyRotated { reason: &'a str },
    /// A report was made.
    ReportMade(&'a ReportRecord),
    /// A rotation of the data key is under way, in place of an earlier one if there is one.
    RotationBegun(&'a UnderWay),
    /// A machine's item holds the next data key since then, or, without a time, is about to be written anew.
    RotationTimed { data_key: DataKeyId, enrolment: EnrolmentId, since: Option<&'a Moment> },
    /// The rotation under way is given up, and still owed.
    RotationCancelled,
    /// A vault that was made before there were access logs gets the key of them.
    LogKeyMade,
    /// Something is decided about what has to be logged.
    LoggingSet { log: LogPolicy, reason: ReasonPolicy, why: &'a str },
}

/// The data key that a rotation under way moves to.
#[derive(Debug, Clone, Copy)]
pub struct NextDataKey<'a> {
    pub id: DataKeyId,
    pub key: &'a DataKey,
}

/// Does what a change says. If it fails, the contents are not to be used any more.
///
/// # Errors
/// What stands in the way of it: each is listed with the method of [`crate::vault::Unlocked`] that makes the change.
pub fn apply(contents: &mut Contents, change: &Change<'_>, editing: &Editing<'_>) -> Result<(), Error> {
    apply_alone(contents, change, editing)?;
    secret_edits::bury_the_removed(&mut contents.payload, editing)
}

fn apply_alone(contents: &mut Contents, change: &Change<'_>, editing: &Editing<'_>) -> Result<(), Error> {
    let payload = &mut contents.payload;
    match *change {
        Change::ProjectsAdded(new) => add_projects(payload, new, editing),
        Change::ProjectRenamed { project, name } => rename(payload, project, name),
        Change::EngagementSet { project, terms, by } => {
            engagement::set(find_usable(payload, project)?, terms, by, editing.now)
        }
        Change::ProjectHeld { project, reason, by } => hold(find_usable(payload, project)?, reason, by, editing.now),
        Change::ProjectReleased { project, reason, by } => {
            release(find_usable(payload, project)?, reason, by, editing.now)
        }
        Change::DestructionOpened { project, order } => destruction::open(payload, project, order, editing),
        Change::DestructionNoted { project, stage, result } => {
            destruction::note(payload, project, stage, result, editing)
        }
        Change::DestructionClosed { project } => destruction::close(payload, project, editing.now),
        Change::ProjectDestroyed { project, shared, secrets } => {
            destroy::check(payload, (editing.vault, editing.data_key), project, shared)?;
            if secrets == SecretsOfProject::Kept {
                let id = find(payload, project)?.id;
                secret_edits::keep(payload, id, editing)?;
            }
            // Its secrets go as those of a destroyed project.
            destroy::destroy(find_mut(payload, project)?, editing.now);
            destruction::note_removed(payload, project, editing)
        }
        Change::KeyRotated { project } => push_key(find_usable(payload, project)?, editing, &FileKey::generate()?),
        Change::KeyImported { project, key, shared } => import(payload, project, key, shared, editing),
        Change::KeyRetired { project, version } => mark(payload, project, version, KeyState::Retired),
        Change::KeyReinstated { project, version } => mark(payload, project, version, KeyState::Active),
        Change::KeyUsed { project } => {
            let project = find_usable(payload, project)?;
            let current = project.current().map(|key| key.version);
            let current = project.keys.iter_mut().find(|key| Some(key.version) == current);
            current.into_iter().for_each(|key| key.sealed = key.sealed.or(Some(editing.now)));
            Ok(())
        }
        Change::FilesCounted { project, files } => {
            count(find_mut(payload, project)?, files, editing.now);
            Ok(())
        }
        Change::SecretEdited { name, edit, before } => secret_edits::edit(payload, name, edit, before, editing),
        Change::SecretsAdded(new) => secret_edits::add(payload, new, editing),
        Change::SecretRemoved { name } => secret_edits::remove(payload, name, editing),
        Change::SecretsPruned { name, keep } => secret_edits::prune_history(payload, name, keep),
        Change::KitMade { kit, next } => make_kit(contents, kit, next, editing),
        Change::KitRevoked { kit, paper_destroyed } => kits::revoke(contents, kit, paper_destroyed, editing.now),
        Change::SigningKeyMade => signing::ensure(payload, editing),
        Change::SigningKeyRotated { reason } => signing::rotate(payload, &checked_text("the reason", reason)?, editing),
        Change::ReportMade(report) => signing::record(payload, report),
        Change::RotationBegun(rotation) => {
            payload.rotation = Some(Rotation::UnderWay(rotation.clone()));
            Ok(())
        }
        Change::RotationTimed { data_key, enrolment, since } => {
            let rotation = payload.under_way_mut().filter(|rotation| rotation.data_key == data_key);
            let rotation = rotation.ok_or(Error::Changed { what: Subject::Content("the rotation of the data key") })?;
            rotation.part_mut(enrolment).since = since.cloned();
            Ok(())
        }
        Change::RotationCancelled => {
            payload.cancel_rotation(editing.now);
            Ok(())
        }
        Change::LogKeyMade => logs::make_key(payload, editing),
        Change::LoggingSet { log, reason, why } => logs::set_logging(payload, log, reason, why, editing.now),
    }
}

fn add_projects(payload: &mut Payload, new: &[NewProject], editing: &Editing<'_>) -> Result<(), Error> {
    let mut names: BTreeMap<String, Option<Timestamp>> =
        payload.projects.iter().map(|project| (project.name.clone(), project.destroyed)).collect();
    for new in new {
        let name = checked_name(&new.name)?;
        if let Some(destroyed) = names.insert(name.clone(), None) {
            return Err(Error::Exists(Exists::Project { name, destroyed }));
        }
        let id = ProjectId::generate()?;
        let mut project = Project {
            id,
            name,
            client: checked_text("the client's name", &new.client)?,
            created: editing.now,
            note: checked_text("the note", &new.note)?,
            keys: vec![new_key(editing, id, 1, &FileKey::generate()?)?],
            hold: None,
            destroyed: None,
            engagement: None,
            destruction: None,
            others: Default::default(),
        };
        engagement::set(&mut project, &new.terms, &new.by, editing.now)?;
        payload.projects.push(project);
    }
    Ok(())
}

fn rename(payload: &mut Payload, old: &str, new: &str) -> Result<(), Error> {
    let new = checked_name(new)?;
    find(payload, old).and_then(usable)?;
    if let Some(other) = payload.projects.iter().find(|project| project.name == new && new != normal(old)) {
        return Err(Error::Exists(Exists::Project { name: new, destroyed: other.destroyed }));
    }
    find_mut(payload, old)?.name = new;
    Ok(())
}

fn hold(project: &mut Project, reason: &str, by: &str, now: Timestamp) -> Result<(), Error> {
    let reason = checked_text("the reason", reason)?;
    if project.hold.as_ref().is_some_and(|hold| reason.is_empty() || hold.reason == reason) {
        return Ok(());
    }
    engagement::note_hold(project, &reason, by, now)?;
    let new = || Hold { since: now, reason: String::new(), others: Default::default() };
    project.hold.get_or_insert_with(new).reason = reason;
    Ok(())
}

fn release(project: &mut Project, reason: &str, by: &str, now: Timestamp) -> Result<(), Error> {
    match project.hold.take() {
        Some(_) => engagement::note_release(project, reason, by, now),
        None => Ok(()),
    }
}

fn import(
    payload: &mut Payload,
    project: &str,
    key: &FileKey,
    shared: SharedKeys,
    editing: &Editing<'_>,
) -> Result<(), Error> {
    let own = find(payload, project).and_then(usable)?;
    for held in own.keys.iter().filter(|held| held.state != KeyState::Destroyed) {
        let opened = unwrap(editing.vault, editing.data_key, own, held)?;
        if bool::from(opened.expose().ct_eq(key.expose())) {
            return Err(Error::Exists(Exists::Key(KeyPlace { project: own.name.clone(), version: held.version })));
        }
    }
    let places = places_of(payload, editing.vault, editing.data_key, key, own.id);
    if shared == SharedKeys::Refused && !places.is_empty() {
        return Err(Error::Exists(Exists::KeyElsewhere { places }));
    }
    let project = find_mut(payload, project)?;
    push_key(project, editing, key)?;
    project.keys.last_mut().into_iter().for_each(|key| key.imported = true);
    Ok(())
}

fn mark(payload: &mut Payload, project: &str, version: u32, state: KeyState) -> Result<(), Error> {
    let project = find_usable(payload, project)?;
    let current = project.current().map(|key| key.version);
    let name = project.name.clone();
    let key = project.keys.iter_mut().find(|key| key.version == version && key.state != KeyState::Destroyed);
    let key = key.ok_or_else(|| Error::NotFound(NotFound::Key(KeyPlace { project: name.clone(), version })))?;
    if current.is_none_or(|current| current <= version) {
        return Err(Error::Refused(Refused::KeyInUse(KeyPlace { project: name, version })));
    }
    key.state = state;
    Ok(())
}

fn count(project: &mut Project, files: &BTreeMap<u32, u64>, now: Timestamp) {
    for key in &mut project.keys {
        let files = files.get(&key.version).copied().unwrap_or(0);
        let others = key.seen.take().map(|seen| seen.others).unwrap_or_default();
        key.seen = Some(Seen { files, at: now, others });
    }
}

fn make_kit(
    contents: &mut Contents,
    kit: &NewKit,
    next: Option<NextDataKey<'_>>,
    editing: &Editing<'_>,
) -> Result<(), Error> {
    kits::add(contents, kit, editing.vault, editing.data_key_id, editing.data_key)?;
    let Some(rotation) = contents.payload.under_way_mut() else { return Ok(()) };
    let next = next.filter(|next| next.id == rotation.data_key).ok_or(Error::Refused(Refused::RotationUnderWay))?;
    rotation.slots.push(kits::wrap(next.key, editing.vault, next.id, kit)?);
    Ok(())
}
