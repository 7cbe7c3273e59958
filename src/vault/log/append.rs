//! Adding entries: under the lock of the keychain's items, since the end of the log and the vault's last write are one
//! item there.

use super::chain::{Tail, Whose, from_store, tail_from};
use super::seal::{LogKeys, hash};
use crate::error::{Error, LogTrouble};
use crate::format::item::{Anchor, LogTip};
use crate::format::log::{
    BLOCK, Entry, FILES_LIMIT, Head, LogEnd, LoggedFile, NewEntry, OpenBegin, Phase, SEGMENT_LIMIT, segment_name,
};
use crate::format::scalar::FixedBase64;
use crate::vault::Unlocked;
use crate::vault::protocol::anchor;

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
        self.add(&parts, Anchoring::Later).map(drop)
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

/// What is added.
enum Adding<'a> {
    Begin(&'a NewEntry),
    Files(u64, &'a [LoggedFile]),
    End(u64, &'a LogEnd),
    Note(&'a NewEntry),
}

/// When the anchor gets to know of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anchoring {
    Now,
    Later,
}

/// Where the next record goes, and what it is bound to.
struct Next {
    count: u64,
    tip: [u8; 32],
    open: Vec<OpenBegin>,
}

impl Unlocked {
    /// Adds entries and returns the last one's number.
    fn add(&self, adding: &[Adding<'_>], anchoring: Anchoring) -> Result<u64, Error> {
        self.try_add(adding, anchoring).map_err(|error| match error {
            altered @ Error::LogAltered(_) => altered,
            unavailable @ Error::LogUnavailable(_) => unavailable,
            other => LogTrouble::Failed(Box::new(other)).into(),
        })
    }

    fn try_add(&self, adding: &[Adding<'_>], anchoring: Anchoring) -> Result<u64, Error> {
        let whose = Whose { vault: self.id(), enrolment: self.enrolment() };
        let keys = LogKeys::of(&self.payload, whose.vault, &self.data_key)?;
        let _items = self.edges.lock_items(whose.vault)?;
        let recorded = self.remembered()?.ok_or(LogTrouble::NoRecord)?;
        let own = recorded.log.clone().filter(|log| log.enrolment == whose.enrolment);
        let store = &*self.edges.store;
        let tail = match &own {
            Some(log) => tail_from(store, &keys, whose, (log.count, log.tip.0))?,
            None => None,
        };
        let tail = match (tail, &own) {
            (None, Some(_)) => return Err(LogTrouble::NoRecord.into()),
            (tail, _) => tail,
        };
        let mut next = match &tail {
            Some(tail) => Next { count: tail.count, tip: tail.tip, open: tail.last.open.clone() },
            None => Next { count: 0, tip: [0; 32], open: Vec::new() },
        };
        let before = (next.count, next.tip);
        let mut records = Vec::new();
        for adding in adding {
            let entry = self.entry(adding, next.count + 1, &mut next.open);
            let record = keys.seal(&whose.context(next.count + 1, next.tip), &entry)?;
            (next.count, next.tip) = (next.count + 1, hash(&record));
            records.extend_from_slice(&record);
        }
        self.write_records(whose, tail, before, &records)?;
        if anchoring == Anchoring::Now {
            let gaps = own.map_or(0, |log| log.gaps);
            let tip = FixedBase64(next.tip);
            let log = LogTip { enrolment: whose.enrolment, count: next.count, tip, gaps };
            anchor::store_log(&self.edges, &Anchor { log: Some(log), ..recorded }, &self.data_key, &self.payload)?;
        }
        Ok(next.count)
    }

    /// Writes records behind the last one, in a new segment if that is long enough, and syncs them.
    fn write_records(
        &self,
        whose: Whose,
        tail: Option<Tail>,
        (count, tip): (u64, [u8; 32]),
        records: &[u8],
    ) -> Result<(), Error> {
        let store = &*self.edges.store;
        let failed = |error| from_store(store, error);
        let segment = match tail {
            Some(Tail { mut file, end, .. }) if end < SEGMENT_LIMIT => {
                file.append(end, records).map_err(failed)?;
                return file.sync().map_err(failed);
            }
            Some(tail) => tail.segment + 1,
            None => 1,
        };
        let head = Head { vault: whose.vault, enrolment: whose.enrolment, number: count + 1, previous: tip };
        let mut bytes = Vec::with_capacity(BLOCK + records.len());
        bytes.extend_from_slice(&head.to_bytes());
        bytes.extend_from_slice(records);
        store.make_log(&segment_name(whose.enrolment, segment), &bytes).map_err(failed)
    }

    /// Makes an entry, and changes what is open as it says.
    fn entry(&self, adding: &Adding<'_>, seq: u64, open: &mut Vec<OpenBegin>) -> Entry {
        let host = &self.edges.host;
        let mut entry = Entry::new(Phase::Note, seq, host.now());
        entry.boot = host.boot();
        entry.tool = env!("CARGO_PKG_VERSION").into();
        match adding {
            Adding::Begin(new) | Adding::Note(new) => {
                entry.action = new.action.word().into();
                entry.projects.clone_from(&new.projects);
                entry.key_version = new.key_version;
                entry.who = Some(new.who.clone());
                entry.reason.clone_from(&new.reason);
                entry.what = Some(new.what.clone());
            }
            Adding::Files(of, files) => {
                entry.phase = Phase::Files;
                entry.of = Some(*of);
                entry.files = files.to_vec();
            }
            Adding::End(of, end) => {
                entry.phase = Phase::End;
                entry.of = Some(*of);
                entry.outcome = Some(end.outcome);
                entry.error.clone_from(&end.error);
                entry.projects.clone_from(&end.projects);
                entry.what = Some(end.what.clone());
                open.retain(|begun| begun.seq != *of);
            }
        }
        if let Adding::Begin(_) = adding {
            entry.phase = Phase::Begin;
            let process = host.process();
            let boot = entry.boot.clone();
            open.push(OpenBegin { seq, pid: process.pid, started: process.started, boot, others: Default::default() });
        }
        entry.open.clone_from(open);
        entry
    }
}
