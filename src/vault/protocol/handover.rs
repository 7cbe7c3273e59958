//! A vault that was unlocked in one process and is kept unlocked in another one of the same program. That one reads the
//! vault, the item and the anchor by itself, as every unlock does; only what Argon2id has opened is handed over.

use super::unlock::{FoundKey, Opened};
use crate::crypto::secret::DataKey;
use crate::error::{Error, ItemError};
use crate::vault::Unlocked;

impl Unlocked {
    /// Returns the data key, for a process that goes on with [`FoundKey::take_over`]. Nothing else may have it.
    ///
    /// # Errors
    /// As [`Unlocked::follow`]: a vault file that is not the one to work with is not handed over.
    pub fn hand_over(&mut self) -> Result<DataKey, Error> {
        self.follow()?;
        DataKey::fill_with(|key| {
            key.copy_from_slice(self.data_key.expose());
            Ok(())
        })
    }
}

impl FoundKey {
    /// Unlocks the vault with the data key that another process has opened, and compares it with what this computer
    /// remembers of it. Writes nothing.
    ///
    /// # Errors
    /// As [`FoundKey::unlock`]; [`ItemError::NotOurs`] if the vault file names another data key by now.
    pub fn take_over(self, data_key: DataKey) -> Result<Unlocked, Error> {
        let names = self.vault.document.header.data_key;
        let wraps = self.items.iter().enumerate();
        let place = wraps.rev().find_map(|(item, wraps)| {
            let wrap = wraps.wraps.iter().rposition(|wrap| wrap.header.data_key == names)?;
            Some((item, wrap))
        });
        let (item, wrap) = place.ok_or_else(|| {
            let detail = "its data key is not the one the vault file names".into();
            Error::Item(ItemError::NotOurs { keychain: self.edges.keychain.name(), detail })
        })?;
        self.unlock_opened(Opened { data_key, item, wrap })
    }
}
