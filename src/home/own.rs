//! Where the program's own files are: those of the vault, the settings, and the keychain files that this computer knows.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::{Home, HomeError, Kind, VaultSettings};
use crate::disk::{UNFINISHED_SUFFIX, folder_of, with_suffix};
use crate::store::{FolderStore, LOG_FOLDER, VAULT_FILE};

/// What one of the program's own files is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// One of the vault's files.
    Vault,
    /// A keychain file, or one beside it.
    Keychain,
    /// The settings, or a file beside them.
    Settings,
}

/// Where some of them are. A file need not exist: the next write may make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One file.
    File(PathBuf),
    /// The files in a folder whose names begin so.
    Beginning {
        /// The folder.
        folder: PathBuf,
        /// How their names begin.
        beginning: OsString,
    },
    /// Every file in a folder and below it.
    Folder(PathBuf),
}

impl Home {
    /// Returns where the program's own files are.
    ///
    /// # Errors
    /// Those of finding the vault's folder and reading the settings.
    pub fn own_files(&self, store: &FolderStore) -> Result<Vec<(Place, Own)>, HomeError> {
        let file = store.file();
        // Beside the vault file: the previous one, the lock, unfinished writes, and what was set aside.
        let beginning = file.file_name().unwrap_or(OsStr::new(VAULT_FILE)).to_owned();
        let mut own = vec![
            (Place::Beginning { folder: folder_of(file).into(), beginning }, Own::Vault),
            (Place::Folder(folder_of(file).join(LOG_FOLDER)), Own::Vault),
            (Place::File(self.vault_folder()?.join(VAULT_FILE)), Own::Vault),
        ];
        for settings in [self.settings.path(), self.folders.config.as_deref()].into_iter().flatten() {
            let lock = with_suffix(settings, ".lock");
            let files = [settings.to_path_buf(), lock, with_suffix(settings, UNFINISHED_SUFFIX)];
            own.extend(files.map(|path| (Place::File(path), Own::Settings)));
        }
        own.extend(self.folders.keychain.clone().map(|folder| (Place::Folder(folder), Own::Keychain)));
        let known = match self.settings.all() {
            // Then vault and keychain are named, and what is not known here is not this computer's.
            Err(error) if error.is_refused() => Default::default(),
            other => other?,
        };
        let keychains = |known: VaultSettings| [vec![known.keychain], known.former, known.others].concat();
        for kind in known.into_values().flat_map(keychains).chain(self.named.keychain.clone()) {
            if let Kind::FileAt(path) = kind {
                let anchor = with_suffix(&path, ".anchor");
                let unfinished = [&path, &anchor].map(|path| with_suffix(path, UNFINISHED_SUFFIX));
                let files = unfinished.into_iter().chain([with_suffix(&path, ".lock"), anchor, path]);
                own.extend(files.map(|path| (Place::File(path), Own::Keychain)));
            }
        }
        Ok(own)
    }
}
