//! Keeps a vault's two items in files, for computers without a desktop. The lock of
//! the items is a third file beside them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ITEM_LIMIT, ItemKind, ItemLock, Keychain, KeychainError, Probe, StoredItem, lock_file};
use crate::disk::publish::{IfTaken, NewFile};
use crate::disk::{self, IoAction};

/// What follows the path in the anchor's file name.
const ANCHOR_SUFFIX: &str = ".anchor";
/// What follows the path in the name of the lock's file.
const LOCK_SUFFIX: &str = ".lock";

/// A keychain of two files that only their owner can read: the data key at a path, the anchor at that path +
/// `.anchor`.
///
/// The files hold one vault's items and do not say whose: `get` echoes the vault it was asked for, and `list` leaves
/// it empty. Opening the item tells whether it is the right one. Where the path is a symbolic link, its target is
/// replaced, if that is empty or an item: a link that somebody planted costs nobody a file.
#[derive(Debug, Clone)]
pub struct FileKeychain {
    path: PathBuf,
}

impl FileKeychain {
    /// Names the file of the data key. Nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Tells whether anything stands where the two items would go, even a broken symbolic link.
    ///
    /// # Errors
    /// [`KeychainError::File`] where the system cannot tell.
    pub fn exists(path: &Path) -> Result<bool, KeychainError> {
        let keychain = Self::new(path);
        for kind in [ItemKind::DataKey, ItemKind::Anchor] {
            let path = keychain.path_of(kind);
            match fs::symlink_metadata(&path) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(IoAction::Find, &path)(error)),
            }
        }
        Ok(false)
    }

    fn path_of(&self, kind: ItemKind) -> PathBuf {
        match kind {
            ItemKind::DataKey => self.path.clone(),
            ItemKind::Anchor => disk::with_suffix(&self.path, ANCHOR_SUFFIX),
        }
    }

    /// Opens the item's file for reading; `None` where none stands.
    fn open(&self, kind: ItemKind) -> Result<Option<File>, KeychainError> {
        let path = self.path_of(kind);
        // A link that leads nowhere is nothing to read.
        match fs::canonicalize(&path).and_then(|target| open_regular(&target)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(IoAction::Read, &path)(error)),
        }
    }

    /// Returns the name that is replaced: the path, or where that is a symbolic link, its target.
    fn target_of(&self, kind: ItemKind) -> Result<PathBuf, KeychainError> {
        let path = self.path_of(kind);
        // A link that is put there from here on is itself replaced.
        if !path.is_symlink() {
            return Ok(path);
        }
        let target = fs::canonicalize(&path).map_err(failed(IoAction::Follow, &path))?;
        let bytes = open_regular(&target).and_then(read_start).map_err(failed(IoAction::Read, &path))?;
        if bytes.is_empty() || bytes.len() <= ITEM_LIMIT && looks_like_an_item(&bytes) {
            return Ok(target);
        }
        let other = io::Error::other("it is a symbolic link, and what it leads to is not an item of Strongroom's");
        Err(failed(IoAction::Write, &path)(other))
    }

    fn read(&self, kind: ItemKind) -> Result<Option<Vec<u8>>, KeychainError> {
        let Some(file) = self.open(kind)? else { return Ok(None) };
        let bytes = read_start(file).map_err(failed(IoAction::Read, &self.path_of(kind)))?;
        if bytes.len() > ITEM_LIMIT {
            return Err(KeychainError::TooLong { length: bytes.len(), limit: ITEM_LIMIT });
        }
        Ok(Some(bytes))
    }
}

impl Keychain for FileKeychain {
    fn name(&self) -> String {
        format!("keychain file {}", self.path.display())
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        for kind in [ItemKind::DataKey, ItemKind::Anchor] {
            self.open(kind)?;
        }
        Ok(Probe { provider: self.path.display().to_string(), locked: false })
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        let item = |bytes| StoredItem { handle: kind.name().into(), vault: vault.into(), kind, bytes };
        Ok(self.read(kind)?.map(item).into_iter().collect())
    }

    fn set(&self, _vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        if bytes.len() > ITEM_LIMIT {
            return Err(KeychainError::TooLong { length: bytes.len(), limit: ITEM_LIMIT });
        }
        // A rename would put the item in the place of a pipe or a device without a word; opening refuses those.
        self.open(kind)?;
        let path = self.path_of(kind);
        let target = self.target_of(kind)?;
        let mut check = |written: &[u8]| {
            if written == bytes { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
        };
        disk::create_own_folder(disk::folder_of(&target))
            .and_then(|()| disk::replace(&target, bytes, &mut check, &mut || Ok(())))
            .map_err(failed(IoAction::Write, &path))
    }

    /// Two new vaults that name one file are kept apart here: the vault's own lock does not do that.
    fn create(&self, _vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        if bytes.len() > ITEM_LIMIT {
            return Err(KeychainError::TooLong { length: bytes.len(), limit: ITEM_LIMIT });
        }
        let path = self.path_of(kind);
        let folder = disk::folder_of(&path);
        let made = disk::create_own_folder(folder).and_then(|()| NewFile::begin(&path, IfTaken::Refuse));
        let new = made.map_err(failed(IoAction::Make, &path))?;
        disk::give_to_owner_of(new.file(), folder)
            .and_then(|()| new.file().write_all(bytes))
            .map_err(failed(IoAction::Write, &path))?;
        new.publish().map_err(failed(IoAction::Make, &path))
    }

    /// If the path is a symbolic link to an item, the lock is beside that: others may name it. Any other link may have
    /// been planted, and leads to nothing that is ours to make a file beside.
    fn lock(&self, _vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        let path = self.target_of(ItemKind::DataKey).unwrap_or_else(|_| self.path.clone());
        lock_file(&disk::with_suffix(&path, LOCK_SUFFIX), self.name(), wait)
    }

    fn settles_at_once(&self) -> bool {
        true
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        let kinds = [ItemKind::DataKey, ItemKind::Anchor];
        let Some(kind) = kinds.into_iter().find(|kind| kind.name() == handle) else { return Ok(()) };
        if self.open(kind)?.is_none() {
            return Ok(());
        }
        let path = self.path_of(kind);
        let target = self.target_of(kind)?;
        fs::remove_file(&target)
            .and_then(|()| disk::sync_folder(disk::folder_of(&target)))
            .map_err(failed(IoAction::Delete, &path))
    }

    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        let mut items = Vec::new();
        for kind in [ItemKind::DataKey, ItemKind::Anchor] {
            if self.open(kind)?.is_some() {
                let handle = kind.name().into();
                items.push(StoredItem { handle, vault: String::new(), kind, bytes: Vec::new() });
            }
        }
        Ok(items)
    }
}

fn failed(action: IoAction, path: &Path) -> impl FnOnce(io::Error) -> KeychainError {
    let path = path.to_owned();
    move |source| KeychainError::File { action, path, source }
}

/// Reads one byte more than an item may have, so that a longer file shows without being read whole.
fn read_start(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(ITEM_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells whether a file's content begins as both items do (docs/format.md sections 6.1 and 6.2).
fn looks_like_an_item(bytes: &[u8]) -> bool {
    bytes.starts_with(br#"{"wraps":[{"protected":""#) || bytes.starts_with(br#"{"protected":""#)
}

/// Opens a regular file for reading and refuses anything else at once: a pipe would block, a device never end.
fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // NONBLOCK: opening a pipe waits for its writer. NOFOLLOW: the path is resolved, so a link was just put there.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}
