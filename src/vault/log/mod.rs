//! The access log of this computer, and those of others in the vault's folder: appended to, recorded in the anchor,
//! verified, accepted with a gap, forgotten in part. docs/format.md, "The access log", is normative.

mod append;
mod chain;
mod judging;
mod looking;
mod orders;
mod reading;
mod seal;
mod writer;

use zeroize::Zeroizing;

use crate::crypto::cobblestone::{self, DERIVED_LEN};
use crate::error::{Error, LogAlarm, Subject};
use crate::format::log::{Entry, frame};
use crate::format::{EnrolmentId, Timestamp};
use crate::vault::Unlocked;
use crate::vault::contents::Effect;
use crate::vault::contents::change::Change;
use crate::vault::contents::logs::{self, LogPolicy, Logging, ReasonPolicy};
use crate::vault::protocol::anchor::Memory;
use crate::vault::{Notice, Source};

/// How this computer's log compares with what was recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogState {
    /// There is none, and none was recorded.
    Absent,
    /// It ends where this computer recorded.
    Current,
    /// It goes on from where this computer recorded, by as many entries: nothing vouches for them.
    Ahead {
        /// How many.
        by: u64,
    },
    /// This computer has recorded nothing of it. As many entries as the vault has seen of it are there, unaltered.
    Unrecorded {
        /// How many of them; 0 if the vault has seen none either.
        witnessed: u64,
    },
    /// It is not as it was recorded.
    Altered(LogAlarm),
}

/// A log of the vault's folder, as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadLog {
    /// Whose it is.
    pub enrolment: EnrolmentId,
    /// It is this computer's.
    pub is_own: bool,
    /// How it compares with what was recorded of it: this computer's with the anchor and the vault, another one's with
    /// the vault.
    pub state: LogState,
    /// How many entries were recorded of it.
    pub recorded: u64,
    /// Where entries are missing, altered or not to be read, and somebody has accepted that.
    pub gaps: Vec<Gap>,
    /// How many gaps were ever accepted: one that a later gap takes in is in `gaps` no more.
    pub accepted: u64,
    /// How many of the first entries were deleted on request.
    pub forgotten: u64,
    /// How many bytes at the end are no record: one was being written, or has been cut short.
    pub torn: u64,
    /// What can be read, in order.
    pub records: Vec<ReadRecord>,
}

/// A record of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecord {
    /// Its number.
    pub number: u64,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// SHA-256 of the one before.
    pub previous: [u8; 32],
    /// What it says; `None` if it does not open, or says what only a later program reads.
    pub entry: Option<Entry>,
    /// It is in a gap that somebody has accepted: nothing vouches for it.
    pub is_disputed: bool,
    /// Its segment, where it begins in it, and its length.
    place: (u32, u64, u32),
}

/// Entries that are missing, altered or not to be read, which somebody has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// What was found: a word of [`LogDifference`](crate::error::LogDifference).
    pub found: String,
    /// When it was accepted.
    pub at: Timestamp,
    /// Why, in the user's words.
    pub reason: String,
}

/// What was deleted of a log on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// How many entries.
    pub entries: u64,
    /// How many files they were in.
    pub segments: usize,
}

/// A record, and what opens it and no other.
pub struct DisclosedRecord {
    /// Its number.
    pub number: u64,
    /// SHA-256 of the record before it.
    pub previous: [u8; 32],
    /// All its bytes.
    pub record: Vec<u8>,
    /// What [`open_disclosed`] opens it with.
    pub opens: Zeroizing<[u8; DERIVED_LEN]>,
}

/// Opens a record with what was disclosed for it. Needs no vault and no key.
///
/// # Errors
/// [`Error::Damaged`] if the two do not belong together.
pub fn open_disclosed(record: &[u8], opens: &[u8; DERIVED_LEN]) -> Result<Entry, Error> {
    let damaged = |detail: String| Error::Damaged { what: Subject::Content("the disclosed entry"), detail };
    let frame = frame(record).map_err(|error| damaged(error.to_string()))?;
    let plaintext = cobblestone::open_disclosed(opens, frame.sealed).map_err(|error| damaged(error.to_string()))?;
    Entry::parse(&plaintext).map_err(|error| damaged(error.to_string()))
}

impl Unlocked {
    /// Gives a vault from before there were access logs the key of them.
    pub(in crate::vault) fn make_log_key(&mut self) {
        let is_ours = self.memory == Memory::Current && self.source == Source::Current;
        if !self.payload.log_keys.is_empty() || !is_ours || self.check_writable().is_err() {
            return;
        }
        if let Err(error) = self.change(&Change::LogKeyMade) {
            self.notices.push(Notice::NoLogKey { reason: error.to_string() });
        }
    }

    /// Tells what has to be logged.
    #[must_use]
    pub fn logging(&self) -> Logging {
        logs::logging(&self.payload)
    }

    /// Tells what has to be logged of a project; of any of them, if none is named.
    #[must_use]
    pub fn logging_for(&self, project: Option<&str>) -> Logging {
        logs::logging_for(&self.payload, project)
    }

    /// Decides what has to be logged from now on.
    ///
    /// # Errors
    /// Those of a vault write; [`Refused::Text`](crate::error::Refused) for a reason that cannot be stored.
    pub fn set_logging(&mut self, log: LogPolicy, reason: ReasonPolicy, why: &str) -> Result<Effect, Error> {
        self.change(&Change::LoggingSet { log, reason, why })
    }
}
