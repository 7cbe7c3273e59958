//! Secrets: passwords and the like that belong to an engagement. Each version is an entry of its own, which never
//! changes: an edit adds one that replaces those before it, and so two computers' edits both survive a merge.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::project::normal;
use crate::crypto::cobblestone;
use crate::crypto::secret::DataKey;
use crate::error::{Error, NotFound, Subject};
use crate::format::name;
use crate::format::scalar::Base64;
use crate::format::secret::SecretValue;
use crate::format::vault::{Payload, Project, Secret};
use crate::format::{ProjectId, SecretId, Timestamp, VaultId, label};

/// What a secret tells of itself without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    /// Its id.
    pub id: SecretId,
    /// Its name. If two secrets were given one name on two computers, the later one is called "NAME (2)".
    pub name: String,
    /// The project that it belongs to, if any.
    pub project: Option<String>,
    /// What kind of secret it is; may be empty, as the next ones.
    pub kind: String,
    /// The account.
    pub user: String,
    /// Where it is used.
    pub urls: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it was imported from.
    pub from: String,
    /// When the version was made that is shown.
    pub changed: Timestamp,
    /// Its versions, the oldest first.
    pub versions: Vec<SecretVersion>,
}

impl SecretInfo {
    /// Tells whether it was changed on two computers, so that no version replaces all others.
    #[must_use]
    pub fn is_changed_apart(&self) -> bool {
        self.versions.iter().filter(|version| version.is_head).count() > 1
    }
}

/// What a version of a secret tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersion {
    /// When it was made.
    pub made: Timestamp,
    /// The account.
    pub user: String,
    /// Whether it is the one that is shown.
    pub current: bool,
    /// Whether no other version replaces it.
    pub is_head: bool,
}

/// The versions of one secret in their order.
pub(super) struct Versions<'a>(pub(super) Vec<&'a Secret>);

impl<'a> Versions<'a> {
    /// Puts each version after those that it replaces. Of others the earlier one comes first: two computers may tell
    /// different times, and one that edits twice within a second tells one time twice.
    fn sorted(mut versions: Vec<&'a Secret>) -> Self {
        versions.sort_by_key(|version| (version.made, version.id));
        if versions.len() < 2 {
            return Self(versions);
        }
        let places: BTreeMap<SecretId, usize> =
            versions.iter().enumerate().map(|(place, version)| (version.id, place)).collect();
        let mut replaced_by = vec![Vec::new(); versions.len()];
        let mut waits_for = vec![0_usize; versions.len()];
        for (place, version) in versions.iter().enumerate() {
            let before: BTreeSet<usize> = version.after.iter().filter_map(|id| places.get(id).copied()).collect();
            waits_for[place] = before.len();
            before.into_iter().for_each(|earlier| replaced_by[earlier].push(place));
        }
        let mut ready: BTreeSet<usize> = (0..versions.len()).filter(|place| waits_for[*place] == 0).collect();
        let mut left: BTreeSet<usize> = (0..versions.len()).collect();
        let mut sorted = Vec::with_capacity(versions.len());
        // Where versions replace each other in a circle, none is ever ready: they come in the order of their times.
        while let Some(place) = ready.pop_first().or_else(|| left.first().copied()) {
            if !left.remove(&place) {
                continue;
            }
            sorted.push(versions[place]);
            for later in &replaced_by[place] {
                waits_for[*later] = waits_for[*later].saturating_sub(1);
                if waits_for[*later] == 0 {
                    ready.insert(*later);
                }
            }
        }
        Self(sorted)
    }

    /// Returns those that no other one replaces.
    pub(super) fn heads(&self) -> impl Iterator<Item = &'a Secret> + '_ {
        let is_replaced = |id| self.0.iter().any(|other| other.after.contains(&id));
        self.0.iter().filter(move |version| !is_replaced(version.id)).copied()
    }

    /// Returns the one that is shown; `None` if the secret was removed. Of a removal on one computer and an edit on
    /// another, the edit counts.
    pub(super) fn current(&self) -> Option<&'a Secret> {
        self.heads().filter(|version| !version.removed).max_by_key(|version| (version.made, version.id))
    }
}

pub(super) fn versions_of(payload: &Payload, of: SecretId) -> Versions<'_> {
    Versions::sorted(payload.secrets.iter().filter(|version| version.of == of).collect())
}

/// Returns the versions of each secret that was not removed.
pub(super) fn all(payload: &Payload) -> Vec<(&Secret, Versions<'_>)> {
    let mut by_secret: BTreeMap<SecretId, Vec<&Secret>> = BTreeMap::new();
    for version in &payload.secrets {
        by_secret.entry(version.of).or_default().push(version);
    }
    let versions = by_secret.into_values().map(Versions::sorted);
    versions.filter_map(|versions| Some((versions.current()?, versions))).collect()
}

/// Returns each secret's name. Of those that have one name, the first has it, and each later one a number besides.
pub(super) fn names<'a>(all: &[(&'a Secret, Versions<'a>)]) -> BTreeMap<SecretId, String> {
    let given: BTreeSet<&str> = all.iter().map(|(current, _)| &*current.name).collect();
    let mut in_order: Vec<_> =
        all.iter().map(|(current, versions)| (versions.0[0].made, current.of, *current)).collect();
    in_order.sort_by_key(|(made, of, _)| (*made, *of));
    let (mut taken, mut names) = (BTreeSet::new(), BTreeMap::new());
    for (_, of, current) in in_order {
        let mut name = current.name.clone();
        for number in 2u32.. {
            let is_free = name == current.name || !given.contains(&*name);
            if is_free && taken.insert(name.clone()) {
                break;
            }
            name = format!("{} ({number})", current.name);
        }
        names.insert(of, name);
    }
    names
}

/// Returns every secret, by name.
pub fn list(payload: &Payload) -> Vec<SecretInfo> {
    let all = all(payload);
    let mut names = names(&all);
    let projects: BTreeMap<ProjectId, &str> =
        payload.projects.iter().map(|project| (project.id, &*project.name)).collect();
    let told = all.iter().map(|(current, versions)| {
        let name = names.remove(&current.of).unwrap_or_default();
        info(current, versions, name, current.project.and_then(|id| projects.get(&id).copied()))
    });
    let mut told: Vec<SecretInfo> = told.collect();
    told.sort_by(|a, b| a.name.cmp(&b.name));
    told
}

fn info(current: &Secret, versions: &Versions<'_>, name: String, project: Option<&str>) -> SecretInfo {
    let heads: BTreeSet<SecretId> = versions.heads().map(|version| version.id).collect();
    let told = versions.0.iter().filter(|version| !version.removed).map(|version| SecretVersion {
        made: version.made,
        user: version.user.clone(),
        current: version.id == current.id,
        is_head: heads.contains(&version.id),
    });
    SecretInfo {
        id: current.of,
        name,
        project: project.map(str::to_owned),
        kind: current.kind.clone(),
        user: current.user.clone(),
        urls: current.urls.clone(),
        tags: current.tags.clone(),
        from: current.from.clone(),
        changed: current.made,
        versions: told.collect(),
    }
}

/// Finds a secret by its name, and returns the name as it is stored.
pub(super) fn find_by_name<'a>(payload: &'a Payload, name: &str) -> Result<(&'a Secret, Versions<'a>, String), Error> {
    let name = normal(name);
    // Hardly ever do two have one name, and to number them all takes long in a large vault.
    let of: BTreeSet<SecretId> =
        payload.secrets.iter().filter(|version| version.name == name).map(|version| version.of).collect();
    let mut named = of.into_iter().filter_map(|of| {
        let versions = versions_of(payload, of);
        let current = versions.current().filter(|current| current.name == name)?;
        Some((current, versions))
    });
    if let (Some((current, versions)), None) = (named.next(), named.next()) {
        return Ok((current, versions, name));
    }
    let all = all(payload);
    let names = names(&all);
    let of = names.iter().find(|(_, own)| **own == name).map(|(of, _)| *of);
    if let Some(found) = all.into_iter().find(|(current, _)| Some(current.of) == of) {
        return Ok((found.0, found.1, name));
    }
    let similar = names.into_values().filter_map(|own| Some((name::difference(&own, &name)?, own)));
    let nearest = similar.min_by_key(|(difference, _)| *difference);
    Err(NotFound::Secret { name, similar: nearest.map(|(_, own)| own) }.into())
}

/// Returns one secret.
///
/// # Errors
/// [`NotFound::Secret`].
pub fn one(payload: &Payload, name: &str) -> Result<SecretInfo, Error> {
    let (current, versions, name) = find_by_name(payload, name)?;
    Ok(info(current, &versions, name, project_of(payload, current).map(|project| &*project.name)))
}

pub(super) fn project_of<'a>(payload: &'a Payload, secret: &Secret) -> Option<&'a Project> {
    payload.projects.iter().find(|project| Some(project.id) == secret.project)
}

/// Opens the value of a secret, or of one of its versions, which are counted from 1, the oldest.
///
/// # Errors
/// [`NotFound::Secret`], [`NotFound::SecretVersion`], [`Error::Damaged`].
pub fn value(
    payload: &Payload,
    (vault, data_key): (VaultId, &DataKey),
    name: &str,
    version: Option<usize>,
) -> Result<SecretValue, Error> {
    let (current, versions, name) = find_by_name(payload, name)?;
    let secret = match version {
        None => current,
        Some(number) => {
            let mut shown = versions.0.iter().filter(|version| !version.removed);
            let found = number.checked_sub(1).and_then(|index| shown.nth(index));
            found.ok_or(NotFound::SecretVersion { name, version: number })?
        }
    };
    open(vault, data_key, secret)
}

fn context(vault: VaultId, id: SecretId) -> Vec<u8> {
    [label::SECRET, vault.as_bytes(), id.as_bytes()].concat()
}

pub(super) fn open_bytes(vault: VaultId, data_key: &DataKey, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    cobblestone::open(data_key.expose(), &[&context(vault, secret.id)], &secret.wrapped.0)
        .map_err(|error| damaged(secret.id, error.to_string()))
}

pub(super) fn open(vault: VaultId, data_key: &DataKey, secret: &Secret) -> Result<SecretValue, Error> {
    SecretValue::parse(&open_bytes(vault, data_key, secret)?).map_err(|error| damaged(secret.id, error.to_string()))
}

fn damaged(id: SecretId, detail: String) -> Error {
    Error::Damaged { what: Subject::Secret(id.to_string()), detail }
}

pub(super) fn seal(vault: VaultId, data_key: &DataKey, id: SecretId, value: &[u8]) -> Result<Base64, Error> {
    Ok(Base64(cobblestone::seal(data_key.expose(), &[&context(vault, id)], value)?))
}

/// Wraps the value of a version anew: for another data key, or another vault.
pub fn renew(secret: &mut Secret, from: (VaultId, &DataKey), to: (VaultId, &DataKey)) -> Result<(), Error> {
    let value = open_bytes(from.0, from.1, secret)?;
    secret.wrapped = seal(to.0, to.1, secret.id, &value)?;
    Ok(())
}

/// Returns the names of a project's secrets.
pub fn names_in(payload: &Payload, project: ProjectId) -> Vec<String> {
    let all = all(payload);
    let names = names(&all);
    let own = all.iter().filter(|(current, _)| current.project == Some(project));
    let mut own: Vec<String> = own.filter_map(|(current, _)| names.get(&current.of).cloned()).collect();
    own.sort();
    own
}
