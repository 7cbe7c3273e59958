//! The keys that a payload holds, each wrapped for its place: file keys and the anchor key.

use subtle::ConstantTimeEq;

use super::unread::check_renewable;
use super::{Editing, logs, secrets, signing};
use crate::crypto::cobblestone;
use crate::crypto::secret::{AnchorKey, DataKey, FileKey};
use crate::error::{Error, KeyPlace, NotFound, Subject};
use crate::format::scalar::Base64;
use crate::format::vault::{KeyState, Payload, Project, ProjectKey};
use crate::format::{ProjectId, VaultId, label};

/// Whether a key may be in several projects of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedKeys {
    /// No: what is to happen is refused then.
    Refused,
    /// Yes: the user takes it that files of one project open through the other.
    Allowed,
}

/// A key of a project that another project of the vault holds too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedKey {
    /// The version it has in the project.
    pub version: u32,
    /// Where else it is.
    pub elsewhere: KeyPlace,
}

/// Returns the keys of a project that are not current, the newest first.
pub fn earlier_keys(project: &Project) -> std::vec::IntoIter<&ProjectKey> {
    let current = project.current().map(|key| key.version);
    let usable = |key: &&ProjectKey| key.state != KeyState::Destroyed && current != Some(key.version);
    let mut earlier: Vec<&ProjectKey> = project.keys.iter().filter(usable).collect();
    earlier.sort_by_key(|key| std::cmp::Reverse(key.version));
    earlier.into_iter()
}

/// Returns the keys of a project that other projects hold too.
pub fn shared_keys(payload: &Payload, vault: VaultId, data_key: &DataKey, project: &Project) -> Vec<SharedKey> {
    let held = project.keys.iter().filter(|key| key.state != KeyState::Destroyed);
    // What does not open seals and opens no file, here or elsewhere.
    let opened = held.filter_map(|held| Some((held.version, unwrap(vault, data_key, project, held).ok()?)));
    opened
        .flat_map(|(version, key)| {
            let places = places_of(payload, vault, data_key, &key, project.id);
            places.into_iter().map(move |elsewhere| SharedKey { version, elsewhere })
        })
        .collect()
}

/// Returns where a key is in projects other than one, whatever has become of the version there short of being
/// destroyed.
pub fn places_of(
    payload: &Payload,
    vault: VaultId,
    data_key: &DataKey,
    key: &FileKey,
    except: ProjectId,
) -> Vec<KeyPlace> {
    let others = payload.projects.iter().filter(|project| project.id != except);
    let held = others.flat_map(|project| project.keys.iter().map(move |held| (project, held)));
    let usable = held.filter(|(_, held)| held.state != KeyState::Destroyed);
    let same = usable.filter(|(project, held)| {
        let opened = unwrap(vault, data_key, project, held);
        opened.is_ok_and(|opened| bool::from(opened.expose().ct_eq(key.expose())))
    });
    same.map(|(project, held)| KeyPlace { project: project.name.clone(), version: held.version }).collect()
}

/// Gives a project one more key, which is current from now on.
pub fn push_key(project: &mut Project, editing: &Editing<'_>, key: &FileKey) -> Result<(), Error> {
    let highest = project.keys.iter().map(|key| key.version).max().unwrap_or(0);
    let version = highest
        .checked_add(1)
        .ok_or(Error::NotFound(NotFound::Key(KeyPlace { project: project.name.clone(), version: highest })))?;
    project.keys.push(new_key(editing, project.id, version, key)?);
    Ok(())
}

pub fn new_key(editing: &Editing<'_>, project: ProjectId, version: u32, key: &FileKey) -> Result<ProjectKey, Error> {
    let wrapped = wrap(editing.vault, editing.data_key, project, version, key)?;
    Ok(ProjectKey {
        version,
        state: KeyState::Active,
        created: editing.now,
        wrapped,
        seen: None,
        imported: false,
        sealed: None,
        others: Default::default(),
    })
}

/// Wraps a file key for its place in a vault.
pub fn wrap(
    vault: VaultId,
    data_key: &DataKey,
    project: ProjectId,
    version: u32,
    key: &FileKey,
) -> Result<Base64, Error> {
    let number = version.to_be_bytes();
    let context = [label::FILE_KEY, vault.as_bytes(), project.as_bytes(), &number];
    Ok(Base64(cobblestone::seal(data_key.expose(), &context, key.expose())?))
}

/// Wraps every key of a payload anew: for another data key, or another vault.
pub fn renew_keys(payload: &mut Payload, from: (VaultId, &DataKey), to: (VaultId, &DataKey)) -> Result<(), Error> {
    check_renewable(payload)?;
    payload.anchor_key = renew_anchor_key(&payload.anchor_key, from, to)?;
    for project in &mut payload.projects {
        for index in 0..project.keys.len() {
            if project.keys[index].state != KeyState::Destroyed {
                let key = unwrap(from.0, from.1, project, &project.keys[index])?;
                let version = project.keys[index].version;
                project.keys[index].wrapped = wrap(to.0, to.1, project.id, version, &key)?;
            }
        }
    }
    for secret in &mut payload.secrets {
        secrets::renew(secret, from, to)?;
    }
    signing::renew(payload, from, to)?;
    logs::renew(payload, from, to)?;
    Ok(())
}

pub fn unwrap(vault: VaultId, data_key: &DataKey, project: &Project, held: &ProjectKey) -> Result<FileKey, Error> {
    let number = held.version.to_be_bytes();
    let context = [label::FILE_KEY, vault.as_bytes(), project.id.as_bytes(), &number];
    let open = |key: &mut _| cobblestone::open_key(data_key.expose(), &context, &held.wrapped.0, key);
    FileKey::fill_with(open).map_err(|error| Error::Damaged {
        what: Subject::Key(KeyPlace { project: project.name.clone(), version: held.version }),
        detail: error.to_string(),
    })
}

/// Generates the key of a new vault's anchors, wrapped.
pub fn new_anchor_key(vault: VaultId, data_key: &DataKey) -> Result<Base64, Error> {
    wrap_anchor_key(vault, data_key, &AnchorKey::generate()?)
}

/// Wraps the key anew: for another data key, or another vault.
pub fn renew_anchor_key(wrapped: &Base64, from: (VaultId, &DataKey), to: (VaultId, &DataKey)) -> Result<Base64, Error> {
    wrap_anchor_key(to.0, to.1, &unwrap_anchor_key(wrapped, from.0, from.1)?)
}

fn wrap_anchor_key(vault: VaultId, data_key: &DataKey, key: &AnchorKey) -> Result<Base64, Error> {
    let context: [&[u8]; 2] = [label::ANCHOR_KEY, vault.as_bytes()];
    Ok(Base64(cobblestone::seal(data_key.expose(), &context, key.expose())?))
}

pub fn unwrap_anchor_key(wrapped: &Base64, vault: VaultId, data_key: &DataKey) -> Result<AnchorKey, Error> {
    let context: [&[u8]; 2] = [label::ANCHOR_KEY, vault.as_bytes()];
    AnchorKey::fill_with(|key| cobblestone::open_key(data_key.expose(), &context, &wrapped.0, key))
        .map_err(|error| Error::Damaged { what: Subject::Content("the vault's anchor key"), detail: error.to_string() })
}
