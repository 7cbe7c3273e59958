//! This computer: its folders, its settings, and the store and the keychain of a vault. Nothing here prints, asks or
//! ends the process: the caller gets a value, and says whether a keychain may ask the user.

pub mod calibration;
mod config;
mod copies;
mod error;
mod folders;
mod items;
mod keychains;
mod missing;
mod own;
mod paths;
mod private;
mod project_file;
mod settings;
mod synced;
mod toml;
mod trial;
mod user_folders;
mod vacancy;
mod who;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use config::{ConfigError, ConfigFile, Known, Takes};
pub use copies::{VaultCopy, copies_of};
pub use error::{HomeError, Wanted};
pub use folders::Folders;
pub use items::{Recorded, delete_all, key_in, or_empty, wraps_of};
pub use keychains::{Asking, Kind, file_keychain};
pub use missing::{Instead, MissingVault, Sought};
pub use own::{Own, Place};
pub use paths::{absolute, is_gone, is_same_file};
pub use private::mode_for_others;
pub use project_file::{ProjectFile, ProjectFileError};
pub use settings::{Kept, Settings, Unlogged, VaultSettings};
pub use synced::synced_by;
pub use toml::TomlFileError;
pub use trial::{Trial, left_trials, try_out};
pub use user_folders::{session_desktop, trash_on, user_folders};
pub use vacancy::{check_apart, check_vacant};
pub use who::who;

use crate::disk::work_for_owner_of;
use crate::format::VaultId;
use crate::format::vault::{Document, SIZE_LIMIT};
use crate::store::{FolderStore, Store};
use crate::vault::Vault;

/// What the user names in place of what this computer would take.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// The vault's folder.
    pub vault: Option<PathBuf>,
    /// The kind of keychain.
    pub keychain: Option<Kind>,
}

/// This computer, as one run sees it.
#[derive(Debug, Clone)]
pub struct Home {
    /// This user's folders.
    pub folders: Folders,
    /// This computer's settings.
    pub settings: Arc<Settings>,
    named: Named,
}

impl Home {
    /// Learns the folders. Reads no settings and no vault yet.
    ///
    /// # Errors
    /// [`HomeError::NoHome`] if a keychain file in the state folder is named, and there is no such folder.
    pub fn find(named: Named) -> Result<Self, HomeError> {
        let folders = Folders::find();
        let settings = Arc::new(Settings::new(folders.settings.clone()));
        let home = Self { folders, settings, named };
        home.named.keychain.as_ref().map_or(Ok(()), |kind| home.check_kind(kind))?;
        Ok(home)
    }

    /// Returns the same computer for a vault in another folder.
    pub fn at(&self, folder: &Path) -> Self {
        Self { named: Named { vault: Some(folder.into()), ..self.named.clone() }, ..self.clone() }
    }

    /// Returns the kind of keychain that the user names.
    pub fn named_keychain(&self) -> Option<&Kind> {
        self.named.keychain.as_ref()
    }

    /// Refuses a keychain file in the state folder if there is no such folder.
    ///
    /// # Errors
    /// [`HomeError::NoHome`].
    pub fn check_kind(&self, kind: &Kind) -> Result<(), HomeError> {
        if *kind == Kind::File && self.folders.keychain.is_none() {
            return Err(HomeError::NoHome { wanted: Wanted::Keychains });
        }
        Ok(())
    }

    /// Returns the vault's folder as a whole path: the one that is named, else that of `STRONGROOM_VAULT`, else the
    /// user's.
    ///
    /// # Errors
    /// [`HomeError::NoHome`] if nothing names it.
    pub fn vault_folder(&self) -> Result<PathBuf, HomeError> {
        let variable = std::env::var_os("STRONGROOM_VAULT").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let named = self.named.vault.as_ref().or(variable.as_ref()).or(self.folders.vault.as_ref());
        named.map(|folder| absolute(folder)).ok_or(HomeError::NoHome { wanted: Wanted::Vault })
    }

    /// Finds the project file of the working folder. If root runs this, the files of the vault's owner count as root's
    /// own.
    ///
    /// # Errors
    /// [`HomeError::ProjectFile`] if it is not to be used; [`HomeError::Io`] if it cannot be read.
    pub fn project_file(&self) -> Result<Option<ProjectFile>, HomeError> {
        if let Ok(folder) = self.vault_folder() {
            work_for_owner_of(&folder);
        }
        project_file::find()
    }

    /// Returns words that a guesser of a password would try first: the user's, the host's and the vault folder's names.
    pub fn guessable_words(&self) -> Vec<String> {
        let mut names = vec!["strongroom".to_owned(), "vault".to_owned()];
        names.extend(["USER", "LOGNAME", "USERNAME", "HOSTNAME"].iter().filter_map(|name| std::env::var(name).ok()));
        let folder = self.vault_folder().unwrap_or_default();
        names.extend(folder.iter().filter_map(|part| part.to_str().map(str::to_owned)));
        names
    }

    /// Returns what the user's account is called, where the system says so.
    pub fn account(&self) -> Option<String> {
        who::account().filter(|name| !name.is_empty())
    }

    /// Returns the program that asks the user a question without a terminal, if one is named as for ssh.
    pub fn askpass(&self) -> Option<PathBuf> {
        std::env::var_os("SSH_ASKPASS").filter(|program| !program.is_empty()).map(PathBuf::from)
    }

    /// Returns the store of the vault.
    ///
    /// # Errors
    /// As [`Home::vault_folder`]; [`HomeError::Vault`] if `vault.json` is a link that leads nowhere.
    pub fn store(&self) -> Result<FolderStore, HomeError> {
        let store = FolderStore::new(&self.vault_folder()?, SIZE_LIMIT).map_err(HomeError::Vault)?;
        work_for_owner_of(store.file());
        Ok(store)
    }

    /// Returns the kind of keychain that holds a vault's key: what the user names, else what this computer remembers,
    /// else the operating system's.
    ///
    /// # Errors
    /// Those of reading the settings.
    pub fn kind_of(&self, vault: VaultId) -> Result<Kind, HomeError> {
        if let Some(kind) = &self.named.keychain {
            return Ok(kind.clone());
        }
        Ok(self.settings.of(vault)?.map_or(Kind::Os, |settings| settings.keychain))
    }

    /// Returns the id under which this computer knows a vault file: that of the previous one, if the vault file's own
    /// is unknown. It may be what is damaged.
    ///
    /// # Errors
    /// Those of reading the settings.
    pub fn known_id(&self, store: &FolderStore, id: VaultId) -> Result<VaultId, HomeError> {
        if self.settings.of(id)?.is_some() {
            return Ok(id);
        }
        let previous = store.load_previous().ok().flatten().and_then(|bytes| Document::parse(&bytes).ok());
        let previous = previous.map_or(id, |previous| previous.header.vault);
        Ok(if self.settings.of(previous)?.is_some() { previous } else { id })
    }

    /// Remembers where a vault's key is stored.
    ///
    /// # Errors
    /// If the settings are damaged, or cannot be written though they may be.
    pub fn remember(&self, vault: VaultId, kind: &Kind, file: &Path) -> Result<Kept, HomeError> {
        self.settings.remember(vault, |known| self.settings_for(known, vault, kind, file))
    }

    /// Remembers the keychain that opened a vault, if this computer does not know the vault or its keychain file was
    /// moved. Returns the new place of a moved file. That the settings cannot be written is no error: the same command
    /// opens the vault again.
    ///
    /// # Errors
    /// As [`Home::remember`].
    pub fn remember_opened(&self, vault: VaultId, kind: &Kind, file: &Path) -> Result<Option<PathBuf>, HomeError> {
        match self.settings.of(vault) {
            Ok(None) => {
                // What another run has recorded since, stays.
                let unless_known =
                    |known: Option<VaultSettings>| known.unwrap_or_else(|| self.settings_for(None, vault, kind, file));
                self.settings.remember(vault, unless_known).map(|_| None)
            }
            Ok(Some(known)) => self.remember_moved(known, vault, kind, file),
            // The keychain was named, or nothing would have opened.
            Err(error) if error.is_refused() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers the new place of a keychain file that was moved: the remembered one is gone, and the one named opened.
    fn remember_moved(
        &self,
        known: VaultSettings,
        vault: VaultId,
        kind: &Kind,
        file: &Path,
    ) -> Result<Option<PathBuf>, HomeError> {
        let (Kind::FileAt(old), Kind::FileAt(new)) = (&known.keychain, self.whole_kind(kind, vault)) else {
            return Ok(None);
        };
        if *old == new || !is_gone(old) || self.other_file(vault, file)?.is_some() {
            return Ok(None);
        }
        let unless_moved = |now: Option<VaultSettings>| match now {
            Some(now) if now.keychain != known.keychain => now,
            now => self.settings_for(now, vault, kind, file),
        };
        let kept = self.settings.remember(vault, unless_moved)?;
        Ok(matches!(kept, Kept::Yes).then_some(new))
    }

    fn settings_for(&self, known: Option<VaultSettings>, vault: VaultId, kind: &Kind, file: &Path) -> VaultSettings {
        let keychain = self.whole_kind(kind, vault);
        let (mut former, others, offer_kit, unlogged) = match known {
            Some(known) => {
                ([known.former, vec![known.keychain]].concat(), known.others, known.offer_kit, known.unlogged)
            }
            None => Default::default(),
        };
        former.retain(|kind| *kind != keychain && matches!(kind, Kind::FileAt(path) if !is_gone(path)));
        former.dedup();
        VaultSettings { keychain, place: file.display().to_string(), former, others, offer_kit, unlogged }
    }

    /// Returns where this computer has another file of a vault: both files would use the same keychain item and record.
    ///
    /// # Errors
    /// Those of reading the settings.
    pub fn other_file(&self, vault: VaultId, file: &Path) -> Result<Option<VaultSettings>, HomeError> {
        let Some(known) = self.settings.of(vault)? else { return Ok(None) };
        let place = PathBuf::from(&known.place);
        let folder = place.parent().filter(|_| !is_same_file(&place, file));
        let store = folder.and_then(|folder| FolderStore::new(folder, SIZE_LIMIT).ok());
        let exists = store.is_some_and(|store| Vault::open(Arc::new(store)).is_ok_and(|other| other.id() == vault));
        Ok(exists.then_some(known))
    }
}
