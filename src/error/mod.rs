//! The library's one error: each variant is something the caller can act on in its own way. What exactly happened is a
//! value inside it; the sentence is made from that, and no text has to be read to find out.

mod kinds;
mod logs;
mod sealed_file;
mod words;

use std::path::PathBuf;
use std::time::Duration;

pub use crate::disk::IoAction;
pub use kinds::{Begun, Difference, Exists, ItemError, KeyPlace, NotFound, Refused, RolledBack, Subject, Unsupported};
pub use logs::{LogAlarm, LogDifference, LogTrouble};
pub use sealed_file::{BodyError, SealedFileError};
pub use words::kind_of_system;

use crate::crypto::RandomUnavailable;
use crate::crypto::kdf::KdfError;
use crate::crypto::secret::PasswordError;
use crate::format::FormatError;
use crate::keychain::KeychainError;
use crate::store::StoreError;

/// Why an operation on a vault or a sealed file failed. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No wrap of the data key opens with this password. An altered wrap looks the same.
    #[error("{}", wrong_password(*.vault_may_be_damaged))]
    WrongPassword {
        /// The item was written before the computer last started: an older password may be in force.
        earlier_boot: bool,
        /// The vault file is not the one the anchor knows, so it may be damaged instead.
        vault_may_be_damaged: bool,
    },
    /// A recovery code that opens nothing of this vault.
    #[error("no valid recovery kit of this vault has this code")]
    WrongKit,
    /// What was named is not there.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// What was to be made is there already.
    #[error(transparent)]
    Exists(#[from] Exists),
    /// What was asked for is not done, though nothing is wrong with vault, file or keychain.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A format newer or older than this program.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// Bytes of a vault, a copy or an item that fail an integrity check or break the format's rules.
    #[error("{what} is damaged: {detail}")]
    Damaged {
        /// What is damaged.
        what: Subject,
        /// What does not hold.
        detail: String,
    },
    /// A sealed file that could not be made, opened or moved.
    #[error(transparent)]
    SealedFile(#[from] SealedFileError),
    /// Argon2 parameters out of range, or no memory for them.
    #[error(transparent)]
    Kdf(#[from] KdfError),
    /// Another process holds the vault's lock.
    #[error("{what} is busy: another process has held its lock for {} s", .waited.as_secs())]
    Busy {
        /// What is locked.
        what: Subject,
        /// How long this one waited.
        waited: Duration,
    },
    /// Something changed what this process was using.
    #[error("{what} changed while it was being used")]
    Changed {
        /// What changed.
        what: Subject,
    },
    /// The keychain could not be used.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
    /// The keychain answered, and what it holds is not this vault's key.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// Only the previous vault file opened, so that nothing may be changed until the user accepts it.
    #[error("{}", only_previous(.place, .reason, .keychain, *.other_key))]
    OnlyPrevious {
        /// The vault file.
        place: String,
        /// Why it cannot be used.
        reason: String,
        /// The keychain's name.
        keychain: String,
        /// The vault file is under a data key that this computer does not hold.
        other_key: bool,
        /// The generation of the previous one.
        generation: u64,
    },
    /// The vault file is older than, or other than, the last one this computer has seen.
    #[error("{}", .0)]
    RolledBack(RolledBack),
    /// An entry of the access log cannot be written, so that what it would record is not done.
    #[error("the access log cannot be written: {}", .0)]
    LogUnavailable(#[from] LogTrouble),
    /// The access log is not as this computer, or the vault, last recorded it. No entry is added until that is accepted.
    #[error("{}", .0)]
    LogAltered(LogAlarm),
    /// Something was begun, and a later step failed: what is in force now depends on what it was.
    #[error("{begun}: {cause}")]
    Unfinished {
        /// What was begun.
        begun: Begun,
        /// What went wrong.
        #[source]
        cause: Box<Error>,
    },
    /// The system refused to read or write the vault's file or folder.
    #[error("cannot {action} {path}: {}", crate::disk::plain(.source), path = .path.display())]
    Io {
        /// What was being done.
        action: IoAction,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The agent, which has the keys, gave no answer when they were needed, or one for which there is no other error.
    #[error("{reason}")]
    Agent {
        /// Why, in a sentence.
        reason: String,
    },
    /// The system has no random bytes.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        Refused::Password(error).into()
    }
}

fn only_previous(place: &str, reason: &str, keychain: &str, other_key: bool) -> String {
    if other_key {
        return format!("the item in {keychain} is not a key for this vault: the vault file is under another data key");
    }
    format!("the vault {place} is damaged: {reason}")
}

fn wrong_password(vault_may_be_damaged: bool) -> &'static str {
    if vault_may_be_damaged { "wrong password, or the vault file is damaged" } else { "wrong password" }
}

impl Error {
    /// Says what was begun when this happened.
    pub(crate) fn after(self, begun: Begun) -> Self {
        Self::Unfinished { begun, cause: Box::new(self) }
    }

    /// Puts what was being read to a format error.
    pub(crate) fn from_format(what: Subject, error: FormatError) -> Self {
        match error {
            FormatError::Malformed(detail) => Self::Damaged { what, detail },
            FormatError::Version { found, known } => Unsupported::Version { what, found, known }.into(),
            FormatError::Feature(feature) => Unsupported::Feature { what, feature }.into(),
            FormatError::BeforeRelease => Unsupported::BeforeRelease { what }.into(),
            FormatError::Kdf(error) => Self::Kdf(error),
        }
    }

    /// Puts the place to a store error.
    pub(crate) fn from_store(place: &str, error: StoreError) -> Self {
        let what = Subject::Vault(place.into());
        match error {
            StoreError::Io { action, path, source } => Self::Io { action, path, source },
            StoreError::TooLarge { .. } | StoreError::NotAFile { .. } | StoreError::ReadBack { .. } => {
                Self::Damaged { what, detail: error.to_string() }
            }
            StoreError::Busy { waited } => Self::Busy { what, waited },
            StoreError::Changed => Self::Changed { what },
        }
    }
}
