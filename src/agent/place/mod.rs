//! Where the agent of a vault listens, named from the vault's path. On Unix a socket in a folder that only its user can
//! look into, and never beside the vault: a shared folder or a drive of another system has no sockets. On Windows a pipe,
//! whose name is in no folder.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::transport::PATH_LIMIT;
use crate::crypto::hmac::sha256;
use crate::disk::{self, IoAction, plain};

#[cfg(unix)]
pub use unix::{Place, Taken};
#[cfg(windows)]
pub use windows::{Place, Taken};

/// How many bytes of the digest of the vault's path name its socket.
const NAME_BYTES: usize = 8;

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The vault file cannot be found.
    #[error("cannot find the vault file {path}: {}", plain(.source), path = .path.display())]
    NoVault {
        /// The vault file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No folder was named whose path is short enough.
    #[error("the path of every folder for sockets is too long (a socket's path may have {PATH_LIMIT} bytes)")]
    TooLong,
    /// Others could get into the folder.
    #[error("{path} is not used for a socket: {reason}", path = .path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something other than a socket of this user is in the socket's place.
    #[error("{path} is not a socket of this user", path = .path.display())]
    Squatted {
        /// The path.
        path: PathBuf,
    },
    /// An agent is there.
    #[error("an agent is running for this vault")]
    Taken,
    /// The system refused.
    #[error("cannot {action} {path}: {}", plain(.source), path = .path.display())]
    Io {
        /// What was being done.
        action: IoAction,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl PlaceError {
    /// Tells whether the disk has no room for a folder or a socket.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

/// Returns what the place of a vault file's agent is named by. `user` is part of it where the users of a computer have
/// no places of their own.
///
/// # Errors
/// [`PlaceError::NoVault`].
fn name(user: &str, vault_file: &Path) -> Result<String, PlaceError> {
    let no_vault = |source| PlaceError::NoVault { path: vault_file.into(), source };
    // From the path and not from the vault's id: to read that takes 10 ms if the vault is large.
    let path = canonical(vault_file).map_err(no_vault)?;
    let digest = sha256(&[user.as_bytes(), path.as_os_str().as_encoded_bytes()].concat());
    Ok(digest[..NAME_BYTES].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Follows the links in a file's path. One that is not there has a place, too: its agent can still be locked.
fn canonical(file: &Path) -> io::Result<PathBuf> {
    match (fs::canonicalize(file), file.file_name()) {
        (Err(error), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(fs::canonicalize(disk::folder_of(file))?.join(name))
        }
        (other, _) => other,
    }
}

#[cfg(all(test, unix))]
mod tests;
