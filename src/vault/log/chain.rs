//! The end of this computer's log, found from its end: as much is read as was written since the last recorded entry.

use super::seal::{Context, LogKeys, Opened, hash};
use crate::error::{Error, IoAction, LogTrouble, Subject};
use crate::format::log::{Action, BLOCK, Entry, Head, Phase, frame, length_behind, segment_name, segment_of};
use crate::format::{EnrolmentId, VaultId};
use crate::memory::on_wiped_stack;
use crate::store::{LogAccess, LogFile, Store, StoreError};

/// How many bytes are read backwards, at most, before the whole log is read instead.
const BACKWARDS: u64 = 16 << 20;

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    pub vault: VaultId,
    pub enrolment: EnrolmentId,
}

impl Whose {
    pub fn context(self, number: u64, previous: [u8; 32]) -> Context {
        Context { vault: self.vault, enrolment: self.enrolment, number, previous }
    }
}

/// The end of a log that the next record is written to.
pub struct Tail {
    /// The last segment.
    pub segment: u32,
    pub file: Box<dyn LogFile>,
    /// Its length.
    pub end: u64,
    /// How many records the log has.
    pub count: u64,
    /// SHA-256 of the last one.
    pub tip: [u8; 32],
    /// How many bytes were written since the one that was known.
    pub newer: u64,
    /// There are lists of files among them.
    pub has_lists: bool,
    /// How many gaps were accepted since the one that was known.
    pub gaps: u64,
    /// The last entry.
    pub last: Entry,
}

/// Returns the numbers of a log's segments, in order.
pub fn segments(store: &dyn Store, enrolment: EnrolmentId) -> Result<Vec<u32>, Error> {
    let names = store.log_names().map_err(|error| from_store(store, error))?;
    let own = names.iter().filter_map(|name| segment_of(name)).filter(|(whose, _)| *whose == enrolment);
    let mut numbers: Vec<u32> = own.map(|(_, number)| number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Puts the place to a store's error.
pub fn from_store(store: &dyn Store, error: StoreError) -> Error {
    match error {
        StoreError::Changed => Error::Changed { what: Subject::Content("the access log") },
        StoreError::NotAFile { path } => {
            Error::Io { action: IoAction::Read, path, source: std::io::Error::other("it is not a regular file") }
        }
        other => Error::from_store(&store.place(), other),
    }
}

/// Finds the end of a log by stepping back from it to the record whose hash is `known`; `None` if that does not lead
/// there, whatever the reason: then the whole log has to be read.
pub fn tail_from(
    store: &dyn Store,
    keys: &LogKeys,
    whose: Whose,
    (count, known): (u64, [u8; 32]),
) -> Result<Option<Tail>, Error> {
    let failed = |error| from_store(store, error);
    let Some(segment) = segments(store, whose.enrolment)?.pop() else { return Ok(None) };
    let name = segment_name(whose.enrolment, segment);
    let Some(file) = store.open_log(&name, LogAccess::Append).map_err(failed)? else { return Ok(None) };
    let end = file.length().map_err(failed)?;
    let mut first = [0; BLOCK];
    if end % BLOCK as u64 != 0 || end <= BLOCK as u64 {
        return Ok(None);
    }
    file.read_at(0, &mut first).map_err(failed)?;
    let head = Head::parse(&first).ok().filter(|head| (head.vault, head.enrolment) == (whose.vault, whose.enrolment));
    let Some(head) = head else { return Ok(None) };
    // From the last one back to the first one after the one that is known.
    let mut newer: Vec<Vec<u8>> = Vec::new();
    let mut at = end;
    let previous = loop {
        if at == BLOCK as u64 {
            if head.previous != known || head.number.checked_sub(1) != Some(count) {
                return Ok(None);
            }
            break None;
        }
        let Some(record) = record_before(&*file, at).map_err(failed)? else { return Ok(None) };
        at -= record.len() as u64;
        if hash(&record) == known {
            break Some(record);
        }
        newer.push(record);
        if end - at > BACKWARDS {
            return Ok(None);
        }
    };
    if let (Some(record), true) = (&previous, newer.is_empty()) {
        // The last record is the one that is known. What it says counts, so it is opened.
        let before = match at == BLOCK as u64 {
            true => Some(head.previous),
            false => record_before(&*file, at).map_err(failed)?.map(|record| hash(&record)),
        };
        let Some(before) = before else { return Ok(None) };
        let Some(last) = entry(keys, &whose.context(count, before), record)? else { return Ok(None) };
        return Ok(Some(Tail { segment, file, end, count, tip: known, newer: 0, has_lists: false, gaps: 0, last }));
    }
    let (mut number, mut tip, mut gaps, mut has_lists, mut last) = (count, known, 0, false, None);
    for record in newer.iter().rev() {
        let Some(next) = number.checked_add(1) else { return Ok(None) };
        let Some(entry) = entry(keys, &whose.context(next, tip), record)? else { return Ok(None) };
        has_lists |= entry.phase == Phase::Files;
        gaps += u64::from(entry.known_action() == Some(Action::LogGap));
        (number, tip, last) = (next, hash(record), Some(entry));
    }
    let newer = end - at;
    Ok(last.map(|last| Tail { segment, file, end, count: number, tip, newer, has_lists, gaps, last }))
}

/// Reads the record that ends at `end`; `None` if none does.
fn record_before(file: &dyn LogFile, end: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut back = [0; 4];
    file.read_at(end - 4, &mut back)?;
    let Some(length) = length_behind(&back).filter(|length| BLOCK as u64 + *length as u64 <= end) else {
        return Ok(None);
    };
    let mut record = vec![0; length];
    file.read_at(end - length as u64, &mut record)?;
    Ok(frame(&record).is_ok().then_some(record))
}

/// Opens a record; `None` if it is not authentic there.
fn entry(keys: &LogKeys, context: &Context, record: &[u8]) -> Result<Option<Entry>, Error> {
    let Ok(frame) = frame(record) else { return Ok(None) };
    match on_wiped_stack(|| keys.open(context, &frame)) {
        Some(Opened::Entry(entry)) => Ok(Some(*entry)),
        Some(Opened::Newer) => Err(LogTrouble::Newer.into()),
        None => Ok(None),
    }
}
