//! Changing the master password: add the new wrap, prove it, then drop the old one. The vault file does not change.

use super::items;
use super::wraps::{WrapNames, new_wrap};
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::Password;
use crate::error::{Begun, Error, ItemError, Subject};
use crate::format::Timestamp;
use crate::vault::{Notice, Unlocked};

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
    /// Those of [`Unlocked::check_writable`]; [`Error::Keychain`] and [`ItemError::NotKept`] where nothing was
    /// changed, [`Begun::PasswordChange`] where the keychain did not confirm, so that the old, the new or both
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
            return Err(Error::Changed { what: Subject::Content("the rotation of the data key") });
        }
        lock.sync().map_err(|error| Error::from_store(&self.edges.store.place(), error))?;
        let (last, next) = match next {
            Some((next, kek)) => (kek, Some(next)),
            None => (kek, None),
        };
        let follows = next.is_some();
        let (both, settled) = self.wraps.changing(self.wrap(), wrap, next);
        if !both.fit() {
            let detail = "it holds too many wraps to add one".into();
            return Err(Error::Item(ItemError::NotOurs { keychain: self.edges.keychain.name(), detail }));
        }
        // What stands last behind a stranger's wraps is not ours to open.
        let newest = (follows || !both.has_others(header.data_key)).then_some(&last);
        if follows {
            self.forget_time_under(&mut *lock)?;
        }
        // Copies of the vault in other folders have locks of their own, and may share this item.
        let lock_of_items = self.edges.lock_items(vault)?;
        self.check_item_unchanged()?;
        items::write(&self.edges, vault, &both, newest).map_err(|error| self.unless_unchanged(error))?;
        // From here both passwords open until the old wrap is gone.
        let either = |error: Error| error.after(Begun::PasswordChange);
        self.put_item(settled, newest).map_err(either)?;
        drop(lock_of_items);
        if follows {
            self.edges.host.sync_disks();
            // The password is changed. A note that cannot be written now is written at the next unlock.
            if let Err(error) = self.note_time_under(&mut *lock) {
                self.notices.push(Notice::RotationStuck { reason: error.to_string() });
            }
        }
        Ok(PasswordChanged { at, cost })
    }
}
