//! What this computer remembers of each vault: where its half of the key lies. Never in the vault, never a secret.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::error::{HomeError, Wanted};
use super::keychains::Kind;
use crate::disk::{self, folder_of, with_suffix};
use crate::error::IoAction;
use crate::format::{Timestamp, VaultId};

const FORMAT: &str = "strongroom-settings";
const VERSION: u32 = 1;
const SIZE_LIMIT: u64 = 16 << 20;
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How much is remembered that is to be recorded.
const UNLOGGED_LIMIT: usize = 1000;

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
    /// What was done without a key that could have recorded it in the access log. The next entry takes it along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlogged: Vec<Unlogged>,
}

/// Something that is still to be recorded in the access log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlogged {
    /// When it was done.
    pub at: Timestamp,
    /// What: a word of the access log.
    pub action: String,
    /// The thing in words.
    pub subject: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    vaults: Known,
}

/// What is remembered of every vault, by its id.
type Known = BTreeMap<String, VaultSettings>;

/// This computer's settings file. It is read once, and again only if it is another file by then: a run may wait for
/// minutes, for a password or a lock, and must not delete or write anything by what was so before.
#[derive(Debug)]
pub struct Settings {
    path: Option<PathBuf>,
    known: Mutex<Option<(Mark, Known)>>,
}

/// What tells one content of the settings file from another: each is written as a new file. `None` if there is no file.
type Mark = Option<(u64, Option<SystemTime>, (u64, u64))>;

/// Whether something was remembered.
#[derive(Debug)]
pub enum Kept {
    /// It is in the settings file.
    Yes,
    /// There is no settings file and none can be made, for this reason.
    No(HomeError),
}

impl Settings {
    /// Names the file, if there is a place for it. Nothing is read yet.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// Returns the settings file's path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns what is remembered of every vault.
    ///
    /// # Errors
    /// Where the file cannot be read or is damaged.
    pub fn all(&self) -> Result<BTreeMap<String, VaultSettings>, HomeError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is read: a file that comes in between is then read at the next call.
        let mark = self.mark();
        if let Some((read, known)) = &*known
            && *read == mark
        {
            return Ok(known.clone());
        }
        Ok(known.insert((mark, self.read()?)).1.clone())
    }

    fn mark(&self) -> Mark {
        let metadata = fs::metadata(self.path.as_ref()?).ok()?;
        #[cfg(unix)]
        let file = (std::os::unix::fs::MetadataExt::ino(&metadata), std::os::unix::fs::MetadataExt::dev(&metadata));
        #[cfg(not(unix))]
        let file = (0, 0);
        Some((metadata.len(), metadata.modified().ok(), file))
    }

    fn read(&self) -> Result<Known, HomeError> {
        let Some(path) = &self.path else { return Ok(Known::new()) };
        let failed = |source| HomeError::Io { action: IoAction::Read, path: path.clone(), source };
        let damaged = |detail: String| HomeError::Damaged { path: path.clone(), detail };
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // A home of /dev/null is what some services are given.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Known::new());
            }
            Err(error) => return Err(failed(error)),
        };
        if !metadata.is_file() || metadata.len() > SIZE_LIMIT {
            return Err(damaged("it is not a settings file".into()));
        }
        let bytes = fs::read(path).map_err(failed)?;
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if document.format == FORMAT && document.version > VERSION {
            return Err(HomeError::Newer { path: path.clone() });
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
    pub fn of(&self, vault: VaultId) -> Result<Option<VaultSettings>, HomeError> {
        Ok(self.all()?.remove(&vault.to_string()))
    }

    /// Remembers a vault, as `settings` makes it of what is remembered of it by now. If that is so already, nothing is
    /// written.
    ///
    /// # Errors
    /// If the file is damaged, or cannot be written though it may be.
    pub fn remember(
        &self,
        vault: VaultId,
        settings: impl Fn(Option<VaultSettings>) -> VaultSettings,
    ) -> Result<Kept, HomeError> {
        let vault = vault.to_string();
        match self.read() {
            Ok(known) if known.get(&vault).is_some_and(|known| settings(Some(known.clone())) == *known) => {
                return Ok(Kept::Yes);
            }
            Err(error) if error.is_refused() => return Ok(Kept::No(error)),
            other => other.map(drop)?,
        }
        // Made under the lock: another process may have written since.
        self.change(|vaults| {
            let known = vaults.get(&vault).cloned();
            vaults.insert(vault, settings(known))
        })
    }

    /// Remembers whether a vault's recovery kit is still to be offered.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn offer_kit(&self, vault: VaultId, offer: bool) -> Result<Kept, HomeError> {
        if self.of(vault)?.is_none_or(|known| known.offer_kit == offer) {
            return Ok(Kept::Yes);
        }
        self.change(|vaults| vaults.get_mut(&vault.to_string()).map(|known| known.offer_kit = offer))
    }

    /// Remembers that a keychain holds the key of another file of a known vault.
    ///
    /// # Errors
    /// As [`Settings::remember`].
    pub fn remember_other(&self, vault: VaultId, keychain: Kind) -> Result<Kept, HomeError> {
        if self.of(vault)?.is_none_or(|known| known.others.contains(&keychain)) {
            return Ok(Kept::Yes);
        }
        self.change(|vaults| {
            let known = vaults.get_mut(&vault.to_string());
            known.filter(|known| !known.others.contains(&keychain)).map(|known| known.others.push(keychain))
        })
    }

    /// Remembers what is to be recorded in a known vault's access log.
    ///
    /// # Errors
    /// As [`Settings::remember`].
    pub fn remember_unlogged(&self, vault: VaultId, unlogged: Unlogged) -> Result<Kept, HomeError> {
        if self.of(vault)?.is_none() {
            return Ok(Kept::Yes);
        }
        self.change(|vaults| {
            let known = vaults.get_mut(&vault.to_string())?;
            known.unlogged.truncate(UNLOGGED_LIMIT - 1);
            known.unlogged.push(unlogged);
            Some(())
        })
    }

    /// Takes what is to be recorded in a vault's access log, leaving nothing.
    ///
    /// # Errors
    /// As [`Settings::remember`].
    pub fn take_unlogged(&self, vault: VaultId) -> Result<Vec<Unlogged>, HomeError> {
        if self.of(vault)?.is_none_or(|known| known.unlogged.is_empty()) {
            return Ok(Vec::new());
        }
        let mut taken = Vec::new();
        self.change(|vaults| {
            taken =
                vaults.get_mut(&vault.to_string()).map(|known| std::mem::take(&mut known.unlogged)).unwrap_or_default();
        })?;
        Ok(taken)
    }

    /// Forgets a vault.
    ///
    /// # Errors
    /// As [`Settings::remember`].
    pub fn forget(&self, vault: &str) -> Result<Kept, HomeError> {
        self.change(|vaults| vaults.remove(vault))
    }

    /// Changes what is in the file by now. A file that this user may not write, or
    /// nobody may, is no failure.
    fn change<T>(&self, edit: impl FnOnce(&mut Known) -> T) -> Result<Kept, HomeError> {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        let Some(path) = &self.path else { return Ok(Kept::No(HomeError::NoHome { wanted: Wanted::Settings })) };
        let unwritten = |source| HomeError::Io { action: IoAction::Write, path: path.clone(), source };
        match self.rewrite(path, edit, unwritten) {
            Ok(()) => Ok(Kept::Yes),
            Err(HomeError::Io { action: IoAction::Write, path, source })
                if matches!(source.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem) =>
            {
                Ok(Kept::No(HomeError::Io { action: IoAction::Write, path, source }))
            }
            Err(error) => Err(error),
        }
    }

    fn rewrite<T>(
        &self,
        path: &Path,
        edit: impl FnOnce(&mut Known) -> T,
        unwritten: impl Fn(io::Error) -> HomeError,
    ) -> Result<(), HomeError> {
        disk::create_own_folder(folder_of(path)).map_err(&unwritten)?;
        // Held for one small write each: who waits this long waits for a process that is stopped.
        let lock = disk::lock(&with_suffix(path, ".lock"), LOCK_WAIT).map_err(&unwritten)?;
        let Some(_lock) = lock else { return Err(HomeError::Busy { path: path.into(), waited: LOCK_WAIT }) };
        let mut vaults = self.read()?;
        edit(&mut vaults);
        let document = Document { format: FORMAT.into(), version: VERSION, vaults };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(io::Error::from).map_err(&unwritten)?;
        bytes.push(b'\n');
        disk::replace(path, &bytes, &mut |_| Ok(()), &mut || Ok(())).map_err(&unwritten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(place: &str) -> VaultSettings {
        let keychain = Kind::Os;
        let (former, others, unlogged) = (Vec::new(), Vec::new(), Vec::new());
        VaultSettings { keychain, place: place.into(), offer_kit: false, former, others, unlogged }
    }

    #[test]
    fn what_others_wrote_since_is_seen_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let (own, other) = (Settings::new(Some(path.clone())), Settings::new(Some(path)));
        let [first, second] = [1, 2].map(|byte| VaultId::from_bytes([byte; 16]));
        assert!(own.all().unwrap().is_empty());
        assert!(matches!(other.remember(first, |_| known("a")), Ok(Kept::Yes)));
        assert_eq!(own.of(first).unwrap(), Some(known("a")), "what is so by now is not seen");
        assert!(matches!(own.remember(second, |_| known("b")), Ok(Kept::Yes)));
        assert_eq!(own.of(first).unwrap(), Some(known("a")), "what the other wrote is lost");
        assert!(matches!(other.remember(second, |_| known("c")), Ok(Kept::Yes)));
        assert!(matches!(own.remember(second, |_| known("b")), Ok(Kept::Yes)));
        let offering = |now: Option<VaultSettings>| VaultSettings { offer_kit: true, ..now.unwrap() };
        assert!(matches!(other.remember(first, offering), Ok(Kept::Yes)));
        assert_eq!(own.of(first).unwrap(), Some(VaultSettings { offer_kit: true, ..known("a") }));
        let fresh = Settings::new(own.path().map(Into::into));
        assert_eq!(fresh.of(second).unwrap(), Some(known("b")), "what was remembered last is not in the file");
    }

    #[test]
    fn a_file_that_is_damaged_newer_or_a_folder_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let newer = r#"{"format":"strongroom-settings","version":2,"vaults":{}}"#;
        let other = r#"{"format":"other","version":2,"vaults":{}}"#;
        for (text, is_newer) in [("", false), ("[]", false), (other, false), (newer, true)] {
            fs::write(&path, text).unwrap();
            let settings = Settings::new(Some(path.clone()));
            let error = settings.all().unwrap_err();
            assert_eq!(matches!(error, HomeError::Newer { .. }), is_newer, "{error}");
            assert_eq!(matches!(error, HomeError::Damaged { .. }), !is_newer, "{error}");
            let refused = settings.remember(VaultId::from_bytes([1; 16]), |_| known("a"));
            assert!(refused.is_err() && fs::read_to_string(&path).unwrap() == text, "it was written over");
        }
        let settings = Settings::new(Some(folder.path().into()));
        assert!(matches!(settings.all(), Err(HomeError::Damaged { .. })));
    }

    #[test]
    fn without_a_home_nothing_is_known_or_kept() {
        let settings = Settings::new(None);
        assert!(settings.all().unwrap().is_empty());
        let kept = settings.remember(VaultId::from_bytes([1; 16]), |_| known("a"));
        assert!(matches!(kept, Ok(Kept::No(HomeError::NoHome { wanted: Wanted::Settings }))));
    }
}
