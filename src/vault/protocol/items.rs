//! The data-key item: written, read back and compared in one way, whoever writes it; and what something else has put
//! beside it.

use super::anchor;
use super::wraps::{Wraps, unwrap_data_key};
use crate::crypto::secret::Kek;
use crate::error::{Begun, Error, ItemError, Subject};
use crate::format::VaultId;
use crate::format::item::{DataKeyItem, Wrap};
use crate::keychain::{ItemKind, KeychainError};
use crate::vault::{Edges, Unlocked};

/// Writes the data-key item and reads it back. Where its newest wrap is a new one, `newest` opens it: what has opened
/// before needs no proof.
pub fn write(edges: &Edges, vault: VaultId, wraps: &Wraps, newest: Option<&Kek>) -> Result<(), Error> {
    let bytes = wraps.to_bytes()?;
    edges.keychain.set(&vault.to_string(), ItemKind::DataKey, &bytes)?;
    read_back(edges, vault, &bytes, newest)
}

/// Sees to it that the item is kept as it was written, and that its newest wrap opens.
pub fn read_back(edges: &Edges, vault: VaultId, bytes: &[u8], newest: Option<&Kek>) -> Result<(), Error> {
    let opens = |newest: &Kek| {
        let item = DataKeyItem::parse(bytes);
        item.is_ok_and(|item| item.wraps.last().is_some_and(|wrap| unwrap_data_key(wrap, newest).is_some()))
    };
    let kept = edges.keychain.get(&vault.to_string(), ItemKind::DataKey)?;
    if kept.iter().any(|stored| stored.bytes == bytes) && newest.is_none_or(opens) {
        Ok(())
    } else {
        Err(Error::Item(ItemError::NotKept { keychain: edges.keychain.name() }))
    }
}

impl Unlocked {
    /// Writes the item and goes on with it as the one that stands; the wrap that opened the vault is found again.
    pub(in crate::vault) fn put_item(&mut self, wraps: Wraps, newest: Option<&Kek>) -> Result<(), Error> {
        write(&self.edges, self.id(), &wraps, newest)?;
        let missing = || Error::Item(ItemError::Missing { keychain: self.edges.keychain.name(), vault: self.id() });
        self.opened_wrap = wraps.place_of(self.document.header.data_key).ok_or_else(missing)?;
        self.wraps = wraps;
        Ok(())
    }

    /// Sees to it that the item is still the one this vault was unlocked with, and alone.
    pub(in crate::vault) fn check_item_unchanged(&self) -> Result<(), Error> {
        let keychain = &self.edges.keychain;
        let stored = keychain.get(&self.id().to_string(), ItemKind::DataKey)?;
        let [only] = &stored[..] else {
            let (provider, count) = (keychain.name(), stored.len());
            return Err(match count {
                0 => Error::Item(ItemError::Missing { keychain: provider, vault: self.id() }),
                _ => KeychainError::Ambiguous { provider, count, kind: ItemKind::DataKey }.into(),
            });
        };
        let unchanged = self.wraps.to_bytes().is_ok_and(|bytes| bytes == only.bytes);
        if unchanged {
            Ok(())
        } else {
            Err(Error::Changed { what: Subject::ItemIn { item: "key", keychain: keychain.name() } })
        }
    }

    /// A write that failed or timed out may have been done: only the old item, read back, proves that it was not.
    pub(in crate::vault) fn unless_unchanged(&self, error: Error) -> Error {
        match self.check_item_unchanged() {
            Ok(()) => error,
            Err(_) => error.after(Begun::PasswordChange),
        }
    }

    /// Returns the wraps of other data keys that stand in this computer's keychain, those that stand before the last
    /// one that goes and those after it, and sees to it that one item can be written: of several, all but one go, their
    /// wraps being kept here. The order matters: the newest data key stands last.
    pub(in crate::vault) fn take_others(
        &self,
        goes: &dyn Fn(crate::format::DataKeyId) -> bool,
    ) -> Result<(Vec<Wrap>, Vec<Wrap>), Error> {
        let vault = self.id();
        let stored = self.edges.keychain.get(&vault.to_string(), ItemKind::DataKey)?;
        let mut others: Vec<Wrap> = Vec::new();
        let mut before = 0;
        for item in stored.iter().filter_map(|stored| DataKeyItem::parse(&stored.bytes).ok()) {
            for wrap in item.wraps.into_iter().filter(|wrap| wrap.header.vault == vault) {
                if goes(wrap.header.data_key) {
                    before = others.len();
                } else if !others.contains(&wrap) {
                    others.push(wrap);
                }
            }
        }
        // The last one is not deleted but written over: a keychain that asks its user by item goes on knowing it.
        for surplus in stored.iter().skip(1) {
            let holds_others = DataKeyItem::parse(&surplus.bytes)
                .is_ok_and(|item| item.wraps.iter().any(|wrap| !goes(wrap.header.data_key)));
            if holds_others {
                // Deleting it before its wraps stand elsewhere could lose them.
                let (provider, count) = (self.edges.keychain.name(), stored.len());
                return Err(KeychainError::Ambiguous { provider, count, kind: ItemKind::DataKey }.into());
            }
        }
        for surplus in stored.iter().skip(1) {
            self.edges.keychain.delete(&surplus.handle)?;
        }
        let after = others.split_off(before);
        Ok((others, after))
    }

    /// Deletes every item of this vault but the one that opened it, and every anchor but the one that holds. Returns
    /// how many were deleted.
    ///
    /// # Errors
    /// Those of [`Unlocked::check_writable`]: beside an older vault file, what does not open it may be the newer one's
    /// only key. Those of the keychain; what was deleted until then stays deleted, and the item that opens is never
    /// touched.
    pub fn remove_duplicates(&mut self) -> Result<usize, Error> {
        let _lock = self.lock()?;
        self.reload()?;
        self.check_writable()?;
        let _items = self.edges.lock_items(self.id())?;
        let own = self.wraps.to_bytes()?;
        let mut deleted = self.keep_one(ItemKind::DataKey, &own)?;
        if let Some(newest) = anchor::newest_bytes(&self.edges, self.id(), &self.data_key, &self.payload)? {
            deleted += self.keep_one(ItemKind::Anchor, &newest)?;
        }
        Ok(deleted)
    }

    fn keep_one(&self, kind: ItemKind, own: &[u8]) -> Result<usize, Error> {
        let keychain = &self.edges.keychain;
        let items = keychain.get(&self.id().to_string(), kind)?;
        // Where the item that opened is not among them, something changes them right now: nothing is deleted.
        let Some(kept) = items.iter().position(|item| item.bytes == own) else {
            return Err(Error::Changed { what: Subject::ItemIn { item: kind.name(), keychain: keychain.name() } });
        };
        let mut deleted = 0;
        for (index, item) in items.iter().enumerate() {
            if index != kept {
                keychain.delete(&item.handle)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}
