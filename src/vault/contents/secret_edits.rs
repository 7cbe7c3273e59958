//! Changes of secrets.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::Editing;
use super::project::{checked_text, find, usable};
use super::secrets::{Versions, all, find_by_name, names, open, open_bytes, project_of, seal, versions_of};
use crate::crypto::secret::SecretText;
use crate::error::{Error, Exists, NotFound, Refused};
use crate::format::name;
use crate::format::scalar::Base64;
use crate::format::secret::{SecretField, SecretValue};
use crate::format::vault::{Payload, Secret};
use crate::format::{ProjectId, SecretId, Timestamp};

/// How many versions of a secret are kept. The oldest are deleted by the edit that makes one more.
pub const HISTORY_LIMIT: usize = 10;
/// The most versions of secrets in a vault.
pub const ENTRY_LIMIT: usize = 100_000;
/// The most addresses, tags or fields of a secret.
const LIST_LIMIT: usize = 100;

/// What is to become of a secret. What is `None` stays as it is; a new secret has nothing there.
#[derive(Debug, Default)]
pub struct SecretEdit {
    /// Its new name.
    pub name: Option<String>,
    /// The project that it belongs to, by name; `Some(None)` for none.
    pub project: Option<Option<String>>,
    /// What kind of secret it is.
    pub kind: Option<String>,
    /// The account.
    pub user: Option<String>,
    /// Where it is used, in place of what was there.
    pub urls: Option<Vec<String>>,
    /// Words to find it by, in place of what was there.
    pub tags: Option<Vec<String>>,
    /// What it was imported from.
    pub from: Option<String>,
    /// The password.
    pub password: Option<SecretText>,
    /// What one-time codes are made of.
    pub totp: Option<SecretText>,
    /// A note.
    pub note: Option<SecretText>,
    /// Fields that are added or replaced, by name; one with an empty value is taken out.
    pub fields: Vec<SecretField>,
}

/// Whether there may be, or has to be, a secret of the name before an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It is made if there is none.
    Any,
    /// There must be none.
    None,
    /// There must be one.
    Some,
}

/// What becomes of a project's secrets when the project is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsOfProject {
    /// They are deleted with it.
    Deleted,
    /// They stay, and belong to no project from then on.
    Kept,
}

/// Edits a secret, or makes it.
///
/// # Errors
/// Each is listed with [`crate::vault::Unlocked::edit_secret`].
pub fn edit(
    payload: &mut Payload,
    name: &str,
    edit: &SecretEdit,
    before: Before,
    editing: &Editing<'_>,
) -> Result<(), Error> {
    let (current, after) = match find_by_name(payload, name) {
        Ok((current, versions, _)) if before != Before::None => (current.clone(), ids(&versions)),
        Ok((_, _, name)) => return Err(Exists::Secret { name }.into()),
        Err(Error::NotFound(NotFound::Secret { .. })) if before != Before::Some => {
            let next = edited(payload, new_secret(checked_name(name)?, editing.now)?, edit)?;
            return add_version(payload, next, &edited_value(SecretValue::default(), edit)?, editing);
        }
        Err(error) => return Err(error),
    };
    let mut next = edited(payload, current.clone(), edit)?;
    if next.project != current.project {
        // What is out of the project could be deleted.
        check_hold(payload, &current)?;
    }
    if let Some(new) = edit.name.as_ref().map(|name| checked_name(name)).transpose()? {
        match find_by_name(payload, &new) {
            Ok((other, _, name)) if other.of != current.of => return Err(Exists::Secret { name }.into()),
            Ok(_) | Err(Error::NotFound(NotFound::Secret { .. })) => next.name = new,
            Err(error) => return Err(error),
        }
    }
    let own = open_bytes(editing.vault, editing.data_key, &current)?;
    let value = edited_value(open(editing.vault, editing.data_key, &current)?, edit)?;
    if next == current && own.trim_ascii_end() == to_bytes(&value)?.trim_ascii_end() {
        return Ok(());
    }
    add_version(payload, Secret { after, made: editing.now, ..next }, &value, editing)
}

/// A secret that is to be added, and its name.
pub type NewSecret = (String, SecretEdit);

/// Adds secrets: all of them or none.
///
/// # Errors
/// As [`edit`] where there must be none of the name.
pub fn add(payload: &mut Payload, new: &[NewSecret], editing: &Editing<'_>) -> Result<(), Error> {
    let mut taken: BTreeSet<String> = names(&all(payload)).into_values().collect();
    for (name, edit) in new {
        let name = checked_name(name)?;
        if !taken.insert(name.clone()) {
            return Err(Exists::Secret { name }.into());
        }
        let next = edited(payload, new_secret(name, editing.now)?, edit)?;
        add_version(payload, next, &edited_value(SecretValue::default(), edit)?, editing)?;
    }
    Ok(())
}

/// Checks a secret as adding it would, but for its name and its project.
///
/// # Errors
/// [`Refused::SecretName`], [`Refused::Text`], [`Refused::SecretTooLong`].
pub fn check_new_secret((name, edit): &NewSecret) -> Result<(), Error> {
    let secret = new_secret(checked_name(name)?, Timestamp::from_unix(0))?;
    told(secret, edit)?;
    to_bytes(&edited_value(SecretValue::default(), edit)?).map(drop)
}

fn new_secret(name: String, now: Timestamp) -> Result<Secret, Error> {
    Ok(Secret {
        id: SecretId::generate()?,
        wrapped: Base64(Vec::new()),
        of: SecretId::generate()?,
        after: Vec::new(),
        name,
        project: None,
        kind: String::new(),
        user: String::new(),
        urls: Vec::new(),
        tags: Vec::new(),
        made: now,
        removed: false,
        from: String::new(),
        others: Default::default(),
    })
}

/// Returns what a secret tells of itself after an edit, but for its name.
fn edited(payload: &Payload, mut secret: Secret, edit: &SecretEdit) -> Result<Secret, Error> {
    if let Some(project) = &edit.project {
        let project = project.as_ref().map(|name| find(payload, name).and_then(usable)).transpose()?;
        secret.project = project.map(|project| project.id);
    }
    told(secret, edit)
}

/// Returns what a secret tells of itself after an edit, but for its name and its project.
fn told(mut secret: Secret, edit: &SecretEdit) -> Result<Secret, Error> {
    let list = |what, texts: &Vec<String>| match texts.len() > LIST_LIMIT {
        true => Err(Refused::SecretTooLong.into()),
        false => texts.iter().map(|text| checked_text(what, text)).collect(),
    };
    if let Some(kind) = &edit.kind {
        secret.kind = checked_text("the kind", kind)?;
    }
    if let Some(user) = &edit.user {
        secret.user = checked_text("the user", user)?;
    }
    if let Some(urls) = &edit.urls {
        secret.urls = list("the address", urls)?;
    }
    if let Some(tags) = &edit.tags {
        secret.tags = list("the tag", tags)?;
    }
    if let Some(from) = &edit.from {
        secret.from = checked_text("the source", from)?;
    }
    Ok(secret)
}

/// Returns the ids that a new version replaces: all that there are. A copy of the vault that still has one of them, and
/// none of those in between, does not bring it back then.
fn ids(versions: &Versions<'_>) -> Vec<SecretId> {
    versions.0.iter().map(|version| version.id).collect()
}

fn checked_name(name: &str) -> Result<String, Error> {
    name::project_name(name).map_err(|reason| Refused::SecretName(reason).into())
}

fn copied(text: &SecretText) -> SecretText {
    SecretText::new(text.expose().to_owned())
}

fn edited_value(mut value: SecretValue, edit: &SecretEdit) -> Result<SecretValue, Error> {
    let texts = [(&mut value.password, &edit.password), (&mut value.totp, &edit.totp), (&mut value.note, &edit.note)];
    for (text, new) in texts {
        if let Some(new) = new {
            *text = copied(new);
        }
    }
    for field in &edit.fields {
        let name =
            name::project_name(&field.name).map_err(|reason| Refused::Text { what: "the field's name", reason })?;
        let at = value.fields.iter().position(|own| own.name == name);
        let new = SecretField { name, value: copied(&field.value), hidden: field.hidden };
        match (at, field.value.is_empty()) {
            (Some(at), true) => drop(value.fields.remove(at)),
            (Some(at), false) => value.fields[at] = new,
            (None, true) => {}
            (None, false) => value.fields.push(new),
        }
    }
    if value.fields.len() > LIST_LIMIT { Err(Refused::SecretTooLong.into()) } else { Ok(value) }
}

fn to_bytes(value: &SecretValue) -> Result<Zeroizing<Vec<u8>>, Error> {
    value.to_bytes().ok_or(Error::Refused(Refused::SecretTooLong))
}

fn add_version(payload: &mut Payload, next: Secret, value: &SecretValue, editing: &Editing<'_>) -> Result<(), Error> {
    let id = SecretId::generate()?;
    let wrapped = seal(editing.vault, editing.data_key, id, &to_bytes(value)?)?;
    let of = next.of;
    if payload.secrets.len() >= ENTRY_LIMIT {
        return Err(Refused::TooManySecrets.into());
    }
    let is_new = next.after.is_empty();
    payload.secrets.push(Secret { id, wrapped, ..next });
    if !is_new {
        prune(payload, of, HISTORY_LIMIT);
    }
    Ok(())
}

/// Deletes the oldest versions of a secret, so that this many are left. One that nothing replaces stays, and so do all
/// of a project that is on hold.
fn prune(payload: &mut Payload, of: SecretId, keep: usize) {
    let versions = versions_of(payload, of);
    let is_held = versions
        .current()
        .and_then(|current| project_of(payload, current))
        .is_some_and(|project| project.hold.is_some());
    if is_held {
        return;
    }
    let heads: Vec<SecretId> = versions.heads().map(|version| version.id).collect();
    let count = versions.0.len();
    let oldest = versions.0.iter().take(count.saturating_sub(keep.max(1)));
    let gone: Vec<SecretId> = oldest.map(|version| version.id).filter(|id| !heads.contains(id)).collect();
    payload.secrets.retain(|version| !gone.contains(&version.id));
}

/// Deletes the earlier versions of a secret, or of all of them, so that this many are left of each.
///
/// # Errors
/// [`NotFound::Secret`], [`Refused::Held`].
pub fn prune_history(payload: &mut Payload, name: Option<&str>, keep: usize) -> Result<(), Error> {
    let named = name.map(|name| find_by_name(payload, name)).transpose()?;
    if let Some((current, ..)) = &named {
        check_hold(payload, current)?;
    }
    let of: Vec<SecretId> = match named {
        Some((current, ..)) => vec![current.of],
        None => all(payload).iter().map(|(current, _)| current.of).collect(),
    };
    for of in of {
        prune(payload, of, keep);
    }
    Ok(())
}

fn check_hold(payload: &Payload, secret: &Secret) -> Result<(), Error> {
    let Some((project, hold)) = project_of(payload, secret).and_then(|project| Some((project, project.hold.as_ref()?)))
    else {
        return Ok(());
    };
    Err(Refused::Held { name: project.name.clone(), since: hold.since, reason: hold.reason.clone() }.into())
}

/// Deletes a secret with all its versions. That it was removed stays on record, so that a merge does not bring it back.
///
/// # Errors
/// [`NotFound::Secret`], [`Refused::Held`].
pub fn remove(payload: &mut Payload, name: &str, editing: &Editing<'_>) -> Result<(), Error> {
    let (current, ..) = find_by_name(payload, name)?;
    check_hold(payload, current)?;
    let of = current.of;
    bury(payload, of, editing)
}

/// Puts the record of a removal in the place of a secret's versions.
fn bury(payload: &mut Payload, of: SecretId, editing: &Editing<'_>) -> Result<(), Error> {
    let versions = versions_of(payload, of);
    let Some(last) = versions.current().or(versions.0.last().copied()) else { return Ok(()) };
    let id = SecretId::generate()?;
    let buried = Secret {
        id,
        wrapped: seal(editing.vault, editing.data_key, id, &to_bytes(&SecretValue::default())?)?,
        of,
        after: ids(&versions),
        name: last.name.clone(),
        project: last.project,
        kind: String::new(),
        user: String::new(),
        urls: Vec::new(),
        tags: Vec::new(),
        made: editing.now,
        removed: true,
        from: String::new(),
        others: Default::default(),
    };
    payload.secrets.retain(|version| version.of != of);
    payload.secrets.push(buried);
    Ok(())
}

/// Lets a project's secrets belong to none.
pub fn keep(payload: &mut Payload, project: ProjectId, editing: &Editing<'_>) -> Result<(), Error> {
    let own: Vec<(Secret, Vec<SecretId>)> = all(payload)
        .into_iter()
        .filter(|(current, _)| current.project == Some(project))
        .map(|(current, versions)| (current.clone(), ids(&versions)))
        .collect();
    for (current, after) in own {
        let value = open(editing.vault, editing.data_key, &current)?;
        // Its earlier versions still name the project, and go with it.
        let of = current.of;
        add_version(payload, Secret { after, project: None, made: editing.now, ..current }, &value, editing)?;
        prune(payload, of, 1);
    }
    Ok(())
}

/// Deletes what is left of secrets that were removed, and those of projects that were destroyed: another program, or
/// another computer that did not know of it yet, may have left them or brought them back.
pub fn bury_the_removed(payload: &mut Payload, editing: &Editing<'_>) -> Result<(), Error> {
    let destroyed: BTreeSet<ProjectId> =
        payload.projects.iter().filter(|project| project.destroyed.is_some()).map(|project| project.id).collect();
    let has_gone = |version: &Secret| version.project.is_some_and(|project| destroyed.contains(&project));
    // A removal on a computer that did not know of the hold waits for its end.
    let is_held = |version: &&Secret| {
        project_of(payload, version).is_some_and(|project| project.hold.is_some() && project.destroyed.is_none())
    };
    let removed: BTreeSet<SecretId> =
        payload.secrets.iter().filter(|version| version.removed).map(|version| version.of).collect();
    let left = payload.secrets.iter().filter(|version| !version.removed);
    let suspect: BTreeSet<SecretId> =
        left.filter(|version| removed.contains(&version.of) || has_gone(version)).map(|version| version.of).collect();
    let mut gone = Vec::new();
    let mut rest = BTreeSet::new();
    for of in suspect {
        let versions = versions_of(payload, of);
        match versions.current() {
            Some(current) if has_gone(current) => gone.push(of),
            Some(_) => {}
            None if versions.0.iter().any(is_held) => {}
            // Only the records of the removal stay.
            None => rest.extend(versions.0.iter().filter(|version| !version.removed).map(|version| version.id)),
        }
    }
    payload.secrets.retain(|version| !rest.contains(&version.id));
    gone.into_iter().try_for_each(|of| bury(payload, of, editing))
}
