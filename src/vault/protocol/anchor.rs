//! What this computer remembers of a vault: the anchor, against which an older or foreign vault file shows.

use crate::crypto::hmac::MacKey;
use crate::crypto::secret::DataKey;
use crate::error::{Difference, Error, ItemError, RolledBack, Subject};
use crate::format::item::{Anchor, AnchorItem};
use crate::format::vault::{ANCESTOR_LIMIT, Document, Payload};
use crate::format::{VaultId, label};
use crate::keychain::{ItemKind, KeychainError};
use crate::vault::contents::keys::unwrap_anchor_key;
use crate::vault::{Edges, digest};

/// How the vault file that stands compares with what this computer remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::vault) enum Memory {
    /// It is the one.
    Current,
    /// It descends from the one: written by another computer, or by this one before it was cut off.
    Behind,
    /// There is no memory, or none that verifies.
    Missing,
    /// It is older, another or a fork.
    RolledBack(RolledBack),
}

/// Returns what authenticates a vault's anchors.
fn mac_key(vault: VaultId, data_key: &DataKey, payload: &Payload) -> Result<MacKey, Error> {
    Ok(MacKey::derive(unwrap_anchor_key(&payload.anchor_key, vault, data_key)?.expose(), label::ANCHOR))
}

/// Reads what this computer remembers of a vault: of several anchors that verify, the newest.
pub(in crate::vault) fn load(
    edges: &Edges,
    vault: VaultId,
    data_key: &DataKey,
    payload: &Payload,
) -> Result<Option<Anchor>, Error> {
    Ok(newest(edges, vault, &mac_key(vault, data_key, payload)?)?.map(|(anchor, _)| anchor))
}

/// Returns the item of the newest anchor that verifies, as it is stored.
pub(in crate::vault) fn newest_bytes(
    edges: &Edges,
    vault: VaultId,
    data_key: &DataKey,
    payload: &Payload,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(newest(edges, vault, &mac_key(vault, data_key, payload)?)?.map(|(_, bytes)| bytes))
}

fn newest(edges: &Edges, vault: VaultId, key: &MacKey) -> Result<Option<(Anchor, Vec<u8>)>, Error> {
    let items = match edges.keychain.get(&vault.to_string(), ItemKind::Anchor) {
        // What is longer than any anchor verifies no better than garbage does.
        Err(KeychainError::TooLong { .. }) => Vec::new(),
        other => other?,
    };
    let parsed = items.into_iter().filter_map(|stored| Some((AnchorItem::parse(&stored.bytes).ok()?, stored.bytes)));
    let own = parsed.filter(|(item, _)| item.anchor.vault == vault && key.verifies(&item.protected, &item.mac));
    Ok(own
        .map(|(item, bytes)| (item.anchor, bytes))
        .max_by_key(|(anchor, _)| (anchor.generation, anchor.log.as_ref().map(|log| log.count))))
}

/// Reads a digest that an anchor claims without knowing the key: good for a hint, not for a decision.
pub(in crate::vault) fn claimed_digest(edges: &Edges, vault: VaultId) -> Option<[u8; 32]> {
    let items = edges.keychain.get(&vault.to_string(), ItemKind::Anchor).ok()?;
    items.iter().find_map(|item| Some(AnchorItem::parse(&item.bytes).ok()?.anchor.digest))
}

/// Compares an opened vault with what is remembered.
pub(in crate::vault) fn compare(document: &Document, payload: &Payload, remembered: Option<&Anchor>) -> Memory {
    let Some(anchor) = remembered else { return Memory::Missing };
    let generation = document.header.generation;
    let rolled_back = |difference| {
        Memory::RolledBack(RolledBack { generation, seen: anchor.generation, seen_at: anchor.at, difference })
    };
    if generation < anchor.generation {
        return rolled_back(Difference::Older);
    }
    if generation == anchor.generation {
        return if digest(document) == anchor.digest { Memory::Current } else { rolled_back(Difference::Older) };
    }
    if payload.ancestors.iter().any(|ancestor| ancestor.0 == anchor.digest[..16]) {
        return Memory::Behind;
    }
    // What the anchor remembers may be among the ancestors that had to make room, and two computers are not to be
    // blamed.
    let is_listed = generation - anchor.generation <= ANCESTOR_LIMIT as u64;
    rolled_back(if is_listed { Difference::Diverged } else { Difference::TooFarAhead })
}

/// Remembers a vault as the one this computer last recorded. What the anchor holds besides, which this program does not
/// write, stays in it, and an anchor that has seen more stays as it is.
pub(in crate::vault) fn store(
    edges: &Edges,
    document: &Document,
    data_key: &DataKey,
    payload: &Payload,
) -> Result<(), Error> {
    let vault = document.header.vault;
    let key = mac_key(vault, data_key, payload)?;
    let _items = edges.lock_items(vault)?;
    let before = newest(edges, vault, &key)?.map(|(anchor, _)| anchor);
    if before.as_ref().is_some_and(|before| before.generation > document.header.generation) {
        return Ok(());
    }
    let anchor = Anchor {
        vault,
        data_key: document.header.data_key,
        generation: document.header.generation,
        digest: digest(document),
        at: edges.host.now(),
        log: before.and_then(|before| before.log),
    };
    write(edges, &anchor, &key)
}

/// Remembers how far this computer's access log is. `anchor` is what was read, with another `log`, and the caller holds
/// the lock of the items since then.
pub(in crate::vault) fn store_log(
    edges: &Edges,
    anchor: &Anchor,
    data_key: &DataKey,
    payload: &Payload,
) -> Result<(), Error> {
    write(edges, anchor, &mac_key(anchor.vault, data_key, payload)?)
}

fn write(edges: &Edges, anchor: &Anchor, key: &MacKey) -> Result<(), Error> {
    let bytes = AnchorItem::write(anchor, |protected| key.tag(protected))
        .map_err(|error| Error::from_format(Subject::Item("anchor"), error))?;
    let vault = anchor.vault.to_string();
    edges.keychain.set(&vault, ItemKind::Anchor, &bytes)?;
    let kept = edges.keychain.get(&vault, ItemKind::Anchor)?;
    if kept.iter().any(|item| item.bytes == bytes) {
        Ok(())
    } else {
        Err(Error::Item(ItemError::NotKept { keychain: edges.keychain.name() }))
    }
}
