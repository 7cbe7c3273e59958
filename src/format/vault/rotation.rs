//! What a payload says of a rotation of the data key.

use serde::{Deserialize, Serialize};

use super::slot::Slot;
use crate::crypto::kdf::PEPPER_LEN;
use crate::format::json::open_object;
use crate::format::scalar::FixedBase64;
use crate::format::{DataKeyId, EnrolmentId, Timestamp};

/// What a payload says of a rotation of the data key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Rotation {
    /// One is under way.
    UnderWay(UnderWay),
    /// One was cancelled that somebody had ordered, and none has been begun since.
    Cancelled(Cancelled),
}

open_object! {
    /// A rotation that is under way, and the data key that it moves to.
    pub struct UnderWay {
        /// The next data key's id.
        pub data_key: DataKeyId,
        /// The pepper of its wraps.
        pub pepper: FixedBase64<PEPPER_LEN>,
        /// The slots that the vault has afterwards, under the next data key.
        pub slots: Vec<Slot> = default,
        /// The computers that have a part in it.
        pub enrolments: Vec<Part>,
    }
}

open_object! {
    /// A computer's part in a rotation.
    pub struct Part {
        /// Which computer: what gave it its item.
        pub id: EnrolmentId,
        /// Since when its item has been given time to settle; none before the item is written.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub since: Option<Moment> = default,
    }
}

open_object! {
    /// A moment in the life of one boot of one computer.
    pub struct Moment {
        /// The boot's id.
        pub boot: String,
        /// The boot-time clock, in seconds.
        pub seconds: u64,
    }
}

open_object! {
    /// A rotation that was cancelled.
    pub struct Cancelled {
        /// When.
        pub since: Timestamp,
    }
}

impl UnderWay {
    /// Returns a computer's part.
    #[must_use]
    pub fn part(&self, id: EnrolmentId) -> Option<&Part> {
        self.enrolments.iter().find(|part| part.id == id)
    }

    /// Returns a computer's part to be changed, which it has from now on.
    pub fn part_mut(&mut self, id: EnrolmentId) -> &mut Part {
        let place = self.enrolments.iter().position(|part| part.id == id).unwrap_or_else(|| {
            self.enrolments.push(Part { id, since: None, others: Default::default() });
            self.enrolments.len() - 1
        });
        &mut self.enrolments[place]
    }

    /// Lets every computer wait anew.
    pub fn forget_times(&mut self) {
        self.enrolments.iter_mut().for_each(|part| part.since = None);
    }
}
