//! The seam between sealed files and whoever has file keys. A sealed file asks for its content key, and never sees the
//! file key that wraps it.

use crate::crypto::secret::{ContentKey, FileKey, ProjectFileKey};
use crate::crypto::{RandomUnavailable, cobblestone};
use crate::error::Error;
use crate::format::label;
use crate::format::sealed::PRELUDE_LEN;

/// A content key as the header of a sealed file holds it: under a file key that the header does not name.
#[derive(Debug, Clone, Copy)]
pub struct WrappedKey<'a> {
    /// The file's prelude, which is bound into the wrapped key.
    pub prelude: &'a [u8; PRELUDE_LEN],
    /// The body of the project stanza.
    pub stanza: &'a [u8],
}

impl WrappedKey<'_> {
    /// Unwraps the content key; `None` if it is not under this file key.
    #[must_use]
    pub fn unwrap_under(&self, file_key: &FileKey) -> Option<ContentKey> {
        let context = [label::CONTENT_KEY, self.prelude];
        ContentKey::fill_with(|key| cobblestone::open_key(file_key.expose(), &context, self.stanza, key)).ok()
    }
}

/// Which file key opened a sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedBy {
    /// The project's name.
    pub project: String,
    /// The key's version.
    pub version: u32,
}

/// Whoever has file keys: an unlocked vault, or the keys themselves.
pub trait FileKeys: Sync {
    /// Unwraps a content key with the file key that fits, and says which one that is; `None` if none of them fits.
    ///
    /// # Errors
    /// If a file key that may be the one cannot be had.
    fn unwrap(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error>;
}

impl FileKeys for ProjectFileKey {
    fn unwrap(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        let opened_by = || OpenedBy { project: self.project.clone(), version: self.version };
        Ok(wrapped.unwrap_under(&self.key).map(|content_key| (content_key, opened_by())))
    }
}

impl FileKeys for Vec<ProjectFileKey> {
    /// Tries one key after the other.
    fn unwrap(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.iter().find_map(|key| key.unwrap(wrapped).transpose()).transpose()
    }
}

/// Wraps a content key under a file key: the body of the project stanza.
pub(crate) fn wrap_under(
    file_key: &FileKey,
    prelude: &[u8; PRELUDE_LEN],
    content_key: &ContentKey,
) -> Result<Vec<u8>, RandomUnavailable> {
    cobblestone::seal(file_key.expose(), &[label::CONTENT_KEY, prelude], content_key.expose())
}
