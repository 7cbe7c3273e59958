//! A log that is being written to: its end is found, entries are made and sealed, written, synced, and recorded in the
//! anchor, all under the lock of the keychain's items.

use std::sync::atomic::Ordering;

use super::chain::{Tail, Whose, from_store, tail_from};
use super::judging::{Judgement, Recorded, judge};
use super::seal::{LogKeys, hash};
use super::{LogState, reading};
use crate::error::{Error, LogTrouble, Subject};
use crate::format::Timestamp;
use crate::format::item::{Anchor, LogTip};
use crate::format::log::{
    Action, Entry, Head, LogEnd, LogFact, LoggedFile, NewEntry, OpenBegin, Outcome, Phase, SEGMENT_LIMIT, What, Who,
    segment_name,
};
use crate::format::scalar::FixedBase64;
use crate::host::{Host, ProcessName};
use crate::keychain::ItemLock;
use crate::store::{LogAccess, LogFile};
use crate::vault::Unlocked;
use crate::vault::protocol::anchor;

/// After how many seconds something that has begun counts as interrupted where the system does not say whether its
/// process still runs: a week.
const FORSAKEN: i64 = 7 * 24 * 3600;

/// How many bytes are written at most before the anchor gets to know of them.
const NEWER_LIMIT: u64 = 4 << 20;

/// What is added.
pub(super) enum Adding<'a> {
    Begin(&'a NewEntry),
    Files(u64, &'a [LoggedFile]),
    End(u64, &'a LogEnd),
    Note(&'a NewEntry),
    /// What the log says of itself.
    Fact(Fact<'a>),
}

/// What the log says of itself.
pub(super) struct Fact<'a> {
    pub action: Action,
    pub fact: LogFact,
    pub subject: String,
    /// Who has ordered it, and why.
    pub ordered: Option<(&'a Who, &'a str)>,
}

impl Fact<'_> {
    fn of(action: Action, fact: LogFact) -> Self {
        Self { action, fact, subject: String::new(), ordered: None }
    }
}

pub(super) struct Writer<'v> {
    vault: &'v Unlocked,
    keys: LogKeys,
    whose: Whose,
    /// The anchor as it was read.
    anchor: Anchor,
    /// The number of the last segment; 0 if there is none.
    segment: u32,
    /// The same, open, and its length; `None` if the next record begins another one.
    file: Option<(Box<dyn LogFile>, u64)>,
    /// The last record that is written: its number and hash.
    written: (u64, [u8; 32]),
    /// The last record that is made.
    made: (u64, [u8; 32]),
    gaps: u64,
    /// How many bytes are written that the anchor does not know of.
    newer: u64,
    /// Among them are lists of files.
    has_lists: bool,
    open: Vec<OpenBegin>,
    /// The records that are made and not written.
    records: Vec<u8>,
    _items: ItemLock,
}

impl<'v> Writer<'v> {
    /// Takes the lock of the items, finds the end of this computer's log and sees to it that the log is as it was
    /// recorded. What a write that was cut short has left behind the end is set aside.
    pub fn open(vault: &'v Unlocked) -> Result<Self, Error> {
        let (mut writer, recorded) = Self::begin(vault)?;
        let is_newest = recorded.anchor.is_some() && recorded.anchor == recorded.last();
        let tail = match recorded.anchor.filter(|_| is_newest) {
            Some(known) => tail_from(&*vault.edges.store, &writer.keys, writer.whose, known)?,
            None => None,
        };
        match tail {
            Some(Tail { segment, file, end, count, tip, newer, has_lists, gaps, last }) => {
                (writer.newer, writer.has_lists) = (newer, has_lists);
                (writer.segment, writer.file) = (segment, Some((file, end)));
                writer.go_on_from((count, tip), open_as_of(&last));
                writer.gaps += gaps;
            }
            None => {
                let judged = writer.read()?;
                writer.go_on_with(judged, &recorded)?;
            }
        }
        Ok(writer)
    }

    /// Takes the lock of the items, and reads what is recorded of this computer's log. The log itself is not looked at.
    pub fn begin(vault: &'v Unlocked) -> Result<(Self, Recorded), Error> {
        let whose = Whose { vault: vault.id(), enrolment: vault.enrolment() };
        let keys = LogKeys::of(&vault.payload, whose.vault, &vault.data_key)?;
        let items = vault.edges.lock_items(whose.vault)?;
        let anchor = vault.remembered()?.ok_or(LogTrouble::NoRecord)?;
        let recorded = vault.recorded_of(whose.enrolment, Some(&anchor));
        let gaps = recorded.anchor.and(anchor.log.as_ref()).map_or(0, |log| log.gaps);
        let writer = Self {
            vault,
            keys,
            whose,
            anchor,
            segment: 0,
            file: None,
            written: (0, [0; 32]),
            made: (0, [0; 32]),
            gaps,
            newer: 0,
            has_lists: false,
            open: Vec::new(),
            records: Vec::new(),
            _items: items,
        };
        Ok((writer, recorded))
    }

    /// Reads and judges all of the log.
    pub fn read(&mut self) -> Result<(Vec<reading::Segment>, Judgement), Error> {
        let recorded = self.vault.recorded_of(self.whose.enrolment, Some(&self.anchor));
        let mut segments = reading::read(&*self.vault.edges.store, &self.keys, self.whose)?;
        let judged = judge(&mut segments, &recorded);
        self.newer = u64::MAX;
        self.segment = segments.last().map_or(0, |segment| segment.number);
        self.gaps = self.gaps.max(judged.gaps.len() as u64);
        Ok((segments, judged))
    }

    /// Goes on behind what was read, if that is as it was recorded.
    pub fn go_on_with(
        &mut self,
        (segments, judged): (Vec<reading::Segment>, Judgement),
        recorded: &Recorded,
    ) -> Result<(), Error> {
        if let LogState::Altered(alarm) = judged.state {
            return Err(Error::LogAltered(alarm));
        }
        if judged.ends_newer {
            return Err(LogTrouble::Newer.into());
        }
        self.go_on_from((judged.count, judged.tip), judged.last.as_ref().map(open_as_of).unwrap_or_default());
        if segments.is_empty() {
            return self.add(&Adding::Fact(Fact::of(Action::LogBegan, self.earlier_log())));
        }
        let store = &*self.vault.edges.store;
        let failed = |error| from_store(store, error);
        let name = segment_name(self.whose.enrolment, self.segment);
        let opened = store.open_log(&name, LogAccess::Append).map_err(failed)?;
        let mut file = opened.ok_or(Error::Changed { what: Subject::Content("the access log") })?;
        let found = |found: &str| LogFact { found: found.into(), to: Some(judged.count), ..LogFact::default() };
        let mut facts = Vec::new();
        if recorded.anchor.is_none() {
            facts.push(Fact::of(Action::LogBegan, found("unrecorded")));
        }
        if judged.torn > 0 {
            let time = self.vault.edges.host.now().to_string().replace([':', '-'], "");
            let aside = format!("{}.torn-{time}", self.whose.enrolment);
            let subject = file.set_aside(judged.end, &aside).map_err(failed)?;
            let fact = LogFact { bytes: Some(judged.torn), ..found("torn") };
            facts.push(Fact { subject, ..Fact::of(Action::LogAccepted, fact) });
        }
        self.file = Some((file, judged.end));
        facts.into_iter().try_for_each(|fact| self.add(&Adding::Fact(fact)))
    }

    /// Goes on behind a record.
    pub fn go_on_from(&mut self, last: (u64, [u8; 32]), open: Vec<OpenBegin>) {
        (self.written, self.made, self.open) = (last, last, open);
    }

    /// Notes a gap that somebody has accepted.
    pub fn accept_gap(&mut self) {
        self.gaps += 1;
        self.file = None;
    }

    /// Returns what the anchor says of another log of this computer: that would be lost with the next record of it.
    fn earlier_log(&self) -> LogFact {
        let earlier = self.anchor.log.as_ref();
        LogFact {
            enrolment: earlier.map(|log| log.enrolment),
            count: earlier.map(|log| log.count),
            tip: earlier.map(|log| log.tip),
            ..LogFact::default()
        }
    }

    /// Returns the number of the last record.
    pub fn count(&self) -> u64 {
        self.made.0
    }

    /// Ends what was begun by processes that are gone.
    pub fn end_interrupted(&mut self) -> Result<(), Error> {
        let host = &*self.vault.edges.host;
        let (boot, now) = (host.boot(), host.now());
        let gone: Vec<u64> =
            self.open.iter().filter(|begun| is_gone(host, begun, &boot, now)).map(|begun| begun.seq).collect();
        let end = LogEnd { outcome: Outcome::Interrupted, error: None, projects: None, what: What::default() };
        gone.into_iter().try_for_each(|of| self.add(&Adding::End(of, &end)))
    }

    /// Makes an entry and seals it.
    pub fn add(&mut self, adding: &Adding<'_>) -> Result<(), Error> {
        let number = self.made.0.checked_add(1).ok_or(LogTrouble::TooLong)?;
        let entry = self.entry(adding, number);
        let record = self.keys.seal(&self.whose.context(number, self.made.1), &entry)?;
        self.made = (number, hash(&record));
        self.records.extend_from_slice(&record);
        Ok(())
    }

    /// Makes an entry, and changes what is open as it says.
    fn entry(&mut self, adding: &Adding<'_>, seq: u64) -> Entry {
        let host = &self.vault.edges.host;
        let mut entry = Entry::new(Phase::Note, seq, host.now());
        entry.boot = host.boot();
        entry.tool = env!("CARGO_PKG_VERSION").into();
        if self.records.is_empty() {
            entry.lost = self.vault.lost.load(Ordering::Relaxed);
        }
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
                (entry.phase, entry.of) = (Phase::Files, Some(*of));
                entry.files = files.to_vec();
                self.has_lists = true;
            }
            Adding::End(of, end) => {
                (entry.phase, entry.of) = (Phase::End, Some(*of));
                entry.outcome = Some(end.outcome);
                entry.error.clone_from(&end.error);
                entry.projects.clone_from(&end.projects);
                entry.what = Some(end.what.clone());
                self.open.retain(|begun| begun.seq != *of);
            }
            Adding::Fact(Fact { action, fact, subject, ordered }) => {
                entry.action = action.word().into();
                entry.log = Some(fact.clone());
                entry.what = Some(What { subject: subject.clone(), ..What::default() });
                if let Some((who, reason)) = ordered {
                    (entry.who, entry.reason) = (Some((*who).clone()), (*reason).to_owned());
                }
            }
        }
        if let Adding::Begin(_) = adding {
            entry.phase = Phase::Begin;
            let ProcessName { pid, started } = host.process();
            let (boot, at) = (Some(entry.boot.clone()), started.is_empty().then_some(entry.at));
            self.open.push(OpenBegin { seq, pid, started, boot, at, others: Default::default() });
        }
        entry.open.clone_from(&self.open);
        for begun in entry.open.iter_mut().filter(|begun| begun.boot.as_ref() == Some(&entry.boot)) {
            begun.boot = None;
        }
        entry
    }

    /// Writes the records that were made, in a new segment if the last one is long enough.
    pub fn write(&mut self) -> Result<(), Error> {
        let store = &*self.vault.edges.store;
        let failed = |error| from_store(store, error);
        let records = std::mem::take(&mut self.records);
        match &mut self.file {
            Some((file, end)) if *end < SEGMENT_LIMIT => {
                file.append(*end, &records).map_err(failed)?;
                *end += records.len() as u64;
            }
            full => {
                // The end of a segment that another follows is not cut off by a power cut.
                if let Some((file, _)) = full {
                    file.sync().map_err(failed)?;
                }
                let Whose { vault, enrolment } = self.whose;
                let (last, previous) = self.written;
                let mut bytes = Head { vault, enrolment, number: last + 1, previous }.to_bytes().to_vec();
                bytes.extend_from_slice(&records);
                self.segment = self.segment.checked_add(1).ok_or(LogTrouble::TooLong)?;
                let name = segment_name(enrolment, self.segment);
                store.make_log(&name, &bytes).map_err(failed)?;
                let opened = store.open_log(&name, LogAccess::Append).map_err(failed)?;
                self.file = opened.map(|file| (file, bytes.len() as u64));
            }
        }
        self.newer = self.newer.saturating_add(records.len() as u64);
        self.written = self.made;
        self.vault.lost.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Sees to it that what is written survives a power cut.
    pub fn sync(&mut self) -> Result<(), Error> {
        let store = &*self.vault.edges.store;
        self.file.as_mut().map_or(Ok(()), |(file, _)| file.sync()).map_err(|error| from_store(store, error))
    }

    /// Tells whether the anchor does not know of lists of files.
    pub fn has_lists(&self) -> bool {
        self.has_lists
    }

    /// Tells whether so much was written since the anchor was that finding the end takes long.
    pub fn is_far(&self) -> bool {
        self.newer > NEWER_LIMIT
    }

    /// Records in the anchor how far the log is, which is synced. What the anchor says of the vault stays as it is.
    pub fn record(&self) -> Result<(), Error> {
        let (count, tip) = self.written;
        let log = LogTip { enrolment: self.whose.enrolment, count, tip: FixedBase64(tip), gaps: self.gaps };
        let anchor = Anchor { log: Some(log), ..self.anchor.clone() };
        anchor::store_log(&self.vault.edges, &anchor, &self.vault.data_key, &self.vault.payload)
    }
}

/// Returns what is open as of an entry, each with its boot.
pub(super) fn open_as_of(entry: &Entry) -> Vec<OpenBegin> {
    let mut open = entry.open.clone();
    for begun in &mut open {
        begun.boot.get_or_insert_with(|| entry.boot.clone());
    }
    open
}

/// Tells whether the process that was to end something is gone.
fn is_gone(host: &dyn Host, begun: &OpenBegin, boot: &str, now: Timestamp) -> bool {
    let own = begun.boot.as_deref().unwrap_or_default();
    if !boot.is_empty() && !own.is_empty() && boot != own {
        return true;
    }
    let process = ProcessName { pid: begun.pid, started: begun.started.clone() };
    let is_forsaken = || begun.at.is_some_and(|at| now.as_unix().saturating_sub(at.as_unix()) > FORSAKEN);
    host.is_running(&process).map_or_else(is_forsaken, |runs| !runs)
}
