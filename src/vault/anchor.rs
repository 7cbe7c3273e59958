//! What this machine remembers of a vault: the anchor, against which an older or foreign vault file shows.

use super::{Edges, digest};
use crate::crypto::hmac::MacKey;
use crate::crypto::secret::DataKey;
use crate::error::{Error, RolledBack};
use crate::format::item::{Anchor, AnchorItem};
use crate::format::vault::{Document, Payload};
use crate::format::{VaultId, label};
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

/// Reads the newest anchor that verifies under the data key.
pub(super) fn load(edges: &Edges<'_>, vault: VaultId, data_key: &DataKey) -> Result<Option<Anchor>, Error> {
    Ok(newest(edges, vault, data_key)?.map(|(anchor, _)| anchor))
}

/// Returns the item of the newest anchor that verifies, as it is stored.
pub(super) fn newest_bytes(edges: &Edges<'_>, vault: VaultId, data_key: &DataKey) -> Result<Option<Vec<u8>>, Error> {
    Ok(newest(edges, vault, data_key)?.map(|(_, bytes)| bytes))
}

fn newest(edges: &Edges<'_>, vault: VaultId, data_key: &DataKey) -> Result<Option<(Anchor, Vec<u8>)>, Error> {
    let key = MacKey::derive(data_key.expose(), label::ANCHOR);
    let items = match edges.keychain.get(&vault.to_string(), ItemKind::Anchor) {
        // What is longer than any anchor verifies no better than garbage does.
        Err(KeychainError::TooLong { .. }) => Vec::new(),
        other => other?,
    };
    let valid = items.into_iter().filter_map(|stored| {
        let item = AnchorItem::parse(&stored.bytes).ok()?;
        let holds = key.verifies(&item.protected, &item.mac) && item.anchor.vault == vault;
        holds.then_some((item.anchor, stored.bytes))
    });
    Ok(valid.max_by_key(|(anchor, _)| anchor.generation))
}

/// Reads a digest that an anchor claims without knowing the key: good for a hint, not for a decision.
pub(super) fn claimed_digest(edges: &Edges<'_>, vault: VaultId) -> Option<[u8; 32]> {
    let items = edges.keychain.get(&vault.to_string(), ItemKind::Anchor).ok()?;
    items.iter().find_map(|item| Some(AnchorItem::parse(&item.bytes).ok()?.anchor.digest))
}

/// Compares an opened vault with an anchor.
pub(super) fn compare(document: &Document, payload: &Payload, anchor: Option<&Anchor>) -> Memory {
    let Some(anchor) = anchor else { return Memory::Missing };
    let generation = document.header.generation;
    let rolled_back =
        |forked| Memory::RolledBack(RolledBack { generation, seen: anchor.generation, seen_at: anchor.at, forked });
    if generation < anchor.generation {
        return rolled_back(false);
    }
    if generation == anchor.generation {
        return if digest(document) == anchor.digest { Memory::Current } else { rolled_back(false) };
    }
    let descends = payload.ancestors.iter().any(|ancestor| ancestor.0 == anchor.digest[..16]);
    if descends { Memory::Behind } else { rolled_back(true) }
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
