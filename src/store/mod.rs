//! Where a vault's document lies. A store keeps bytes; it never sees a key and does not know what they mean.

mod folder;
mod folder_logs;
mod logs;
mod memory;
mod memory_logs;

use std::path::PathBuf;
use std::time::Duration;

use crate::disk::{IoAction, plain};

pub use folder::{FolderStore, VAULT_FILE};
pub use folder_logs::LOG_FOLDER;
pub use logs::{LogAccess, LogFile, is_log_name};
pub use memory::{MemoryStore, StoreFault};
pub use memory_logs::{LogFault, MemoryLogs};

/// What becomes of the document that a write replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// There is none: the first write.
    Nothing,
    /// It opened in this run, so it becomes the previous document.
    BecomesPrevious,
    /// It is damaged, older or diverged: it is set aside under a name that ends in this text, and the previous
    /// document stays.
    SetAside(String),
}

/// Stands for one state of a document. Two stamps that are equal were taken of the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<i128>);

/// A place for one vault document and the one before it.
///
/// Reading takes no lock; writing goes through [`Store::lock`].
pub trait Store: Send + Sync {
    /// Names the place, for messages.
    fn place(&self) -> String;

    /// Returns the document; `None` where none stands.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::TooLarge`], [`StoreError::NotAFile`].
    fn load(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Tells the state of the document apart from others without reading it; `None` if only its bytes can.
    ///
    /// Whoever wants to learn later whether the document has changed takes the stamp before they load it.
    fn stamp(&self) -> Option<Stamp> {
        None
    }

    /// Returns the previous document; `None` where none stands.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn load_previous(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Names what stands in the place of a vault: the document, the previous one, an unfinished write.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn standing(&self) -> Result<Vec<String>, StoreError>;

    /// Takes the one lock that writing needs, waiting at most `wait`. The lock owns all that it needs.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where another process holds it all the while.
    fn lock(&self, wait: Duration) -> Result<Box<dyn LockedStore>, StoreError>;

    /// Returns the names of what is in the logs' folder, in order: those that [`is_log_name`] allows.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::NotAFile`] where something other than a folder is there.
    fn log_names(&self) -> Result<Vec<String>, StoreError>;

    /// Opens a file of a log; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::NotAFile`], also for a link.
    fn open_log(&self, name: &str, access: LogAccess) -> Result<Option<Box<dyn LogFile>>, StoreError>;

    /// Makes a file of a log, whole or not at all, and the folder for it. Returns after it will survive a power cut.
    ///
    /// The caller keeps others from it: one that is there is not replaced, but only as far as that shows beforehand.
    ///
    /// # Errors
    /// [`StoreError::Io`], also where one is there.
    fn make_log(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// Deletes a file of a log; one that is not there is no error.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn remove_log(&self, name: &str) -> Result<(), StoreError>;
}

/// A store while this process holds its lock. Dropping it gives the lock back.
pub trait LockedStore {
    /// Replaces the document whole or not at all, and returns after it will survive a power cut.
    ///
    /// `expected` is what the caller has read: where another document stands by now, nothing is written. `check` is
    /// handed the new bytes as they read back, before they take the document's place.
    ///
    /// Returns the name of what was set aside, if anything was.
    ///
    /// # Errors
    /// [`StoreError::Changed`], [`StoreError::ReadBack`] or [`StoreError::Io`]; the old document then stands, or, where
    /// the error says so, the new one that may not survive a power cut.
    fn replace(
        &mut self,
        bytes: &[u8],
        expected: Option<&[u8]>,
        replaced: &Replaced,
        check: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Option<String>, StoreError>;

    /// Makes `bytes`, the document that exists, the previous document as well. It is written for itself and is never a
    /// second name of the document, so that damage to one of them leaves the other whole. Returns after it will survive
    /// a power cut.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the previous document is then as it was, or, if the error says so, the new one that may not
    /// survive a power cut.
    fn write_second_copy(&mut self, bytes: &[u8]) -> Result<(), StoreError>;

    /// Makes the document that stands survive a power cut, whoever wrote it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn sync(&mut self) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("cannot {action} {path}: {}", plain(.source), path = .path.display())]
    Io {
        /// What was being done.
        action: IoAction,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// More bytes than a vault may have.
    #[error("{path} has {length} bytes, more than the {limit} a vault may have", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Something other than a file stands there.
    #[error("{path} is not a regular file", path = .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Another process held the lock all the while.
    #[error("another process has been changing it for {} s", .waited.as_secs())]
    Busy {
        /// How long this one waited.
        waited: Duration,
    },
    /// Another document stands than the one that was read.
    #[error("it was changed by something that does not take its lock")]
    Changed,
    /// What was written does not read back as it was.
    #[error("{path} does not read back as it was written", path = .path.display())]
    ReadBack {
        /// The file.
        path: PathBuf,
    },
}
