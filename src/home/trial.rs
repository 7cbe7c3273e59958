//! Trying out a keychain with a test item.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Home;
use super::keychains::Kind;
use crate::disk::with_suffix;
use crate::format::VaultId;
use crate::keychain::{FileKeychain, ItemKind, Keychain, KeychainError, StoredItem, TRIAL};

/// How the text of a test item begins.
const TEXT: &str = "strongroom doctor";

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// The test item came back as it was written.
    Works {
        /// How long that took.
        took: Duration,
    },
    /// The keychain can be read, but its file system is read-only.
    ReadOnly,
}

/// Writes and reads back a test item, as good as a key.
///
/// # Errors
/// Those of the keychain; [`KeychainError::Rejected`] if the item does not come back as it was written.
pub fn try_out(kind: &Kind, keychain: &dyn Keychain) -> Result<Trial, KeychainError> {
    let probe = keychain.probe()?;
    let unavailable = |_| KeychainError::Rejected { provider: probe.provider.clone(), reason: "no random id".into() };
    let id = VaultId::generate().map_err(unavailable)?;
    let text = format!("{TEXT} {id}");
    let start = Instant::now();
    let kept = match kind {
        // A file keychain holds one vault's items, so its test item is a file of its own beside them, for a moment.
        Kind::FileAt(path) => try_beside(path, &id, &text),
        _ => write_and_read(keychain, &text),
    };
    let took = start.elapsed();
    match kept {
        Ok(true) => Ok(Trial::Works { took }),
        Ok(false) => {
            let reason = "a test item did not come back as it was written".into();
            Err(KeychainError::Rejected { provider: probe.provider, reason })
        }
        Err(KeychainError::File { source, .. }) if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            Ok(Trial::ReadOnly)
        }
        Err(error) => Err(error),
    }
}

fn try_beside(path: &Path, id: &VaultId, text: &str) -> Result<bool, KeychainError> {
    let beside = FileKeychain::new(with_suffix(path, &format!(".{id}")));
    let kept = write_and_read(&beside, text);
    for item in beside.get(TRIAL, ItemKind::Anchor)? {
        beside.delete(&item.handle)?;
    }
    kept
}

fn write_and_read(keychain: &dyn Keychain, text: &str) -> Result<bool, KeychainError> {
    keychain.set(TRIAL, ItemKind::Anchor, text.as_bytes())?;
    let kept = keychain.get(TRIAL, ItemKind::Anchor)?;
    Ok(kept.len() == 1 && kept[0].bytes == text.as_bytes())
}

/// Returns the handles of test items that earlier runs left: each has a vault id of its own that no key has.
pub fn left_trials(keychain: &dyn Keychain, items: &[StoredItem]) -> Vec<String> {
    let has_key = |vault: &str| items.iter().any(|item| item.vault == vault && item.kind == ItemKind::DataKey);
    let is_trial = |item: &&StoredItem| {
        let stored = keychain.get(&item.vault, ItemKind::Anchor).unwrap_or_default();
        !stored.is_empty() && stored.iter().all(|stored| stored.bytes == TEXT.as_bytes())
    };
    let anchors = items.iter().filter(|item| item.kind == ItemKind::Anchor && !has_key(&item.vault));
    anchors.filter(is_trial).map(|item| item.handle.clone()).collect()
}

impl Home {
    /// Returns the keychain that a new vault would get, for a trial: a file in the default folder has a name of its own.
    pub fn kind_for_trial(&self) -> Kind {
        match (self.named.keychain.clone().unwrap_or(Kind::Os), &self.folders.keychain) {
            (Kind::File, Some(folder)) => Kind::FileAt(folder.join(TRIAL)),
            (kind, _) => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::IoAction;
    use crate::keychain::{MemoryFault, MemoryKeychain};

    #[test]
    fn a_keychain_works_if_the_test_item_comes_back() {
        let keychain = MemoryKeychain::new();
        assert!(matches!(try_out(&Kind::Os, &keychain), Ok(Trial::Works { .. })));
        for fault in [MemoryFault::Lie, MemoryFault::Garbage(b"other".into())] {
            let keychain = MemoryKeychain::new();
            keychain.inject(fault);
            assert!(matches!(try_out(&Kind::Os, &keychain), Err(KeychainError::Rejected { .. })));
        }
        keychain.inject(MemoryFault::FailWrites(|| KeychainError::File {
            action: IoAction::Write,
            path: "key".into(),
            source: io::ErrorKind::ReadOnlyFilesystem.into(),
        }));
        assert!(matches!(try_out(&Kind::Os, &keychain), Ok(Trial::ReadOnly)));
    }

    #[test]
    fn a_test_item_of_a_file_is_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let keychain = FileKeychain::new(&path);
        assert!(matches!(try_out(&Kind::FileAt(path), &keychain), Ok(Trial::Works { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_an_old_test_item_without_a_key_is_left_over() {
        let keychain = MemoryKeychain::new();
        for (vault, kind, text) in [
            ("trial", ItemKind::Anchor, TEXT),
            ("with-key", ItemKind::Anchor, TEXT),
            ("with-key", ItemKind::DataKey, "key"),
            ("other", ItemKind::Anchor, "anchor"),
        ] {
            keychain.set(vault, kind, text.as_bytes()).unwrap();
        }
        let items = keychain.list().unwrap();
        let left = left_trials(&keychain, &items);
        let trial = items.iter().find(|item| item.vault == "trial").unwrap();
        assert_eq!(left, std::slice::from_ref(&trial.handle));
    }
}
