//! Which vault file speaks: the vault file itself, or the previous one in its place.

use std::sync::Arc;

use crate::error::{Error, NotFound, Subject};
use crate::format::FormatError;
use crate::format::vault::Document;
use crate::store::{Store, StoreError};
use crate::vault::{Source, Vault};

/// Why the previous vault file speaks.
pub struct Why {
    /// What is wrong with the vault file, in the middle of a sentence about it.
    pub reason: String,
    /// It is under a data key that this computer does not hold.
    pub other_key: bool,
}

impl Why {
    /// The vault file is damaged.
    pub fn damaged(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), other_key: false }
    }
}

impl From<Why> for Source {
    fn from(Why { reason, other_key }: Why) -> Self {
        Self::Previous { reason, other_key }
    }
}

impl Vault {
    /// Reads the vault file; where it is missing or does not parse, the previous one.
    ///
    /// # Errors
    /// [`NotFound::Vault`], [`Unsupported::Version`](crate::error::Unsupported), [`Error::Damaged`] where neither file
    /// parses, [`Error::Io`].
    pub fn open(store: Arc<dyn Store>) -> Result<Self, Error> {
        let place = store.place();
        let current = store.load();
        let failed = match current {
            Ok(Some(bytes)) => match Document::parse(&bytes) {
                Ok(document) => {
                    return Ok(Self { store, standing: Some(bytes), document, source: Source::Current });
                }
                Err(error @ (FormatError::Version { .. } | FormatError::BeforeRelease))
                    if !is_damaged_copy(&*store, &bytes) =>
                {
                    return Err(Error::from_format(Subject::Vault(place.clone()), error));
                }
                Err(error) => (Some(bytes), Error::from_format(Subject::Vault(place.clone()), error)),
            },
            Ok(None) => (None, Error::NotFound(NotFound::Vault { place: place.clone() })),
            Err(error @ (StoreError::TooLarge { .. } | StoreError::NotAFile { .. })) => {
                (None, Error::from_store(&place, error))
            }
            Err(error) => return Err(Error::from_store(&place, error)),
        };
        let (standing, error) = failed;
        let previous = store.load_previous().ok().flatten().and_then(|bytes| Document::parse(&bytes).ok());
        match previous {
            Some(document) => {
                let source = Why::damaged(reason_of(&error)).into();
                Ok(Self { store, standing, document, source })
            }
            None => Err(error),
        }
    }

    /// Lets the previous vault file speak where this one turns out to be of no use: the one rule for that. Only the
    /// vault file itself gives way. A copy is meant as it is, and behind the previous one there is nothing. `opens` is
    /// handed the vault file and the previous one, and returns what the previous one opens and why it is to speak;
    /// nothing changes where it returns `None`.
    ///
    /// # Errors
    /// Those of `opens`.
    pub(in crate::vault) fn let_previous_speak<T>(
        &mut self,
        opens: impl FnOnce(&Document, &Document) -> Result<Option<(T, Why)>, Error>,
    ) -> Result<Option<T>, Error> {
        if self.source != Source::Current {
            return Ok(None);
        }
        let bytes = self.store.load_previous().ok().flatten();
        let Some(previous) = bytes.and_then(|bytes| Document::parse(&bytes).ok()) else { return Ok(None) };
        let Some((opened, why)) = opens(&self.document, &previous)? else { return Ok(None) };
        self.document = previous;
        self.source = why.into();
        Ok(Some(opened))
    }
}

/// Tells whether a vault file is the previous one but for a single byte: that is damage and no other version.
fn is_damaged_copy(store: &dyn Store, bytes: &[u8]) -> bool {
    let Ok(Some(previous)) = store.load_previous() else { return false };
    previous.len() == bytes.len() && previous.iter().zip(bytes).filter(|(one, other)| one != other).count() == 1
}

/// Says why the vault file cannot be used, in the middle of a sentence about it.
pub fn reason_of(error: &Error) -> String {
    match error {
        Error::NotFound(NotFound::Vault { .. }) => "it is missing".into(),
        Error::Damaged { detail, .. } => detail.clone(),
        other => other.to_string(),
    }
}
