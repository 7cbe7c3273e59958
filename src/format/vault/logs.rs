//! What a payload holds of the access logs: their keys, how far they were, and what has to be logged.

use crate::format::json::open_object;
use crate::format::scalar::{Base64, FixedBase64};
use crate::format::{EnrolmentId, RevisionId, Timestamp};

open_object! {
    /// One version of the key that seals the records of access logs.
    pub struct LogKeyVersion {
        /// Counts from 1. Two keys may have the same: a reader tries each.
        pub version: u32,
        /// When it was made.
        pub created: Timestamp,
        /// The wrapped key.
        pub wrapped: Base64,
    }
}

open_object! {
    /// How far a computer's access log was when the vault was written.
    pub struct LogWitness {
        /// Whose log.
        pub enrolment: EnrolmentId,
        /// How many records it had.
        pub count: u64,
        /// SHA-256 of the last one.
        pub tip: FixedBase64<32>,
    }
}

open_object! {
    /// A decision about what has to be logged. The newest one, by time and then by id, is in force.
    pub struct LoggingRevision {
        /// Its id.
        pub id: RevisionId,
        /// When it was made.
        pub at: Timestamp,
        /// `required` or `best-effort`.
        pub log: String,
        /// `required` or `optional`.
        pub reason: String,
        /// Why it was made, in the user's words.
        pub why: String = default,
    }
}
