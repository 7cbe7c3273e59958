//! The access log as a client has the agent write it.

use std::sync::atomic::Ordering;

use super::{AskError, Client, Unanswered};
use crate::agent::limits::QUESTION_LIMIT;
use crate::agent::protocol::{Answer, Question};
use crate::format::log::{LogEnd, LoggedFile, NewEntry};
use crate::vault::Logging;

/// How much of a question the files of one take at most, in bytes.
const FILES_LEN: usize = QUESTION_LIMIT - (4 << 10);
/// What a file takes besides its path, in bytes.
const FILE_LEN: usize = 320;

impl Client {
    /// Returns what has to be logged of a project; of any of them, if none is named.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn logging_for(&self, project: Option<&str>) -> Result<Logging, AskError> {
        match self.ask(&Question::Logging { project: project.map(str::to_owned) })? {
            Answer::Logging(logging) => Ok(logging.into()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Has what is about to be done recorded. Keys that are asked for from now on are asked for under this entry.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::log_begin`](crate::vault::Unlocked::log_begin).
    pub fn log_begin(&self, entry: &NewEntry) -> Result<u64, AskError> {
        match self.ask(&Question::LogBegin(Box::new(entry.into())))? {
            Answer::Begun(seq) => {
                self.under.store(seq, Ordering::Relaxed);
                Ok(seq)
            }
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Has files recorded that it was done to.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::log_files`](crate::vault::Unlocked::log_files).
    pub fn log_files(&self, of: u64, files: &[LoggedFile]) -> Result<(), AskError> {
        let mut rest = files;
        while !rest.is_empty() {
            let mut room = FILES_LEN;
            let fits = |file: &&LoggedFile| {
                // Each byte of a path takes six at most.
                let left = room.checked_sub(FILE_LEN + 6 * file.path.len());
                room = left.unwrap_or_default();
                left.is_some()
            };
            // What is longer than a question is refused by whoever reads it.
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            match self.ask(&Question::LogFiles { of, files: now.to_vec() })? {
                Answer::Recorded => rest = later,
                _ => return Err(Unanswered::Nonsense.into()),
            }
        }
        Ok(())
    }

    /// Has recorded how it ended.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::log_end`](crate::vault::Unlocked::log_end).
    pub fn log_end(&self, of: u64, end: &LogEnd) -> Result<(), AskError> {
        self.under.store(0, Ordering::Relaxed);
        match self.ask(&Question::LogEnd { of, end: Box::new(end.into()) })? {
            Answer::Recorded => Ok(()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns the entry that keys are asked for under.
    pub(super) fn under(&self) -> Option<u64> {
        Some(self.under.load(Ordering::Relaxed)).filter(|seq| *seq > 0)
    }
}
