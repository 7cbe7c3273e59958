//! The record of accesses, as a bundle has it.

use crate::format::json::{StrictValue, closed_object};
use crate::format::{EnrolmentId, Timestamp};

closed_object! {
    /// The record of accesses.
    #[derive(Debug, Clone, PartialEq)]
    pub struct LogPart {
        /// Each computer's log, in the order of their ids.
        pub enrolments: Vec<LogOf>,
        /// The entries that concern the project, in the order of the logs and their numbers.
        pub entries: Vec<Disclosed>,
        /// The entries that may concern the project and are not disclosed, since they say something of others as well.
        pub withheld: Vec<Withheld>,
    }
}

closed_object! {
    /// An entry of a log that is not disclosed. What is said of it here is not proven by its record.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Withheld {
        /// The log.
        pub enrolment: EnrolmentId,
        /// The number of the record.
        pub seq: u64,
        /// When it was written.
        pub at: Timestamp,
        /// What was done.
        pub action: String,
        /// Whether it is known to concern the project. If not, it may be about another one.
        pub certain: bool,
    }
}

closed_object! {
    /// The log of one computer.
    #[derive(Debug, Clone, PartialEq)]
    pub struct LogOf {
        /// What gave the computer its way into the vault.
        pub id: EnrolmentId,
        /// The number of the first record that is there; earlier ones were dropped on purpose.
        pub from: u64,
        /// The number of the last record.
        pub to: u64,
        /// SHA-256 of the last record, in hexadecimal.
        pub tip: String,
        /// Whether the end agrees with what the computer's keychain holds; only that computer can tell.
        pub anchored: bool,
        /// How often somebody went on after records had been lost or altered.
        pub gaps: u64,
        /// What was found, if the log is not whole.
        pub trouble: Option<String>,
        /// SHA-256 of each record from `from` to `to`, in hexadecimal; none of a record that is in an accepted gap.
        pub records: Vec<Option<String>>,
    }
}

closed_object! {
    /// An entry of a log, with what opens its record and no other.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Disclosed {
        /// The log.
        pub enrolment: EnrolmentId,
        /// The number of the record.
        pub seq: u64,
        /// The record, in base64.
        pub record: String,
        /// The 76 bytes that open it, in base64.
        pub okm: String,
        /// What it says.
        pub json: StrictValue,
    }
}
