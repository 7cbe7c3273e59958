//! What a payload says of the destruction of a project: who ordered it, and which steps of it are done. Steps are only
//! ever added.

use crate::format::json::{Others, open_object};
use crate::format::{DataKeyId, KitId, RevisionId, Timestamp};

open_object! {
    /// The destruction of a project. It is on record before a key goes, and stays open until each step is done.
    #[derive(Default, Eq)]
    pub struct DestructionRecord {
        /// Its id. Without one, nothing is on record.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub id: Option<RevisionId> = default,
        /// When it was ordered.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub opened: Option<Timestamp> = default,
        /// Counts the vault's destructions, from 1. Computers that open some apart may give one number twice.
        #[serde(skip_serializing_if = "is_zero")]
        pub number: u32 = default,
        /// Who ordered it, in the user's words; may be empty.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub by: String = default,
        /// Why, in the user's words; may be empty.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub reason: String = default,
        /// On what basis, such as the end of the contract; may be empty.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub basis: String = default,
        /// What was done, by time.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub steps: Vec<DestructionStep> = default,
        /// What each key of the project is recognized by.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub checks: Vec<KeyCheck> = default,
        /// The recovery kits that were on record when the keys went.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub kits: Vec<KitId> = default,
        /// The data key under which the project's keys were last.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub data_key: Option<DataKeyId> = default,
        /// When it was closed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub closed: Option<Timestamp> = default,
    }
}

open_object! {
    /// Something that was done.
    #[derive(Eq)]
    pub struct DestructionStep {
        /// Which step.
        pub step: String,
        /// When it was done.
        pub at: Timestamp,
        /// What came of it, in words.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub result: String = default,
    }
}

open_object! {
    /// What a key is recognized by, if it is found again.
    #[derive(Eq)]
    pub struct KeyCheck {
        /// The key's version.
        pub version: u32,
        /// 8 bytes in hexadecimal, derived from the key, which they say nothing of.
        pub check: String,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A step of a destruction, in the order in which they are taken. The last one is no condition of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Readable copies were looked for, or it is said that they were not.
    Copies,
    /// The keys are gone from the vault file.
    KeysRemoved,
    /// The vault has another data key: what stands of it from before opens with this computer's keychain no more.
    Settled,
    /// The encrypted files were tried with every key of the vault, and none opens.
    Proved,
    /// Encrypted files that were proven not to open were deleted.
    FilesDeleted,
}

impl Stage {
    /// Those that have to be done before a destruction is closed.
    pub const NEEDED: [Self; 4] = [Self::Copies, Self::KeysRemoved, Self::Settled, Self::Proved];

    /// Returns what the record calls it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Copies => "copies",
            Self::KeysRemoved => "keys-removed",
            Self::Settled => "settled",
            Self::Proved => "proved",
            Self::FilesDeleted => "files-deleted",
        }
    }
}

impl DestructionRecord {
    /// Tells whether it was ordered at all.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.id.is_some() && self.opened.is_some()
    }

    /// Returns when a step was first done.
    #[must_use]
    pub fn done(&self, stage: Stage) -> Option<Timestamp> {
        self.steps.iter().filter(|step| step.step == stage.word()).map(|step| step.at).min()
    }

    /// Returns the first step that is not done; `None` if it can be closed.
    #[must_use]
    pub fn waits_for(&self) -> Option<Stage> {
        Stage::NEEDED.into_iter().find(|stage| self.done(*stage).is_none())
    }

    /// Returns when it was closed. Without each of the steps it is open, whatever it says.
    #[must_use]
    pub fn is_closed(&self) -> Option<Timestamp> {
        self.closed.filter(|_| self.is_begun() && self.waits_for().is_none())
    }

    /// Returns the members that this version does not know, of the record, its steps and its checks.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &Others> {
        let steps = self.steps.iter().map(|step| &step.others);
        std::iter::once(&self.others).chain(steps).chain(self.checks.iter().map(|check| &check.others))
    }
}
