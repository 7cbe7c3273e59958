//! What can be wrong with an access log.

use std::fmt;

use super::Error;

/// Why an entry of the access log cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogTrouble {
    /// The vault has no key for it.
    #[error("the vault has no key for it yet")]
    NoKey,
    /// This computer has recorded nothing of the vault, so that it cannot record how far the log is.
    #[error("this computer has no record of the vault yet")]
    NoRecord,
    /// The entry does not fit a record.
    #[error("the entry is longer than an entry may be")]
    TooLong,
    /// The last entry is of a later program.
    #[error("its last entry was written by a newer program")]
    Newer,
    /// Something that it needs did not work.
    #[error("{0}")]
    Failed(#[source] Box<Error>),
}

/// What an access log is, compared with what was recorded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogDifference {
    /// Its last entries are missing, or all of it is.
    Cut,
    /// It has other entries.
    Rewritten,
    /// An entry cannot be read.
    Damaged,
}

impl LogDifference {
    /// Returns the stable word for it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Rewritten => "rewritten",
            Self::Damaged => "damaged",
        }
    }
}

/// An access log that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAlarm {
    /// What it is.
    pub difference: LogDifference,
    /// The first entry that is missing, other than it was, or not to be read, as far as that shows.
    pub from: u64,
    /// How many entries were recorded.
    pub recorded: u64,
}

impl fmt::Display for LogAlarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { difference, from, recorded } = self;
        match difference {
            LogDifference::Cut if from == recorded => {
                write!(f, "the access log was cut: entry {from} is missing")
            }
            LogDifference::Cut => {
                write!(f, "the access log was cut: entries {from} to {recorded} are missing")
            }
            LogDifference::Rewritten => write!(
                f,
                "the access log was rewritten: it has other entries than were recorded, from {from} on at the earliest \
                 (recorded: {recorded})"
            ),
            LogDifference::Damaged => {
                write!(f, "the access log is damaged: entry {from} cannot be read (recorded: {recorded})")
            }
        }
    }
}
