//! Adding entries: under the lock of the keychain's items, since the end of the log and the vault's last write are one
//! item there.

use std::sync::atomic::Ordering;

use super::writer::{Adding, Writer};
use crate::error::{Error, LogTrouble};
use crate::format::log::{FILES_LIMIT, LogEnd, LoggedFile, NewEntry};
use crate::vault::Unlocked;
use crate::vault::contents::logs::LogPolicy;

impl Unlocked {
    /// Records what is about to be done, and returns the entry's number. When this returns, the entry is written, synced
    /// and recorded in the anchor, so that whatever is released afterwards has its entry. Entries whose processes are
    /// gone are ended as interrupted.
    ///
    /// # Errors
    /// [`Error::LogAltered`] for a log that is not as it was recorded; [`Error::LogUnavailable`].
    pub fn log_begin(&self, entry: &NewEntry) -> Result<u64, Error> {
        self.add(&[Adding::Begin(entry)], Anchoring::Now)
    }

    /// Records files that something which has begun was done to.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn log_files(&self, of: u64, files: &[LoggedFile]) -> Result<(), Error> {
        let parts: Vec<Adding<'_>> = parts(files).map(|files| Adding::Files(of, files)).collect();
        // They say where readable copies are: their end must not be cut off unnoticed.
        self.add(&parts, Anchoring::Now).map(drop)
    }

    /// Records how something that has begun ended. The next entry that is recorded in the anchor takes this one with it.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn log_end(&self, of: u64, end: &LogEnd) -> Result<(), Error> {
        self.add(&[Adding::End(of, end)], Anchoring::Later).map(drop)
    }

    /// Records something by one entry alone, and returns its number. When this returns, the entry is written, synced and
    /// recorded in the anchor.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn log_note(&self, entry: &NewEntry) -> Result<u64, Error> {
        self.add(&[Adding::Note(entry)], Anchoring::Now)
    }
}

/// The most bytes that the paths of one record have.
const PATHS_LIMIT: usize = 1 << 20;

/// Cuts a list of files into such as one record holds each.
fn parts(mut files: &[LoggedFile]) -> impl Iterator<Item = &[LoggedFile]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |file: &&LoggedFile| {
            // Each byte of a path may take six in JSON.
            bytes += file.path.len() * 6 + 256;
            bytes <= PATHS_LIMIT
        };
        let count = files.iter().take(FILES_LIMIT).take_while(fits).count().max(1).min(files.len());
        let (part, rest) = files.split_at(count);
        files = rest;
        (!part.is_empty()).then_some(part)
    })
}

/// When the anchor gets to know of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anchoring {
    Now,
    Later,
}

impl Unlocked {
    /// Adds entries and returns the last one's number.
    fn add(&self, adding: &[Adding<'_>], anchoring: Anchoring) -> Result<u64, Error> {
        self.try_add(adding, anchoring).map_err(|error| {
            if self.logging().log == LogPolicy::BestEffort {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            unavailable(error)
        })
    }

    fn try_add(&self, adding: &[Adding<'_>], anchoring: Anchoring) -> Result<u64, Error> {
        let mut writer = Writer::open(self)?;
        writer.end_interrupted()?;
        for adding in adding {
            writer.add(adding)?;
        }
        writer.write()?;
        let number = writer.count();
        if (anchoring == Anchoring::Now || writer.is_far())
            && let Err(error) = writer.record()
        {
            if matches!(adding, [Adding::Begin(_)]) {
                // Nothing is released. Best effort: else it ends when this process does.
                let end = LogEnd::failed(error.kind(), Default::default());
                let _ = writer.add(&Adding::End(number, &end)).and_then(|()| writer.write());
            }
            return Err(error);
        }
        Ok(number)
    }
}

/// Says of an error that the log cannot be written because of it.
pub(super) fn unavailable(error: Error) -> Error {
    match error {
        Error::LogAltered(_) | Error::LogUnavailable(_) => error,
        other => LogTrouble::Failed(Box::new(other)).into(),
    }
}
