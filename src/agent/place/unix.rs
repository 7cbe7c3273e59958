//! A place on Unix: a socket, and the lock that decides whose it is.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::{PlaceError, name};
use crate::agent::transport::{Listener, PATH_LIMIT};
use crate::disk::{self, IoAction};

/// The place of a vault's agent, whether or not there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    socket: PathBuf,
    lock: PathBuf,
}

impl Place {
    /// Returns the places of a vault file's agent in these folders, in their order, without those whose paths are too
    /// long for a socket.
    ///
    /// # Errors
    /// [`PlaceError::NoVault`]; [`PlaceError::TooLong`] if none is left.
    pub fn all(folders: &[PathBuf], vault_file: &Path) -> Result<Vec<Self>, PlaceError> {
        let name = name("", vault_file)?;
        let place = |folder: &PathBuf| Self {
            socket: folder.join(format!("{name}.sock")),
            lock: folder.join(format!("{name}.lock")),
            folder: folder.clone(),
        };
        let fits = |place: &Self| place.socket.as_os_str().len() <= PATH_LIMIT;
        let places: Vec<Self> = folders.iter().map(place).filter(fits).collect();
        if places.is_empty() { Err(PlaceError::TooLong) } else { Ok(places) }
    }

    /// Returns the path of the socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Tells whether a socket of this user is there, in a folder that only this user can look into.
    ///
    /// # Errors
    /// [`PlaceError::NotPrivate`], [`PlaceError::Squatted`], [`PlaceError::Io`].
    pub fn has_socket(&self) -> Result<bool, PlaceError> {
        match check_private(&self.folder) {
            Err(PlaceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(own_socket(&self.socket)?.is_some()),
        }
    }

    /// Takes the place for this process, until it ends: makes the folder if it is not there, takes the lock, and puts a
    /// new socket in the place of one that nobody listens to any more.
    ///
    /// # Errors
    /// [`PlaceError::Taken`] if an agent is there; [`PlaceError::NotPrivate`], [`PlaceError::Squatted`],
    /// [`PlaceError::Io`].
    pub fn take(&self) -> Result<Taken, PlaceError> {
        let io_error = |action, path: &Path| {
            let path = path.to_path_buf();
            move |source| PlaceError::Io { action, path, source }
        };
        disk::create_own_folder(&self.folder).map_err(io_error(IoAction::Make, &self.folder))?;
        check_private(&self.folder)?;
        // The lock decides who the agent is, and not the socket: a socket stays behind when its process is killed, and
        // one that ends must not take away the next one's.
        let lock = disk::lock(&self.lock, Duration::ZERO).map_err(io_error(IoAction::Lock, &self.lock))?;
        let lock = lock.ok_or(PlaceError::Taken)?;
        if own_socket(&self.socket)?.is_some() {
            fs::remove_file(&self.socket).map_err(io_error(IoAction::Delete, &self.socket))?;
        }
        let listener = Listener::bind(&self.socket).map_err(io_error(IoAction::Make, &self.socket))?;
        let number = own_socket(&self.socket)?.ok_or_else(|| PlaceError::Squatted { path: self.socket.clone() })?;
        Ok(Taken { place: self.clone(), listener, number, _lock: lock })
    }
}

/// Sees to it that a folder is no link, and this user's alone.
fn check_private(path: &Path) -> Result<(), PlaceError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let refused = |reason| PlaceError::NotPrivate { path: path.into(), reason };
    let folder = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(folder) => File::from(folder),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => return Err(refused("it is not a folder")),
        Err(error) => return Err(PlaceError::Io { action: IoAction::Open, path: path.into(), source: error.into() }),
    };
    let metadata = folder.metadata();
    let metadata = metadata.map_err(|source| PlaceError::Io { action: IoAction::Find, path: path.into(), source })?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(refused("other users may look into it"));
    }
    Ok(())
}

/// Which file something is.
type FileNumber = (u64, u64);

/// Looks for a socket of this user; `None` if nothing is there.
fn own_socket(path: &Path) -> Result<Option<FileNumber>, PlaceError> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() && there.uid() == rustix::process::geteuid().as_raw() => {
            Ok(Some((there.dev(), there.ino())))
        }
        Ok(_) => Err(PlaceError::Squatted { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PlaceError::Io { action: IoAction::Find, path: path.into(), source }),
    }
}

/// A place that this process listens at. Its lock is given back when this is dropped.
pub struct Taken {
    place: Place,
    pub(in crate::agent) listener: Listener,
    number: FileNumber,
    _lock: File,
}

impl Taken {
    /// Returns the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Tells whether the socket is still there. At the last logout of a user, the system removes the whole folder.
    #[must_use]
    pub fn is_there(&self) -> bool {
        own_socket(&self.place.socket).is_ok_and(|found| found == Some(self.number))
    }

    /// Removes the socket, unless another is in its place. No client finds it then.
    pub fn remove_socket(&self) {
        if self.is_there() {
            // One that stays is replaced by the next agent.
            let _ = fs::remove_file(&self.place.socket);
        }
    }
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("place", &self.place).finish_non_exhaustive()
    }
}
