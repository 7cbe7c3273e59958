//! Uniting two files of one vault that two computers changed apart from each other.

use super::anchor::Memory;
use super::change::ancestor;
use super::contents::Effect;
use super::contents::join::{
    Merged, check_foreign, forget_ended, holds, joined_ancestors, unite, unite_kits, united_rotation,
};
use super::{Source, Unlocked, open_payload};
use crate::error::Error;
use crate::format::vault::{Document, KitSlot, Slot};
use crate::store::Replaced;

impl Unlocked {
    /// Takes into this vault what another file of the same vault has more. No key is dropped: where both files made a
    /// version of the same number, the other file's gets the next free one. What either destroyed stays destroyed.
    ///
    /// # Errors
    /// [`Error::OtherVault`] for another vault's file or one under another data key; [`Error::RotationUnderWay`] where
    /// a rotation that this file knows nothing of is under way in the other; [`Error::RolledBack`] where neither file
    /// is, or descends from, the one this computer last recorded; [`Error::NotUnited`] if both files have something that this
    /// program does not read, and not the same; those of a vault write.
    pub fn merge(&mut self, other: &Document) -> Result<Merged, Error> {
        let refuse = |detail| Error::OtherVault { what: "the other vault file".into(), detail };
        let mut lock = self.lock()?;
        let anchor = self.reload()?;
        if other.header.vault != self.id() {
            return Err(refuse("it is another vault's"));
        }
        if other.header.data_key != self.document.header.data_key {
            return Err(refuse("it is under another data key: a rotation came between the two"));
        }
        let place = || "the other vault file".to_owned();
        let other_payload = open_payload(other, &self.data_key).map_err(|error| Error::from_format(place(), error))?;
        if let Some(feature) = other_payload.lacking().first() {
            return Err(Error::ReadOnly { features: vec![(*feature).to_owned()] });
        }
        let rotation = united_rotation(&self.payload, &other_payload)?;
        if matches!(self.source, Source::Previous { .. } | Source::Copy) {
            self.check_writable()?;
        }
        let was_rolled_back = matches!(self.memory, Memory::RolledBack(_));
        if let Memory::RolledBack(rolled_back) = &self.memory {
            let seen = anchor.as_ref().map(|anchor| &anchor.digest[..16]);
            let knows = seen.is_some_and(|seen| {
                ancestor(other).0 == seen || other_payload.ancestors.iter().any(|ancestor| ancestor.0 == seen)
            });
            if !knows {
                return Err(Error::RolledBack(rolled_back.clone()));
            }
            self.memory = Memory::Current;
        }
        self.check_writable()?;
        let mut contents = self.contents();
        let mut merged = unite(&mut contents.payload, &other_payload, self.id(), &self.data_key)?;
        check_foreign(&self.document.header.slots, &other.header.slots)?;
        merged.ended_kits = unite_kits(&mut contents, &other.header, &other_payload);
        contents.payload.rotation = rotation;
        if let Some(pending) = contents.payload.under_way_mut() {
            forget_ended(pending, &contents.slots);
            let own = &self.document.header;
            let came = contents.slots.iter().filter_map(Slot::as_kit).filter(|kit| !holds(&own.slots, kit.id));
            merged.ending_kits = came.filter(|kit| !holds(&pending.slots, kit.id)).map(KitSlot::name).collect();
        }
        let theirs = ancestor(other);
        let is_known = theirs == ancestor(&self.document) || self.payload.ancestors.contains(&theirs);
        if is_known
            && !was_rolled_back
            && contents.payload == self.payload
            && contents.slots == self.document.header.slots
        {
            return Ok(Merged { generation: self.document.header.generation, effect: Effect::AlreadySo, ..merged });
        }
        contents.payload.ancestors = joined_ancestors(&self.payload, &other_payload);
        contents.payload.ancestors.push(theirs);
        let seen = anchor.map_or(0, |anchor| anchor.generation);
        let highest = self.document.header.generation.max(other.header.generation).max(seen);
        merged.generation = self.generation_after(highest)?;
        self.write(&mut *lock, contents, merged.generation, &Replaced::BecomesPrevious)?;
        Ok(merged)
    }
}
