//! The file keys of an unlocked vault, for sealed files.

use super::Unlocked;
use crate::crypto::secret::{ContentKey, ProjectFileKey};
use crate::error::Error;
use crate::keys::{FileKeys, OpenedBy, WrappedKey};

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
    /// Unwraps a content key with one of these file keys, and says with which; `None` if none of them fits.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a file key does not unwrap.
    pub fn unwrap_content_key(
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
    fn unwrap(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.unwrap_content_key(wrapped, Among::Vault { first: None })
    }
}

fn first_fitting(
    mut keys: impl Iterator<Item = Result<ProjectFileKey, Error>>,
    wrapped: WrappedKey<'_>,
) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
    keys.find_map(|key| key.and_then(|key| key.unwrap(wrapped)).transpose()).transpose()
}
