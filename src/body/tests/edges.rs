//! Sources and sinks with the worst manners that their traits allow.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::body::{ReadAt, WriteAt};

/// Bytes that are never the same at two borders.
pub fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8 ^ (i / 16384) as u8).collect()
}

/// How many bytes a call takes at most, or that it is interrupted.
fn allowance(call: usize) -> io::Result<usize> {
    match [5000, 0, 1, 40_000, 16_384, 0, 7, 200_000][call % 8] {
        0 => Err(io::ErrorKind::Interrupted.into()),
        some => Ok(some),
    }
}

fn broken() -> io::Error {
    io::Error::other("broken")
}

/// Bytes that come a few at a time, with interruptions, and end in an error if told to.
pub struct Drip<'a> {
    pub bytes: &'a [u8],
    /// Where the error comes.
    pub breaks_at: Option<usize>,
    pub position: usize,
    pub calls: usize,
}

impl<'a> Drip<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, breaks_at: None, position: 0, calls: 0 }
    }

    pub fn breaking(bytes: &'a [u8], breaks_at: usize) -> Self {
        Self { breaks_at: Some(breaks_at), ..Self::of(bytes) }
    }
}

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        let most = allowance(self.calls)?;
        let end = self.breaks_at.unwrap_or(self.bytes.len());
        let length = buffer.len().min(most).min(end - self.position);
        if length == 0 && self.breaks_at.is_some() && !buffer.is_empty() {
            return Err(broken());
        }
        buffer[..length].copy_from_slice(&self.bytes[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}

/// The same at positions. It knows what was read, and its length can be changed.
pub struct Shelf<'a> {
    pub bytes: &'a [u8],
    /// What size() and the reads hold to be the end.
    pub length: AtomicU64,
    /// Reads that touch this byte fail.
    pub breaks_at: Option<u64>,
    /// Reads of this byte come late.
    pub slow_at: Option<u64>,
    pub calls: AtomicUsize,
    pub reads: Mutex<Vec<Range<u64>>>,
}

impl<'a> Shelf<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        let length = AtomicU64::new(bytes.len() as u64);
        let (calls, reads) = (AtomicUsize::new(0), Mutex::default());
        Self { bytes, length, breaks_at: None, slow_at: None, calls, reads }
    }

    /// Returns what was read since the last call, in order and with what touches put together.
    pub fn was_read(&self) -> Vec<Range<u64>> {
        let mut reads = std::mem::take(&mut *self.reads.lock().unwrap());
        reads.sort_by_key(|read| read.start);
        let mut whole: Vec<Range<u64>> = Vec::new();
        for read in reads {
            match whole.last_mut() {
                Some(last) if read.start <= last.end => last.end = last.end.max(read.end),
                _ => whole.push(read),
            }
        }
        whole
    }
}

impl ReadAt for Shelf<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let most = allowance(self.calls.fetch_add(1, Ordering::Relaxed))?;
        let length = buffer.len().min(most);
        let asked = offset..offset + length as u64;
        if self.slow_at.is_some_and(|byte| asked.contains(&byte)) {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        if self.breaks_at.is_some_and(|byte| asked.contains(&byte)) {
            return Err(broken());
        }
        let visible = &self.bytes[..self.length.load(Ordering::Relaxed) as usize];
        let read = visible.read_at(&mut buffer[..length], offset)?;
        self.reads.lock().unwrap().push(offset..offset + read as u64);
        Ok(read)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.length.load(Ordering::Relaxed))
    }
}

/// Takes a few bytes at a time, with interruptions, and fails from a byte on if told to.
#[derive(Default)]
pub struct Gullet {
    pub bytes: Vec<u8>,
    /// Where it fails.
    pub breaks_at: Option<usize>,
    /// How often something was written after it had failed.
    pub after_failure: usize,
    pub failed: bool,
    pub calls: usize,
}

impl Write for Gullet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.after_failure += usize::from(self.failed);
        self.calls += 1;
        let most = allowance(self.calls)?;
        let room = self.breaks_at.map_or(usize::MAX, |end| end - self.bytes.len());
        let length = bytes.len().min(most).min(room);
        if length == 0 && !bytes.is_empty() {
            self.failed = true;
            return Err(broken());
        }
        self.bytes.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same at positions.
#[derive(Default)]
pub struct Board {
    pub bytes: Mutex<Vec<u8>>,
    /// Writes that touch this byte fail.
    pub breaks_at: Option<u64>,
    pub calls: AtomicUsize,
}

impl Board {
    pub fn written(self) -> Vec<u8> {
        self.bytes.into_inner().unwrap()
    }
}

impl WriteAt for Board {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let length = bytes.len().min(allowance(self.calls.fetch_add(1, Ordering::Relaxed))?);
        if self.breaks_at.is_some_and(|byte| (offset..offset + length as u64).contains(&byte)) {
            return Err(broken());
        }
        let (start, end) = (offset as usize, offset as usize + length);
        let mut all = self.bytes.lock().unwrap();
        let longer = all.len().max(end);
        all.resize(longer, 0);
        all[start..end].copy_from_slice(&bytes[..length]);
        Ok(length)
    }
}
