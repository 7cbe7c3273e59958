//! Files that are for this user alone, and what interrupted writes leave beside them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Home;
use crate::disk::{UNFINISHED_SUFFIX, folder_of, with_suffix};
use crate::store::{FolderStore, LOG_FOLDER, Store};

/// The files of a vault that are for this user alone, and those of the settings and a keychain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFiles {
    /// The vault's folder.
    pub folder: PathBuf,
    /// The files; they need not exist.
    pub files: Vec<PathBuf>,
    /// What interrupted writes have left.
    pub unfinished: Vec<PathBuf>,
}

impl Home {
    /// Lists the files of a vault that are for this user alone, those of its keychain file, if it has one, and the
    /// settings.
    pub fn private_files(&self, store: &FolderStore, keychain_file: Option<&Path>) -> PrivateFiles {
        let mut files = vec![store.file().to_path_buf(), store.previous()];
        let mut unfinished = vec![store.unfinished(), with_suffix(&store.previous(), UNFINISHED_SUFFIX)];
        let settings = self.settings.path().map(Path::to_path_buf);
        let keychain = keychain_file.map(|file| [file.to_path_buf(), with_suffix(file, ".anchor")]);
        for path in settings.into_iter().chain(keychain.into_iter().flatten()) {
            unfinished.push(with_suffix(&path, UNFINISHED_SUFFIX));
            files.push(path);
        }
        let logs = folder_of(store.file()).join(LOG_FOLDER);
        let names = store.log_names().unwrap_or_default();
        unfinished.extend(names.iter().filter(|name| name.ends_with(UNFINISHED_SUFFIX)).map(|name| logs.join(name)));
        unfinished.retain(|path| fs::symlink_metadata(path).is_ok());
        PrivateFiles { folder: folder_of(store.file()).into(), files, unfinished }
    }
}

/// Returns the permissions of a file that other users can read or change.
#[cfg(unix)]
pub fn mode_for_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Returns the permissions of a file that other users can read or change.
#[cfg(not(unix))]
pub fn mode_for_others(_: &Path) -> Option<u32> {
    None
}
