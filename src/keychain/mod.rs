//! Where a vault's two small items lie on this computer: the operating system's keychain or a file.
//!
//! An item is ASCII text that is ciphertext already; a keychain never sees a key. Nothing here knows what an
//! item means, asks the user or falls back from one kind to another.

mod deadline;
mod file;
mod memory;
#[cfg(feature = "os-keychain")]
mod os;
#[cfg(feature = "os-keychain")]
mod others;
#[cfg(all(feature = "os-keychain", unix, not(target_os = "macos")))]
mod secret_service;
#[cfg(all(feature = "os-keychain", unix, not(target_os = "macos")))]
mod trouble;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::disk::{self, IoAction};

pub use deadline::WithDeadline;
pub use file::FileKeychain;
pub use memory::{MemoryFault, MemoryKeychain};
#[cfg(feature = "os-keychain")]
pub use os::OsKeychain;
#[cfg(feature = "os-keychain")]
pub use others::{OthersItem, others_item};

/// The service every item of ours stands under.
#[cfg(feature = "os-keychain")]
const SERVICE: &str = "strongroom";

/// The largest item any kind accepts, in bytes: Windows Credential Manager takes 2,560.
pub const ITEM_LIMIT: usize = 2560;

/// Whose items a trial of a keychain is written as: no vault's. Each trial writes over the one before it, since some
/// keychains ask their user before they delete anything.
pub const TRIAL: &str = "doctor";

/// Which of a vault's two items.
///
/// They are apart so that the often-written anchor can never harm the precious data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// The wrapped data key.
    DataKey,
    /// The last vault write this computer has seen.
    Anchor,
}

impl ItemKind {
    /// Returns the name that stands in keychain entries: `data-key` or `anchor`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DataKey => "data-key",
            Self::Anchor => "anchor",
        }
    }
}

/// One stored item as a keychain found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// Tells this item from another with the same vault and kind; opaque, for [`Keychain::delete`].
    pub handle: String,
    /// The vault the item says it belongs to: a uuid in lower-case text.
    pub vault: String,
    /// Which of the two items.
    pub kind: ItemKind,
    /// The item's bytes; empty where [`Keychain::list`] made this.
    pub bytes: Vec<u8>,
}

/// What a keychain says of itself without prompting or changing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The provider's own name, such as `gnome-keyring`, or the file's path.
    pub provider: String,
    /// Whether the place items would be written to is locked.
    pub locked: bool,
}

/// Whether the operating system may ask the user to unlock the keychain.
#[derive(Clone)]
pub enum Prompting {
    /// Nobody can answer: a locked keychain is an error at once, and no service is started.
    Forbidden,
    /// A person can answer; the callback gets a line such as `waiting for you to unlock gnome-keyring` before they
    /// have to.
    Allowed(Arc<dyn Fn(&str) + Send + Sync>),
}

impl fmt::Debug for Prompting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "Forbidden",
            Self::Allowed(_) => "Allowed",
        })
    }
}

/// This computer's lock of a vault's items, as long as it is held. Dropping it gives the lock back; if the process is
/// killed, the system does.
#[must_use = "the lock is given back at once"]
pub struct ItemLock(Option<Box<dyn Send>>);

impl ItemLock {
    /// Makes a lock of whatever gives it back when it is dropped; `None` where nothing keeps two processes apart.
    pub fn new(held: Option<Box<dyn Send>>) -> Self {
        Self(held)
    }
}

impl fmt::Debug for ItemLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ItemLock").field(&self.0.is_some()).finish()
    }
}

/// Takes the lock of a lock file, which is made if it is not there.
fn lock_file(path: &Path, provider: String, wait: Duration) -> Result<ItemLock, KeychainError> {
    let locked = disk::create_own_folder(disk::folder_of(path)).and_then(|()| disk::lock(path, wait));
    let locked = locked.map_err(|source| KeychainError::File { action: IoAction::Lock, path: path.into(), source })?;
    let held = locked.ok_or(KeychainError::Busy { provider, waited: wait })?;
    Ok(ItemLock::new(Some(Box::new(held))))
}

/// A place for the two items of each vault.
///
/// Every implementation passes the contract suite in `tests/keychain_contract.rs`.
pub trait Keychain: Send + Sync {
    /// Names the kind and provider in a few words, for messages.
    fn name(&self) -> String;

    /// Tells whether the keychain can be used now. Never prompts, never starts a service.
    ///
    /// # Errors
    /// One of the situations of [`KeychainError`], but never `Ambiguous`.
    fn probe(&self) -> Result<Probe, KeychainError>;

    /// Returns every item stored for `vault` and `kind`: none, one or, where something else wrote there too, several.
    ///
    /// # Errors
    /// When the keychain could not answer. "No entry" is the empty list, which never means "first run".
    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError>;

    /// Writes the item, in place where it stands, and returns after the keychain has taken it.
    ///
    /// # Errors
    /// [`KeychainError::Ambiguous`] where more than one item matches (nothing is written), [`KeychainError::TooLong`]
    /// above [`ITEM_LIMIT`], or a keychain that could not answer.
    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError>;

    /// Writes the first item of a new vault. A kind whose place two vaults could name refuses where anything stands.
    ///
    /// # Errors
    /// As [`Keychain::set`]; [`KeychainError::File`] with `AlreadyExists` where a file stands there.
    fn create(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        self.set(vault, kind, bytes)
    }

    /// Takes this computer's lock of a vault's items, waiting at most `wait`. Whoever reads an item, changes it and
    /// writes it back holds the lock all the while: the lock of a vault file does not do, since copies of one vault
    /// share the items, and an anchor is also written by who does not change the vault.
    ///
    /// # Errors
    /// [`KeychainError::Busy`] where another process holds it all the while; [`KeychainError::File`].
    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError>;

    /// Tells whether what was written survives a power cut once it reads back. An OS keychain's program may write it
    /// out later than it says.
    fn settles_at_once(&self) -> bool {
        false
    }

    /// Deletes the one item that `handle` names; an item that is gone already is no error.
    ///
    /// # Errors
    /// When the keychain could not answer.
    fn delete(&self, handle: &str) -> Result<(), KeychainError>;

    /// Lists every item of ours, of all vaults, without its bytes. What is left of a [`TRIAL`] is none.
    ///
    /// # Errors
    /// When the keychain could not answer.
    fn list(&self) -> Result<Vec<StoredItem>, KeychainError>;
}

/// What can be wrong with a keychain, one variant for each thing the user can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeychainError {
    /// There is no session bus (no desktop session, SSH, container, CI).
    #[error("no session bus answers here, so there is no OS keychain")]
    NoBus,
    /// The bus answers but no program offers the Secret Service.
    #[error("no keychain service is running on the session bus")]
    NoService,
    /// The service can be started by the bus but did not come up.
    #[error("the keychain service was started but did not come up")]
    ActivationStalled,
    /// The service runs but has no default collection to keep items in.
    #[error("{provider} has no default collection to keep items in")]
    NoCollection {
        /// The provider's name.
        provider: String,
    },
    /// The collection is locked and nobody can be asked to unlock it.
    #[error("{provider} is locked")]
    Locked {
        /// The provider's name.
        provider: String,
    },
    /// The user dismissed the provider's unlock dialog.
    #[error("the unlock dialog of {provider} was dismissed")]
    PromptDismissed {
        /// The provider's name.
        provider: String,
    },
    /// The provider asks the user before it deletes an item, and nobody can be asked.
    #[error("{provider} asks before it deletes an item, and nobody can answer here")]
    AsksFirst {
        /// The provider's name.
        provider: String,
    },
    /// The keychain did not answer within the deadline.
    #[error("{provider} did not answer within {} s", .after.as_secs())]
    Unresponsive {
        /// The provider's name, or the bus name where not even that could be learned.
        provider: String,
        /// The deadline that passed.
        after: Duration,
        /// Whether the call that timed out was a write, which may or may not have happened.
        writing: bool,
    },
    /// The service went away while it was used, twice.
    #[error("{provider} went away while it was being used")]
    Vanished {
        /// The provider's name.
        provider: String,
    },
    /// More than one item matches, so none can be written.
    #[error("{provider} holds {count} items for this vault's {kind}", kind = .kind.name())]
    Ambiguous {
        /// The provider's name.
        provider: String,
        /// How many match.
        count: usize,
        /// Which item.
        kind: ItemKind,
    },
    /// Another process held the lock of the vault's items all the while.
    #[error("another process has been changing the vault's items in {provider} for {} s", .waited.as_secs())]
    Busy {
        /// The provider's name.
        provider: String,
        /// How long this one waited.
        waited: Duration,
    },
    /// The item is longer than the keychain takes.
    #[error("the item is longer than the {limit} bytes a keychain takes")]
    TooLong {
        /// The item's length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The keychain refused; the text is the provider's error name, never an item's bytes.
    #[error("{provider} refused: {reason}")]
    Rejected {
        /// The provider's name.
        provider: String,
        /// The provider's reason.
        reason: String,
    },
    /// A keychain file could not be read or written.
    #[error("cannot {action} the keychain file {path}: {}", crate::disk::plain(.source), path = .path.display())]
    File {
        /// What was being done.
        action: IoAction,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl KeychainError {
    /// Returns the stable word that `--json` errors carry for this situation.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoBus => "no-bus",
            Self::NoService => "no-service",
            Self::ActivationStalled => "activation-stalled",
            Self::NoCollection { .. } => "no-collection",
            Self::Locked { .. } => "locked",
            Self::PromptDismissed { .. } => "prompt-dismissed",
            Self::AsksFirst { .. } => "asks-first",
            Self::Unresponsive { .. } => "unresponsive",
            Self::Vanished { .. } => "vanished",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Busy { .. } => "busy",
            Self::TooLong { .. } => "too-long",
            Self::Rejected { .. } => "rejected",
            Self::File { .. } => "file",
        }
    }
}
