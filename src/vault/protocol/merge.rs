//! Uniting two files of one vault that two computers changed apart from each other.

use super::anchor::Memory;
use super::write::ancestor;
use crate::error::{Error, Refused, Subject, Unsupported};
use crate::format::vault::Document;
use crate::store::Replaced;
use crate::vault::contents::Contents;
use crate::vault::contents::Effect;
use crate::vault::contents::join::{Joined, Take, join, joined_ancestors};
use crate::vault::{Source, Unlocked, open_payload};

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What came with the other file.
    pub came: Joined,
    /// The generation the vault goes on with.
    pub generation: u64,
    /// Whether the vault was written: not where the other file is this one, or one that it descends from, and has
    /// nothing that is not here.
    pub effect: Effect,
}

impl Unlocked {
    /// Takes into this vault what another file of the same vault has more. No key is dropped: where both files made a
    /// version of the same number, the other file's gets the next free one. What either destroyed stays destroyed.
    ///
    /// # Errors
    /// [`Refused::OtherVault`] for another vault's file or one under another data key; [`Refused::RotationUnderWay`] where
    /// a rotation that this file knows nothing of is under way in the other; [`Error::RolledBack`] where neither file
    /// is, or descends from, the one this computer last recorded; [`Refused::NotUnited`] if both files have something
    /// that this program does not read, and not the same; those of a vault write.
    pub fn merge(&mut self, other: &Document) -> Result<Merged, Error> {
        let refuse = |detail| Error::Refused(Refused::OtherVault { what: Subject::OtherFile, detail });
        let mut lock = self.lock()?;
        let anchor = self.reload()?;
        if other.header.vault != self.id() {
            return Err(refuse("it is another vault's"));
        }
        if other.header.data_key != self.document.header.data_key {
            return Err(refuse("it is under another data key: a rotation came between the two"));
        }
        let other_payload =
            open_payload(other, &self.data_key).map_err(|error| Error::from_format(Subject::OtherFile, error))?;
        if let Some(feature) = other_payload.lacking().first() {
            return Err(Error::Unsupported(Unsupported::ReadOnly { features: vec![(*feature).to_owned()] }));
        }
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
        }
        // Of what `check_writable` looks at, the rest: the write itself ends that the vault is rolled back.
        self.check_features()?;
        let mut contents = self.contents();
        let theirs = Contents { payload: other_payload, slots: other.header.slots.clone() };
        let came = join(&mut contents, &theirs, Take::All, &self.editing())?;
        let merged = ancestor(other);
        let is_known = merged == ancestor(&self.document) || self.payload.ancestors.contains(&merged);
        if is_known
            && !was_rolled_back
            && contents.payload == self.payload
            && contents.slots == self.document.header.slots
        {
            return Ok(Merged { came, generation: self.document.header.generation, effect: Effect::AlreadySo });
        }
        contents.payload.ancestors = joined_ancestors(&self.payload, &theirs.payload);
        contents.payload.ancestors.push(merged);
        let seen = anchor.map_or(0, |anchor| anchor.generation);
        let highest = self.document.header.generation.max(other.header.generation).max(seen);
        let generation = self.generation_after(highest)?;
        self.write(&mut *lock, contents, generation, &Replaced::BecomesPrevious)?;
        Ok(Merged { came, generation, effect: Effect::Changed })
    }
}
