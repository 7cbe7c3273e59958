//! A place on Windows: a pipe. It ends with the process that has made it, and only one process can make it, so that there
//! is no lock and nothing stays behind.

use std::io;
use std::path::{Path, PathBuf};

use super::{PlaceError, name};
use crate::agent::transport::{Listener, connect, own_user};
use crate::disk::IoAction;

/// The place of a vault's agent, whether or not there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pipe: PathBuf,
}

impl Place {
    /// Returns the place of a vault file's agent: one for each user, in none of the folders.
    ///
    /// # Errors
    /// [`PlaceError::NoVault`]; [`PlaceError::Io`] if the system does not say who this user is.
    pub fn all(_folders: &[PathBuf], vault_file: &Path) -> Result<Vec<Self>, PlaceError> {
        let unknown = |source| PlaceError::Io { action: IoAction::Find, path: r"\\.\pipe".into(), source };
        let name = name(&own_user().map_err(unknown)?, vault_file)?;
        Ok(vec![Self { pipe: format!(r"\\.\pipe\strongroom-{name}").into() }])
    }

    /// Returns the path of the pipe.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.pipe
    }

    /// Tells whether a pipe is there. To see that, it is connected to.
    ///
    /// # Errors
    /// None on this system.
    pub fn has_socket(&self) -> Result<bool, PlaceError> {
        Ok(!matches!(connect(&self.pipe), Err(error) if error.kind() == io::ErrorKind::NotFound))
    }

    /// Takes the place for this process, until it ends.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] if an agent is there; [`PlaceError::Squatted`] if another user has a pipe of that name;
    /// [`PlaceError::Io`].
    pub fn take(&self) -> Result<Taken, PlaceError> {
        let listener = Listener::bind(&self.pipe).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => match connect(&self.pipe) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    PlaceError::Squatted { path: self.pipe.clone() }
                }
                // It answers, or is about to end.
                _ => PlaceError::Taken,
            },
            _ => PlaceError::Io { action: IoAction::Make, path: self.pipe.clone(), source },
        })?;
        Ok(Taken { place: self.clone(), listener })
    }
}

/// A place that this process listens at.
pub struct Taken {
    place: Place,
    pub(in crate::agent) listener: Listener,
}

impl Taken {
    /// Returns the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Tells whether the pipe is still there. Nobody can take it away.
    #[must_use]
    pub fn is_there(&self) -> bool {
        true
    }

    /// Takes the pipe away. No client finds it then; those that are connected stay so, and until they have gone nobody
    /// else can have the place.
    pub fn remove_socket(&self) {
        self.listener.close();
    }
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("place", &self.place).finish_non_exhaustive()
    }
}
