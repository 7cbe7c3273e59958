//! The seam between sealed files and whoever has file keys. A sealed file asks for its content key, and never sees the
//! file key that wraps it.

use std::sync::Arc;

use crate::crypto::secret::{ContentKey, FileKey, ProjectFileKey};
use crate::crypto::{RandomUnavailable, cobblestone};
use crate::error::{Error, KeyPlace, NotFound};
use crate::format::sealed::{BLOCK_STEP, PRELUDE_LEN, Prelude};
use crate::format::{FileId, label};

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
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error>;

    /// Wraps a content key under one version of a project's file key, for the file that begins with this prelude.
    /// Returns the body of the project stanza.
    ///
    /// # Errors
    /// [`NotFound::Project`] or [`NotFound::Key`] if there is no such file key; [`Error::Random`]; if the
    /// file key cannot be had.
    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error>;

    /// Draws the content key of a new file with blocks of that length, and wraps it under one version of a project's
    /// file key. Whoever asks somewhere else for each wrap can draw several at once.
    ///
    /// # Errors
    /// As [`FileKeys::wrap_content_key`].
    fn draw_content_key(&self, project: &str, version: u32, block_len: usize) -> Result<Drawn, Error> {
        let (prelude, content_key) = (Prelude { block_len, file: FileId::generate()? }, ContentKey::generate()?);
        let stanza = self.wrap_content_key(project, version, &prelude.to_bytes(), &content_key)?;
        Ok(Drawn { prelude, content_key, stanza })
    }
}

/// The content key of a new file, and the file that it is for.
#[derive(Debug)]
pub struct Drawn {
    /// The file's prelude, with a new id.
    pub prelude: Prelude,
    /// The key.
    pub content_key: ContentKey,
    /// The body of the project stanza.
    pub stanza: Vec<u8>,
}

/// The file key that a new file is sealed under, or an old one is moved to: which one, and whoever has it.
#[derive(Clone, Copy)]
pub struct SealingKey<'a> {
    /// Whoever has the file key.
    pub keys: &'a dyn FileKeys,
    /// The project's name, as those keys have it.
    pub project: &'a str,
    /// The key's version.
    pub version: u32,
}

impl SealingKey<'_> {
    /// Wraps a content key for the file that begins with this prelude.
    ///
    /// # Errors
    /// As [`FileKeys::wrap_content_key`].
    pub fn wrap(&self, prelude: &[u8; PRELUDE_LEN], content_key: &ContentKey) -> Result<Vec<u8>, Error> {
        self.keys.wrap_content_key(self.project, self.version, prelude, content_key)
    }

    /// Draws the content key of a new file with blocks of that length.
    ///
    /// # Errors
    /// As [`FileKeys::wrap_content_key`].
    pub fn draw(&self, block_len: usize) -> Result<Drawn, Error> {
        self.keys.draw_content_key(self.project, self.version, block_len)
    }

    /// Tells whether this is the file key that opened a file.
    #[must_use]
    pub fn is(&self, opened_by: &OpenedBy) -> bool {
        opened_by.project == self.project && opened_by.version == self.version
    }
}

/// A project's file key for a run of work, however long it takes, and a sign by which the same key is known later.
pub struct HeldKey {
    keys: Arc<dyn FileKeys + Send>,
    /// The project's name, as those keys have it.
    pub project: String,
    /// The key's version.
    pub version: u32,
    /// A wrapped content key of no file: whoever unwraps it has the same file key, whatever its project is called.
    sign: ([u8; PRELUDE_LEN], Vec<u8>),
}

impl HeldKey {
    /// Takes one version of a project's file key from whoever has it.
    ///
    /// # Errors
    /// As [`FileKeys::draw_content_key`].
    pub fn new(keys: Arc<dyn FileKeys + Send>, project: String, version: u32) -> Result<Self, Error> {
        let drawn = keys.draw_content_key(&project, version, BLOCK_STEP)?;
        Ok(Self { keys, project, version, sign: (drawn.prelude.to_bytes(), drawn.stanza) })
    }

    /// Returns it for one file.
    #[must_use]
    pub fn sealing(&self) -> SealingKey<'_> {
        SealingKey { keys: &*self.keys, project: &self.project, version: self.version }
    }

    /// Returns what only this file key unwraps.
    #[must_use]
    pub fn sign(&self) -> WrappedKey<'_> {
        WrappedKey { prelude: &self.sign.0, stanza: &self.sign.1 }
    }
}

impl std::fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HeldKey").field(&self.sealing()).finish()
    }
}

impl<'a> From<&'a ProjectFileKey> for SealingKey<'a> {
    fn from(key: &'a ProjectFileKey) -> Self {
        Self { keys: key, project: &key.project, version: key.version }
    }
}

impl std::fmt::Debug for SealingKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { project, version, .. } = self;
        f.debug_struct("SealingKey").field("project", project).field("version", version).finish_non_exhaustive()
    }
}

impl FileKeys for ProjectFileKey {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        let opened_by = || OpenedBy { project: self.project.clone(), version: self.version };
        Ok(wrapped.unwrap_under(&self.key).map(|content_key| (content_key, opened_by())))
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        if project != self.project || version != self.version {
            return Err(Error::NotFound(NotFound::Key(KeyPlace { project: project.into(), version })));
        }
        Ok(wrap_under(&self.key, prelude, content_key)?)
    }
}

impl FileKeys for Vec<ProjectFileKey> {
    /// Tries one key after the other.
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.iter().find_map(|key| key.unwrap_content_key(wrapped).transpose()).transpose()
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        let key = self.iter().find(|key| key.project == project && key.version == version);
        let key = key.ok_or_else(|| Error::NotFound(NotFound::Key(KeyPlace { project: project.into(), version })))?;
        key.wrap_content_key(project, version, prelude, content_key)
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
