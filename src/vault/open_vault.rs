//! What can be done with an unlocked vault without the password, wherever it is unlocked: in this process, or in
//! another one that answers for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Among, Before, Effect, KitInfo, Logging, NewProject, Notice, ProjectInfo, SecretEdit, SecretInfo, Terms, Unlocked,
};
use crate::crypto::secret::{ContentKey, ProjectFileKey};
use crate::error::{Error, KeyPlace, NotFound};
use crate::format::Timestamp;
use crate::format::log::{LogEnd, LoggedFile, NewEntry};
use crate::format::secret::SecretValue;
use crate::keys::{FileKeys, HeldKey, OpenedBy, WrappedKey};

/// An unlocked vault. What takes something away needs the password besides, and is only in [`Unlocked`].
pub trait OpenVault: FileKeys {
    /// Returns every project, by name.
    ///
    /// # Errors
    /// [`Error::Agent`] if the vault is unlocked in another process, which does not answer; so of all of these.
    fn projects(&self) -> Result<Vec<ProjectInfo>, Error>;

    /// Returns one project.
    ///
    /// # Errors
    /// [`NotFound::Project`].
    fn project(&self, name: &str) -> Result<ProjectInfo, Error>;

    /// Returns one project that has not been destroyed.
    ///
    /// # Errors
    /// [`NotFound::Project`], [`NotFound::Destroyed`].
    fn usable_project(&self, name: &str) -> Result<ProjectInfo, Error> {
        let project = self.project(name)?;
        match project.destroyed {
            Some(at) => Err(NotFound::Destroyed { name: project.name, at }.into()),
            None => Ok(project),
        }
    }

    /// Returns every recovery kit there ever was.
    ///
    /// # Errors
    /// None of its own.
    fn kits(&self) -> Result<Vec<KitInfo>, Error>;

    /// As [`Unlocked::newest_time`].
    ///
    /// # Errors
    /// None of its own.
    fn newest_time(&self) -> Result<Timestamp, Error>;

    /// Sees to it that the vault may be changed, and new files sealed under its keys.
    ///
    /// # Errors
    /// As [`Unlocked::check_writable`].
    fn check_writable(&self) -> Result<(), Error>;

    /// Unwraps a content key with one of these file keys, and says with which; `None` if none of them fits.
    ///
    /// # Errors
    /// As [`Unlocked::unwrap_among`].
    fn unwrap_among(&self, wrapped: WrappedKey<'_>, among: Among<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error>;

    /// Returns how many content keys are best unwrapped at once: several if each question takes its time.
    fn unwraps_at_once(&self) -> usize {
        1
    }

    /// Unwraps content keys as [`OpenVault::unwrap_among`] does. Returns some of them, in their order: one at least.
    ///
    /// # Errors
    /// Those of the first of them.
    fn unwrap_some(
        &self,
        wrapped: &[WrappedKey<'_>],
        among: Among<'_>,
    ) -> Result<Vec<Option<(ContentKey, OpenedBy)>>, Error> {
        wrapped.iter().take(1).map(|wrapped| self.unwrap_among(*wrapped, among)).collect()
    }

    /// Returns a project's current file key, for files that are sealed under it.
    ///
    /// # Errors
    /// As [`Unlocked::file_key`].
    fn sealing_key(&self, project: &str) -> Result<HeldKey, Error>;

    /// Returns a project's current file key itself, or one version of it, to be shown.
    ///
    /// # Errors
    /// As [`Unlocked::file_key`].
    fn file_key(&self, project: &str, version: Option<u32>) -> Result<ProjectFileKey, Error>;

    /// Returns every secret without its value, by name.
    ///
    /// # Errors
    /// None of its own.
    fn secrets(&self) -> Result<Vec<SecretInfo>, Error>;

    /// Returns one secret without its value.
    ///
    /// # Errors
    /// As [`Unlocked::secret`].
    fn secret(&self, name: &str) -> Result<SecretInfo, Error>;

    /// Returns the value of a secret, or of one of its versions, to be shown.
    ///
    /// # Errors
    /// As [`Unlocked::secret_value`].
    fn secret_value(&self, name: &str, version: Option<usize>) -> Result<SecretValue, Error>;

    /// As [`Unlocked::edit_secret`].
    ///
    /// # Errors
    /// As there.
    fn edit_secret(&mut self, name: &str, edit: SecretEdit, before: Before) -> Result<Effect, Error>;

    /// Sees to it that a key is still in the vault as it is now.
    ///
    /// # Errors
    /// As [`Unlocked::check_still_holds`].
    fn check_still_holds(&mut self, key: &HeldKey) -> Result<(), Error>;

    /// As [`Unlocked::add_project`].
    ///
    /// # Errors
    /// As there.
    fn add_project(&mut self, new: &NewProject) -> Result<ProjectInfo, Error>;

    /// As [`Unlocked::rename_project`].
    ///
    /// # Errors
    /// As there.
    fn rename_project(&mut self, old: &str, new: &str) -> Result<Effect, Error>;

    /// As [`Unlocked::hold_project`].
    ///
    /// # Errors
    /// As there.
    fn hold_project(&mut self, name: &str, reason: &str, by: &str) -> Result<Effect, Error>;

    /// As [`Unlocked::set_engagement`].
    ///
    /// # Errors
    /// As there.
    fn set_engagement(&mut self, name: &str, terms: &Terms, by: &str) -> Result<Effect, Error>;

    /// As [`Unlocked::rotate_file_key`].
    ///
    /// # Errors
    /// As there.
    fn rotate_file_key(&mut self, project: &str) -> Result<u32, Error>;

    /// As [`Unlocked::retire_file_key`].
    ///
    /// # Errors
    /// As there.
    fn retire_file_key(&mut self, project: &str, version: u32, retired: bool) -> Result<Effect, Error>;

    /// As [`Unlocked::note_sealed`].
    ///
    /// # Errors
    /// As there.
    fn note_sealed(&mut self, project: &str) -> Result<Effect, Error>;

    /// As [`Unlocked::remember_scan`].
    ///
    /// # Errors
    /// As there.
    fn remember_scan(&mut self, project: &str, files: &BTreeMap<u32, u64>) -> Result<(), Error>;

    /// Returns what has to be logged of a project; of any of them, if none is named.
    ///
    /// # Errors
    /// None of its own.
    fn logging_for(&self, project: Option<&str>) -> Result<Logging, Error>;

    /// Records what is about to be done. What it is done for may only be released once this has returned.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    fn log_begin(&self, entry: &NewEntry) -> Result<u64, Error>;

    /// Records files that it was done to.
    ///
    /// # Errors
    /// As [`Unlocked::log_files`].
    fn log_files(&self, of: u64, files: &[LoggedFile]) -> Result<(), Error>;

    /// Records how what was begun ended.
    ///
    /// # Errors
    /// As [`Unlocked::log_end`].
    fn log_end(&self, of: u64, end: &LogEnd) -> Result<(), Error>;

    /// Takes what the user should be told, leaving nothing.
    fn take_notices(&mut self) -> Vec<Notice>;
}

/// Returns the version of a project's current file key.
///
/// # Errors
/// [`NotFound::Key`] if it has none.
pub fn current_version(project: &ProjectInfo) -> Result<u32, Error> {
    let current = project.keys.iter().find(|key| key.current).map(|key| key.version);
    current.ok_or_else(|| NotFound::Key(KeyPlace { project: project.name.clone(), version: 0 }).into())
}

impl OpenVault for Unlocked {
    fn projects(&self) -> Result<Vec<ProjectInfo>, Error> {
        Ok(self.projects())
    }

    fn project(&self, name: &str) -> Result<ProjectInfo, Error> {
        self.project(name)
    }

    fn kits(&self) -> Result<Vec<KitInfo>, Error> {
        Ok(self.kits())
    }

    fn newest_time(&self) -> Result<Timestamp, Error> {
        Ok(self.newest_time())
    }

    fn check_writable(&self) -> Result<(), Error> {
        self.check_writable()
    }

    fn unwrap_among(&self, wrapped: WrappedKey<'_>, among: Among<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.unwrap_among(wrapped, among)
    }

    fn sealing_key(&self, project: &str) -> Result<HeldKey, Error> {
        self.sealing_key(project)
    }

    fn file_key(&self, project: &str, version: Option<u32>) -> Result<ProjectFileKey, Error> {
        self.file_key(project, version)
    }

    fn secrets(&self) -> Result<Vec<SecretInfo>, Error> {
        Ok(self.secrets())
    }

    fn secret(&self, name: &str) -> Result<SecretInfo, Error> {
        self.secret(name)
    }

    fn secret_value(&self, name: &str, version: Option<usize>) -> Result<SecretValue, Error> {
        self.secret_value(name, version)
    }

    fn edit_secret(&mut self, name: &str, edit: SecretEdit, before: Before) -> Result<Effect, Error> {
        self.edit_secret(name, &edit, before)
    }

    fn check_still_holds(&mut self, key: &HeldKey) -> Result<(), Error> {
        self.check_still_holds(key)
    }

    fn add_project(&mut self, new: &NewProject) -> Result<ProjectInfo, Error> {
        self.add_project(new)
    }

    fn rename_project(&mut self, old: &str, new: &str) -> Result<Effect, Error> {
        self.rename_project(old, new)
    }

    fn hold_project(&mut self, name: &str, reason: &str, by: &str) -> Result<Effect, Error> {
        self.hold_project(name, reason, by)
    }

    fn set_engagement(&mut self, name: &str, terms: &Terms, by: &str) -> Result<Effect, Error> {
        self.set_engagement(name, terms, by)
    }

    fn rotate_file_key(&mut self, project: &str) -> Result<u32, Error> {
        self.rotate_file_key(project)
    }

    fn retire_file_key(&mut self, project: &str, version: u32, retired: bool) -> Result<Effect, Error> {
        self.retire_file_key(project, version, retired)
    }

    fn note_sealed(&mut self, project: &str) -> Result<Effect, Error> {
        self.note_sealed(project)
    }

    fn remember_scan(&mut self, project: &str, files: &BTreeMap<u32, u64>) -> Result<(), Error> {
        self.remember_scan(project, files)
    }

    fn logging_for(&self, project: Option<&str>) -> Result<Logging, Error> {
        Ok(self.logging_for(project))
    }

    fn log_begin(&self, entry: &NewEntry) -> Result<u64, Error> {
        self.log_begin(entry)
    }

    fn log_files(&self, of: u64, files: &[LoggedFile]) -> Result<(), Error> {
        self.log_files(of, files)
    }

    fn log_end(&self, of: u64, end: &LogEnd) -> Result<(), Error> {
        self.log_end(of, end)
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        self.take_notices()
    }
}

impl Unlocked {
    /// Returns a project's current file key, for files that are sealed under it: unwrapped once for all of them.
    ///
    /// # Errors
    /// As [`Unlocked::file_key`]; [`Error::Random`].
    pub fn sealing_key(&self, project: &str) -> Result<HeldKey, Error> {
        let key = self.file_key(project, None)?;
        let (project, version) = (key.project.clone(), key.version);
        HeldKey::new(Arc::new(key), project, version)
    }
}
