//! The kinds of keychain that a vault's key may be in, and how each is made.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Home;
use super::error::HomeError;
use super::paths::absolute;
use crate::format::VaultId;
use crate::keychain::{
    FileKeychain, Keychain, KeychainError, OsKeychain, OthersItem, Prompting, WithDeadline, others_item,
};

/// How long a keychain may take if nobody can answer a dialog.
const DEADLINE_ALONE: Duration = Duration::from_secs(3);
/// How long it may take if a person can.
const DEADLINE_ATTENDED: Duration = Duration::from_secs(60);

/// A kind of keychain, as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The operating system's.
    Os,
    /// A file in the user's state folder.
    File,
    /// A file of the user's choice.
    FileAt(PathBuf),
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "os" => Ok(Self::Os),
            None if text == "file" => Ok(Self::File),
            Some(("file", path)) if !path.is_empty() => Ok(Self::FileAt(path.into())),
            _ => Err("a keychain is os, file or file:PATH".into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os => f.write_str("os"),
            Self::File => f.write_str("file"),
            Self::FileAt(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How the operating system's keychain may be asked.
#[derive(Debug, Clone)]
pub struct Asking {
    /// How long it may take.
    pub deadline: Duration,
    /// Whether it may ask the user.
    pub prompting: Prompting,
}

impl Asking {
    /// Lets it ask the user; `notice` shows the user what the program waits for.
    pub fn attended(notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { deadline: DEADLINE_ATTENDED, prompting: Prompting::Allowed(Arc::new(notice)) }
    }

    /// Lets it ask nothing.
    pub fn silent() -> Self {
        Self { deadline: DEADLINE_ALONE, prompting: Prompting::Forbidden }
    }

    /// Replaces the deadline, if another one is named.
    #[must_use]
    pub fn within(self, deadline: Option<Duration>) -> Self {
        Self { deadline: deadline.unwrap_or(self.deadline), ..self }
    }
}

impl Home {
    /// Makes the keychain of a kind, every call within its deadline.
    pub fn keychain(&self, kind: &Kind, vault: VaultId, asking: impl FnOnce() -> Asking) -> Arc<dyn Keychain> {
        match self.whole_kind(kind, vault) {
            Kind::FileAt(path) => file_keychain(&path),
            _ => self.os_keychain(asking()),
        }
    }

    /// As [`Home::keychain`], for a process that nobody looks at and that lives on: nothing is asked, and a keychain that
    /// was too slow once is asked again.
    pub fn lasting_keychain(&self, kind: &Kind, vault: VaultId) -> Arc<dyn Keychain> {
        let keychain: Arc<dyn Keychain> = match self.whole_kind(kind, vault) {
            Kind::FileAt(path) => Arc::new(FileKeychain::new(path)),
            _ => Arc::new(OsKeychain::new(Prompting::Forbidden).with_locks(self.folders.keychain.clone())),
        };
        Arc::new(WithDeadline::new(keychain, DEADLINE_ALONE).recovering())
    }

    /// Makes the operating system's keychain, every call within its deadline.
    pub fn os_keychain(&self, asking: Asking) -> Arc<dyn Keychain> {
        let keychain = OsKeychain::new(asking.prompting).with_locks(self.folders.keychain.clone());
        Arc::new(WithDeadline::new(Arc::new(keychain), asking.deadline))
    }

    /// Finds the password that another program has stored in the operating system's keychain.
    ///
    /// # Errors
    /// Those of [`others_item`].
    pub fn others_item(&self, service: &str, user: &str, asking: Asking) -> Result<Option<OthersItem>, KeychainError> {
        others_item(service, user, asking.prompting, asking.deadline)
    }

    /// Returns where the `file` kind keeps a vault's key.
    pub fn default_keychain_file(&self, vault: VaultId) -> PathBuf {
        // `check_kind` has refused the kind if there is no folder; below a device nothing can be made.
        let folder = self.folders.keychain.as_deref().unwrap_or(Path::new("/dev/null"));
        folder.join(vault.to_string())
    }

    /// Returns a kind whose file, if it is one, is named by its whole path.
    pub fn whole_kind(&self, kind: &Kind, vault: VaultId) -> Kind {
        match kind {
            Kind::Os => Kind::Os,
            Kind::File => Kind::FileAt(self.default_keychain_file(vault)),
            Kind::FileAt(path) => Kind::FileAt(absolute(path)),
        }
    }

    /// Returns the keychains that a vault does not use and that may hold a key of it: those it used before, and those
    /// that every vault may use. One that holds the key of another file of the vault is none of them.
    ///
    /// # Errors
    /// Those of reading the settings.
    pub fn former_keychains(&self, vault: VaultId, file: &Path) -> Result<Vec<Kind>, HomeError> {
        let known = self.settings.of(vault)?;
        let mut used = vec![self.whole_kind(&self.kind_of(vault)?, vault)];
        let mut kinds = vec![Kind::Os];
        if self.folders.keychain.is_some() {
            kinds.push(self.whole_kind(&Kind::File, vault));
        }
        if let Some(known) = known {
            used.push(known.keychain);
            used.extend(known.others);
            kinds.extend(known.former);
        }
        if self.other_file(vault, file)?.is_some() {
            // Here it is not known what that other file's keychains were before.
            return Ok(Vec::new());
        }
        kinds.retain(|kind| !used.contains(kind));
        kinds.dedup();
        Ok(kinds)
    }

    /// Lists the vaults whose keychain files are in the default folder.
    pub fn vaults_with_keychain_files(&self) -> Vec<String> {
        let Some(Ok(entries)) = self.folders.keychain.as_ref().map(fs::read_dir) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let vaults = names.map(|name| name.strip_suffix(".anchor").map(str::to_owned).unwrap_or(name));
        vaults.filter(|name| name.parse::<VaultId>().is_ok()).collect()
    }
}

/// Makes a keychain file's keychain. A file can hang too, on a network that is gone.
pub fn file_keychain(path: &Path) -> Arc<dyn Keychain> {
    Arc::new(WithDeadline::new(Arc::new(FileKeychain::new(path)), DEADLINE_ATTENDED))
}
