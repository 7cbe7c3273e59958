//! What this machine remembers of a vault: the anchor, against which an older or foreign vault file shows.

use super::{Edges, digest};
use crate::crypto::hmac::MacKey;
use crate::crypto::secret::DataKey;
use crate::error::{Difference, Error, RolledBack};
use crate::format::item::{Anchor, AnchorItem};
use crate::format::vault::{ANCESTOR_LIMIT, Document, Payload};
use crate::format::{DataKeyId, VaultId, label};
use crate::keychain::{ItemKind, KeychainError};

/// How the vault file that stands compares with what this machine remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Memory {
    /// It is the one.
    Current,
    /// It descends from the one: written by another machine, or by this one before it was cut off.
    Behind,
    /// There is no memory, or none that verifies.
    Missing,
    /// It is older, another or a fork.
    RolledBack(RolledBack),
}

/// What a keychain holds of anchors.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The newest that verifies under the vault's data key.
    pub(super) verified: Option<Anchor>,
    /// Where none does: what one of another data key claims. It makes no vault file one to be changed. What it can do
    /// is count against the vault and, where the vault says itself that it descends from what is claimed, have
    /// `recover` drop wraps of the data key it names, and pass for what a rotation left, so that the missing anchor is
    /// not told of: whoever can forge it can delete the item, or put an earlier anchor back, as well.
    claimed: Option<Anchor>,
}

/// Reads the anchors of a vault.
pub(super) fn load(edges: &Edges<'_>, vault: VaultId, data_key: &DataKey) -> Result<Remembered, Error> {
    let items = items(edges, vault)?;
    if let Some((anchor, _)) = newest(&items, data_key) {
        return Ok(Remembered { verified: Some(anchor), claimed: None });
    }
    let claimed = items.into_iter().map(|(item, _)| item.anchor).max_by_key(|anchor| anchor.generation);
    Ok(Remembered { verified: None, claimed })
}

/// Returns the item of the newest anchor that verifies, as it is stored.
pub(super) fn newest_bytes(edges: &Edges<'_>, vault: VaultId, data_key: &DataKey) -> Result<Option<Vec<u8>>, Error> {
    Ok(newest(&items(edges, vault)?, data_key).map(|(_, bytes)| bytes.to_vec()))
}

/// Returns what parses as an anchor of this vault, with its bytes.
fn items(edges: &Edges<'_>, vault: VaultId) -> Result<Vec<(AnchorItem, Vec<u8>)>, Error> {
    let items = match edges.keychain.get(&vault.to_string(), ItemKind::Anchor) {
        // What is longer than any anchor verifies no better than garbage does.
        Err(KeychainError::TooLong { .. }) => Vec::new(),
        other => other?,
    };
    let parsed = items.into_iter().filter_map(|stored| Some((AnchorItem::parse(&stored.bytes).ok()?, stored.bytes)));
    Ok(parsed.filter(|(item, _)| item.anchor.vault == vault).collect())
}

fn newest<'i>(items: &'i [(AnchorItem, Vec<u8>)], data_key: &DataKey) -> Option<(Anchor, &'i [u8])> {
    let key = MacKey::derive(data_key.expose(), label::ANCHOR);
    let valid = items.iter().filter(|(item, _)| key.verifies(&item.protected, &item.mac));
    let newest = valid.max_by_key(|(item, _)| item.anchor.generation)?;
    Some((newest.0.anchor.clone(), &newest.1))
}

/// Reads a digest that an anchor claims without knowing the key: good for a hint, not for a decision.
pub(super) fn claimed_digest(edges: &Edges<'_>, vault: VaultId) -> Option<[u8; 32]> {
    let items = edges.keychain.get(&vault.to_string(), ItemKind::Anchor).ok()?;
    items.iter().find_map(|item| Some(AnchorItem::parse(&item.bytes).ok()?.anchor.digest))
}

impl Remembered {
    /// Returns the data key of the claimed anchor where the opened vault descends from what that claims, as a vault does
    /// from the one before a rotation.
    pub(super) fn followed(&self, document: &Document, payload: &Payload) -> Option<DataKeyId> {
        let claimed = self.claimed.as_ref().filter(|claimed| claimed.data_key != document.header.data_key)?;
        (compare(document, payload, claimed) == Memory::Behind).then_some(claimed.data_key)
    }

    /// Compares an opened vault with what is remembered.
    pub(super) fn compare(&self, document: &Document, payload: &Payload) -> Memory {
        if let Some(anchor) = &self.verified {
            return compare(document, payload, anchor);
        }
        // After a rotation the anchor is of the next data key, or still of the earlier one. It cannot be verified then,
        // but a vault that is not what it claims, nor descends from that, is no vault to go on from unasked.
        let own = document.header.data_key;
        let Some(claimed) = self.claimed.as_ref().filter(|claimed| claimed.data_key != own) else {
            return Memory::Missing;
        };
        let is_forgotten = document.header.generation.saturating_sub(claimed.generation) >= ANCESTOR_LIMIT as u64;
        match compare(document, payload, claimed) {
            Memory::RolledBack(rolled_back) if !is_forgotten => Memory::RolledBack(rolled_back),
            _ => Memory::Missing,
        }
    }
}

fn compare(document: &Document, payload: &Payload, anchor: &Anchor) -> Memory {
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
    // What the anchor remembers may be among the ancestors that had to make room, and two machines are not to be blamed.
    let is_listed = generation - anchor.generation <= ANCESTOR_LIMIT as u64;
    rolled_back(if is_listed { Difference::Forked } else { Difference::TooFarAhead })
}

/// Remembers a vault as the one this machine saw last.
pub(super) fn store(edges: &Edges<'_>, document: &Document, data_key: &DataKey) -> Result<(), Error> {
    let key = MacKey::derive(data_key.expose(), label::ANCHOR);
    let anchor = Anchor {
        vault: document.header.vault,
        data_key: document.header.data_key,
        generation: document.header.generation,
        digest: digest(document),
        at: edges.host.now(),
    };
    let bytes = AnchorItem::write(&anchor, |protected| key.tag(protected))
        .map_err(|error| Error::from_format("the anchor", error))?;
    let vault = document.header.vault.to_string();
    edges.keychain.set(&vault, ItemKind::Anchor, &bytes)?;
    let kept = edges.keychain.get(&vault, ItemKind::Anchor)?;
    if kept.iter().any(|item| item.bytes == bytes) {
        Ok(())
    } else {
        Err(Error::KeychainForgets { keychain: edges.keychain.name() })
    }
}
