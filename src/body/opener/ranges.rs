//! Parts of an opened body, read at any position: by this process, or by a caller that fetches sealed bytes itself.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use zeroize::{Zeroize, Zeroizing};

use super::super::engine::{BATCH, Open, THREADS_LIMIT, Trouble, Work};
use super::super::positioned::{ReadAt, read_full_at};
use super::Opener;
use crate::crypto::cobblestone::{CHUNK_LEN, SEALED_CHUNK_LEN};
use crate::error::BodyError;

/// How many bytes of plaintext are in a batch of chunks.
const BATCH_BYTES: usize = BATCH * CHUNK_LEN;
/// Most batches that wait for their next use: as many as threads are likely to read at once.
const KEPT: usize = THREADS_LIMIT;

/// Memory for batches of sealed chunks, lent to one read at a time. It is kept, since to get half a mebibyte, fill it
/// with zeros and wipe it costs half as much as to open what is read into it. Wiped when the file is closed.
#[derive(Default)]
pub(super) struct Scratch(Mutex<Vec<Zeroizing<Vec<u8>>>>);

impl Scratch {
    /// Lends memory of `length` bytes or more to `work`.
    fn lend<T>(&self, length: usize, work: impl FnOnce(&mut [u8]) -> T) -> T {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // One that is too short is dropped: to grow it would leave its bytes behind.
        let mut bytes = kept.filter(|kept| kept.len() >= length).unwrap_or_else(|| Zeroizing::new(vec![0; length]));
        let result = work(&mut bytes[..length]);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(bytes);
        }
        result
    }
}

impl<S: ReadAt> Opener<S> {
    /// Fills `bytes` with plaintext from `offset` on and returns how much there was. Many threads may call it at once.
    ///
    /// Of each 512 KiB, nothing is copied into `bytes` before all of it has proven authentic.
    ///
    /// # Errors
    /// Those of [`Opener::copy_to`].
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, BodyError> {
        let wanted = self.wanted(bytes.len(), offset);
        let mut filled = 0;
        while filled < wanted {
            let at = offset + filled as u64;
            // Up to the border of a chunk, so that no chunk is opened twice.
            let most = BATCH_BYTES - (at % CHUNK_LEN as u64) as usize;
            let part = &mut bytes[filled..wanted.min(filled + most)];
            let sealed = self.sealed_range(at, part.len() as u64);
            // At most a batch, which fits.
            let length = (sealed.end - sealed.start) as usize;
            filled += self.scratch.lend(length, |scratch| {
                if read_full_at(&self.source, scratch, sealed.start).map_err(BodyError::Read)? < length {
                    return Err(self.explain(Trouble::Shorter));
                }
                self.open_chunks(scratch, at, part)
            })?;
        }
        Ok(filled)
    }

    /// As [`Opener::read_at`], with up to `threads` threads. They are worth their start from some mebibytes on.
    ///
    /// On an error, which parts of `bytes` have been filled is not said.
    ///
    /// # Errors
    /// Those of [`Opener::copy_to`].
    pub fn read_at_with(&self, bytes: &mut [u8], offset: u64, threads: usize) -> Result<usize, BodyError> {
        let wanted = self.wanted(bytes.len(), offset);
        let threads = threads.clamp(1, THREADS_LIMIT).min(wanted.div_ceil(BATCH_BYTES));
        if threads <= 1 {
            return self.read_at(bytes, offset);
        }
        let part = wanted.div_ceil(threads).next_multiple_of(BATCH_BYTES);
        std::thread::scope(|scope| {
            let mut parts = bytes[..wanted].chunks_mut(part).zip((offset..).step_by(part));
            let own = parts.next();
            let others: Vec<_> = parts
                .map(|(part, at)| {
                    let reader = std::thread::Builder::new().name("body".into());
                    reader.spawn_scoped(scope, move || self.read_at(part, at)).map_err(BodyError::Read)
                })
                .collect();
            let mut result = own.map_or(Ok(0), |(part, at)| self.read_at(part, at));
            for other in others {
                let read =
                    other.and_then(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
                result = result.and_then(|filled| Ok(filled + read?));
            }
            result
        })
    }

    /// Returns which bytes of the sealed file hold `length` bytes of plaintext from `offset` on, or what there is of
    /// them: whole chunks. Empty if there is nothing.
    #[must_use]
    pub fn sealed_range(&self, offset: u64, length: u64) -> Range<u64> {
        let chunk = CHUNK_LEN as u64;
        let end = offset.saturating_add(length).min(self.length);
        if offset >= end {
            return self.body_start()..self.body_start();
        }
        let sealed = |chunks: u64| self.body_start() + (chunks * SEALED_CHUNK_LEN as u64).min(self.sealed);
        sealed(offset / chunk)..sealed(end.div_ceil(chunk))
    }

    /// Fills `bytes` with plaintext from `offset` on, of `sealed`, which a caller has fetched: the bytes that
    /// [`Opener::sealed_range`] names for `offset` and the length of `bytes`. Returns how much there was.
    ///
    /// Nothing is copied into `bytes` before all of it has proven authentic. `sealed` is worked on in place, and wiped
    /// at the end, whatever comes of it.
    ///
    /// # Errors
    /// [`BodyError::Changed`] if `sealed` has another length than that range; [`BodyError::Damaged`] if it holds
    /// anything but its chunks.
    pub fn open_range(&self, sealed: &mut [u8], offset: u64, bytes: &mut [u8]) -> Result<usize, BodyError> {
        let range = self.sealed_range(offset, bytes.len() as u64);
        let opened = if sealed.len() as u64 == range.end - range.start {
            self.open_chunks(sealed, offset, bytes)
        } else {
            Err(self.explain(Trouble::Shorter))
        };
        sealed.zeroize();
        opened
    }

    /// Returns how much there is of `length` bytes of plaintext from `offset` on.
    fn wanted(&self, length: usize, offset: u64) -> usize {
        // At most `length`, which fits.
        self.length.saturating_sub(offset).min(length as u64) as usize
    }

    /// Opens, in place, the chunks that hold `bytes` from `offset` on, and then copies what is wanted of them.
    fn open_chunks(&self, sealed: &mut [u8], offset: u64, bytes: &mut [u8]) -> Result<usize, BodyError> {
        let first = offset / CHUNK_LEN as u64;
        for (number, chunk) in (first..).zip(sealed.chunks_mut(SEALED_CHUNK_LEN)) {
            let length = chunk.len();
            Open(&self.cipher).chunk(number, chunk, length).map_err(|error| self.explain(Trouble::Chunk(error)))?;
        }
        let wanted = self.wanted(bytes.len(), offset);
        let (mut rest, mut skip) = (&mut bytes[..wanted], (offset % CHUNK_LEN as u64) as usize);
        for chunk in sealed.chunks(SEALED_CHUNK_LEN) {
            let taken = rest.len().min(CHUNK_LEN - skip);
            let (part, others) = rest.split_at_mut(taken);
            part.copy_from_slice(&chunk[skip..skip + taken]);
            (rest, skip) = (others, 0);
        }
        Ok(wanted)
    }
}
