//! What this machine remembers of each vault: where its half of the key lies. Never in the vault, never a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure::{Exit, Failure};
use crate::disk::{self, folder_of, with_suffix};
use crate::format::VaultId;

const FORMAT: &str = "strongroom-settings";
const VERSION: u32 = 1;
const SIZE_LIMIT: u64 = 16 << 20;
const LOCK_WAIT: Duration = Duration::from_secs(10);

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

/// What is remembered of one vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultSettings {
    /// Where its half of the key lies; a file always by its whole path.
    pub keychain: Kind,
    /// The vault file's path when it was last made or named.
    pub place: String,
    /// Whether to offer a recovery kit: the vault was made without one, and nobody has answered whether it should.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offer_kit: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    vaults: BTreeMap<String, VaultSettings>,
}

/// This machine's settings file.
#[derive(Debug)]
pub struct Settings {
    path: PathBuf,
}

impl Settings {
    /// Names the file. Nothing is read yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the settings file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what is remembered of every vault.
    ///
    /// # Errors
    /// Where the file cannot be read or is damaged.
    pub fn all(&self) -> Result<BTreeMap<String, VaultSettings>, Failure> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(Failure::io(format!("read {}", self.path.display()), &error)),
        };
        let damaged = |detail: String| {
            Failure::new(Exit::Damaged, "damaged", format!("cannot read the settings {}", self.path.display()))
                .cause(detail)
                .hint("move the file away and name each vault's keychain once with --keychain")
        };
        if !metadata.is_file() || metadata.len() > SIZE_LIMIT {
            return Err(damaged("it is not a settings file".into()));
        }
        let bytes =
            fs::read(&self.path).map_err(|error| Failure::io(format!("read {}", self.path.display()), &error))?;
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if document.format == FORMAT && document.version > VERSION {
            let what = format!("cannot read the settings {}", self.path.display());
            return Err(Failure::new(Exit::Failed, "unsupported-version", what)
                .cause("a newer strongroom wrote them")
                .hint("install a newer strongroom"));
        }
        if document.format != FORMAT || document.version != VERSION {
            return Err(damaged("it has another format or version".into()));
        }
        Ok(document.vaults)
    }

    /// Returns what is remembered of one vault.
    ///
    /// # Errors
    /// As [`Settings::all`].
    pub fn of(&self, vault: VaultId) -> Result<Option<VaultSettings>, Failure> {
        Ok(self.all()?.remove(&vault.to_string()))
    }

    /// Remembers a vault. Where it is remembered so already, nothing is written.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn remember(&self, vault: VaultId, settings: VaultSettings) -> Result<(), Failure> {
        if self.of(vault)?.as_ref() == Some(&settings) {
            return Ok(());
        }
        self.change(|vaults| vaults.insert(vault.to_string(), settings))
    }

    /// Remembers whether a vault's recovery kit is still to be offered.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn offer_kit(&self, vault: VaultId, offer: bool) -> Result<(), Failure> {
        if self.of(vault)?.is_none_or(|known| known.offer_kit == offer) {
            return Ok(());
        }
        self.change(|vaults| vaults.get_mut(&vault.to_string()).map(|known| known.offer_kit = offer))
    }

    /// Forgets a vault.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn forget(&self, vault: &str) -> Result<(), Failure> {
        self.change(|vaults| vaults.remove(vault))
    }

    fn change<T>(&self, edit: impl FnOnce(&mut BTreeMap<String, VaultSettings>) -> T) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::io(format!("write {}", self.path.display()), &error);
        disk::create_private_folder(folder_of(&self.path)).map_err(failed)?;
        // Held for one small write each: who waits this long waits for a process that is stopped.
        let lock = disk::lock(&with_suffix(&self.path, ".lock"), LOCK_WAIT).map_err(failed)?;
        let Some(_lock) = lock else {
            return Err(Failure::new(Exit::Busy, "busy", format!("cannot write {}", self.path.display()))
                .cause(format!("another process has held its lock for {} s", LOCK_WAIT.as_secs()))
                .hint("wait until the other strongroom is done, and run it again"));
        };
        let mut vaults = self.all()?;
        edit(&mut vaults);
        let document = Document { format: FORMAT.into(), version: VERSION, vaults };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(io::Error::from).map_err(failed)?;
        bytes.push(b'\n');
        disk::replace(&self.path, &bytes, &mut |_| Ok(()), &mut || Ok(())).map_err(failed)
    }
}
