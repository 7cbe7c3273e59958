//! Why this computer does not have what was asked of it. `failure/home.rs` puts it in words.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::config::ConfigError;
use super::project_file::ProjectFileError;
use crate::error::IoAction;
use crate::keychain::KeychainError;
use crate::store::StoreError;

/// A folder that is known only if there is a home folder, or if it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The vault's.
    Vault,
    /// That of keychain files.
    Keychains,
    /// That of the settings.
    Settings,
}

/// Why something of this computer could not be found, read or recorded. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Nothing names a folder, and there is no home folder.
    #[error("there is no home folder: HOME is not set, and the system knows none for this user")]
    NoHome {
        /// What it was needed for.
        wanted: Wanted,
    },
    /// The vault file is a link that leads nowhere.
    #[error(transparent)]
    Vault(StoreError),
    /// The vault's folder cannot be looked at.
    #[error(transparent)]
    VaultFolder(StoreError),
    /// A vault, or what is left of one, is where a new vault was to be made.
    #[error("a vault is there already: {}", .standing.join(", "))]
    Occupied {
        /// What is there.
        standing: Vec<String>,
        /// The vault file itself is there.
        has_vault: bool,
    },
    /// The keychain file of a new vault cannot be made.
    #[error(transparent)]
    KeychainFile(KeychainError),
    /// The keychain file would be in the vault's own folder.
    #[error("whoever copies that folder would have both halves of the key")]
    KeyBesideVault,
    /// The system refused to read or write the settings.
    #[error("cannot {action} {path}: {}", crate::disk::plain(.source), path = .path.display())]
    Io {
        /// What was being done.
        action: IoAction,
        /// The settings file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The settings file holds something else.
    #[error("the settings {path} are damaged: {detail}", path = .path.display())]
    Damaged {
        /// The settings file.
        path: PathBuf,
        /// What does not hold.
        detail: String,
    },
    /// What the user has chosen for this computer cannot be used or changed.
    #[error("{path}: {why}", path = .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        why: ConfigError,
    },
    /// The project file of a folder is not used.
    #[error("{path}: {why}", path = .path.display())]
    ProjectFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        why: ProjectFileError,
    },
    /// A newer program wrote the settings.
    #[error("a newer strongroom wrote the settings {path}", path = .path.display())]
    Newer {
        /// The settings file.
        path: PathBuf,
    },
    /// Another process holds the lock of the settings.
    #[error("another process has held the lock of {path} for {} s", .waited.as_secs(), path = .path.display())]
    Busy {
        /// The settings file.
        path: PathBuf,
        /// How long this one waited.
        waited: Duration,
    },
}

impl HomeError {
    /// Tells whether this user may not read the settings: then only what the user names counts.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}
