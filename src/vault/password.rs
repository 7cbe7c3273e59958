//! Changing the master password: add the new wrap, prove it, then drop the old one. The vault file does not change.

use super::create::{new_wrap, write_item};
use super::{LOCK_WAIT, Unlocked};
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::format::Timestamp;
use crate::format::item::{DataKeyItem, WRAP_LIMIT};
use crate::keychain::{ItemKind, KeychainError};

/// What a password change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordChanged {
    /// When.
    pub at: Timestamp,
    /// What Argon2id costs from now on.
    pub cost: KdfCost,
}

impl Unlocked<'_> {
    /// Changes the master password on this machine. `cost` replaces the vault's policy for this wrap.
    ///
    /// # Errors
    /// Those of [`Unlocked::check_writable`]; [`Error::Keychain`] and [`Error::KeychainForgets`] where nothing was changed, [`Error::EitherPassword`] where
    /// the keychain did not confirm, so that the old, the new or both passwords open. Never neither.
    pub fn change_password(&mut self, new: &Password, cost: Option<KdfCost>) -> Result<PasswordChanged, Error> {
        self.check_writable()?;
        let cost = match cost {
            Some(cost) => cost,
            None => self.policy()?,
        };
        cost.check()?;
        let header = self.document.header.clone();
        let (wrap, kek) =
            new_wrap(&self.edges, header.vault, header.data_key, &self.data_key, new, &header.pepper.0, cost)?;
        let store = self.edges.store;
        // Two password changes at once would each drop the other's wrap.
        let _lock = store.lock(LOCK_WAIT).map_err(|error| Error::from_store(&store.place(), error))?;
        self.check_item_unchanged()?;
        let at = wrap.header.at;
        // Wraps of another data key belong to a rotation under way and stay as they are.
        let others = self.item.wraps.iter().filter(|wrap| wrap.header.data_key != header.data_key);
        let mut settled: Vec<_> = others.cloned().collect();
        let mut both = settled.clone();
        both.push(self.wrap().clone());
        both.push(wrap.clone());
        settled.push(wrap);
        if both.len() > WRAP_LIMIT {
            let detail = "it holds too many wraps to add one".into();
            return Err(Error::KeyNotOurs { keychain: self.edges.keychain.name(), detail });
        }
        let both = DataKeyItem { wraps: both };
        write_item(&self.edges, header.vault, &both, &kek).map_err(|error| self.unless_unchanged(error))?;
        let settled = DataKeyItem { wraps: settled };
        // From here both passwords open until the old wrap is gone.
        write_item(&self.edges, header.vault, &settled, &kek)
            .map_err(|error| Error::EitherPassword { cause: Box::new(error) })?;
        self.opened_wrap = settled.wraps.len() - 1;
        self.item = settled;
        Ok(PasswordChanged { at, cost })
    }

    /// Sees to it that the item is still the one this vault was unlocked with, and alone.
    fn check_item_unchanged(&self) -> Result<(), Error> {
        let keychain = self.edges.keychain;
        let stored = keychain.get(&self.id().to_string(), ItemKind::DataKey)?;
        let [only] = &stored[..] else {
            let (provider, count) = (keychain.name(), stored.len());
            return Err(match count {
                0 => Error::KeyMissing { keychain: provider, vault: self.id() },
                _ => KeychainError::Ambiguous { provider, count, kind: ItemKind::DataKey }.into(),
            });
        };
        let unchanged = self.item.to_bytes().is_ok_and(|bytes| bytes == only.bytes);
        if unchanged { Ok(()) } else { Err(Error::Changed { what: format!("the key in {}", keychain.name()) }) }
    }

    /// A write that failed or timed out may have been done: only the old item, read back, proves that it was not.
    fn unless_unchanged(&self, error: Error) -> Error {
        match self.check_item_unchanged() {
            Ok(()) => error,
            Err(_) => Error::EitherPassword { cause: Box::new(error) },
        }
    }
}
