//! What this computer remembers of each vault: where its half of the key lies. Never in the vault, never a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::folders::NO_HOME;
use crate::disk::{self, folder_of, with_suffix};
use crate::failure::{Exit, Failure, permission_hint};
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
    /// Keychain files that held its half before, and may hold a key still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Kind>,
    /// Keychains that hold the keys of other files of the vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Kind>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    vaults: BTreeMap<String, VaultSettings>,
}

/// This computer's settings file.
#[derive(Debug)]
pub struct Settings {
    path: Option<PathBuf>,
}

/// Whether something was remembered.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is in the settings file.
    Yes,
    /// There is no settings file and none can be made, for this reason.
    No(String),
}

/// Why the settings file was not written.
enum Unwritten {
    /// This user may not, or nobody may.
    Refused(io::Error),
    /// Something else.
    Failed(Failure),
}

impl Settings {
    /// Names the file, if there is a place for it. Nothing is read yet.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Returns the settings file's path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns what is remembered of every vault.
    ///
    /// # Errors
    /// Where the file cannot be read or is damaged.
    pub fn all(&self) -> Result<BTreeMap<String, VaultSettings>, Failure> {
        let Some(path) = &self.path else { return Ok(BTreeMap::new()) };
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // A home of /dev/null is what some services are given.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(BTreeMap::new());
            }
            Err(error) => return Err(failed("read", path, &error)),
        };
        let damaged = |detail: String| {
            Failure::new(Exit::Damaged, "damaged", format!("cannot read the settings {}", path.display()))
                .cause(detail)
                .hint("move the file away and name each vault's keychain once with --keychain")
        };
        if !metadata.is_file() || metadata.len() > SIZE_LIMIT {
            return Err(damaged("it is not a settings file".into()));
        }
        let bytes = fs::read(path).map_err(|error| failed("read", path, &error))?;
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if document.format == FORMAT && document.version > VERSION {
            let what = format!("cannot read the settings {}", path.display());
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

    /// Remembers a vault. If it is remembered so already, nothing is written.
    ///
    /// # Errors
    /// If the file is damaged, or cannot be written though it may be.
    pub fn remember(&self, vault: VaultId, settings: VaultSettings) -> Result<Kept, Failure> {
        match self.of(vault) {
            Ok(known) if known.as_ref() == Some(&settings) => return Ok(Kept::Yes),
            Err(failure) if failure.kind == "permission" => return Ok(Kept::No(failure.cause.unwrap_or_default())),
            other => other.map(drop)?,
        }
        self.change(|vaults| vaults.insert(vault.to_string(), settings))
    }

    /// Remembers whether a vault's recovery kit is still to be offered.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn offer_kit(&self, vault: VaultId, offer: bool) -> Result<Kept, Failure> {
        if self.of(vault)?.is_none_or(|known| known.offer_kit == offer) {
            return Ok(Kept::Yes);
        }
        self.change(|vaults| vaults.get_mut(&vault.to_string()).map(|known| known.offer_kit = offer))
    }

    /// Remembers that a keychain holds the key of another file of a known vault.
    ///
    /// # Errors
    /// As [`Settings::remember`].
    pub fn remember_other(&self, vault: VaultId, keychain: Kind) -> Result<Kept, Failure> {
        let Some(mut known) = self.of(vault)? else { return Ok(Kept::Yes) };
        if !known.others.contains(&keychain) {
            known.others.push(keychain);
        }
        self.remember(vault, known)
    }

    /// Forgets a vault.
    ///
    /// # Errors
    /// As [`Settings::remember`].
    pub fn forget(&self, vault: &str) -> Result<Kept, Failure> {
        self.change(|vaults| vaults.remove(vault))
    }

    fn change<T>(&self, edit: impl FnOnce(&mut BTreeMap<String, VaultSettings>) -> T) -> Result<Kept, Failure> {
        let Some(path) = &self.path else { return Ok(Kept::No(NO_HOME.into())) };
        match rewrite(path, || self.all(), edit) {
            Ok(()) => Ok(Kept::Yes),
            Err(Unwritten::Failed(failure)) => Err(failure),
            Err(Unwritten::Refused(error)) => {
                Ok(Kept::No(format!("cannot write {}: {}", path.display(), crate::disk::plain(&error))))
            }
        }
    }
}

fn rewrite<T>(
    path: &Path,
    read: impl FnOnce() -> Result<BTreeMap<String, VaultSettings>, Failure>,
    edit: impl FnOnce(&mut BTreeMap<String, VaultSettings>) -> T,
) -> Result<(), Unwritten> {
    use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    let unwritten = |error: io::Error| match error.kind() {
        NotADirectory | PermissionDenied | ReadOnlyFilesystem => Unwritten::Refused(error),
        _ => Unwritten::Failed(failed("write", path, &error)),
    };
    disk::create_own_folder(folder_of(path)).map_err(unwritten)?;
    // Held for one small write each: who waits this long waits for a process that is stopped.
    let lock = disk::lock(&with_suffix(path, ".lock"), LOCK_WAIT).map_err(unwritten)?;
    let Some(_lock) = lock else {
        let busy = Failure::new(Exit::Busy, "busy", format!("cannot write {}", path.display()))
            .cause(format!("another process has held its lock for {} s", LOCK_WAIT.as_secs()))
            .hint("wait until the other strongroom is done, and run it again");
        return Err(Unwritten::Failed(busy));
    };
    let mut vaults = read().map_err(Unwritten::Failed)?;
    edit(&mut vaults);
    let document = Document { format: FORMAT.into(), version: VERSION, vaults };
    let mut bytes = serde_json::to_vec_pretty(&document).map_err(io::Error::from).map_err(unwritten)?;
    bytes.push(b'\n');
    disk::replace(path, &bytes, &mut |_| Ok(()), &mut || Ok(())).map_err(unwritten)
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io(format!("{doing} {}", path.display()), error);
    let is_refused = error.kind() == io::ErrorKind::PermissionDenied;
    if is_refused { failure.hint(permission_hint(path)) } else { failure }
}
