//! The record of a destruction, from the order to the proof that nothing of it opens here any more.

use super::contents::Effect;
use super::contents::change::Change;
use super::contents::destruction::DestructionOrder;
use super::contents::keys::SharedKeys;
use super::contents::project::find;
use super::{Unlocked, open_payload};
use crate::error::Error;
use crate::format::ProjectId;
use crate::format::vault::{Document, Stage};

/// What a vault file proves to be to whoever has the present data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyOpens {
    /// It is none of this vault.
    OtherVault,
    /// It does not open.
    Refused,
    /// It opens, and none of the project's keys is in it.
    WithoutKeys,
    /// It opens, and the project's keys are in it.
    WithKeys,
}

impl Unlocked {
    /// Puts the destruction of a project on record, before a key of it goes. One that is on record goes on.
    ///
    /// # Errors
    /// As [`Unlocked::check_destroyable`]; [`Refused::Text`](crate::error::Refused); those of a vault write.
    pub fn open_destruction(
        &mut self,
        name: &str,
        order: &DestructionOrder,
        shared: SharedKeys,
    ) -> Result<Effect, Error> {
        self.check_destroyable(name, shared)?;
        let order = &order.checked()?;
        self.change(&Change::DestructionOpened { project: name, order })
    }

    /// Notes that a step of a destruction is done, and what came of it.
    ///
    /// # Errors
    /// [`Error::Changed`] if none was ordered, or an earlier step is not done; those of a vault write.
    pub fn note_destruction(&mut self, name: &str, stage: Stage, result: &str) -> Result<Effect, Error> {
        if stage == Stage::Settled && !self.has_left_data_key(name) {
            return Err(Error::Changed { what: crate::error::Subject::Content("the rotation of the data key") });
        }
        self.change(&Change::DestructionNoted { project: name, stage, result })
    }

    /// Closes the record of a destruction.
    ///
    /// # Errors
    /// [`Error::Changed`] if a step is not done; those of a vault write.
    pub fn close_destruction(&mut self, name: &str) -> Result<Effect, Error> {
        self.change(&Change::DestructionClosed { project: name })
    }

    /// Tells whether the data key of the time when a project's keys went is gone from vault and keychain, so that this
    /// computer opens no vault file from before.
    #[must_use]
    pub fn has_left_data_key(&self, name: &str) -> bool {
        let record = find(&self.payload, name).ok().and_then(|project| project.destruction.as_ref());
        let own = self.document.header.data_key;
        let is_another = record.and_then(|record| record.data_key).is_some_and(|before| before != own);
        is_another && self.payload.rotation.is_none() && !self.wraps.has_others(own)
    }

    /// Tries a vault file with the present data key.
    #[must_use]
    pub fn opens_copy(&self, project: ProjectId, bytes: &[u8]) -> CopyOpens {
        let Ok(document) = Document::parse(bytes) else { return CopyOpens::OtherVault };
        if document.header.vault != self.id() {
            return CopyOpens::OtherVault;
        }
        let Ok(payload) = open_payload(&document, &self.data_key) else { return CopyOpens::Refused };
        let held = payload.projects.iter().find(|held| held.id == project);
        match held.is_some_and(|held| held.keys.iter().any(|key| !key.wrapped.0.is_empty())) {
            true => CopyOpens::WithKeys,
            false => CopyOpens::WithoutKeys,
        }
    }
}
