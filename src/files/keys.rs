//! The file keys that a run tries.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::body::{BodyError, Header, Opener, ReadAt};
use crate::crypto::secret::ContentKey;
use crate::error::Error;
use crate::failure::Failure;
use crate::format::sealed::PRELUDE_LEN;
use crate::keys::{FileKeys, OpenedBy, WrappedKey};
use crate::vault::{Among, Unlocked};

/// The keys that may open a file: those of the vault, or of one project, the one that opened the last file first.
pub struct Keys<'a> {
    vault: &'a Unlocked,
    project: Option<String>,
    last: Mutex<Option<String>>,
}

impl<'a> Keys<'a> {
    /// Takes the keys of the whole vault, or of the project named.
    ///
    /// # Errors
    /// Where there is no such project.
    pub fn of(vault: &'a Unlocked, project: Option<&str>) -> Result<Self, Error> {
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
    /// In words, with what to do about it.
    pub fn open(&self, path: &Path, file: File) -> Result<Opener<File>, Failure> {
        self.try_open(path, file).map_err(|error| self.explain(&path.display().to_string(), error))
    }

    /// Opens a sealed file, for whoever has other words for what goes wrong.
    ///
    /// # Errors
    /// Those of [`Opener::new`].
    pub fn try_open(&self, path: &Path, file: File) -> Result<Opener<File>, Error> {
        Opener::new(file, self).map_err(|error| self.named(&path.display().to_string(), error))
    }

    /// Opens the header of a sealed file alone.
    ///
    /// # Errors
    /// Those of [`Header::open`].
    pub fn try_open_header(&self, path: &Path, source: &dyn ReadAt) -> Result<Header, Error> {
        Header::open(source, self).map_err(|error| self.named(&path.display().to_string(), error))
    }

    /// Adds to what went wrong with a sealed file its name, and whose keys these are.
    pub fn named(&self, what: &str, error: BodyError) -> Error {
        error.named_among(what, &self.searched())
    }

    /// Says what could not be opened, with what to do about it.
    pub fn explain(&self, what: &str, error: Error) -> Failure {
        let of_other_project = matches!(error, Error::WrongKey { is_delivery: false, .. }) && self.project.is_some();
        let failure = Failure::of(format!("decrypt {what}"), error);
        if of_other_project { failure.hint("leave out --project to try the keys of every project") } else { failure }
    }
}

impl FileKeys for Keys<'_> {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        if let Some(project) = &self.project {
            return self.vault.unwrap_among(wrapped, Among::Project(project));
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
}
