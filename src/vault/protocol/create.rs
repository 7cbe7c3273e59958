//! Making a vault: the item first, proven to open; then the vault file; then the anchor.

use std::sync::Arc;

use super::anchor::{self, Memory};
use super::items;
use super::wraps::{WrapNames, Wraps, new_wrap};
use super::write::{reads_back, seal_document, second_copy};
use crate::crypto::kdf::{KdfCost, PEPPER_LEN};
use crate::crypto::secret::{DataKey, Password};
use crate::error::{Error, Exists};
use crate::format::scalar::FixedBase64;
use crate::format::vault::{Header, Payload, Policy};
use crate::format::{DataKeyId, EnrolmentId, VaultId};
use crate::keychain::ItemKind;
use crate::store::Replaced;
use crate::vault::contents::keys::new_anchor_key;
use crate::vault::contents::logs;
use crate::vault::{Edges, LOCK_WAIT, Notice, Source, Unlocked};

/// Makes a vault where none stands, and returns it unlocked.
///
/// The caller generates the id, since a keychain's place and this computer's settings go by it.
///
/// # Errors
/// [`Exists::Vault`] where a vault, a previous one or an unfinished write stands, or the keychain holds an item of this
/// id; [`ItemError::NotKept`](crate::error::ItemError); [`Error::Kdf`]; those of a vault write. Nothing is left behind
/// then.
pub fn create(edges: Edges, vault: VaultId, password: &Password, cost: KdfCost) -> Result<Unlocked, Error> {
    let now = edges.host.now();
    create_with(edges, vault, password, cost, |data_key| {
        let mut payload = Payload {
            needs: Vec::new(),
            policy: Policy::new(cost),
            anchor_key: new_anchor_key(vault, data_key)?,
            ancestors: Vec::new(),
            rotation: None,
            projects: Vec::new(),
            secrets: Vec::new(),
            kits: Vec::new(),
            log_keys: Vec::new(),
            logs: Vec::new(),
            logging: Vec::new(),
            others: Default::default(),
        };
        logs::push_key(&mut payload, vault, data_key, now)?;
        Ok(payload)
    })
}

/// Makes a vault of a payload, which may hold keys wrapped under the data key that the closure is handed.
pub(in crate::vault) fn create_with(
    edges: Edges,
    vault: VaultId,
    password: &Password,
    cost: KdfCost,
    payload: impl FnOnce(&DataKey) -> Result<Payload, Error>,
) -> Result<Unlocked, Error> {
    let place = edges.store.place();
    check_free(&edges, vault)?;
    let mut pepper = [0; PEPPER_LEN];
    crate::crypto::random(&mut pepper)?;
    let data_key = DataKey::generate()?;
    let data_key_id = DataKeyId::generate()?;
    let payload = payload(&data_key)?;
    // Before the lock: Argon2 never runs under it.
    let names = WrapNames { vault, data_key: data_key_id, enrolment: EnrolmentId::generate()? };
    let (wrap, kek) = new_wrap(&edges, names, &data_key, password, &pepper, cost)?;
    let wraps = Wraps::first(wrap);
    let mut lock = edges.store.lock(LOCK_WAIT).map_err(|error| Error::from_store(&place, error))?;
    check_free(&edges, vault)?;
    // A key without a vault is harmless; a vault without a key is lost. So the item comes first.
    let item_bytes = wraps.to_bytes()?;
    if let Err(error) = edges.keychain.create(&vault.to_string(), ItemKind::DataKey, &item_bytes) {
        // It may have been stored all the same; what else stands there is another vault's.
        forget_item(&edges, vault, |stored| stored == item_bytes);
        return Err(error.into());
    }
    if let Err(error) = items::read_back(&edges, vault, &item_bytes, Some(&kek)) {
        // Made by this process, whatever it reads back as.
        forget_item(&edges, vault, |_| true);
        return Err(error);
    }
    edges.sync_keychain();
    let header = Header {
        vault,
        generation: 1,
        data_key: data_key_id,
        pepper: FixedBase64(pepper),
        created: edges.host.now(),
        slots: Vec::new(),
    };
    let written = seal_document(header, &payload, &data_key).and_then(|(document, bytes)| {
        lock.replace(&bytes, None, &Replaced::Nothing, &mut |read| reads_back(read, &document, &data_key))
            .map_err(|error| Error::from_store(&place, error))?;
        Ok((document, bytes))
    });
    let (document, bytes) = match written {
        Ok(written) => written,
        Err(error) => {
            forget_item(&edges, vault, |_| true);
            return Err(error);
        }
    };
    let mut notices = Vec::from_iter(second_copy(&mut *lock, &bytes));
    if let Err(error) = anchor::store(&edges, &document, &data_key, &payload) {
        notices.push(Notice::AnchorNotWritten { reason: error.to_string() });
    }
    drop(lock);
    Ok(Unlocked {
        edges,
        standing: Some(bytes),
        document,
        source: Source::Current,
        data_key: data_key.into(),
        payload,
        memory: Memory::Current,
        logged: None,
        lost: Arc::default(),
        wraps,
        opened_wrap: 0,
        alone: true,
        finished_rotation: false,
        follows: None,
        notices,
    })
}

fn check_free(edges: &Edges, vault: VaultId) -> Result<(), Error> {
    let standing = edges.store.standing().map_err(|error| Error::from_store(&edges.store.place(), error))?;
    if !standing.is_empty() {
        return Err(Error::Exists(Exists::Vault { standing }));
    }
    if !edges.keychain.get(&vault.to_string(), ItemKind::DataKey)?.is_empty() {
        return Err(Error::Exists(Exists::Vault { standing: vec![edges.keychain.name()] }));
    }
    Ok(())
}

/// Takes back the item of a vault that did not come to be. Best effort: what stays is a stray item, found by doctor.
fn forget_item(edges: &Edges, vault: VaultId, is_own: impl Fn(&[u8]) -> bool) {
    // A write that was reported as failed may have been done: then the vault stands, and this is its only key.
    if !matches!(edges.store.load(), Ok(None)) {
        return;
    }
    for item in edges.keychain.get(&vault.to_string(), ItemKind::DataKey).unwrap_or_default() {
        if is_own(&item.bytes) {
            let _ = edges.keychain.delete(&item.handle);
        }
    }
}
