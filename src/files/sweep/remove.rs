//! Deleting opened copies, each only while it is still what was found.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{Copy, Entry, Proof, SealedCopies, Seen};
use crate::disk::folder_of;
use crate::files::edges::Edges;
use crate::files::error::{FileError, FilesError, Task};
use crate::files::find::{is_same_file, names_of, open_found, status_changed};
use crate::files::own::OwnFiles;
use crate::files::publish::sync_folder_of;
use crate::keys::FileKeys;

/// What may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// What the sealed file is proven to hold.
    Proven,
    /// What may exist nowhere else, too: the sealed file is not there, or does not open.
    LastCopies,
}

/// A file that is still what was found, and may be deleted.
pub struct Checked {
    path: PathBuf,
    file: File,
    metadata: Metadata,
}

/// Deletes a copy, and returns how many names the file had.
///
/// # Errors
/// [`FilesError`] if it is not what was found any more, must not be deleted, or cannot be.
pub fn remove(
    copy: &Copy,
    entry: &Entry,
    sealed: &SealedCopies,
    keys: &dyn FileKeys,
    own: &OwnFiles,
    allowed: Allowed,
) -> Result<u64, FilesError> {
    check(copy, entry, sealed, keys, own, allowed)?.unlink()
}

/// Sees to it that a copy is still what was found, and may be deleted.
///
/// # Errors
/// As [`remove`].
pub fn check(
    copy: &Copy,
    entry: &Entry,
    sealed: &SealedCopies,
    keys: &dyn FileKeys,
    own: &OwnFiles,
    allowed: Allowed,
) -> Result<Checked, FilesError> {
    let path = &copy.path;
    let refused = |why: FileError| FilesError::file(Task::Remove, path, why);
    if fs::symlink_metadata(path).map_err(|error| refused(FileError::System(error)))?.is_symlink() {
        return Err(refused(FileError::NotTheCopy));
    }
    let (file, metadata) = open_found(path, false)?;
    if own.what(path, Some(&metadata)).is_some() || own.is_copy_of_vault(&file) || own.is_other_vault(&file) {
        return Err(refused(FileError::VaultCopy));
    }
    if OwnFiles::is_kit(&file) {
        return Err(refused(FileError::Kit));
    }
    if Seen::of(&metadata) != copy.seen {
        return Err(refused(FileError::NotTheCopy));
    }
    match sealed.prove(&file, entry, keys, &|_| {}) {
        Proof::Same => {}
        Proof::Differs => return Err(refused(FileError::NotTheCopy)),
        Proof::Unproven(_) if allowed == Allowed::Proven => return Err(refused(FileError::LastCopy)),
        Proof::Unproven(_) => {
            let edges = Edges::of(&file).map_err(|error| refused(FileError::System(error)))?;
            if entry.edges.is_some_and(|known| known != edges) {
                return Err(refused(FileError::NotTheCopy));
            }
        }
    }
    Ok(Checked { path: path.clone(), file, metadata })
}

impl Checked {
    /// Deletes it, unless another file has come to stand there or this one was written to since it was opened.
    ///
    /// # Errors
    /// As [`remove`].
    pub fn unlink(self) -> Result<u64, FilesError> {
        let path = &self.path;
        let failed = |error: io::Error| FilesError::file(Task::Remove, path, FileError::System(error));
        let now = self.file.metadata().map_err(failed)?;
        let is_unwritten = Seen::of(&now) == Seen::of(&self.metadata);
        let is_unchanged = is_unwritten && status_changed(&now) == status_changed(&self.metadata);
        if !is_unchanged || !is_same_file(&now, path) {
            return Err(FilesError::file(Task::Remove, path, FileError::NotTheCopy));
        }
        unlink(path, &now).map_err(failed)?;
        sync_folder_of(path)?;
        Ok(names_of(&now))
    }
}

/// Deletes a name in the folder that it was checked in: what the path leads to could be another folder by now.
#[cfg(unix)]
fn unlink(path: &Path, file: &Metadata) -> io::Result<()> {
    use rustix::fs::{AtFlags, Mode, OFlags, open, statat, unlinkat};
    use std::os::unix::fs::MetadataExt;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = open(folder_of(path), OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let there = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "the types are the system's")]
    let is_it = (there.st_dev as u64, there.st_ino as u64) == (file.dev(), file.ino());
    if !is_it {
        return Err(io::Error::other("another file is there by now"));
    }
    Ok(unlinkat(&folder, name, AtFlags::empty())?)
}

#[cfg(not(unix))]
fn unlink(path: &Path, _: &Metadata) -> io::Result<()> {
    fs::remove_file(path)
}
