//! A file of which only so many bytes are read while somebody else's code looks at it: such code keeps in memory what it
//! reads of the file's tables, and may be led to read the same table again and again.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Refused;

/// A file whose reading is limited, until its [`Limit`] is lifted.
pub struct Meter<R> {
    file: R,
    left: Arc<AtomicU64>,
    what: &'static str,
}

/// How many bytes may still be read.
#[derive(Clone)]
pub struct Limit(Arc<AtomicU64>);

impl<R> Meter<R> {
    /// Lets so many bytes be read; `what` says what is out of range if that is not enough.
    pub fn new(file: R, bytes: u64, what: &'static str) -> (Self, Limit) {
        let left = Arc::new(AtomicU64::new(bytes));
        (Self { file, left: left.clone(), what }, Limit(left))
    }
}

impl Limit {
    /// Lets all of the file be read, as often as one likes.
    pub fn lift(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(Refused::Bounds(self.what).into());
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read(&mut into[..most])?;
        if left < u64::MAX {
            self.left.store(left - read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Meter<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Tells what an error of somebody else's code means: that the file cannot be read, a refusal of this crate's own, or that
/// the bytes are not as they should be, which a wrong secret may have brought about.
pub fn refusal(error: io::Error) -> Refused {
    if error.raw_os_error().is_some() {
        return Refused::Read(error);
    }
    match Refused::from(error) {
        Refused::Read(_) => Refused::Wrong,
        refused => refused,
    }
}
