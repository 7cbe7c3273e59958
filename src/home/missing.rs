//! Vaults that this computer remembers and whose file is not where it was; keys that are not where they were.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Asking, Home, HomeError, Kind, VaultSettings, is_gone, is_same_file};
use crate::format::VaultId;
use crate::keychain::ItemKind;

/// What is in the place of a vault's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// Another vault's file.
    AnotherVault,
    /// Nothing.
    Nothing,
    /// Something that this user may not look at.
    Unreadable,
}

/// A vault whose file is not where it was: an `init` that was interrupted, or a vault that was moved or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingVault {
    /// Its id.
    pub id: String,
    /// What is remembered of it.
    pub known: VaultSettings,
    /// What is in its place.
    pub instead: Instead,
}

/// What only this computer knows of a keychain in which a vault's key was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// The keychain file is gone.
    FileGone {
        /// Where it was.
        path: PathBuf,
        /// The user named it.
        is_named: bool,
        /// Another place of it could be remembered.
        can_remember: bool,
    },
    /// Nobody has said where the key is, so the OS keychain was asked.
    Guessed,
    /// No more than the keychain itself says.
    AsSaid,
}

impl Home {
    /// Says what only this computer knows of a keychain in which a vault's key was not found.
    pub fn sought(&self, kind: &Kind, vault: VaultId) -> Sought {
        let is_named = self.named.keychain.is_some();
        match self.whole_kind(kind, vault) {
            Kind::FileAt(path) if is_gone(&path) => {
                Sought::FileGone { path, is_named, can_remember: self.folders.settings.is_some() }
            }
            Kind::Os if !is_named && !self.settings.of(vault).is_ok_and(|known| known.is_some()) => Sought::Guessed,
            _ => Sought::AsSaid,
        }
    }

    /// Lists the vaults whose file is not where it was, except `own`, whose file is `file`.
    ///
    /// # Errors
    /// Those of reading the settings.
    pub fn missing_vaults(&self, own: Option<VaultId>, file: &Path) -> Result<Vec<MissingVault>, HomeError> {
        let own_id = own.map(|own| own.to_string());
        let others = self.settings.all()?.into_iter().filter(|(id, _)| own_id.as_ref() != Some(id));
        let missing = others.filter_map(|(id, known)| {
            let place = Path::new(&known.place);
            let is_here = is_same_file(place, file);
            let instead = match fs::metadata(place) {
                _ if own.is_some() && is_here => Instead::AnotherVault,
                Ok(_) => return None,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    Instead::Nothing
                }
                // It is the vault that the caller looks at, who knows already why its file cannot be read.
                Err(_) if is_here => return None,
                Err(_) => Instead::Unreadable,
            };
            Some(MissingVault { id, known, instead })
        });
        Ok(missing.collect())
    }

    /// Returns the vault that this computer remembers at a vault file's place. Settings that cannot be read name none.
    pub fn remembered_at(&self, file: &Path) -> Option<String> {
        let place = file.display().to_string();
        self.settings.all().ok()?.into_iter().find_map(|(vault, known)| (known.place == place).then_some(vault))
    }

    /// Returns the vault that was once made at a vault file's place, if it is remembered: an `init` that was interrupted
    /// has left no anchor. Asks nothing.
    pub fn made_at(&self, file: &Path) -> Option<String> {
        let vault = self.remembered_at(file)?;
        let id: VaultId = vault.parse().ok()?;
        let known = self.settings.of(id).ok()??;
        let items = self.keychain(&known.keychain, id, Asking::silent).get(&vault, ItemKind::Anchor);
        items.is_ok_and(|items| !items.is_empty()).then_some(vault)
    }
}
