//! Projects and their file keys.

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;

use super::change::{Editing, Effect};
use super::unread::check_renewable;
use super::{Unlocked, VaultId};
use crate::crypto::cobblestone;
use crate::crypto::secret::{DataKey, FileKey, ProjectFileKey};
use crate::error::{Error, KeyPlace, PROJECT_NAME};
use crate::format::name::{self, TEXT_LIMIT};
use crate::format::scalar::Base64;
use crate::format::vault::{Document, KeyState, Payload, Project, ProjectKey, Seen};
use crate::format::{ProjectId, Timestamp, label};

/// What a new project is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// The client; may be empty.
    pub client: String,
    /// A note; may be empty.
    pub note: String,
}

impl NewProject {
    /// Checks the texts as adding the project would.
    ///
    /// # Errors
    /// [`Error::BadName`].
    pub fn check(&self) -> Result<(), Error> {
        checked_name(&self.name)?;
        checked_text("the client's name", &self.client)?;
        checked_text("the note", &self.note)?;
        Ok(())
    }
}

/// What a project tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectInfo {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The client; may be empty.
    pub client: String,
    /// A note; may be empty.
    pub note: String,
    /// When it was added.
    pub created: Timestamp,
    /// Its keys, by version.
    pub keys: Vec<KeyInfo>,
    /// What keeps it from being destroyed.
    pub hold: Option<HoldInfo>,
    /// When it was destroyed.
    pub destroyed: Option<Timestamp>,
}

/// A hold on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldInfo {
    /// Since when.
    pub since: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

/// What one version of a file key tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// Counts from 1.
    pub version: u32,
    /// What it is used for.
    pub state: KeyState,
    /// Whether it is the one that encrypts.
    pub current: bool,
    /// When it was made.
    pub created: Timestamp,
    /// How many files the last scan found under it, and when.
    pub seen: Option<(u64, Timestamp)>,
}

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

impl From<&Project> for ProjectInfo {
    fn from(project: &Project) -> Self {
        let current = project.current().map(|key| key.version);
        let mut keys: Vec<KeyInfo> = project
            .keys
            .iter()
            .map(|key| KeyInfo {
                version: key.version,
                state: key.state,
                current: current == Some(key.version),
                created: key.created,
                seen: key.seen.as_ref().map(|seen| (seen.files, seen.at)),
            })
            .collect();
        keys.sort_by_key(|key| key.version);
        Self {
            id: project.id,
            name: project.name.clone(),
            client: project.client.clone(),
            note: project.note.clone(),
            created: project.created,
            keys,
            hold: project.hold.as_ref().map(|hold| HoldInfo { since: hold.since, reason: hold.reason.clone() }),
            destroyed: project.destroyed,
        }
    }
}

impl Unlocked {
    /// Returns every project, by name.
    #[must_use]
    pub fn projects(&self) -> Vec<ProjectInfo> {
        let mut projects: Vec<ProjectInfo> = self.payload.projects.iter().map(ProjectInfo::from).collect();
        projects.sort_by(|a, b| a.name.cmp(&b.name));
        projects
    }

    /// Returns one project.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`].
    pub fn project(&self, name: &str) -> Result<ProjectInfo, Error> {
        find(&self.payload, name).map(ProjectInfo::from)
    }

    /// Returns one project that has not been destroyed.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::ProjectDestroyed`].
    pub fn usable_project(&self, name: &str) -> Result<ProjectInfo, Error> {
        find(&self.payload, name).and_then(usable).map(ProjectInfo::from)
    }

    /// Adds a project with its first file key.
    ///
    /// # Errors
    /// [`Error::ProjectExists`], [`Error::BadName`], those of a vault write.
    pub fn add_project(&mut self, new: &NewProject) -> Result<ProjectInfo, Error> {
        self.add_projects(std::slice::from_ref(new))?;
        self.project(&checked_name(&new.name)?)
    }

    /// Adds many projects in one write: all of them or none.
    ///
    /// # Errors
    /// As [`Unlocked::add_project`].
    pub fn add_projects(&mut self, new: &[NewProject]) -> Result<(), Error> {
        self.change(|payload, editing| {
            let mut names: BTreeMap<String, Option<Timestamp>> =
                payload.projects.iter().map(|project| (project.name.clone(), project.destroyed)).collect();
            for new in new {
                let name = checked_name(&new.name)?;
                if let Some(destroyed) = names.insert(name.clone(), None) {
                    return Err(Error::ProjectExists { name, destroyed });
                }
                let id = ProjectId::generate()?;
                payload.projects.push(Project {
                    id,
                    name,
                    client: checked_text("the client's name", &new.client)?,
                    created: editing.now,
                    note: checked_text("the note", &new.note)?,
                    keys: vec![new_key(editing, id, 1, &FileKey::generate()?)?],
                    hold: None,
                    destroyed: None,
                    others: Default::default(),
                });
            }
            Ok(())
        })
    }

    /// Renames a project. Its files stay its files: nothing in them names it. A destroyed one keeps the name it has on
    /// record.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::ProjectDestroyed`], [`Error::ProjectExists`], [`Error::BadName`], those of
    /// a vault write.
    pub fn rename_project(&mut self, old: &str, new: &str) -> Result<Effect, Error> {
        let new = checked_name(new)?;
        self.change_unless_so(|payload, _| {
            find(payload, old).and_then(usable)?;
            if let Some(other) = payload.projects.iter().find(|project| project.name == new && new != normal(old)) {
                return Err(Error::ProjectExists { name: new, destroyed: other.destroyed });
            }
            find_mut(payload, old)?.name = new;
            Ok(())
        })
    }

    /// Makes a new file key the project's current one; earlier ones still open what they sealed. Returns its version.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], those of a vault write.
    pub fn rotate_file_key(&mut self, project: &str) -> Result<u32, Error> {
        let key = FileKey::generate()?;
        self.change(|payload, editing| push_key(find_usable(payload, project)?, editing, &key))
    }

    /// Marks a version that no file should be under any more, or takes the mark off. It still opens files.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::KeyNotFound`]; [`Error::KeyInUse`] for the version that encrypts, or
    /// where taking the mark off would make another version encrypt; those of a vault write.
    pub fn retire_file_key(&mut self, project: &str, version: u32, retired: bool) -> Result<Effect, Error> {
        self.change_unless_so(|payload, _| {
            let project = find_usable(payload, project)?;
            let current = project.current().map(|key| key.version);
            let name = project.name.clone();
            let key = project.keys.iter_mut().find(|key| key.version == version && key.state != KeyState::Destroyed);
            let key = key.ok_or_else(|| Error::KeyNotFound { project: name.clone(), version })?;
            if current.is_none_or(|current| current <= version) {
                return Err(Error::KeyInUse { project: name, version });
            }
            key.state = if retired { KeyState::Retired } else { KeyState::Active };
            Ok(())
        })
    }

    /// Remembers how many files a scan found under each version of a project's key: those not named, none.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], those of a vault write.
    pub fn remember_scan(&mut self, project: &str, files: &BTreeMap<u32, u64>) -> Result<(), Error> {
        self.change(|payload, editing| {
            for key in &mut find_mut(payload, project)?.keys {
                let files = files.get(&key.version).copied().unwrap_or(0);
                let others = key.seen.take().map(|seen| seen.others).unwrap_or_default();
                key.seen = Some(Seen { files, at: editing.now, others });
            }
            Ok(())
        })
    }

    /// Makes a file key from elsewhere the project's current one. Returns its version.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`]; [`Error::KeyExists`] if the project holds this key; [`Error::KeyShared`] if another
    /// project of the vault does and that is not allowed; those of a vault write.
    pub fn import_file_key(&mut self, project: &str, key: &FileKey, shared: SharedKeys) -> Result<u32, Error> {
        self.change(|payload, editing| {
            let elsewhere = find_usable(payload, project).map(|project| project.id)?;
            let places = places_of(payload, editing.vault, editing.data_key, key, elsewhere);
            let project = find_usable(payload, project)?;
            for held in project.keys.iter().filter(|held| held.state != KeyState::Destroyed) {
                let opened = unwrap(editing.vault, editing.data_key, project, held)?;
                if bool::from(opened.expose().ct_eq(key.expose())) {
                    return Err(Error::KeyExists { project: project.name.clone(), version: held.version });
                }
            }
            if shared == SharedKeys::Refused && !places.is_empty() {
                return Err(Error::KeyShared { places });
            }
            push_key(project, editing, key)
        })
    }

    /// Reads vault file and anchor again, and sees to it that this key is still in the vault: another process may have
    /// destroyed its project since, or somebody put another vault file in place. Files that are under the key alone
    /// would be lost then.
    ///
    /// # Errors
    /// [`Error::ProjectDestroyed`]; [`Error::KeyNotFound`] if the vault file lacks the key; [`Error::KeyUnchecked`] if it
    /// is under another data key than when it was unlocked; [`Error::VaultNotFound`], [`Error::Damaged`],
    /// [`Error::RolledBack`], [`Error::Io`].
    pub fn check_still_holds(&mut self, key: &ProjectFileKey) -> Result<(), Error> {
        let _lock = self.lock()?;
        let own = self.document.header.data_key;
        if let Ok(Some(bytes)) = self.edges.store.load()
            && let Ok(document) = Document::parse(&bytes)
            && (document.header.vault, document.header.data_key) != (self.id(), own)
        {
            return Err(Error::KeyUnchecked { place: self.edges.store.place() });
        }
        self.reload()?;
        self.check_writable()?;
        // By the key itself: its project may have been renamed.
        let held =
            self.payload.projects.iter().flat_map(|project| project.keys.iter().map(move |held| (project, held)));
        let mut usable = held.filter(|(_, held)| held.version == key.version && held.state != KeyState::Destroyed);
        let is_same = |(project, held): (&Project, &ProjectKey)| {
            let opened = unwrap(self.id(), &self.data_key, project, held);
            opened.is_ok_and(|opened| bool::from(opened.expose().ct_eq(key.key.expose())))
        };
        if usable.any(is_same) {
            return Ok(());
        }
        find(&self.payload, &key.project).and_then(self::usable)?;
        Err(Error::KeyNotFound { project: key.project.clone(), version: key.version })
    }

    /// Returns the keys of a project that other projects of the vault hold too: its files open through those as well.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`].
    pub fn shared_keys(&self, project: &str) -> Result<Vec<SharedKey>, Error> {
        let project = find(&self.payload, project)?;
        Ok(shared_keys(&self.payload, self.id(), &self.data_key, project))
    }

    /// Returns a project's current file key, or one version of it.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::KeyNotFound`], [`Error::Damaged`].
    pub fn file_key(&self, project: &str, version: Option<u32>) -> Result<ProjectFileKey, Error> {
        let project = find(&self.payload, project).and_then(usable)?;
        let held = match version {
            Some(version) => project.keys.iter().find(|key| key.version == version && key.state != KeyState::Destroyed),
            None => project.current(),
        };
        let held = held.ok_or(Error::KeyNotFound { project: project.name.clone(), version: version.unwrap_or(0) })?;
        let key = unwrap(self.id(), &self.data_key, project, held)?;
        Ok(ProjectFileKey { project: project.name.clone(), version: held.version, key })
    }
}

impl Unlocked {
    /// Offers the file keys of one project, the current one first and then the newest. Each is wiped before the next
    /// is unwrapped.
    pub fn project_keys<'a>(&'a self, project: &str) -> impl Iterator<Item = Result<ProjectFileKey, Error>> + use<'a> {
        let named = normal(project);
        let projects = self.payload.projects.iter().filter(move |project| project.name == named);
        projects.flat_map(move |project| {
            let current = project.current();
            let earlier = earlier_keys(project);
            current.into_iter().chain(earlier).map(move |held| self.unwrap_key(project, held))
        })
    }

    /// Offers every file key that may open a file, one at a time: those of `first` before the others, current
    /// versions before earlier ones. Each is wiped before the next is unwrapped.
    pub fn candidate_keys<'a>(
        &'a self,
        first: Option<&str>,
    ) -> impl Iterator<Item = Result<ProjectFileKey, Error>> + use<'a> {
        let first = first.map(normal);
        let is_first = {
            let first = first.clone();
            move |project: &&Project| first.as_deref() == Some(project.name.as_str())
        };
        let is_other = move |project: &&Project| first.as_deref() != Some(project.name.as_str());
        let projects = || self.payload.projects.iter();
        let current = |project: &'a Project| project.current().into_iter().map(move |held| (project, held));
        let earlier = |project: &'a Project| earlier_keys(project).map(move |held| (project, held));
        // Nothing is laid out beforehand: with thousands of projects the first key nearly always fits.
        projects()
            .filter(is_first)
            .flat_map(move |project| current(project).chain(earlier(project)))
            .chain(projects().filter(is_other.clone()).flat_map(current))
            .chain(projects().filter(is_other).flat_map(earlier))
            .map(|(project, held)| self.unwrap_key(project, held))
    }

    fn unwrap_key(&self, project: &Project, held: &ProjectKey) -> Result<ProjectFileKey, Error> {
        let key = unwrap(self.id(), &self.data_key, project, held)?;
        Ok(ProjectFileKey { project: project.name.clone(), version: held.version, key })
    }
}

/// Returns the keys of a project that are not current, the newest first.
fn earlier_keys(project: &Project) -> std::vec::IntoIter<&ProjectKey> {
    let current = project.current().map(|key| key.version);
    let usable = |key: &&ProjectKey| key.state != KeyState::Destroyed && current != Some(key.version);
    let mut earlier: Vec<&ProjectKey> = project.keys.iter().filter(usable).collect();
    earlier.sort_by_key(|key| std::cmp::Reverse(key.version));
    earlier.into_iter()
}

fn checked_name(text: &str) -> Result<String, Error> {
    name::project_name(text).map_err(|reason| Error::BadName { what: PROJECT_NAME, reason })
}

pub(super) fn checked_text(what: &'static str, text: &str) -> Result<String, Error> {
    name::free_text(text, TEXT_LIMIT).map_err(|reason| Error::BadName { what, reason })
}

/// Returns the form in which a name would be stored, so that a lookup finds it however it was typed.
fn normal(text: &str) -> String {
    name::project_name(text).unwrap_or_else(|_| text.to_owned())
}

pub(super) fn find<'a>(payload: &'a Payload, name: &str) -> Result<&'a Project, Error> {
    let index = index_of(payload, name)?;
    Ok(&payload.projects[index])
}

pub(super) fn find_mut<'a>(payload: &'a mut Payload, name: &str) -> Result<&'a mut Project, Error> {
    let index = index_of(payload, name)?;
    Ok(&mut payload.projects[index])
}

fn index_of(payload: &Payload, name: &str) -> Result<usize, Error> {
    let name = normal(name);
    payload.projects.iter().position(|project| project.name == name).ok_or_else(|| {
        let usable = payload.projects.iter().filter(|project| project.destroyed.is_none());
        let similar = usable.map(|project| (name::difference(&project.name, &name), project));
        let nearest = similar.filter_map(|(difference, project)| Some((difference?, project))).min_by_key(|(d, _)| *d);
        Error::ProjectNotFound { name, similar: nearest.map(|(_, project)| project.name.clone()) }
    })
}

pub(super) fn usable(project: &Project) -> Result<&Project, Error> {
    match project.destroyed {
        Some(at) => Err(Error::ProjectDestroyed { name: project.name.clone(), at }),
        None => Ok(project),
    }
}

pub(super) fn find_usable<'a>(payload: &'a mut Payload, name: &str) -> Result<&'a mut Project, Error> {
    let project = find_mut(payload, name)?;
    usable(project)?;
    Ok(project)
}

/// Returns the keys of a project that other projects hold too.
pub(super) fn shared_keys(payload: &Payload, vault: VaultId, data_key: &DataKey, project: &Project) -> Vec<SharedKey> {
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
fn places_of(payload: &Payload, vault: VaultId, data_key: &DataKey, key: &FileKey, except: ProjectId) -> Vec<KeyPlace> {
    let others = payload.projects.iter().filter(|project| project.id != except);
    let held = others.flat_map(|project| project.keys.iter().map(move |held| (project, held)));
    let usable = held.filter(|(_, held)| held.state != KeyState::Destroyed);
    let same = usable.filter(|(project, held)| {
        let opened = unwrap(vault, data_key, project, held);
        opened.is_ok_and(|opened| bool::from(opened.expose().ct_eq(key.expose())))
    });
    same.map(|(project, held)| KeyPlace { project: project.name.clone(), version: held.version }).collect()
}

fn push_key(project: &mut Project, editing: &Editing<'_>, key: &FileKey) -> Result<u32, Error> {
    let highest = project.keys.iter().map(|key| key.version).max().unwrap_or(0);
    let version =
        highest.checked_add(1).ok_or(Error::KeyNotFound { project: project.name.clone(), version: highest })?;
    project.keys.push(new_key(editing, project.id, version, key)?);
    Ok(version)
}

fn new_key(editing: &Editing<'_>, project: ProjectId, version: u32, key: &FileKey) -> Result<ProjectKey, Error> {
    let wrapped = wrap(editing.vault, editing.data_key, project, version, key)?;
    Ok(ProjectKey {
        version,
        state: KeyState::Active,
        created: editing.now,
        wrapped,
        seen: None,
        others: Default::default(),
    })
}

/// Wraps a file key for its place in a vault.
pub(super) fn wrap(
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
pub(super) fn renew_keys(
    payload: &mut Payload,
    from: (VaultId, &DataKey),
    to: (VaultId, &DataKey),
) -> Result<(), Error> {
    check_renewable(payload)?;
    payload.anchor_key = super::anchor::renew_key(&payload.anchor_key, from, to)?;
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
        let damaged = |error: cobblestone::OpenError| Error::Damaged {
            what: format!("secret {}", secret.id),
            detail: error.to_string(),
        };
        let context = |vault: VaultId| [label::SECRET, vault.as_bytes(), secret.id.as_bytes()].concat();
        let value = cobblestone::open(from.1.expose(), &[&context(from.0)], &secret.wrapped.0).map_err(damaged)?;
        secret.wrapped = Base64(cobblestone::seal(to.1.expose(), &[&context(to.0)], &value)?);
    }
    Ok(())
}

pub(super) fn unwrap(
    vault: VaultId,
    data_key: &DataKey,
    project: &Project,
    held: &ProjectKey,
) -> Result<FileKey, Error> {
    let number = held.version.to_be_bytes();
    let context = [label::FILE_KEY, vault.as_bytes(), project.id.as_bytes(), &number];
    let open = |key: &mut _| cobblestone::open_key(data_key.expose(), &context, &held.wrapped.0, key);
    FileKey::fill_with(open).map_err(|error| Error::Damaged {
        what: format!("key version {} of project {:?}", held.version, project.name),
        detail: error.to_string(),
    })
}
