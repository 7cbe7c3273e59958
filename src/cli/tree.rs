//! The folders that outputs go to: made where they are missing, and synced once for all that was put in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::failure::Failure;
use crate::store::durable::{create_private_folder, folder_of, sync_folder};

/// The folders of one run.
#[derive(Default)]
pub struct Tree {
    standing: Mutex<BTreeSet<PathBuf>>,
    touched: Mutex<BTreeSet<PathBuf>>,
}

impl Tree {
    /// Makes a folder and its missing parents, readable by the owner alone.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn make(&self, folder: &Path) -> Result<(), Failure> {
        if self.standing.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
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
