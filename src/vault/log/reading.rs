//! A whole log, read: where each record is, what it is known by and what it says. Memory that is taken for its bytes is
//! that of some records, whatever is in the files.

use std::num::NonZero;
use std::thread;

use super::ReadRecord;
use super::chain::{Whose, from_store, segments};
use super::seal::{LogKeys, Opened, hash};
use crate::error::Error;
use crate::format::log::{BLOCK, Head, RECORD_LIMIT, frame, length_in_front, segment_name};
use crate::memory::on_wiped_stack;
use crate::store::{LogAccess, LogFile, Store, StoreError};

/// How many bytes are read at once: several records, or the longest one.
const PIECE: usize = RECORD_LIMIT;
/// How many records a thread opens at least: fewer are not worth one.
const WORTH_A_THREAD: usize = 256;

/// A segment, read.
pub struct Segment {
    /// Its number among the files.
    pub number: u32,
    /// `None` if it has none, or that of another log.
    pub head: Option<Head>,
    pub records: Vec<Record>,
    /// Where the last record ends.
    pub end: u64,
    /// Its length.
    pub length: u64,
}

/// A record of it.
pub struct Record {
    pub read: ReadRecord,
    /// It is authentic in its place.
    pub is_authentic: bool,
}

/// Reads the log of a computer.
pub fn read(store: &dyn Store, keys: &LogKeys, whose: Whose) -> Result<Vec<Segment>, Error> {
    let numbers = segments(store, whose.enrolment)?;
    let read = numbers.into_iter().map(|number| {
        let name = segment_name(whose.enrolment, number);
        match store.open_log(&name, LogAccess::Read) {
            Ok(Some(file)) => segment(&*file, keys, whose, number).map_err(|error| from_store(store, error)),
            // Taken away meanwhile, or a link or a folder in its place: there is no such segment.
            Ok(None) | Err(StoreError::NotAFile { .. }) => {
                Ok(Segment { number, head: None, records: Vec::new(), end: 0, length: 0 })
            }
            Err(error) => Err(from_store(store, error)),
        }
    });
    read.collect()
}

fn segment(file: &dyn LogFile, keys: &LogKeys, whose: Whose, number: u32) -> Result<Segment, StoreError> {
    let length = file.length()?;
    let mut first = [0; BLOCK];
    let mut head = None;
    if length >= BLOCK as u64 {
        file.read_at(0, &mut first)?;
        head = Head::parse(&first).ok().filter(|head| (head.vault, head.enrolment) == (whose.vault, whose.enrolment));
    }
    let Some(known) = head else {
        return Ok(Segment { number, head, records: Vec::new(), end: 0, length });
    };
    let places = places(file, length)?;
    let end = places.last().map_or(BLOCK as u64, |(at, length)| at + u64::from(*length));
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(places.len() / WORTH_A_THREAD + 1);
    let open = Opening { file, keys, whose, segment: number, head: known };
    let part = places.len().div_ceil(threads).max(1);
    let records = thread::scope(|scope| {
        let mut parts = places.chunks(part).enumerate().map(|(index, places_of_part)| {
            let (open, places) = (&open, &places);
            move || open.part(places, index * part, places_of_part.len())
        });
        let own = parts.next();
        let others: Vec<_> = parts.map(|work| scope.spawn(work)).collect();
        let mut records = own.map_or(Ok(Vec::new()), |work| work())?;
        for other in others {
            let part = other.join().map_err(|_| StoreError::Changed)?;
            records.extend(part?);
        }
        Ok::<_, StoreError>(records)
    })?;
    Ok(Segment { number, head, records, end, length })
}

/// Returns where each record begins, and its length. What is not framed as a record ends the list.
fn places(file: &dyn LogFile, length: u64) -> Result<Vec<(u64, u32)>, StoreError> {
    let mut places = Vec::new();
    let mut buffer = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    let (mut at, mut start, mut filled) = (BLOCK as u64, 0, 0);
    loop {
        if at < start || at + 4 > start + filled as u64 {
            if at + 4 > length {
                return Ok(places);
            }
            start = at;
            filled = buffer.len().min(usize::try_from(length - start).unwrap_or(usize::MAX));
            file.read_at(start, &mut buffer[..filled])?;
        }
        let Some(record) = length_in_front(&buffer[(at - start) as usize..filled]) else { return Ok(places) };
        if at + record as u64 > length {
            return Ok(places);
        }
        places.push((at, record as u32));
        at += record as u64;
    }
}

/// Opens the records of a segment.
struct Opening<'a> {
    file: &'a dyn LogFile,
    keys: &'a LogKeys,
    whose: Whose,
    segment: u32,
    head: Head,
}

impl Opening<'_> {
    /// Opens `count` records from the one at `first` on.
    fn part(&self, places: &[(u64, u32)], first: usize, count: usize) -> Result<Vec<Record>, StoreError> {
        let mut bytes = Bytes { file: self.file, buffer: vec![0; PIECE], start: 0, filled: 0 };
        let mut previous = match first.checked_sub(1) {
            Some(before) => hash(bytes.of(places[before], places)?),
            None => self.head.previous,
        };
        let mut records = Vec::with_capacity(count);
        for index in first..first + count {
            // Records beyond the last number there is belong to nobody.
            let Some(number) = self.head.number.checked_add(index as u64) else { break };
            let place = places[index];
            let record = bytes.of(place, places)?;
            let context = self.whose.context(number, previous);
            let opened = frame(record).ok().and_then(|frame| self.keys.open(&context, &frame));
            let hash = hash(record);
            let is_authentic = opened.is_some();
            let entry = match opened {
                Some(Opened::Entry(entry)) => Some(*entry),
                Some(Opened::Newer) | None => None,
            };
            let place = (self.segment, place.0, place.1);
            let read = ReadRecord { number, hash, previous, entry, is_disputed: false, place };
            records.push(Record { read, is_authentic });
            previous = hash;
        }
        on_wiped_stack(|| ());
        Ok(records)
    }
}

/// The bytes of records one after the other, read in pieces.
struct Bytes<'a> {
    file: &'a dyn LogFile,
    buffer: Vec<u8>,
    start: u64,
    filled: usize,
}

impl Bytes<'_> {
    fn of(&mut self, (at, length): (u64, u32), places: &[(u64, u32)]) -> Result<&[u8], StoreError> {
        let (length, end) = (length as usize, at + u64::from(length));
        if at < self.start || end > self.start + self.filled as u64 {
            let all = places.last().map_or(end, |(at, length)| at + u64::from(*length));
            self.start = at;
            self.filled = self.buffer.len().min(usize::try_from(all - at).unwrap_or(usize::MAX));
            self.file.read_at(at, &mut self.buffer[..self.filled])?;
        }
        let from = (at - self.start) as usize;
        Ok(&self.buffer[from..from + length])
    }
}
