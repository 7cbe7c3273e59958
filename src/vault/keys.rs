//! The file keys of an unlocked vault, for sealed files.

use super::Unlocked;
use super::contents::keys::{earlier_keys, unwrap};
use super::contents::project::normal;
use crate::crypto::secret::{ContentKey, ProjectFileKey};
use crate::error::Error;
use crate::format::sealed::PRELUDE_LEN;
use crate::format::vault::{Project, ProjectKey};
use crate::keys::{FileKeys, OpenedBy, WrappedKey, wrap_under};

/// Which file keys may open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among<'a> {
    /// Those of the whole vault.
    Vault {
        /// The project whose keys are tried before the others.
        first: Option<&'a str>,
    },
    /// Those of this project.
    Project(&'a str),
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

    /// Unwraps a content key with one of these file keys, and says with which; `None` if none of them fits.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a file key does not unwrap.
    pub fn unwrap_among(
        &self,
        wrapped: WrappedKey<'_>,
        among: Among<'_>,
    ) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        match among {
            Among::Vault { first } => first_fitting(self.candidate_keys(first), wrapped),
            Among::Project(project) => first_fitting(self.project_keys(project), wrapped),
        }
    }
}

impl FileKeys for Unlocked {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.unwrap_among(wrapped, Among::Vault { first: None })
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        Ok(wrap_under(&self.file_key(project, Some(version))?.key, prelude, content_key)?)
    }
}

fn first_fitting(
    mut keys: impl Iterator<Item = Result<ProjectFileKey, Error>>,
    wrapped: WrappedKey<'_>,
) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
    keys.find_map(|key| key.and_then(|key| key.unwrap_content_key(wrapped)).transpose()).transpose()
}
