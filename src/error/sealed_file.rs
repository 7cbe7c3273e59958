//! Why a sealed file could not be made, opened or moved. Whoever works on bytes knows no file's name, so none is in
//! here: [`BodyError::named`] adds it.

use std::io;
use std::time::Duration;

use crate::crypto::RandomUnavailable;
use crate::disk::plain;
use crate::format::FormatError;

use super::Error;

/// What went wrong with a sealed file. It does not name the file, and carries no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It does not begin as a sealed file does.
    #[error("it is not a sealed file")]
    NotSealed,
    /// It ends too early.
    #[error("it is truncated")]
    Truncated,
    /// It fails an integrity check or breaks the format's rules.
    #[error("it is damaged: {detail}")]
    Damaged {
        /// What does not hold.
        detail: String,
    },
    /// None of the keys opens its header.
    #[error("no key opens it")]
    WrongKey {
        /// It was sealed for recipients and for no project, so no file key opens it.
        is_delivery: bool,
    },
    /// Its format is newer than this program.
    #[error("it has format version {found}; this program reads version {known}")]
    UnsupportedVersion {
        /// The version found.
        found: u64,
        /// The newest version this program reads.
        known: u64,
    },
    /// It uses a feature of a newer format: a cipher suite, a flag, a stanza.
    #[error("it uses {0}, which this program does not have")]
    UnsupportedFeature(&'static str),
    /// What a new header was to hold does not fit into one.
    #[error("its header cannot be made: {0}")]
    Header(#[source] FormatError),
    /// Its header was rewritten as often as it can be.
    #[error("its header has been rewritten as often as it can be")]
    Exhausted,
    /// It changed meanwhile.
    #[error("it changed while it was being read")]
    Changed,
    /// Another process holds its lock.
    #[error("another process has held its lock for {} s", .waited.as_secs())]
    Busy {
        /// How long this one waited.
        waited: Duration,
    },
    /// The input could not be read.
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The output could not be written.
    #[error("the output cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The file itself, which was to be rewritten in place, could not be written.
    #[error("it cannot be rewritten: {0}")]
    Rewrite(#[source] io::Error),
    /// The file's lock could not be asked for.
    #[error("it cannot be locked: {0}")]
    Lock(#[source] io::Error),
    /// Whoever has the file keys could not use the one that is needed.
    #[error(transparent)]
    Keys(Box<Error>),
    /// The system has no random bytes.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

/// A sealed file by its name, and what went wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{}", in_words(.name, .searched, .source))]
pub struct SealedFileError {
    /// The file.
    pub name: String,
    /// Whose keys were tried.
    pub searched: String,
    /// What went wrong. Its variants tell the input ([`BodyError::Read`]), the output ([`BodyError::Write`]) and a
    /// file that is rewritten in place ([`BodyError::Rewrite`]) apart.
    pub source: BodyError,
}

impl BodyError {
    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged { detail: detail.into() }
    }

    /// Adds the file's name.
    #[must_use]
    pub fn named(self, name: &str) -> Error {
        self.named_among(name, "those that were tried")
    }

    /// Adds the file's name, and whose keys were tried.
    #[must_use]
    pub fn named_among(self, name: &str, searched: &str) -> Error {
        match self {
            // Neither is about the file.
            Self::Keys(error) => *error,
            Self::Random(error) => Error::Random(error),
            source => SealedFileError { name: name.to_owned(), searched: searched.to_owned(), source }.into(),
        }
    }
}

fn in_words(name: &str, searched: &str, error: &BodyError) -> String {
    match error {
        BodyError::NotSealed => format!("{name} is not a sealed file"),
        BodyError::Truncated => format!("{name} is truncated"),
        BodyError::Damaged { detail } => format!("{name} is damaged: {detail}"),
        BodyError::WrongKey { is_delivery: false } => format!("no key of {searched} opens {name}"),
        BodyError::WrongKey { is_delivery: true } => {
            format!("no key of {searched} opens {name}: it was sealed for a recipient's key, and not for a project")
        }
        BodyError::UnsupportedVersion { found, known } => {
            format!("{name} has format version {found}; this program reads version {known}")
        }
        BodyError::UnsupportedFeature(feature) => format!("{name} uses {feature}, which this program does not have"),
        BodyError::Header(error) => format!("the header of {name} cannot be made: {error}"),
        BodyError::Exhausted => format!("the header of {name} has been rewritten as often as it can be"),
        BodyError::Changed => format!("{name} changed while it was being used"),
        BodyError::Busy { waited } => {
            format!("{name} is busy: another process has held its lock for {} s", waited.as_secs())
        }
        BodyError::Read(source) => format!("cannot read {name}: {}", plain(source)),
        BodyError::Write(source) => format!("cannot write the output: {}", plain(source)),
        BodyError::Rewrite(source) => format!("cannot write {name}: {}", plain(source)),
        BodyError::Lock(source) => format!("cannot lock {name}: {}", plain(source)),
        BodyError::Keys(error) => error.to_string(),
        BodyError::Random(error) => error.to_string(),
    }
}

impl From<Error> for BodyError {
    fn from(error: Error) -> Self {
        Self::Keys(Box::new(error))
    }
}

impl From<FormatError> for BodyError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Malformed(detail) => Self::Damaged { detail },
            FormatError::Version { found, known } => Self::UnsupportedVersion { found, known },
            FormatError::Feature(feature) => Self::UnsupportedFeature(feature),
            // Of vaults and keychain items alone.
            FormatError::BeforeRelease | FormatError::Kdf(_) => Self::damaged(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{KeyPlace, NotFound};

    #[test]
    fn the_side_that_failed_is_the_one_that_is_named() {
        let broken = || io::Error::other("broken");
        let named = |error: BodyError| error.named("plans.sealed").to_string();
        assert_eq!(named(BodyError::Read(broken())), "cannot read plans.sealed: broken");
        assert_eq!(named(BodyError::Write(broken())), "cannot write the output: broken");
        assert_eq!(named(BodyError::Rewrite(broken())), "cannot write plans.sealed: broken");
        assert_eq!(named(BodyError::Lock(broken())), "cannot lock plans.sealed: broken");
    }

    #[test]
    fn the_keys_that_were_tried_are_named() {
        let error = BodyError::WrongKey { is_delivery: false }.named_among("plans.sealed", "project \"acme\"");
        assert_eq!(error.to_string(), "no key of project \"acme\" opens plans.sealed");
        let error = BodyError::WrongKey { is_delivery: false }.named("plans.sealed");
        assert_eq!(error.to_string(), "no key of those that were tried opens plans.sealed");
    }

    #[test]
    fn an_error_of_the_keys_keeps_its_own_words() {
        let missing = NotFound::Key(KeyPlace { project: "acme".into(), version: 3 });
        let error = BodyError::from(Error::from(missing.clone()));
        assert!(matches!(error.named("f"), Error::NotFound(found) if found == missing));
    }
}
