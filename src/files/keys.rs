//! The file keys that a run tries.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::error::{Aside, FilesError, Task};
use crate::body::{BodyError, Opener};
use crate::crypto::secret::ContentKey;
use crate::error::Error;
use crate::format::sealed::PRELUDE_LEN;
use crate::keys::{Drawn, FileKeys, OpenedBy, WrappedKey};
use crate::vault::{Among, OpenVault};

/// The keys that may open a file: those of the vault, or of one project, the one that opened the last file first.
pub struct Keys<'a> {
    vault: &'a dyn OpenVault,
    project: Option<String>,
    last: Mutex<Option<String>>,
}

impl<'a> Keys<'a> {
    /// Takes the keys of the whole vault, or of the project named.
    ///
    /// # Errors
    /// Where there is no such project.
    pub fn of(vault: &'a dyn OpenVault, project: Option<&str>) -> Result<Self, Error> {
        let project = project.map(|project| vault.usable_project(project).map(|project| project.name)).transpose()?;
        Ok(Self { vault, project, last: Mutex::default() })
    }

    /// Lets a project's keys be tried before the others.
    pub fn try_first(&self, project: &str) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(project.to_owned());
    }

    /// Says whose keys these are.
    fn searched(&self) -> String {
        self.project.as_ref().map_or_else(|| "this vault".into(), |name| format!("project {name:?}"))
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    /// [`FilesError::Sealed`].
    pub fn open(&self, path: &Path, file: File) -> Result<Opener<File>, FilesError> {
        Opener::new(file, self).map_err(|error| self.not_opened(&path.display().to_string(), error))
    }

    /// Returns how many content keys are best unwrapped at once.
    pub(super) fn at_once(&self) -> usize {
        self.vault.unwraps_at_once()
    }

    /// Unwraps some of these content keys, in their order: none if that of the first fails.
    pub(super) fn unwrap_some(&self, wrapped: &[WrappedKey<'_>]) -> Vec<Option<(ContentKey, OpenedBy)>> {
        let last = self.last();
        let among = match &self.project {
            Some(project) => Among::Project(project),
            None => Among::Vault { first: last.as_deref() },
        };
        if wrapped.is_empty() {
            return Vec::new();
        }
        let unwrapped = self.vault.unwrap_some(wrapped, among).unwrap_or_default();
        if let Some((_, by)) = unwrapped.iter().flatten().last() {
            self.try_first(&by.project);
        }
        unwrapped
    }

    fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds to what went wrong with a sealed file its name, and whose keys these are.
    pub fn named(&self, what: &str, error: BodyError) -> Error {
        error.named_among(what, &self.searched())
    }

    /// Says what could not be opened.
    pub fn not_opened(&self, what: &str, error: BodyError) -> FilesError {
        let of_other_project = is_wrong_key(&error) && self.project.is_some();
        let aside = if of_other_project { Aside::OneProject } else { Aside::Nothing };
        FilesError::sealed(Task::Decrypt, what, self.named(what, error)).aside(aside)
    }
}

/// Tells whether a file was sealed under a project's key that is not among those that were tried.
pub fn is_wrong_key(error: &BodyError) -> bool {
    matches!(error, BodyError::WrongKey { is_delivery: false })
}

impl FileKeys for Keys<'_> {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        if let Some(project) = &self.project {
            return self.vault.unwrap_among(wrapped, Among::Project(project));
        }
        let last = self.last();
        let unwrapped = self.vault.unwrap_among(wrapped, Among::Vault { first: last.as_deref() })?;
        if let Some((_, by)) = &unwrapped
            && last.as_ref() != Some(&by.project)
        {
            self.try_first(&by.project);
        }
        Ok(unwrapped)
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        self.vault.wrap_content_key(project, version, prelude, content_key)
    }

    fn draw_content_key(&self, project: &str, version: u32, block_len: usize) -> Result<Drawn, Error> {
        self.vault.draw_content_key(project, version, block_len)
    }
}
