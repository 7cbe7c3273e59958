//! What every command stands on: the flags, the folders, the vault's place, its keychain.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::flags::Global;
use super::hints::shell_word;
use super::output::Output;
use super::terminal::Terminal;
use crate::disk::work_for_owner_of;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::format::VaultId;
use crate::format::vault::SIZE_LIMIT;
use crate::home::folders::Folders;
use crate::home::settings::{Kept, Kind, Settings, VaultSettings};
use crate::home::{HomeError, Wanted};
use crate::host::ThisHost;
use crate::keychain::{FileKeychain, Keychain, OsKeychain, Prompting, WithDeadline};
use crate::store::FolderStore;
use crate::vault::{Notice, Vault};

/// How long a keychain may take where nobody can answer a dialog.
const DEADLINE_ALONE: Duration = Duration::from_secs(3);
/// How long it may take where a person can.
const DEADLINE_ATTENDED: Duration = Duration::from_secs(60);

/// What every command stands on.
pub struct Context {
    /// What describes the whole program: its manual page and its completions are made from it.
    pub program: fn() -> clap::Command,
    /// The global flags.
    pub global: Global,
    /// Where results and remarks go.
    pub output: Output,
    /// This user's folders.
    pub folders: Folders,
    /// This computer's settings.
    pub settings: Settings,
    /// The computer.
    pub host: ThisHost,
}

impl Context {
    /// Learns the folders. Reads no vault yet.
    ///
    /// # Errors
    /// If a keychain file in the state folder is asked for, and there is no such folder.
    pub fn new(program: fn() -> clap::Command, global: Global, output: Output) -> Result<Self, Failure> {
        let folders = Folders::find();
        let settings = Settings::new(folders.settings.clone());
        let context = Self { program, global, output, folders, settings, host: ThisHost };
        context.global.keychain.as_ref().map_or(Ok(()), |kind| context.check_kind(kind))?;
        Ok(context)
    }

    /// Refuses a keychain file in the state folder if there is no such folder.
    ///
    /// # Errors
    /// Naming what would help.
    pub fn check_kind(&self, kind: &Kind) -> Result<(), Failure> {
        if *kind == Kind::File && self.folders.keychain.is_none() {
            return Err(HomeError::NoHome { wanted: Wanted::Keychains }.into());
        }
        Ok(())
    }

    /// Returns what a command stands on that is done to another vault.
    ///
    /// # Errors
    /// As [`Context::new`].
    pub fn at(&self, folder: &Path) -> Result<Self, Failure> {
        let global = Global { vault: Some(folder.into()), ..self.global.clone() };
        let output = Output::of(&global);
        Self::new(self.program, global, output)
    }

    /// Opens the terminal, unless questions are forbidden or there is none.
    pub fn terminal(&self) -> Option<Terminal> {
        if self.global.no_input { None } else { Terminal::open() }
    }

    /// Returns the vault's folder as a whole path.
    ///
    /// # Errors
    /// If nothing names it, and there is no home folder.
    pub fn vault_folder(&self) -> Result<PathBuf, Failure> {
        let variable = std::env::var_os("STRONGROOM_VAULT").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let named = self.global.vault.as_ref().or(variable.as_ref());
        let Some(folder) = named.or(self.folders.vault.as_ref()) else {
            return Err(HomeError::NoHome { wanted: Wanted::Vault }.into());
        };
        Ok(absolute(folder))
    }

    /// Returns the place of the vault.
    ///
    /// # Errors
    /// As [`Context::vault_folder`], and if `vault.json` is a link that leads nowhere.
    pub fn store(&self) -> Result<FolderStore, Failure> {
        let folder = self.vault_folder()?;
        let store = FolderStore::new(&folder, SIZE_LIMIT).map_err(|error| {
            Failure::new(Exit::NotFound, "vault-not-found", "cannot find the vault")
                .cause(error.to_string())
                .hint("put the file back that the link leads to, or name another folder with --vault")
        })?;
        work_for_owner_of(store.file());
        Ok(store)
    }

    /// Makes the keychain of a kind.
    pub fn keychain(&self, kind: &Kind, vault: VaultId) -> Arc<dyn Keychain> {
        match kind {
            Kind::Os => self.os_keychain(),
            Kind::File => file_keychain(&self.default_keychain_file(vault)),
            Kind::FileAt(path) => file_keychain(&absolute(path)),
        }
    }

    /// Makes the operating system's keychain, every call within its deadline.
    pub fn os_keychain(&self) -> Arc<dyn Keychain> {
        let attended = self.terminal().is_some();
        let default = if attended { DEADLINE_ATTENDED } else { DEADLINE_ALONE };
        let deadline = self.global.keychain_timeout.map_or(default, Duration::from_secs);
        let prompting = if attended {
            let output = self.output.clone();
            Prompting::Allowed(Arc::new(move |text: &str| output.remark(text)))
        } else {
            Prompting::Forbidden
        };
        let locks = self.folders.keychain.clone();
        Arc::new(WithDeadline::new(Arc::new(OsKeychain::new(prompting).with_locks(locks)), deadline))
    }

    /// Makes the keychain of a kind so that it asks nothing, for what can be done without it.
    pub fn silent_keychain(&self, kind: &Kind, vault: VaultId) -> Arc<dyn Keychain> {
        match kind {
            Kind::Os => self.silent_os_keychain(),
            kind => self.keychain(kind, vault),
        }
    }

    /// Makes the operating system's keychain so that it asks nothing.
    pub fn silent_os_keychain(&self) -> Arc<dyn Keychain> {
        let keychain = OsKeychain::new(Prompting::Forbidden).with_locks(self.folders.keychain.clone());
        Arc::new(WithDeadline::new(Arc::new(keychain), DEADLINE_ALONE))
    }

    /// Returns where the `file` kind keeps a vault's key.
    pub fn default_keychain_file(&self, vault: VaultId) -> PathBuf {
        // `check_kind` has refused the kind if there is no folder; below a device nothing can be made.
        let folder = self.folders.keychain.as_deref().unwrap_or(Path::new("/dev/null"));
        folder.join(vault.to_string())
    }

    /// Returns the kind of keychain that holds a vault's key: what the user names, else what this computer remembers,
    /// else the operating system's.
    ///
    /// # Errors
    /// Where the settings cannot be read.
    pub fn kind_of(&self, vault: VaultId) -> Result<Kind, Failure> {
        if let Some(kind) = &self.global.keychain {
            return Ok(kind.clone());
        }
        Ok(self.settings.of(vault)?.map_or(Kind::Os, |settings| settings.keychain))
    }

    /// Says of a keychain that holds no key for a vault what only this computer knows: that its file is gone.
    pub fn missing_key(&self, doing: &str, error: Error, kind: &Kind, vault: VaultId) -> Failure {
        let failure = Failure::of(doing, error);
        match self.whole_kind(kind, vault) {
            Kind::FileAt(path) if failure.kind == "key-missing" && is_gone(&path) => {
                let named = self.global.keychain.is_some();
                let cause = if named {
                    format!("there is no keychain file {}", path.display())
                } else {
                    format!("the keychain file {}, where this computer keeps the vault's key, is gone", path.display())
                };
                failure.cause(cause).hint(
                    "if it was moved, name its new place once, with --keychain file:PATH; or, with a recovery kit: \
                     strongroom recover",
                )
            }
            _ => failure,
        }
    }

    /// Remembers where a vault's key is stored, or warns of what it costs that it cannot be remembered.
    ///
    /// # Errors
    /// If the settings are damaged, or cannot be written though they may be.
    pub fn remember(&self, vault: VaultId, kind: &Kind, file: &Path) -> Result<(), Failure> {
        // What cannot be read is told of when it is to be written.
        let known = self.settings.of(vault).unwrap_or_default();
        let settings = self.settings_for(known, vault, kind, file);
        let keychain = settings.keychain.clone();
        if let Kept::No(why) = self.settings.remember(vault, settings)?
            && keychain != Kind::Os
        {
            let keychain = shell_word(&keychain.to_string());
            self.output.warn(
                "settings-not-written",
                &format!(
                    "this computer cannot remember where the key of the vault is stored ({why}): name it in every \
                     command, with --keychain {keychain}"
                ),
            );
        }
        Ok(())
    }

    pub(super) fn settings_for(
        &self,
        known: Option<VaultSettings>,
        vault: VaultId,
        kind: &Kind,
        file: &Path,
    ) -> VaultSettings {
        let keychain = self.whole_kind(kind, vault);
        let (mut former, others, offer_kit) = match known {
            Some(known) => ([known.former, vec![known.keychain]].concat(), known.others, known.offer_kit),
            None => Default::default(),
        };
        former.retain(|kind| *kind != keychain && matches!(kind, Kind::FileAt(path) if !is_gone(path)));
        former.dedup();
        VaultSettings { keychain, place: file.display().to_string(), former, others, offer_kit }
    }

    /// Returns where this computer has another file of a vault: the two would take each other's key and memory.
    ///
    /// # Errors
    /// Where the settings cannot be read.
    pub fn other_file(&self, vault: VaultId, file: &Path) -> Result<Option<VaultSettings>, Failure> {
        let Some(known) = self.settings.of(vault)? else { return Ok(None) };
        let place = PathBuf::from(&known.place);
        let folder = place.parent().filter(|_| !is_same_file(&place, file));
        let store = folder.and_then(|folder| FolderStore::new(folder, SIZE_LIMIT).ok());
        let stands = store.is_some_and(|store| Vault::open(Arc::new(store)).is_ok_and(|other| other.id() == vault));
        Ok(stands.then_some(known))
    }

    /// Returns a kind whose file, if it is one, is named by its whole path.
    pub fn whole_kind(&self, kind: &Kind, vault: VaultId) -> Kind {
        match kind {
            Kind::Os => Kind::Os,
            Kind::File => Kind::FileAt(self.default_keychain_file(vault)),
            Kind::FileAt(path) => Kind::FileAt(absolute(path)),
        }
    }

    /// Warns of these.
    pub fn show(&self, notices: &[Notice]) {
        super::notices::show(&self.output, notices);
    }
}

/// Makes a keychain file's keychain. A file can hang too, on a network that is gone.
fn file_keychain(path: &Path) -> Arc<dyn Keychain> {
    Arc::new(WithDeadline::new(Arc::new(FileKeychain::new(path)), DEADLINE_ATTENDED))
}

/// Tells whether there is nothing at a path.
pub fn is_gone(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Tells whether two paths lead to one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// Returns a path that does not depend on the current folder.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}
