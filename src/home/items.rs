//! The items of a vault in a keychain, whichever it is.

use std::sync::Arc;

use super::keychains::{Asking, Kind, file_keychain};
use super::{Home, HomeError};
use crate::crypto::hmac::sha256;
use crate::format::item::{AnchorItem, DataKeyItem, Wrap};
use crate::format::vault::Document;
use crate::format::{DataKeyId, VaultId};
use crate::keychain::{ItemKind, Keychain, KeychainError};

/// Returns the wraps of a vault's data keys that a keychain holds, the newest last.
///
/// # Errors
/// Those of the keychain.
pub fn wraps_of(keychain: &dyn Keychain, vault: VaultId) -> Result<Vec<Wrap>, KeychainError> {
    let items = keychain.get(&vault.to_string(), ItemKind::DataKey)?;
    let parsed = items.iter().filter_map(|item| DataKeyItem::parse(&item.bytes).ok());
    Ok(parsed.flat_map(|item| item.wraps).filter(|wrap| wrap.header.vault == vault).collect())
}

/// Tells whether a keychain holds a key of the vault, and whether one of them is to the data key that it is under.
///
/// # Errors
/// Those of the keychain.
pub fn key_in(
    keychain: &dyn Keychain,
    kind: &Kind,
    vault: VaultId,
    data_key: DataKeyId,
) -> Result<Option<bool>, KeychainError> {
    let wraps = wraps_of(keychain, vault)?;
    // The OS keychain says whose an item is, even if it does not parse. A file does not.
    let is_ours =
        !wraps.is_empty() || *kind == Kind::Os && !keychain.get(&vault.to_string(), ItemKind::DataKey)?.is_empty();
    Ok(is_ours.then(|| wraps.iter().any(|wrap| wrap.header.data_key == data_key)))
}

/// Takes a keychain that is not there for an empty one.
///
/// # Errors
/// Those of a keychain that is there.
pub fn or_empty<T: Default>(answer: Result<T, KeychainError>) -> Result<T, KeychainError> {
    match answer {
        Err(KeychainError::NoBus | KeychainError::NoService | KeychainError::NoCollection { .. }) => Ok(T::default()),
        other => other,
    }
}

/// Deletes both items of a vault, the key first. Returns how many items there were.
///
/// # Errors
/// Those of the keychain.
pub fn delete_all(keychain: &dyn Keychain, vault: VaultId) -> Result<usize, KeychainError> {
    let mut deleted = 0;
    for kind in [ItemKind::DataKey, ItemKind::Anchor] {
        for item in keychain.get(&vault.to_string(), kind)? {
            keychain.delete(&item.handle)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// What this computer's keychain says of a vault file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The file is the very one that this computer opened or wrote last, and it holds a key to it.
    pub is_last: bool,
    /// A rotation of the data key may be under way: the newest wrap is another data key's.
    pub rotates: bool,
}

impl Home {
    /// Compares a vault file with this computer's records, as far as they show without asking anything.
    ///
    /// # Errors
    /// Those of reading the settings.
    pub fn compare_with_records(&self, document: &Document) -> Result<Recorded, HomeError> {
        let header = &document.header;
        let keychain = self.keychain(&self.kind_of(header.vault)?, header.vault, Asking::silent);
        let wraps = wraps_of(&*keychain, header.vault).unwrap_or_default();
        let rotates = wraps.last().is_some_and(|newest| newest.header.data_key != header.data_key);
        let items = keychain.get(&header.vault.to_string(), ItemKind::Anchor).unwrap_or_default();
        let [item] = &items[..] else { return Ok(Recorded { is_last: false, rotates }) };
        let is_last = AnchorItem::parse(&item.bytes).is_ok_and(|AnchorItem { anchor, .. }| {
            (anchor.vault, anchor.data_key, anchor.generation) == (header.vault, header.data_key, header.generation)
                && anchor.digest == sha256(&document.payload)
                && wraps.iter().any(|wrap| wrap.header.data_key == header.data_key)
        });
        Ok(Recorded { is_last, rotates })
    }

    /// Deletes the items of a vault in the default folder and in the operating system's keychain. Returns how many there
    /// were.
    ///
    /// # Errors
    /// Those of the keychains.
    pub fn forget_items(&self, vault: VaultId, os: &dyn Keychain) -> Result<usize, KeychainError> {
        let mut deleted = 0;
        if self.vaults_with_keychain_files().contains(&vault.to_string()) {
            let file: Arc<dyn Keychain> = file_keychain(&self.default_keychain_file(vault));
            deleted += delete_all(&*file, vault)?;
        }
        match os.probe() {
            Ok(_) => Ok(deleted + delete_all(os, vault)?),
            Err(error) => or_empty(Err(error)).map(|()| deleted),
        }
    }
}
