//! Changing the master password: add the new wrap, prove it, then drop the old one. The vault file does not change.

use super::create::{WrapNames, new_wrap, write_item, write_item_again};
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::{Kek, Password};
use crate::error::Error;
use crate::format::item::{DataKeyItem, WRAP_LIMIT, Wrap};
use crate::format::{Timestamp, VaultId};
use crate::keychain::{ItemKind, KeychainError};
use crate::vault::{Edges, Notice, Unlocked};

/// What a password change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordChanged {
    /// When.
    pub at: Timestamp,
    /// What Argon2id costs from now on.
    pub cost: KdfCost,
}

impl Unlocked {
    /// Changes the master password on this computer. `old` is the one that opened the vault; `cost` replaces the
    /// vault's policy for this wrap.
    ///
    /// While a rotation of the data key is under way, the next data key moves to the new password too, and the item is
    /// given its time anew.
    ///
    /// # Errors
    /// Those of [`Unlocked::check_writable`]; [`Error::Keychain`] and [`Error::KeychainForgets`] where nothing was
    /// changed, [`Error::EitherPassword`] where the keychain did not confirm, so that the old, the new or both
    /// passwords open. Never neither.
    pub fn change_password(
        &mut self,
        old: &Password,
        new: &Password,
        cost: Option<KdfCost>,
    ) -> Result<PasswordChanged, Error> {
        self.check_writable()?;
        let cost = match cost {
            Some(cost) => cost,
            None => self.policy()?,
        };
        cost.check()?;
        let header = self.document.header.clone();
        let vault = header.vault;
        let names = WrapNames { vault, data_key: header.data_key, enrolment: self.enrolment() };
        let (wrap, kek) = new_wrap(&self.edges, names, &self.data_key, new, &header.pepper.0, cost)?;
        let at = wrap.header.at;
        let pending = self.open_pending(old)?;
        let next = match (&pending, self.payload.under_way()) {
            (Some(opened), Some(rotation)) => {
                let names = WrapNames { data_key: opened.id, ..names };
                Some(new_wrap(&self.edges, names, &opened.key, new, &rotation.pepper.0, cost)?)
            }
            _ => None,
        };
        // Two password changes at once would each drop the other's wrap.
        let mut lock = self.lock()?;
        self.check_item_unchanged()?;
        // The wraps are made for what the vault said of a rotation when it was unlocked: it must say so still, and on
        // the disk.
        let under_way = self.payload.next_data_key();
        self.reload()?;
        self.check_writable()?;
        if self.payload.next_data_key() != under_way {
            return Err(Error::Changed { what: "the rotation of the data key".into() });
        }
        lock.sync().map_err(|error| Error::from_store(&self.edges.store.place(), error))?;
        // The newest data key stands last. Without a rotation of this computer, wraps of another data key stay as they
        // are: they belong to another copy of the vault.
        let of_pending = |wrap: &&Wrap| pending.as_ref().is_some_and(|pending| wrap.header.data_key == pending.id);
        let foreign = |wrap: &&Wrap| wrap.header.data_key != header.data_key && !of_pending(wrap);
        let others = || self.item.wraps.iter().filter(foreign).filter(|_| pending.is_none()).cloned();
        let before = self.item.wraps.iter().rfind(of_pending).cloned();
        let both = std::iter::once(self.wrap().clone()).chain([wrap.clone()]).chain(others());
        let both: Vec<Wrap> = both.chain(before).chain(next.iter().map(|(next, _)| next.clone())).collect();
        let settled = std::iter::once(wrap).chain(others()).chain(next.iter().map(|(next, _)| next.clone()));
        let settled = DataKeyItem { wraps: settled.collect() };
        if both.len() > WRAP_LIMIT {
            let detail = "it holds too many wraps to add one".into();
            return Err(Error::KeyNotOurs { keychain: self.edges.keychain.name(), detail });
        }
        let both = DataKeyItem { wraps: both };
        let last = next.as_ref().map_or(&kek, |(_, kek)| kek);
        let newest = others().next().is_none().then_some(last);
        if next.is_some() {
            self.forget_time_under(&mut *lock)?;
        }
        // Copies of the vault in other folders have locks of their own, and may share this item.
        let items = self.edges.lock_items(vault)?;
        self.check_item_unchanged()?;
        write_checked(&self.edges, vault, &both, newest).map_err(|error| self.unless_unchanged(error))?;
        // From here both passwords open until the old wrap is gone.
        let either = |error| Error::EitherPassword { cause: Box::new(error) };
        self.put_item(settled, |edges, item| write_checked(edges, vault, item, newest)).map_err(either)?;
        drop(items);
        if next.is_some() {
            self.edges.host.sync_disks();
            // The password is changed. A note that cannot be written now is written at the next unlock.
            if let Err(error) = self.note_time_under(&mut *lock) {
                self.notices.push(Notice::RotationStuck { reason: error.to_string() });
            }
        }
        Ok(PasswordChanged { at, cost })
    }

    /// Sees to it that the item is still the one this vault was unlocked with, and alone.
    pub(in crate::vault) fn check_item_unchanged(&self) -> Result<(), Error> {
        let keychain = &self.edges.keychain;
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

/// Writes the item and reads it back; where its newest wrap is a new one, that is opened too.
fn write_checked(edges: &Edges, vault: VaultId, item: &DataKeyItem, newest: Option<&Kek>) -> Result<(), Error> {
    match newest {
        Some(newest) => write_item(edges, vault, item, newest),
        None => write_item_again(edges, vault, item),
    }
}
