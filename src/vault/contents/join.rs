//! Uniting the contents of two files of one vault that were changed apart.

use std::collections::BTreeSet;

use subtle::ConstantTimeEq;

use super::keys::{unwrap, wrap};
use super::{Contents, Editing, destroy, destruction, engagement, logs, signing, unread};
use super::{secret_edits, secrets};
use crate::crypto::secret::DataKey;
use crate::error::{Error, KeyPlace, NotFound, Refused};
use crate::format::kit::KitName;
use crate::format::name::PROJECT_NAME_LIMIT;
use crate::format::scalar::FixedBase64;
use crate::format::vault::{ANCESTOR_LIMIT, KeyState, KitSlot, Payload, Project, Rotation, Slot, UnderWay};
use crate::format::{KitId, SecretId, VaultId};

/// How much of the other file is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// All that it has more: both files count alike.
    All,
    /// What was ordered in it: projects destroyed or on hold, what was agreed about them, kits made or ended, a rotation
    /// begun, who else has a way in.
    Orders,
}

/// What came with the other file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Projects that only the other file had, as they are called now.
    pub projects: Vec<String>,
    /// File keys that only the other file had: the project, and the version the key has now.
    pub keys: Vec<(String, u32)>,
    /// Projects that go by another name here than in the other file: that name, and this one.
    pub renamed: Vec<(String, String)>,
    /// Projects that the other file knows to be destroyed, and that are so here now.
    pub destroyed: Vec<String>,
    /// Projects that are on hold in the other file, and are so here now.
    pub held: Vec<String>,
    /// Projects of whose engagement the other file had changes that this one lacked.
    pub engagements: Vec<String>,
    /// Secrets of which the other file had a version that this one lacked.
    pub secrets: Vec<String>,
    /// Secrets that were changed in both files: the later change is shown, and the other one is in the history.
    pub secrets_apart: Vec<String>,
    /// Kits that opened one of the two files and open the united one no more: the other file had ended them.
    pub ended_kits: Vec<KitName>,
    /// Kits that came with the other file and that the rotation under way will end.
    pub ending_kits: Vec<KitName>,
}

/// Takes what another file of the same vault and data key has into the contents of this one. To join again changes
/// nothing; who joins whom matters to names, version numbers and times alone; and no key of a project that neither file
/// destroyed is lost. If it fails, the contents are not to be used any more.
///
/// # Errors
/// Of [`Take::All`]: [`Refused::RotationUnderWay`] where a rotation that this file knows nothing of is under way in the
/// other; [`Refused::NotUnited`] if both files have something that this program does not read, and not the same. Of both,
/// [`Error::Damaged`] if a key does not unwrap.
pub fn join(mine: &mut Contents, other: &Contents, take: Take, editing: &Editing<'_>) -> Result<Joined, Error> {
    match take {
        Take::All => join_all(mine, other, editing),
        Take::Orders => {
            let joined = join_orders(mine, other);
            secret_edits::bury_the_removed(&mut mine.payload, editing)?;
            Ok(joined)
        }
    }
}

fn join_all(mine: &mut Contents, other: &Contents, editing: &Editing<'_>) -> Result<Joined, Error> {
    let own_slots = mine.slots.clone();
    let own_secrets: BTreeSet<SecretId> = mine.payload.secrets.iter().map(|version| version.id).collect();
    let rotation = united_rotation(&mine.payload, &other.payload)?;
    let mut joined = unite(&mut mine.payload, &other.payload, editing.vault, editing.data_key)?;
    unite_secrets(&mut mine.payload, &own_secrets, editing, &mut joined)?;
    check_foreign(&mine.slots, &other.slots)?;
    joined.ended_kits = unite_kits(mine, other);
    mine.payload.rotation = rotation;
    if let Some(rotation) = mine.payload.under_way_mut() {
        forget_ended(rotation, &mine.slots);
        let came = mine.slots.iter().filter_map(Slot::as_kit).filter(|kit| !holds(&own_slots, kit.id));
        joined.ending_kits = came.filter(|kit| !holds(&rotation.slots, kit.id)).map(KitSlot::name).collect();
    }
    Ok(joined)
}

fn join_orders(mine: &mut Contents, other: &Contents) -> Joined {
    // Who else has a way in is an order, too.
    mine.slots.retain(|slot| slot.as_kit().is_some());
    mine.slots.extend(other.slots.iter().filter(|slot| slot.as_kit().is_none()).cloned());
    let ended_kits = unite_kits(mine, other);
    let (destroyed, mut held) = unite_orders(&mut mine.payload, &other.payload);
    held.extend(unite_ordered(&mut mine.payload, &other.payload));
    // What was recorded since stays readable.
    logs::unite(&mut mine.payload, &other.payload);
    let engagements = unite_engagements(&mut mine.payload, &other.payload, &mut Vec::new());
    unite_destructions(&mut mine.payload, &other.payload, &mut Vec::new());
    // Where the two differ, this one counts.
    let _ = unread::unite(&mut mine.payload, &other.payload);
    let _ = signing::unite(&mut mine.payload, &other.payload);
    // What is under way there goes on; else what either has cancelled is still owed.
    if other.payload.under_way().is_some() || mine.payload.rotation.is_none() {
        mine.payload.rotation.clone_from(&other.payload.rotation);
    }
    if let Some(rotation) = mine.payload.under_way_mut() {
        forget_ended(rotation, &mine.slots);
        // An older file's note may be older than the item: the wait begins anew.
        rotation.forget_times();
    }
    Joined { destroyed, held, engagements, ended_kits, ..Joined::default() }
}

/// Returns what the united file says of a rotation. The time of one that goes on begins anew: a note in either file may
/// be older than the item it is of.
fn united_rotation(own: &Payload, other: &Payload) -> Result<Option<Rotation>, Error> {
    let mut united = match (own.under_way(), other.under_way()) {
        (None, None) => return Ok(own.rotation.clone().or_else(|| other.rotation.clone())),
        (Some(own), None) => own.clone(),
        (Some(own), Some(other)) if own.data_key == other.data_key => own.clone(),
        // That this file has none may mean that it was cancelled here.
        (_, Some(_)) => return Err(Error::Refused(Refused::RotationUnderWay)),
    };
    for part in other.under_way().iter().flat_map(|other| &other.enrolments) {
        united.part_mut(part.id);
    }
    united.forget_times();
    if let Some(other) = other.under_way() {
        check_foreign(&united.slots, &other.slots)?;
        take_kits(&mut united.slots, &other.slots);
    }
    Ok(Some(Rotation::UnderWay(united)))
}

/// Takes kits that have ended out of a rotation, which would make them valid again.
fn forget_ended(rotation: &mut UnderWay, valid: &[Slot]) {
    rotation.slots.retain(|slot| slot.as_kit().is_none_or(|kit| holds(valid, kit.id)));
}

/// Tells whether one of the slots is of this kit.
fn holds(slots: &[Slot], id: KitId) -> bool {
    slots.iter().filter_map(Slot::as_kit).any(|kit| kit.id == id)
}

/// Adds the slots of kits that are in the other list alone.
fn take_kits(own: &mut Vec<Slot>, other: &[Slot]) {
    let new: Vec<Slot> =
        other.iter().filter(|slot| slot.as_kit().is_some_and(|kit| !holds(own, kit.id))).cloned().collect();
    own.extend(new);
}

/// Sees to it that two files agree on the slots of kinds that this version does not know: one that is in one file alone
/// may have been added there, or taken away in the other.
fn check_foreign(own: &[Slot], other: &[Slot]) -> Result<(), Error> {
    let foreign = |slot: &&Slot| slot.as_kit().is_none();
    let lacks = |one: &[Slot], other: &[Slot]| one.iter().filter(foreign).find(|slot| !other.contains(slot)).cloned();
    match lacks(own, other).or_else(|| lacks(other, own)) {
        Some(slot) => {
            Err(Error::Refused(Refused::NotUnited { members: vec![format!("slots of kind {:?}", slot.kind())] }))
        }
        None => Ok(()),
    }
}

/// Keeps the youngest ancestors of both, so that a computer that saw either recognizes the joined vault.
pub fn joined_ancestors(own: &Payload, other: &Payload) -> Vec<FixedBase64<16>> {
    let half = ANCESTOR_LIMIT / 2 - 1;
    let young = |ancestors: &[FixedBase64<16>]| ancestors[ancestors.len().saturating_sub(half)..].to_vec();
    let mut joined = young(&own.ancestors);
    joined.extend(young(&other.ancestors).into_iter().filter(|ancestor| !own.ancestors.contains(ancestor)));
    joined
}

/// Takes in what another file of the same data key knows of kits: one that ended in either has ended. Returns those
/// that opened either file and open nothing more.
fn unite_kits(contents: &mut Contents, other: &Contents) -> Vec<KitName> {
    for kit in &other.payload.kits {
        match contents.payload.kits.iter_mut().find(|held| held.id == kit.id) {
            Some(held) => {
                held.ended = held.ended.or(kit.ended);
                held.destroyed = held.destroyed.or(kit.destroyed);
            }
            None => contents.payload.kits.push(kit.clone()),
        }
    }
    take_kits(&mut contents.slots, &other.slots);
    let kits = &contents.payload.kits;
    let has_ended = |id| kits.iter().any(|kit| kit.id == id && kit.ended.is_some());
    let slots = contents.slots.iter().filter_map(Slot::as_kit);
    let ended = slots.filter(|slot| has_ended(slot.id)).map(KitSlot::name).collect();
    contents.slots.retain(|slot| slot.as_kit().is_none_or(|kit| !has_ended(kit.id)));
    ended
}

fn unite(own: &mut Payload, other: &Payload, vault: VaultId, data_key: &DataKey) -> Result<Joined, Error> {
    let mut joined = Joined::default();
    let mut differing = unread::unite(own, other);
    differing.extend(signing::unite(own, other));
    logs::unite(own, other);
    (joined.destroyed, joined.held) = unite_orders(own, other);
    joined.engagements = unite_engagements(own, other, &mut differing);
    unite_destructions(own, other, &mut differing);
    for project in &other.projects {
        match own.projects.iter_mut().find(|held| held.id == project.id) {
            Some(held) => {
                if held.name != project.name {
                    joined.renamed.push((project.name.clone(), held.name.clone()));
                }
                unite_keys(held, project, vault, data_key, &mut joined, &mut differing)?;
            }
            None => {
                let mut project = project.clone();
                let name = free_name(own, &project.name);
                if name != project.name {
                    joined.renamed.push((project.name.clone(), name.clone()));
                    project.name = name;
                }
                joined.projects.push(project.name.clone());
                own.projects.push(project);
            }
        }
    }
    for secret in &other.secrets {
        match own.secrets.iter().find(|held| held.id == secret.id) {
            None => own.secrets.push(secret.clone()),
            Some(held) if held == secret => {}
            Some(_) => differing.push(format!("secret {}", secret.id)),
        }
    }
    // The other file is an ancestor from now on: what were left out of it, nobody would look for again.
    if differing.is_empty() { Ok(joined) } else { Err(Error::Refused(Refused::NotUnited { members: differing })) }
}

/// Deletes what either file had removed, and notes what came and what was changed in both.
fn unite_secrets(
    payload: &mut Payload,
    known: &BTreeSet<SecretId>,
    editing: &Editing<'_>,
    joined: &mut Joined,
) -> Result<(), Error> {
    let came = payload.secrets.iter().filter(|version| !known.contains(&version.id)).map(|version| version.of);
    let came: BTreeSet<SecretId> = came.collect();
    secret_edits::bury_the_removed(payload, editing)?;
    for secret in secrets::list(payload) {
        if secret.is_changed_apart() {
            joined.secrets_apart.push(secret.name.clone());
        }
        if came.contains(&secret.id) {
            joined.secrets.push(secret.name);
        }
    }
    Ok(())
}

/// Takes in what another file of the same data key knows to be destroyed or on hold; returns the names of those that
/// were neither until now.
fn unite_orders(own: &mut Payload, other: &Payload) -> (Vec<String>, Vec<String>) {
    let (mut destroyed, mut held) = (Vec::new(), Vec::new());
    for theirs in &other.projects {
        let Some(project) = own.projects.iter_mut().find(|project| project.id == theirs.id) else { continue };
        if project.hold.is_none() && theirs.hold.is_some() {
            project.hold.clone_from(&theirs.hold);
            held.push(project.name.clone());
        }
        if project.destroyed.is_none()
            && let Some(at) = theirs.destroyed
        {
            destroyed.push(project.name.clone());
            destroy::destroy(project, at);
        }
    }
    (destroyed, held)
}

/// Takes over the changes of what was agreed that another file has more; returns the names of the projects.
fn unite_engagements(own: &mut Payload, other: &Payload, differing: &mut Vec<String>) -> Vec<String> {
    let mut changed = Vec::new();
    for theirs in &other.projects {
        let Some(project) = own.projects.iter_mut().find(|project| project.id == theirs.id) else { continue };
        if engagement::unite(project, theirs, differing) > 0 {
            changed.push(project.name.clone());
        }
    }
    changed
}

/// Takes over the steps of destructions that another file has more.
fn unite_destructions(own: &mut Payload, other: &Payload, differing: &mut Vec<String>) {
    for theirs in &other.projects {
        if let Some(project) = own.projects.iter_mut().find(|project| project.id == theirs.id) {
            destruction::unite(project, theirs, differing);
        }
    }
}

/// Takes over the projects that are on hold, or were destroyed, in another file of the same data key and that this one
/// lacks; returns the names of those on hold.
fn unite_ordered(own: &mut Payload, other: &Payload) -> Vec<String> {
    let mut held = Vec::new();
    let ordered = other.projects.iter().filter(|project| project.hold.is_some() || project.destroyed.is_some());
    for project in ordered {
        if own.projects.iter().all(|known| known.id != project.id) {
            let mut project = project.clone();
            project.name = free_name(own, &project.name);
            if project.hold.is_some() {
                held.push(project.name.clone());
            }
            own.projects.push(project);
        }
    }
    held
}

fn unite_keys(
    own: &mut Project,
    other: &Project,
    vault: VaultId,
    data_key: &DataKey,
    joined: &mut Joined,
    differing: &mut Vec<String>,
) -> Result<(), Error> {
    // The user gave the order once; that the other computer did not know of it takes nothing back.
    if own.destroyed.is_some() {
        return Ok(());
    }
    let held: Vec<_> = own
        .keys
        .iter()
        .filter(|key| key.state != KeyState::Destroyed)
        .map(|key| Ok((key.version, unwrap(vault, data_key, own, key)?)))
        .collect::<Result<_, Error>>()?;
    for key in other.keys.iter().filter(|key| key.state != KeyState::Destroyed) {
        let opened = unwrap(vault, data_key, other, key)?;
        if let Some((version, _)) = held.iter().find(|(_, held)| bool::from(held.expose().ct_eq(opened.expose()))) {
            let object = format!("key version {version} of project {:?}", own.name);
            if let Some(own) = own.keys.iter_mut().find(|own| own.version == *version) {
                unread::unite_members(&mut own.others, &key.others, &object, differing);
                // The stricter state wins: a version that was retired on one computer stays retired.
                if key.state == KeyState::Retired {
                    own.state = KeyState::Retired;
                }
                own.imported |= key.imported;
                own.sealed = [own.sealed, key.sealed].into_iter().flatten().min();
            }
            continue;
        }
        let taken = own.keys.iter().any(|own| own.version == key.version);
        let version = if taken {
            let highest = own.keys.iter().chain(&other.keys).map(|key| key.version).max().unwrap_or(0);
            highest
                .checked_add(1)
                .ok_or(Error::NotFound(NotFound::Key(KeyPlace { project: own.name.clone(), version: highest })))?
        } else {
            key.version
        };
        let mut key = key.clone();
        key.wrapped = wrap(vault, data_key, own.id, version, &opened)?;
        key.version = version;
        joined.keys.push((own.name.clone(), version));
        own.keys.push(key);
    }
    Ok(())
}

/// Returns a name that no project has: the wanted one, or the first free of "NAME (2)", "NAME (3)", ...
fn free_name(payload: &Payload, wanted: &str) -> String {
    let taken = |name: &str| payload.projects.iter().any(|project| project.name == name);
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let stem: String = wanted.chars().take(PROJECT_NAME_LIMIT - 8).collect();
    (2u32..).map(|number| format!("{stem} ({number})")).find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests;
