//! Recovery kits: the data key wrapped once more, under a secret that stands on paper alone.

use super::Unlocked;
use super::change::{Draft, Effect, second_copy};
use super::rotate::{NextKit, Rotation};
use crate::crypto::cobblestone;
use crate::crypto::secret::{DataKey, KitSecret, Password};
use crate::error::Error;
use crate::format::kit::KitName;
use crate::format::scalar::Base64;
use crate::format::vault::{KitRecord, KitSlot, Slot};
use crate::format::{DataKeyId, KitId, Timestamp, VaultId, label};

/// A kit that has been made and is not in the vault yet: nothing opens with it before [`Unlocked::add_kit`].
#[derive(Debug)]
pub struct NewKit {
    name: KitName,
    created: Timestamp,
    secret: KitSecret,
}

impl NewKit {
    /// Returns what the kit is called.
    #[must_use]
    pub fn name(&self) -> KitName {
        self.name
    }

    /// Returns when it was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Returns what its code stands for.
    #[must_use]
    pub fn secret(&self) -> &KitSecret {
        &self.secret
    }
}

/// What is known of a kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KitInfo {
    /// What it is called.
    pub name: KitName,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it opens the vault as it stands.
    pub valid: bool,
    /// When it was revoked, or a rotation of the data key ended it.
    pub ended: Option<Timestamp>,
    /// When the user said that its paper is destroyed.
    pub destroyed: Option<Timestamp>,
}

impl Unlocked {
    /// Returns every kit there ever was, by number.
    #[must_use]
    pub fn kits(&self) -> Vec<KitInfo> {
        let info = |kit: &KitRecord| KitInfo {
            name: kit.name(),
            created: kit.created,
            valid: self.header().kits().any(|slot| slot.id == kit.id),
            ended: kit.ended,
            destroyed: kit.destroyed,
        };
        let mut kits: Vec<KitInfo> = self.payload.kits.iter().map(info).collect();
        kits.sort_by_key(|kit| (kit.name.number, kit.created));
        kits
    }

    /// Returns the kit that is meant by a number, a name or an id.
    ///
    /// # Errors
    /// [`Error::KitNotFound`]; [`Error::KitAmbiguous`] if two kits have the number, or even the name.
    pub fn find_kit(&self, text: &str) -> Result<KitInfo, Error> {
        let meant: Vec<KitInfo> = self.kits().into_iter().filter(|kit| kit.name.is_meant_by(text)).collect();
        match &meant[..] {
            [] => Err(Error::KitNotFound { name: Some(text.into()) }),
            [kit] => Ok(*kit),
            several => {
                let names: Vec<String> = several.iter().map(|kit| kit.name.to_string()).collect();
                let same = names.iter().all(|name| *name == names[0]);
                let ids = || several.iter().map(|kit| kit.name.id.to_string()).collect();
                Err(Error::KitAmbiguous { kits: if same { ids() } else { names } })
            }
        }
    }

    /// Makes the next kit's secret. The vault does not know it yet.
    ///
    /// # Errors
    /// Those of [`Unlocked::check_writable`], and where the system has no random bytes.
    pub fn make_kit(&self) -> Result<NewKit, Error> {
        self.check_writable()?;
        let recorded = self.payload.kits.iter().map(|kit| kit.number);
        let wrapped = self.header().kits().map(|slot| slot.number);
        let highest = recorded.chain(wrapped).max().unwrap_or(0);
        let number = highest.checked_add(1).ok_or(Error::KitNotFound { name: Some(highest.to_string()) })?;
        let name = KitName { number, id: KitId::generate()? };
        Ok(NewKit { name, created: self.edges.host.now(), secret: KitSecret::generate()? })
    }

    /// Makes a kit valid. `password` is the one that opened the vault: while a rotation of the data key is under way,
    /// the kit is made to open the vault after it, too.
    ///
    /// # Errors
    /// [`Error::RotationUnderWay`] where a rotation of another computer would end the kit; those of a vault write.
    pub fn add_kit(&mut self, kit: &NewKit, password: &Password) -> Result<(), Error> {
        let pending = self.open_pending(password)?;
        let mut lock = self.lock()?;
        self.revise(&mut *lock, |draft, editing| {
            add(draft, kit, editing.vault, editing.data_key_id, editing.data_key)?;
            let Some(under_way) = draft.payload.under_way_mut() else { return Ok(()) };
            // A kit that the rotation ends without a word would be reported good.
            let opened = pending.filter(|opened| opened.id == under_way.data_key).ok_or(Error::RotationUnderWay)?;
            under_way.slots.push(wrap(&opened.key, editing.vault, opened.id, kit)?);
            Ok(())
        })?;
        // The file from before does not open with this kit: were it the second one, damage to the vault file would shut
        // out whoever has the kit alone.
        self.notices.extend(self.standing.as_deref().and_then(|bytes| second_copy(&mut *lock, bytes)));
        Ok(())
    }

    /// Ends a kit. Vault copies from before still open with it, so its paper is to be destroyed; `paper_destroyed`
    /// remembers that it was. A kit that has ended already can be named to say just that.
    ///
    /// # Errors
    /// [`Error::KitNotFound`]; those of a vault write.
    pub fn revoke_kit(&mut self, kit: KitId, paper_destroyed: bool) -> Result<Effect, Error> {
        let mut lock = self.lock()?;
        let revoked =
            self.revise_unless_so(&mut *lock, |draft, editing| revoke(draft, kit, paper_destroyed, editing.now));
        revoked.map(|((), effect)| effect)
    }

    /// Ends a kit and begins a rotation of the data key, in one write: whoever has the kit's code and an older vault
    /// file has the data key that the vault has until then.
    ///
    /// # Errors
    /// [`Error::KitNotFound`]; those of [`Unlocked::rotate_data_key`], where the kit that is revoked is none to keep.
    pub fn revoke_kit_and_rotate(
        &mut self,
        revoked: KitId,
        paper_destroyed: bool,
        password: &Password,
        kit: NextKit<'_>,
    ) -> Result<Rotation, Error> {
        self.begin(password, kit, |draft, editing| revoke(draft, revoked, paper_destroyed, editing.now))
    }
}

/// Ends a kit, for the rotation that is under way too.
fn revoke(draft: &mut Draft, id: KitId, paper_destroyed: bool, now: Timestamp) -> Result<(), Error> {
    let kit = draft.payload.kits.iter_mut().find(|kit| kit.id == id);
    let kit = kit.ok_or_else(|| Error::KitNotFound { name: Some(id.to_string()) })?;
    kit.ended = kit.ended.or(Some(now));
    if paper_destroyed {
        kit.destroyed = kit.destroyed.or(Some(now));
    }
    let stays = |slot: &Slot| slot.as_kit().is_none_or(|kit| kit.id != id);
    draft.slots.retain(stays);
    if let Some(rotation) = draft.payload.under_way_mut() {
        rotation.slots.retain(stays);
    }
    Ok(())
}

/// Puts a kit into a vault that is about to be written under this data key.
pub(super) fn add(
    draft: &mut Draft,
    kit: &NewKit,
    vault: VaultId,
    data_key_id: DataKeyId,
    data_key: &DataKey,
) -> Result<(), Error> {
    draft.slots.push(wrap(data_key, vault, data_key_id, kit)?);
    draft.payload.kits.push(KitRecord {
        id: kit.name.id,
        number: kit.name.number,
        created: kit.created,
        ended: None,
        destroyed: None,
        others: Default::default(),
    });
    Ok(())
}

/// Wraps a data key for a kit.
pub(super) fn wrap(data_key: &DataKey, vault: VaultId, data_key_id: DataKeyId, kit: &NewKit) -> Result<Slot, Error> {
    wrap_for(data_key, vault, data_key_id, kit.name, kit.created, &kit.secret)
}

/// Wraps a data key under a kit's secret.
pub(super) fn wrap_for(
    data_key: &DataKey,
    vault: VaultId,
    data_key_id: DataKeyId,
    KitName { number, id }: KitName,
    created: Timestamp,
    secret: &KitSecret,
) -> Result<Slot, Error> {
    let context: [&[u8]; 4] = [label::RECOVERY, vault.as_bytes(), data_key_id.as_bytes(), id.as_bytes()];
    let wrapped = Base64(cobblestone::seal(secret.expose(), &context, data_key.expose())?);
    Ok(Slot::Kit(KitSlot { id, number, created, wrapped }))
}

/// Opens the kit's slot that this secret opens, and returns it with the data key.
pub(super) fn unwrap<'s>(
    slots: &'s [Slot],
    vault: VaultId,
    data_key_id: DataKeyId,
    secret: &KitSecret,
) -> Option<(&'s KitSlot, DataKey)> {
    slots.iter().filter_map(Slot::as_kit).find_map(|slot| {
        let context: [&[u8]; 4] = [label::RECOVERY, vault.as_bytes(), data_key_id.as_bytes(), slot.id.as_bytes()];
        let open = |key: &mut _| cobblestone::open_key(secret.expose(), &context, &slot.wrapped.0, key);
        Some((slot, DataKey::fill_with(open).ok()?))
    })
}
