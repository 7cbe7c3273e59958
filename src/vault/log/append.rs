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
        self.add(&[Adding::Begin(entry)], Settling::Anchored)
    }

    /// Records files that something which has begun was done to. They are written when this returns; its end syncs them and
    /// records them in the anchor.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn log_files(&self, of: u64, files: &[LoggedFile]) -> Result<(), Error> {
        let parts: Vec<Adding<'_>> = parts(files).map(|files| Adding::Files(of, files)).collect();
        self.add(&parts, Settling::Written).map(drop)
    }

    /// Records how something that has begun ended: it is synced. If files were listed, which say where readable copies
    /// are, it is recorded in the anchor, so that they cannot be cut off unnoticed; else the next entry that is recorded
    /// there takes this one with it.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn log_end(&self, of: u64, end: &LogEnd) -> Result<(), Error> {
        self.add(&[Adding::End(of, end)], Settling::Synced).map(drop)
    }

    /// Records something by one entry alone, and returns its number. When this returns, the entry is written, synced and
    /// recorded in the anchor.
    ///
    /// # Errors
    /// As [`Unlocked::log_begin`].
    pub fn log_note(&self, entry: &NewEntry) -> Result<u64, Error> {
        self.add(&[Adding::Note(entry)], Settling::Anchored)
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

/// How far what is added gets before it counts as recorded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Settling {
    Written,
    Synced,
    Anchored,
}

impl Unlocked {
    /// Adds entries and returns the last one's number.
    fn add(&self, adding: &[Adding<'_>], settling: Settling) -> Result<u64, Error> {
        self.try_add(adding, settling).map_err(|error| {
            if self.logging().log == LogPolicy::BestEffort {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            unavailable(error)
        })
    }

    fn try_add(&self, adding: &[Adding<'_>], settling: Settling) -> Result<u64, Error> {
        let mut writer = Writer::open(self)?;
        writer.end_interrupted()?;
        for adding in adding {
            writer.add(adding)?;
        }
        writer.write()?;
        let number = writer.count();
        if settling == Settling::Written && !writer.is_far() {
            return Ok(number);
        }
        writer.sync()?;
        if (settling == Settling::Anchored || writer.is_far() || writer.has_lists())
            && let Err(error) = writer.record()
        {
            if matches!(adding, [Adding::Begin(_)]) {
                // Nothing is released. Best effort: else it ends when this process does.
                let end = LogEnd::failed(error.kind(), Default::default());
                let _ =
                    writer.add(&Adding::End(number, &end)).and_then(|()| writer.write()).and_then(|()| writer.sync());
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
