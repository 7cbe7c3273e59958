//! What the outputs of a run share: the folders they go to, made where they are missing and synced once for all that
//! was put in them, and the room on the disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::disk::{create_private_folder, folder_of, sync_folder};
use crate::failure::{Exit, Failure};

/// After so many files in a row that found no room even alone, the rest is not tried.
const PATIENCE: usize = 8;

/// Room on the disk that several writers share.
#[derive(Default)]
pub struct Room {
    writers: RwLock<()>,
    refused: AtomicUsize,
}

impl Room {
    /// Runs `write`, and where the disk is full once more with no other writer beside it: what another writes at the
    /// time, and may have to drop, must not make this one fail.
    ///
    /// # Errors
    /// Those of `write`; "disk-full" without a try once the disk has proven to be full.
    pub fn write<T>(&self, doing: &str, write: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        if self.refused.load(Ordering::Relaxed) >= PATIENCE {
            return Err(Failure::new(Exit::Failed, "disk-full", format!("cannot {doing}"))
                .cause("it was not tried, since the disk is full")
                .hint("free some space and run it again with --update"));
        }
        let shared = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        let result = write();
        drop(shared);
        if result.as_ref().err().is_none_or(|failure| failure.kind != "disk-full") {
            self.refused.store(0, Ordering::Relaxed);
            return result;
        }
        let _alone = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        let result = write();
        match &result {
            Err(failure) if failure.kind == "disk-full" => self.refused.fetch_add(1, Ordering::Relaxed),
            _ => self.refused.swap(0, Ordering::Relaxed),
        };
        result
    }
}

/// The folders of one run.
#[derive(Default)]
pub struct Tree {
    standing: Mutex<BTreeSet<PathBuf>>,
    touched: Mutex<BTreeSet<PathBuf>>,
}

impl Tree {
    /// Makes a folder and its missing parents, readable by the owner alone. It is `root` or lies below it.
    ///
    /// # Errors
    /// Where the system refuses, or a symbolic link stands below the root: only the root's own name is the user's, and
    /// a link below it was put there by somebody to lead elsewhere.
    pub fn make(&self, root: &Path, folder: &Path) -> Result<(), Failure> {
        if self.standing.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        let below = folder.ancestors().take_while(|folder| *folder != root && folder.starts_with(root));
        if let Some(link) = below.into_iter().find(|folder| folder.is_symlink()) {
            return Err(Failure::new(Exit::Failed, "output-exists", format!("cannot write into {}", link.display()))
                .cause("it is a symbolic link")
                .hint("remove it, or name the folder it leads to with -o"));
        }
        let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
        create_private_folder(folder)
            .map_err(|error| Failure::io(format!("make the folder {}", folder.display()), &error))?;
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.into());
        // A new folder's name lasts once the one that holds it is synced.
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.extend(missing.into_iter().map(|folder| folder_of(folder).to_path_buf()));
        Ok(())
    }

    /// Tells that a file has got its name.
    pub fn named(&self, output: &Path) {
        let folder = folder_of(output);
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if !touched.contains(folder) {
            touched.insert(folder.into());
        }
    }

    /// Makes all of it last through a power cut.
    ///
    /// # Errors
    /// Where a folder cannot be synced: what is in it is whole, but may be gone after a power cut.
    pub fn sync(&self) -> Result<(), Failure> {
        for folder in self.touched.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            sync_folder(folder)
                .map_err(|error| Failure::io(format!("sync the folder {}", folder.display()), &error))?;
        }
        Ok(())
    }
}
