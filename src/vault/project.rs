//! The projects of an unlocked vault, and their file keys.

use std::collections::BTreeMap;

use super::Unlocked;
use super::contents::Effect;
use super::contents::change::Change;
use super::contents::keys::{SharedKey, SharedKeys, shared_keys, unwrap};
use super::contents::project::{NewProject, ProjectInfo, checked_name, find, usable};
use crate::crypto::secret::{FileKey, ProjectFileKey};
use crate::error::{Error, KeyPlace, NotFound, Refused};
use crate::format::vault::{Document, KeyState, Project, ProjectKey};
use crate::keys::HeldKey;

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
    /// [`NotFound::Project`].
    pub fn project(&self, name: &str) -> Result<ProjectInfo, Error> {
        find(&self.payload, name).map(ProjectInfo::from)
    }

    /// Returns one project that has not been destroyed.
    ///
    /// # Errors
    /// [`NotFound::Project`], [`NotFound::Destroyed`].
    pub fn usable_project(&self, name: &str) -> Result<ProjectInfo, Error> {
        find(&self.payload, name).and_then(usable).map(ProjectInfo::from)
    }

    /// Adds a project with its first file key.
    ///
    /// # Errors
    /// [`Exists::Project`](crate::error::Exists), [`Refused::ProjectName`], those of a vault write.
    pub fn add_project(&mut self, new: &NewProject) -> Result<ProjectInfo, Error> {
        self.add_projects(std::slice::from_ref(new))?;
        self.project(&checked_name(&new.name)?)
    }

    /// Adds many projects in one write: all of them or none.
    ///
    /// # Errors
    /// As [`Unlocked::add_project`].
    pub fn add_projects(&mut self, new: &[NewProject]) -> Result<(), Error> {
        self.change(&Change::ProjectsAdded(new)).map(drop)
    }

    /// Renames a project. Its files stay its files: nothing in them names it. A destroyed one keeps the name it has on
    /// record.
    ///
    /// # Errors
    /// [`NotFound::Project`], [`NotFound::Destroyed`], [`Exists::Project`](crate::error::Exists),
    /// [`Refused::ProjectName`], those of a vault write.
    pub fn rename_project(&mut self, old: &str, new: &str) -> Result<Effect, Error> {
        let name = &checked_name(new)?;
        self.change(&Change::ProjectRenamed { project: old, name })
    }

    /// Makes a new file key the project's current one; earlier ones still open what they sealed. Returns its version.
    ///
    /// # Errors
    /// [`NotFound::Project`], those of a vault write.
    pub fn rotate_file_key(&mut self, project: &str) -> Result<u32, Error> {
        self.change(&Change::KeyRotated { project })?;
        self.current_version(project)
    }

    /// Marks a version that no file should be under any more, or takes the mark off. It still opens files.
    ///
    /// # Errors
    /// [`NotFound::Project`], [`NotFound::Key`]; [`Refused::KeyInUse`] for the version that encrypts, or
    /// where taking the mark off would make another version encrypt; those of a vault write.
    pub fn retire_file_key(&mut self, project: &str, version: u32, retired: bool) -> Result<Effect, Error> {
        self.change(&match retired {
            true => Change::KeyRetired { project, version },
            false => Change::KeyReinstated { project, version },
        })
    }

    /// Notes that a file was sealed under a project's current key, unless that was noted before.
    ///
    /// # Errors
    /// [`NotFound::Project`], [`NotFound::Destroyed`], those of a vault write.
    pub fn note_sealed(&mut self, project: &str) -> Result<Effect, Error> {
        self.change(&Change::KeyUsed { project })
    }

    /// Remembers how many files a scan found under each version of a project's key: those not named, none.
    ///
    /// # Errors
    /// [`NotFound::Project`], those of a vault write.
    pub fn remember_scan(&mut self, project: &str, files: &BTreeMap<u32, u64>) -> Result<(), Error> {
        self.change(&Change::FilesCounted { project, files }).map(drop)
    }

    /// Makes a file key from elsewhere the project's current one. Returns its version.
    ///
    /// # Errors
    /// [`NotFound::Project`]; [`Exists::Key`](crate::error::Exists) if the project holds this key;
    /// [`Exists::KeyElsewhere`](crate::error::Exists) if another project of the vault does and that is not allowed;
    /// those of a vault write.
    pub fn import_file_key(&mut self, project: &str, key: &FileKey, shared: SharedKeys) -> Result<u32, Error> {
        self.change(&Change::KeyImported { project, key, shared })?;
        self.current_version(project)
    }

    fn current_version(&self, project: &str) -> Result<u32, Error> {
        let project = find(&self.payload, project)?;
        let current = project.current().map(|key| key.version);
        current.ok_or_else(|| Error::NotFound(NotFound::Key(KeyPlace { project: project.name.clone(), version: 0 })))
    }

    /// Reads vault file and anchor again, and sees to it that this key is still in the vault: another process may have
    /// destroyed its project since, or somebody put another vault file in place. Files that are under the key alone
    /// would be lost then.
    ///
    /// # Errors
    /// [`NotFound::Destroyed`]; [`NotFound::Key`] if the vault file lacks the key; [`Refused::Unchecked`] if
    /// it is under another data key than when it was unlocked; [`NotFound::Vault`], [`Error::Damaged`],
    /// [`Error::RolledBack`], [`Error::Io`].
    pub fn check_still_holds(&mut self, key: &HeldKey) -> Result<(), Error> {
        let _lock = self.lock()?;
        let own = self.document.header.data_key;
        if let Ok(Some(bytes)) = self.edges.store.load()
            && let Ok(document) = Document::parse(&bytes)
            && (document.header.vault, document.header.data_key) != (self.id(), own)
        {
            return Err(Error::Refused(Refused::Unchecked { place: self.edges.store.place() }));
        }
        self.reload()?;
        self.check_writable()?;
        // By the key itself: its project may have been renamed.
        let held =
            self.payload.projects.iter().flat_map(|project| project.keys.iter().map(move |held| (project, held)));
        let mut usable = held.filter(|(_, held)| held.version == key.version && held.state != KeyState::Destroyed);
        let is_same = |(project, held): (&Project, &ProjectKey)| {
            let opened = unwrap(self.id(), &self.data_key, project, held);
            opened.is_ok_and(|opened| key.sign().unwrap_under(&opened).is_some())
        };
        if usable.any(is_same) {
            return Ok(());
        }
        find(&self.payload, &key.project).and_then(self::usable)?;
        Err(Error::NotFound(NotFound::Key(KeyPlace { project: key.project.clone(), version: key.version })))
    }

    /// Returns the keys of a project that other projects of the vault hold too: its files open through those as well.
    ///
    /// # Errors
    /// [`NotFound::Project`].
    pub fn shared_keys(&self, project: &str) -> Result<Vec<SharedKey>, Error> {
        let project = find(&self.payload, project)?;
        Ok(shared_keys(&self.payload, self.id(), &self.data_key, project))
    }

    /// Returns a project's current file key, or one version of it.
    ///
    /// # Errors
    /// [`NotFound::Project`], [`NotFound::Key`], [`Error::Damaged`].
    pub fn file_key(&self, project: &str, version: Option<u32>) -> Result<ProjectFileKey, Error> {
        let project = find(&self.payload, project).and_then(usable)?;
        let held = match version {
            Some(version) => project.keys.iter().find(|key| key.version == version && key.state != KeyState::Destroyed),
            None => project.current(),
        };
        let held = held.ok_or(Error::NotFound(NotFound::Key(KeyPlace {
            project: project.name.clone(),
            version: version.unwrap_or(0),
        })))?;
        let key = unwrap(self.id(), &self.data_key, project, held)?;
        Ok(ProjectFileKey { project: project.name.clone(), version: held.version, key })
    }
}
