//! Keys of this vault in keychains that it does not use any more, and test items that earlier runs could not delete.

use std::path::Path;

use super::known::Known;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::Finding;
use crate::failure::Failure;
use crate::format::item::{DataKeyItem, Wrap};
use crate::format::{DataKeyId, VaultId};
use crate::home::Kind;
use crate::keychain::{ItemKind, Keychain, KeychainError, StoredItem};

/// How the text of a test item begins.
pub const TRIAL_TEXT: &str = "strongroom doctor";

/// Looks for keys of this vault elsewhere, without asking anything.
pub fn check(context: &Context, vault: &Known, file: &Path, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    for kind in context.home.former_keychains(vault.id, file)? {
        // What cannot be asked in silence is not asked.
        let Ok(Some(opens)) = key_in(&*context.silent_keychain(&kind, vault.id), &kind, vault.id, vault.data_key)
        else {
            continue;
        };
        let what = if opens { "this vault" } else { "older files of this vault" };
        findings.push(Finding::problem(
            "left behind",
            format!(
                "the keychain {kind} holds a key that is not used any more: it still opens {what} with the password \
                 from that time"
            ),
            "strongroom doctor --remove-left-behind",
        ));
    }
    Ok(())
}

/// Tells whether a keychain holds a key of the vault, and whether one of them is to the data key that it is under.
fn key_in(
    keychain: &dyn Keychain,
    kind: &Kind,
    vault: VaultId,
    data_key: DataKeyId,
) -> Result<Option<bool>, KeychainError> {
    let found = keychain.get(&vault.to_string(), ItemKind::DataKey)?;
    let parsed = found.iter().filter_map(|item| DataKeyItem::parse(&item.bytes).ok()).flat_map(|item| item.wraps);
    let wraps: Vec<Wrap> = parsed.filter(|wrap| wrap.header.vault == vault).collect();
    // A file does not say whose it is.
    let is_ours = if *kind == Kind::Os { !found.is_empty() } else { !wraps.is_empty() };
    Ok(is_ours.then(|| wraps.iter().any(|wrap| wrap.header.data_key == data_key)))
}

/// Returns the handles of test items that earlier runs left: each was a vault's of its own, and none is known.
pub fn trials(keychain: &dyn Keychain, items: &[StoredItem]) -> Vec<String> {
    let has_key = |vault: &str| items.iter().any(|item| item.vault == vault && item.kind == ItemKind::DataKey);
    let is_trial = |item: &&StoredItem| {
        let stored = keychain.get(&item.vault, ItemKind::Anchor).unwrap_or_default();
        !stored.is_empty() && stored.iter().all(|stored| stored.bytes == TRIAL_TEXT.as_bytes())
    };
    let anchors = items.iter().filter(|item| item.kind == ItemKind::Anchor && !has_key(&item.vault));
    anchors.filter(is_trial).map(|item| item.handle.clone()).collect()
}

/// Deletes the keys of this vault in keychains that it does not use any more, once the vault has opened with the one
/// that it uses, and the test items of earlier runs. Returns how many items there were.
///
/// # Errors
/// Those of unlocking the vault, and of the keychains.
pub fn remove(context: &Context) -> Result<usize, Failure> {
    let vault = unlock(context)?;
    // An older vault file may still need what looks unused.
    vault.check_writable().map_err(|error| Failure::of("delete keys that are left behind", error))?;
    let (id, data_key) = (vault.id(), vault.header().data_key);
    let mut deleted = 0;
    for kind in context.home.former_keychains(id, context.store()?.file())? {
        let keychain = context.keychain(&kind, id);
        let delete = || match key_in(&*keychain, &kind, id, data_key)? {
            Some(_) => delete_all(&*keychain, id),
            None => Ok(0),
        };
        deleted += usable(delete())
            .map_err(|error| Failure::of(format!("delete the key that is left in {kind}"), error.into()))?;
    }
    let os = context.os_keychain();
    let listed = usable(os.list());
    let failed = |error: KeychainError| Failure::of("delete the test items", error.into());
    for handle in trials(&*os, &listed.map_err(failed)?) {
        os.delete(&handle).map_err(failed)?;
        deleted += 1;
    }
    Ok(deleted)
}

/// Takes a keychain that is not there for an empty one.
fn usable<T: Default>(answer: Result<T, KeychainError>) -> Result<T, KeychainError> {
    match answer {
        Err(KeychainError::NoBus | KeychainError::NoService | KeychainError::NoCollection { .. }) => Ok(T::default()),
        other => other,
    }
}

/// Deletes both items of a vault, the key first.
fn delete_all(keychain: &dyn Keychain, vault: VaultId) -> Result<usize, KeychainError> {
    let mut deleted = 0;
    for kind in [ItemKind::DataKey, ItemKind::Anchor] {
        for item in keychain.get(&vault.to_string(), kind)? {
            keychain.delete(&item.handle)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
