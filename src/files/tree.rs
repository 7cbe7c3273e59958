//! What the outputs of a run share: the folders they go to, made where they are missing and synced once for all that
//! was put in them, and the room on the disk.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use super::error::{FileError, FilesError, OutputError, Task};
use super::find::status_changed;
use super::spelling::{Listings, steps, twin_of};
use crate::disk::publish::is_unfinished;
use crate::disk::{folder_of, make_private_folders, sync_folder};

/// After so many files in a row that found no room even alone, the rest is not tried.
const PATIENCE: usize = 8;

/// The space on the disk that several writers share.
#[derive(Default)]
pub struct DiskSpace {
    writers: RwLock<()>,
    refused: AtomicUsize,
}

impl DiskSpace {
    /// Runs `write`, and where the disk is full once more with no other writer beside it: what another writes at the
    /// time, and may have to drop, must not make this one fail.
    ///
    /// # Errors
    /// Those of `write`; [`FileError::DiskFull`] without a try once the disk has proven to be full.
    pub fn write<T>(
        &self,
        task: Task,
        path: &Path,
        write: impl Fn() -> Result<T, FilesError>,
    ) -> Result<T, FilesError> {
        if self.refused.load(Ordering::Relaxed) >= PATIENCE {
            return Err(FilesError::file(task, path, FileError::DiskFull));
        }
        let shared = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        let result = write();
        drop(shared);
        if result.as_ref().err().is_none_or(|error| !error.is_disk_full()) {
            self.refused.store(0, Ordering::Relaxed);
            return result;
        }
        let _alone = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        let result = write();
        match &result {
            Err(error) if error.is_disk_full() => self.refused.fetch_add(1, Ordering::Relaxed),
            _ => self.refused.swap(0, Ordering::Relaxed),
        };
        result
    }
}

/// The folders of one run.
#[derive(Default)]
pub struct Tree {
    folders: Mutex<Folders>,
    touched: Mutex<BTreeSet<PathBuf>>,
    before: Listings,
    began: Began,
}

/// When the run began.
struct Began(SystemTime);

impl Default for Began {
    fn default() -> Self {
        Self(SystemTime::now())
    }
}

#[derive(Default)]
struct Folders {
    roots: BTreeSet<PathBuf>,
    /// Those that were made or looked at.
    known: BTreeSet<PathBuf>,
}

impl Tree {
    /// Makes a folder and its missing parents, readable by the owner alone. It is `root` or lies below it.
    ///
    /// # Errors
    /// Where the system refuses; where a symbolic link is below the root: only the root's own name is the user's, and
    /// a link below it was put there by somebody to lead elsewhere; or where the drive does not tell the folder's name
    /// from another one's.
    pub fn make(&self, root: &Path, folder: &Path) -> Result<(), FilesError> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.roots.insert(root.into());
        if folders.known.contains(folder) {
            return Ok(());
        }
        let base = folders.base_of(root);
        let failed =
            |folder: &Path, error: io::Error| FilesError::file(Task::MakeFolder, folder, FileError::System(error));
        let mut touched = make_private_folders(base).map_err(|error| failed(base, error))?;
        for step in steps(base, folder) {
            if folders.known.contains(step) {
                continue;
            }
            if step != root && step.starts_with(root) && step.is_symlink() {
                return Err(FilesError::output(step, OutputError::Link));
            }
            let new = make_private_folders(step).map_err(|error| failed(step, error))?;
            if new.is_empty()
                && !self.before.had(folder_of(step), step)?
                && let Some(twin) = twin_of(folder_of(step), step)
            {
                return Err(FilesError::output(step, OutputError::Clash { twin }));
            }
            touched.extend(new);
            folders.known.insert(step.into());
        }
        folders.known.insert(folder.into());
        // A new folder's name lasts once the one that holds it is synced.
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).extend(touched);
        Ok(())
    }

    /// Tells whether an output was there before this run, under exactly this name: only then may it be replaced. What
    /// is published as a new file instead collides with whatever the drive takes for the same.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn had(&self, root: Option<&Path>, output: &Path) -> Result<bool, FilesError> {
        self.before.had(&self.base_of(root, output), output)
    }

    /// Says it if what is in the way of an output has another name that the drive does not tell from its own.
    pub fn explain(&self, root: Option<&Path>, output: &Path, error: FilesError) -> FilesError {
        if !matches!(&error, FilesError::Output { why, .. } if why.is_in_the_way()) {
            return error;
        }
        match twin_of(&self.base_of(root, output), output) {
            Some(twin) => FilesError::output(output, OutputError::Clash { twin }),
            None => error,
        }
    }

    fn base_of(&self, root: Option<&Path>, output: &Path) -> PathBuf {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        root.map_or_else(|| folder_of(output), |root| folders.base_of(root)).to_path_buf()
    }

    /// Is told that a file has got its name.
    pub fn named(&self, output: &Path) {
        let folder = folder_of(output);
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if !touched.contains(folder) {
            touched.insert(folder.into());
        }
    }

    /// Returns what interrupted runs left unfinished in the folders of this run's outputs: on a drive without unnamed
    /// files, a process that is killed removes nothing, and what it was writing may be plaintext.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = touched.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let left = entries.map(|entry| entry.path()).filter(|path| is_unfinished(path));
        // What changed since this run began may be another one's that is at work.
        left.filter(|path| changed(path).is_some_and(|changed| changed < self.began.0)).collect()
    }

    /// Makes all of it last through a power cut.
    ///
    /// # Errors
    /// Where a folder cannot be synced: what is in it is whole, but may be gone after a power cut.
    pub fn sync(&self) -> Result<(), FilesError> {
        for folder in self.touched.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            sync_folder(folder)
                .map_err(|error| FilesError::file(Task::SyncFolder, folder, FileError::System(error)))?;
        }
        Ok(())
    }
}

/// Returns when a file or its attributes were last changed; its modification time may be set to any.
fn changed(path: &Path) -> Option<SystemTime> {
    let found = fs::symlink_metadata(path).ok()?;
    status_changed(&found).or_else(|| found.modified().ok())
}

impl Folders {
    /// Returns the folder below which names may be twins of each other: the root, or where there are several, what
    /// holds them.
    fn base_of<'p>(&self, root: &'p Path) -> &'p Path {
        if self.roots.len() > 1 { folder_of(root) } else { root }
    }
}
