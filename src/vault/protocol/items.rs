//! Cleaning up keychain items that something else put beside a vault's own.

use super::anchor;
use crate::error::Error;
use crate::keychain::ItemKind;
use crate::vault::Unlocked;

impl Unlocked {
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
        let own = self.item.to_bytes().map_err(|error| Error::from_format("the data-key item", error))?;
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
            return Err(Error::Changed { what: format!("the {} in {}", kind.name(), keychain.name()) });
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
