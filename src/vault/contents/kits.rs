//! Recovery kits: the data key wrapped once more, under a secret that stands on paper alone.

use super::Contents;
use crate::crypto::cobblestone;
use crate::crypto::secret::{DataKey, KitSecret};
use crate::error::{Error, NotFound};
use crate::format::kit::KitName;
use crate::format::scalar::Base64;
use crate::format::vault::{KitRecord, KitSlot, Slot};
use crate::format::{DataKeyId, KitId, Timestamp, VaultId, label};

/// A kit that has been made and is not in the vault yet: nothing opens with it before the vault takes it up.
#[derive(Debug)]
pub struct NewKit {
    name: KitName,
    created: Timestamp,
    secret: KitSecret,
}

impl NewKit {
    /// Draws a kit of this number.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub(in crate::vault) fn generate(number: u32, created: Timestamp) -> Result<Self, Error> {
        let name = KitName { number, id: KitId::generate()? };
        Ok(Self { name, created, secret: KitSecret::generate()? })
    }

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

/// Ends a kit, for the rotation that is under way too.
pub fn revoke(contents: &mut Contents, id: KitId, paper_destroyed: bool, now: Timestamp) -> Result<(), Error> {
    let kit = contents.payload.kits.iter_mut().find(|kit| kit.id == id);
    let kit = kit.ok_or_else(|| Error::NotFound(NotFound::Kit { name: Some(id.to_string()) }))?;
    kit.ended = kit.ended.or(Some(now));
    if paper_destroyed {
        kit.destroyed = kit.destroyed.or(Some(now));
    }
    let stays = |slot: &Slot| slot.as_kit().is_none_or(|kit| kit.id != id);
    contents.slots.retain(stays);
    if let Some(rotation) = contents.payload.under_way_mut() {
        rotation.slots.retain(stays);
    }
    Ok(())
}

/// Puts a kit into a vault that is about to be written under this data key.
pub fn add(
    contents: &mut Contents,
    kit: &NewKit,
    vault: VaultId,
    data_key_id: DataKeyId,
    data_key: &DataKey,
) -> Result<(), Error> {
    contents.slots.push(wrap(data_key, vault, data_key_id, kit)?);
    contents.payload.kits.push(KitRecord {
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
pub fn wrap(data_key: &DataKey, vault: VaultId, data_key_id: DataKeyId, kit: &NewKit) -> Result<Slot, Error> {
    wrap_for(data_key, vault, data_key_id, kit.name, kit.created, &kit.secret)
}

/// Wraps a data key under a kit's secret.
pub fn wrap_for(
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
pub fn unwrap<'s>(
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
