//! The engine under every body: batches of chunks, read, worked on in place and written by as many threads as asked
//! for, in memory that does not depend on the length.
//!
//! A worker takes the next batch, works on it and writes it where it belongs. A source that can be read at positions
//! is read by all workers at once, a stream by one at a time; a sink that can be written at positions likewise, and
//! to a stream the batches go in their order. What is done to a chunk is a [`Work`]; the engine knows no keys.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::positioned::{ReadAt, WriteAt, drain_buffers, fill_buffers, retry};
use crate::crypto::bulk::BulkCipher;
use crate::crypto::cobblestone::{CHUNK_LEN, OpenError, SEALED_CHUNK_LEN, TAG_LEN};

/// How many chunks a worker takes at once: 512 KiB. Less costs calls, more costs cache and memory.
pub(super) const BATCH: usize = 32;
/// Most workers: 16 batches are half of the 16 MiB that any run may take.
pub const THREADS_LIMIT: usize = 16;

/// What is done to each chunk, in a slot of [`SEALED_CHUNK_LEN`] bytes.
pub(super) trait Work: Sync {
    /// Length of every chunk but the final one as it is read.
    const READ_LEN: usize;
    /// Length of every chunk but the final one as it is written.
    const WRITE_LEN: usize;

    /// Works on chunk `number`, whose first `length` bytes are what was read, and returns how many are to be written.
    fn chunk(&self, number: u64, slot: &mut [u8], length: usize) -> Result<usize, OpenError>;
}

/// Seals plaintext.
pub(super) struct Seal<'a>(pub &'a BulkCipher);

impl Work for Seal<'_> {
    const READ_LEN: usize = CHUNK_LEN;
    const WRITE_LEN: usize = SEALED_CHUNK_LEN;

    fn chunk(&self, number: u64, slot: &mut [u8], length: usize) -> Result<usize, OpenError> {
        let tag = self.0.seal_chunk(number, &mut slot[..length])?;
        slot[length..length + TAG_LEN].copy_from_slice(&tag);
        Ok(length + TAG_LEN)
    }
}

/// Opens what was sealed.
pub(super) struct Open<'a>(pub &'a BulkCipher);

impl Work for Open<'_> {
    const READ_LEN: usize = SEALED_CHUNK_LEN;
    const WRITE_LEN: usize = CHUNK_LEN;

    fn chunk(&self, number: u64, slot: &mut [u8], length: usize) -> Result<usize, OpenError> {
        Ok(self.0.open_chunk(number, &mut slot[..length])?.len())
    }
}

/// Opens what was sealed under one key and seals it under another; the plaintext never leaves the slot.
pub(super) struct Reseal<'a> {
    pub from: &'a BulkCipher,
    pub to: &'a BulkCipher,
}

impl Work for Reseal<'_> {
    const READ_LEN: usize = SEALED_CHUNK_LEN;
    const WRITE_LEN: usize = SEALED_CHUNK_LEN;

    fn chunk(&self, number: u64, slot: &mut [u8], length: usize) -> Result<usize, OpenError> {
        let plain = Open(self.from).chunk(number, slot, length)?;
        Seal(self.to).chunk(number, slot, plain)
    }
}

/// Where the chunks come from.
pub(super) enum Source<'a> {
    /// `chunks`, from the first byte at `start` on, of a message whose chunks take `length` bytes in all.
    At { from: &'a dyn ReadAt, start: u64, length: u64, chunks: std::ops::Range<u64> },
    /// All that comes.
    Stream(&'a mut (dyn Read + Send)),
}

/// Where they go.
pub(super) enum Sink<'a> {
    /// Chunk 0 at `start`, the others where they belong.
    At { to: &'a dyn WriteAt, start: u64 },
    /// In their order.
    Stream(&'a mut (dyn Write + Send)),
    /// Nowhere: they are only proven.
    Nowhere,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    Read(io::Error),
    Write(io::Error),
    Chunk(OpenError),
    /// The source has fewer bytes than it had.
    Shorter,
    /// The source has more bytes than it had.
    Longer,
}

/// How a run goes: how many threads, and who is told of its progress.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Most threads at work, 1 to [`THREADS_LIMIT`].
    pub threads: usize,
    /// Is told how many more bytes of plaintext are done, by any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Run<'_> {
    /// As many threads as the computer has cores, and nobody is told.
    #[must_use]
    pub fn quiet() -> Self {
        Self { threads: default_threads(), progress: &|_| {} }
    }
}

/// Returns as many threads as the computer has cores for this process, at most [`THREADS_LIMIT`].
#[must_use]
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_LIMIT)
}

/// Returns how many chunks a message has whose chunks take `length` bytes in all: the final one is always shorter.
pub(super) fn chunk_count<W: Work>(length: u64) -> u64 {
    length / W::READ_LEN as u64 + 1
}

/// Runs all chunks of `source` through `work` into `sink` and returns how many bytes of plaintext they held.
///
/// On trouble the sink has been handed nothing that failed; a stream, nothing from there on.
pub(super) fn run<W: Work>(work: &W, source: Source<'_>, sink: Sink<'_>, options: Run<'_>) -> Result<u64, Trouble> {
    let (source, chunks) = match source {
        Source::At { from, start, length, chunks } => {
            let count = chunks.end - chunks.start;
            (Input::At { from, start, length, chunks, next: AtomicU64::new(0) }, Some(count))
        }
        Source::Stream(reader) => (Input::Stream(Mutex::new(Incoming { reader, next: 0, ended: false })), None),
    };
    let sink = match sink {
        Sink::At { to, start } => Output::At { to, start },
        Sink::Stream(writer) => {
            Output::Stream { queue: Mutex::new(Outgoing { writer, turn: 0 }), moved: Condvar::new() }
        }
        Sink::Nowhere => Output::Nowhere,
    };
    let batches = chunks.map(|count| count.div_ceil(BATCH as u64));
    let threads = options.threads.clamp(1, THREADS_LIMIT);
    let threads = batches.map_or(threads, |batches| threads.min(usize::try_from(batches).unwrap_or(threads)));
    // A short message needs no more memory than itself.
    let slots = chunks.map_or(BATCH, |count| usize::try_from(count).unwrap_or(BATCH).min(BATCH));
    let shared = Shared {
        work,
        source,
        sink,
        options,
        slots,
        failed_at: AtomicU64::new(u64::MAX),
        trouble: Mutex::new(None),
        done: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let helper = std::thread::Builder::new().name("body".into());
            // Without this thread the others do its work.
            let _ = helper.spawn_scoped(scope, || shared.run_worker());
        }
        shared.run_worker();
    });
    match shared.trouble.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, trouble)) => Err(trouble),
        None => Ok(shared.done.into_inner()),
    }
}

enum Input<'a> {
    At { from: &'a dyn ReadAt, start: u64, length: u64, chunks: std::ops::Range<u64>, next: AtomicU64 },
    Stream(Mutex<Incoming<'a>>),
}

struct Incoming<'a> {
    reader: &'a mut (dyn Read + Send),
    next: u64,
    ended: bool,
}

enum Output<'a> {
    At { to: &'a dyn WriteAt, start: u64 },
    Stream { queue: Mutex<Outgoing<'a>>, moved: Condvar },
    Nowhere,
}

struct Outgoing<'a> {
    writer: &'a mut (dyn Write + Send),
    /// The batch whose turn it is.
    turn: u64,
}

/// What all workers of a run share.
struct Shared<'a, W> {
    work: &'a W,
    source: Input<'a>,
    sink: Output<'a>,
    options: Run<'a>,
    slots: usize,
    /// The first batch that failed: no later one is begun or written.
    failed_at: AtomicU64,
    trouble: Mutex<Option<(u64, Trouble)>>,
    done: AtomicU64,
}

/// A batch that was read: where it stands, and how many bytes of it there are.
struct Batch {
    number: u64,
    first_chunk: u64,
    length: usize,
    /// The final chunk is among it, though it may be empty.
    is_last: bool,
}

impl<W: Work> Shared<'_, W> {
    fn run_worker(&self) {
        let _watch = Watch(self);
        let mut slots = Zeroizing::new(vec![0; self.slots * SEALED_CHUNK_LEN]);
        while self.failed_at.load(Ordering::Acquire) == u64::MAX {
            match self.next(&mut slots) {
                Ok(None) => break,
                Ok(Some(batch)) => {
                    if let Err(trouble) = self.handle(&batch, &mut slots) {
                        self.fail(batch.number, trouble);
                    }
                }
                Err((number, trouble)) => self.fail(number, trouble),
            }
        }
    }

    /// Remembers the trouble of the earliest batch, and wakes whoever waits for a turn that will not come.
    fn fail(&self, number: u64, trouble: Trouble) {
        {
            let mut first = lock(&self.trouble);
            if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                *first = Some((number, trouble));
                self.failed_at.store(number, Ordering::Release);
            }
        }
        if let Output::Stream { queue, moved } = &self.sink {
            let _turn = lock(queue);
            moved.notify_all();
        }
    }

    /// Reads the next batch into the slots.
    fn next(&self, slots: &mut [u8]) -> Result<Option<Batch>, (u64, Trouble)> {
        match &self.source {
            Input::At { from, start, length, chunks, next } => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let first_chunk = chunks.start + number * BATCH as u64;
                if first_chunk >= chunks.end {
                    return Ok(None);
                }
                let batch = self.read_at(*from, *start, *length, first_chunk..chunks.end, slots);
                batch.map(|batch| Some(Batch { number, ..batch })).map_err(|trouble| (number, trouble))
            }
            Input::Stream(incoming) => {
                let mut incoming = lock(incoming);
                if incoming.ended {
                    return Ok(None);
                }
                let number = incoming.next;
                incoming.next += 1;
                let mut buffers = read_slices::<W>(slots, slots.len() / SEALED_CHUNK_LEN * W::READ_LEN);
                let read = fill_buffers(&mut buffers, |buffers, _| incoming.reader.read_vectored(buffers));
                incoming.ended = read.is_err();
                let length = read.map_err(|error| (number, Trouble::Read(error)))?;
                // A full batch holds no final chunk: that one is shorter, or comes as an empty rest.
                let is_last = length < BATCH * W::READ_LEN;
                incoming.ended |= is_last;
                Ok(Some(Batch { number, first_chunk: number * BATCH as u64, length, is_last }))
            }
        }
    }

    fn read_at(
        &self,
        from: &dyn ReadAt,
        start: u64,
        total: u64,
        chunks: std::ops::Range<u64>,
        slots: &mut [u8],
    ) -> Result<Batch, Trouble> {
        let at = chunks.start * W::READ_LEN as u64;
        let most = (chunks.end - chunks.start).min(BATCH as u64) * W::READ_LEN as u64;
        let is_last = total - at < most;
        // At most a batch, which fits.
        let length = (total - at).min(most) as usize;
        let mut buffers = read_slices::<W>(slots, length);
        let read = fill_buffers(&mut buffers, |buffers, done| from.read_vectored_at(buffers, start + at + done as u64));
        if read.map_err(Trouble::Read)? < length {
            return Err(Trouble::Shorter);
        }
        if is_last && retry(|| from.read_at(&mut [0], start + total)).map_err(Trouble::Read)? > 0 {
            return Err(Trouble::Longer);
        }
        Ok(Batch { number: 0, first_chunk: chunks.start, length, is_last })
    }

    /// Works on the chunks of a batch and writes them.
    fn handle(&self, batch: &Batch, slots: &mut [u8]) -> Result<(), Trouble> {
        let count = batch.length / W::READ_LEN + usize::from(batch.is_last);
        let mut final_len = W::WRITE_LEN;
        for (index, slot) in slots.chunks_exact_mut(SEALED_CHUNK_LEN).take(count).enumerate() {
            let length = (batch.length - index * W::READ_LEN).min(W::READ_LEN);
            let number = batch.first_chunk + index as u64;
            final_len = self.work.chunk(number, slot, length).map_err(Trouble::Chunk)?;
        }
        let length = count.saturating_sub(1) * W::WRITE_LEN + if count == 0 { 0 } else { final_len };
        self.write(batch, slots, length)?;
        // Of plaintext and sealed bytes, the plaintext is what is fewer; where both are sealed, it is less the tags.
        let tags = if W::READ_LEN == W::WRITE_LEN { count * TAG_LEN } else { 0 };
        let plain = batch.length.min(length).saturating_sub(tags);
        self.done.fetch_add(plain as u64, Ordering::Relaxed);
        (self.options.progress)(plain as u64);
        Ok(())
    }

    fn write(&self, batch: &Batch, slots: &[u8], length: usize) -> Result<(), Trouble> {
        match &self.sink {
            Output::Nowhere => Ok(()),
            Output::At { to, start } => {
                let at = start + batch.first_chunk * W::WRITE_LEN as u64;
                let mut buffers = write_slices::<W>(slots, length);
                drain_buffers(&mut buffers, |buffers, done| to.write_vectored_at(buffers, at + done as u64))
                    .map_err(Trouble::Write)
            }
            Output::Stream { queue, moved } => {
                let mut outgoing = lock(queue);
                while outgoing.turn != batch.number {
                    if self.failed_at.load(Ordering::Acquire) < batch.number {
                        return Ok(());
                    }
                    outgoing = moved.wait(outgoing).unwrap_or_else(PoisonError::into_inner);
                }
                let mut buffers = write_slices::<W>(slots, length);
                let written = drain_buffers(&mut buffers, |buffers, _| outgoing.writer.write_vectored(buffers));
                // After a failed write nothing more is written: whoever waits is woken by `fail`.
                written.map_err(Trouble::Write)?;
                outgoing.turn += 1;
                moved.notify_all();
                Ok(())
            }
        }
    }
}

/// Sees to it that a worker that panics, in a source, a sink or whoever is told of the progress, leaves no other
/// waiting for a turn that will not come.
struct Watch<'a, 'b, W: Work>(&'a Shared<'b, W>);

impl<W: Work> Drop for Watch<'_, '_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody reads why: the panic goes on in whoever began the run.
            self.0.fail(0, Trouble::Shorter);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lays `length` bytes out over the slots as chunks to be read: what is as long as a slot is one buffer.
fn read_slices<W: Work>(slots: &mut [u8], length: usize) -> Vec<IoSliceMut<'_>> {
    if W::READ_LEN == SEALED_CHUNK_LEN {
        return vec![IoSliceMut::new(&mut slots[..length])];
    }
    let lengths = chunk_lens(length, W::READ_LEN);
    slots.chunks_exact_mut(SEALED_CHUNK_LEN).zip(lengths).map(|(slot, len)| IoSliceMut::new(&mut slot[..len])).collect()
}

/// Lays `length` bytes out over the slots as chunks to be written.
fn write_slices<W: Work>(slots: &[u8], length: usize) -> Vec<IoSlice<'_>> {
    if W::WRITE_LEN == SEALED_CHUNK_LEN {
        return vec![IoSlice::new(&slots[..length])];
    }
    let lengths = chunk_lens(length, W::WRITE_LEN);
    slots.chunks_exact(SEALED_CHUNK_LEN).zip(lengths).map(|(slot, len)| IoSlice::new(&slot[..len])).collect()
}

/// Cuts a length into whole chunks and what is left.
fn chunk_lens(length: usize, chunk: usize) -> impl Iterator<Item = usize> {
    (0..length.div_ceil(chunk)).map(move |index| (length - index * chunk).min(chunk))
}

/// The engine without its cipher: what the copy alone costs.
#[cfg(feature = "bench")]
pub mod bench {
    use super::*;

    struct Copy;

    impl Work for Copy {
        const READ_LEN: usize = CHUNK_LEN;
        const WRITE_LEN: usize = SEALED_CHUNK_LEN;

        fn chunk(&self, _: u64, slot: &mut [u8], length: usize) -> Result<usize, OpenError> {
            slot[length..length + TAG_LEN].fill(0);
            Ok(length + TAG_LEN)
        }
    }

    /// Copies a file as sealing does, less the sealing.
    ///
    /// # Errors
    /// Those of either file.
    pub fn copy(from: &std::fs::File, to: &std::fs::File, threads: usize) -> io::Result<u64> {
        let length = from.size()?;
        let source = Source::At { from, start: 0, length, chunks: 0..chunk_count::<Copy>(length) };
        let options = Run { threads, progress: &|_| {} };
        run(&Copy, source, Sink::At { to, start: 0 }, options).map_err(|trouble| match trouble {
            Trouble::Read(error) | Trouble::Write(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })
    }
}

#[cfg(test)]
mod tests;
