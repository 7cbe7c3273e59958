//! Whether a place is free for a new vault or a new keychain file.

use std::io;
use std::path::{Path, PathBuf};

use super::{Home, HomeError, Kind};
use crate::disk::folder_of;
use crate::error::IoAction;
use crate::format::VaultId;
use crate::keychain::{FileKeychain, KeychainError};
use crate::store::{FolderStore, Store};

/// Refuses a place where a vault is, or what is left of one.
///
/// # Errors
/// [`HomeError::Occupied`]; [`HomeError::VaultFolder`] if the folder cannot be looked at.
pub fn check_vacant(store: &FolderStore) -> Result<(), HomeError> {
    let standing = store.standing().map_err(HomeError::VaultFolder)?;
    if standing.is_empty() {
        return Ok(());
    }
    let has_vault = standing.iter().any(|path| Path::new(path) == store.file());
    Err(HomeError::Occupied { standing, has_vault })
}

/// Refuses a keychain file in or below the vault's own folder.
///
/// # Errors
/// [`HomeError::KeyBesideVault`].
pub fn check_apart(keychain_file: &Path, vault_file: &Path) -> Result<(), HomeError> {
    let is_below = without_links(keychain_file).starts_with(without_links(folder_of(vault_file)));
    if is_below { Err(HomeError::KeyBesideVault) } else { Ok(()) }
}

impl Home {
    /// Refuses a keychain file for a new vault if there is a file already, or, unless that is accepted, if it is in the
    /// vault's own folder.
    ///
    /// # Errors
    /// [`HomeError::KeychainFile`], [`HomeError::KeyBesideVault`].
    pub fn check_new_key(
        &self,
        kind: &Kind,
        vault: VaultId,
        vault_file: &Path,
        beside_vault: bool,
    ) -> Result<(), HomeError> {
        let Kind::FileAt(path) = self.whole_kind(kind, vault) else { return Ok(()) };
        if FileKeychain::exists(&path).map_err(HomeError::KeychainFile)? {
            let source = io::Error::new(io::ErrorKind::AlreadyExists, "a file is there already");
            return Err(HomeError::KeychainFile(KeychainError::File { action: IoAction::Make, path, source }));
        }
        if beside_vault { Ok(()) } else { check_apart(&path, vault_file) }
    }
}

/// Returns a path whose part that exists is free of links.
fn without_links(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    match existing {
        Some((part, whole)) => path.strip_prefix(part).map_or_else(|_| path.into(), |rest| whole.join(rest)),
        None => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_place_is_vacant_until_anything_of_a_vault_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path(), 1000).unwrap();
        assert!(check_vacant(&store).is_ok());
        for (path, is_vault) in [(store.previous(), false), (store.file().to_path_buf(), true)] {
            fs::write(&path, "anything").unwrap();
            let Err(HomeError::Occupied { standing, has_vault }) = check_vacant(&store) else { panic!("{path:?}") };
            assert!(has_vault == is_vault && standing.contains(&path.display().to_string()));
        }
    }

    #[test]
    fn a_key_is_beside_its_vault_under_any_name_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let [vault, other] = ["vault", "vault-keys"].map(|name| folder.path().join(name));
        fs::create_dir(&vault).unwrap();
        let file = vault.join("vault.json");
        assert!(matches!(check_apart(&vault.join("not/there/key"), &file), Err(HomeError::KeyBesideVault)));
        assert!(check_apart(&other.join("key"), &file).is_ok());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&vault, &other).unwrap();
            assert!(matches!(check_apart(&other.join("key"), &file), Err(HomeError::KeyBesideVault)));
        }
    }
}
