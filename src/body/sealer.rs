//! Sealing a body: whole files and streams by the engine, and a writer for whoever makes the bytes one by one.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::engine::{self, BATCH, Run, Seal, Sink, Source, Trouble, Work, chunk_count};
use super::header::{self, Metadata};
use super::positioned::drain_buffers;
use super::{Input, Output};
use crate::crypto::bulk::BulkCipher;
use crate::crypto::cobblestone::{CHUNK_LEN, SALT_LEN, SEALED_CHUNK_LEN};
use crate::error::BodyError;
use crate::format::FileId;
use crate::format::sealed::Prelude;
use crate::keys::SealingKey;

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The new sealed file's id.
    pub file: FileId,
    /// Length of the plaintext, in bytes.
    pub bytes: u64,
}

/// Seals all of `input` into `output` under a fresh content key.
///
/// What was written is worth nothing after an error.
///
/// # Errors
/// [`BodyError::Read`] and [`BodyError::Write`]; [`BodyError::Changed`] if a file grew or shrank meanwhile;
/// [`BodyError::Random`]; [`BodyError::Header`]; those of
/// [`FileKeys::wrap_content_key`](crate::keys::FileKeys::wrap_content_key).
pub fn seal<'k>(
    key: impl Into<SealingKey<'k>>,
    metadata: &Metadata,
    input: Input<'_>,
    output: Output<'_>,
    run: Run<'_>,
) -> Result<Written, BodyError> {
    let (prelude, head, cipher) = head(key.into(), metadata, 0)?;
    let bytes = seal_body(&head, &cipher, input, output, run)?;
    Ok(Written { file: prelude.file, bytes })
}

/// Writes a head and the body after it.
pub(super) fn seal_body(
    head: &[u8],
    cipher: &BulkCipher,
    input: Input<'_>,
    output: Output<'_>,
    run: Run<'_>,
) -> Result<u64, BodyError> {
    let source = match input {
        Input::At(from) => {
            let length = from.size().map_err(BodyError::Read)?;
            Source::At { from, start: 0, length, chunks: 0..chunk_count::<Seal<'_>>(length) }
        }
        Input::Stream(reader) => Source::Stream(reader),
    };
    let sink = sink_after(head, output)?;
    engine::run(&Seal(cipher), source, sink, run).map_err(explain)
}

/// Writes what stands before a body, and returns where the body goes.
pub(super) fn sink_after<'a>(head: &[u8], output: Output<'a>) -> Result<Sink<'a>, BodyError> {
    match output {
        Output::At(to) => {
            let mut slices = [io::IoSlice::new(head)];
            drain_buffers(&mut slices, |slices, done| to.write_vectored_at(slices, done as u64))
                .map_err(BodyError::Write)?;
            Ok(Sink::At { to, start: head.len() as u64 })
        }
        Output::Stream(writer) => {
            writer.write_all(head).map_err(BodyError::Write)?;
            Ok(Sink::Stream(writer))
        }
        Output::Nowhere => Ok(Sink::Nowhere),
    }
}

/// Makes the header, with blocks of `least_len` bytes or more, and the body's prefix, and the cipher for its chunks.
pub(super) fn head(
    key: SealingKey<'_>,
    metadata: &Metadata,
    least_len: usize,
) -> Result<(Prelude, Vec<u8>, BulkCipher), BodyError> {
    let (prelude, content_key, mut head) = header::seal(key, metadata, least_len)?;
    let mut salt = [0; SALT_LEN];
    crate::crypto::random(&mut salt)?;
    let (cipher, commitment) = BulkCipher::derive(content_key.expose(), &salt, &[&prelude.to_bytes()]);
    head.extend_from_slice(&salt);
    head.extend_from_slice(&commitment);
    Ok((prelude, head, cipher))
}

fn explain(trouble: Trouble) -> BodyError {
    match trouble {
        Trouble::Read(source) => BodyError::Read(source),
        Trouble::Write(source) => BodyError::Write(source),
        Trouble::Chunk(error) => BodyError::Write(io::Error::new(io::ErrorKind::FileTooLarge, error)),
        Trouble::Shorter | Trouble::Longer => BodyError::Changed,
    }
}

/// Seals what is written to it into `output`. Without [`Sealer::finish`] the file does not open.
pub struct Sealer<W: Write> {
    output: W,
    cipher: BulkCipher,
    /// The number of the first chunk in the slots.
    number: u64,
    /// A batch of chunks, the plaintext of each in its slot.
    slots: Zeroizing<Vec<u8>>,
    /// How many bytes of plaintext are in the slots.
    filled: usize,
    /// A failed write is never followed by another: chunk numbers are sealed once.
    failed: bool,
}

impl<W: Write> Sealer<W> {
    /// Writes the header of a new sealed file: fresh content key, file id and salt.
    ///
    /// # Errors
    /// [`BodyError::Write`]; [`BodyError::Random`]; [`BodyError::Header`]; those of
    /// [`FileKeys::wrap_content_key`](crate::keys::FileKeys::wrap_content_key).
    pub fn new<'k>(key: impl Into<SealingKey<'k>>, metadata: &Metadata, mut output: W) -> Result<Self, BodyError> {
        let (_, head, cipher) = head(key.into(), metadata, 0)?;
        output.write_all(&head).map_err(BodyError::Write)?;
        let slots = Zeroizing::new(vec![0; BATCH * SEALED_CHUNK_LEN]);
        Ok(Self { output, cipher, number: 0, slots, filled: 0, failed: false })
    }

    /// Seals the final chunk, writes what is left and returns the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.check()?;
        self.seal_chunks(self.filled / CHUNK_LEN + 1)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn check(&self) -> io::Result<()> {
        if self.failed { Err(io::Error::other("an earlier write failed")) } else { Ok(()) }
    }

    /// Seals and writes the first `count` chunks in the slots, of which the last may be the final one.
    fn seal_chunks(&mut self, count: usize) -> io::Result<()> {
        let mut length = 0;
        // Whatever ends this early must not be tried again.
        self.failed = true;
        for (index, slot) in self.slots.chunks_exact_mut(SEALED_CHUNK_LEN).take(count).enumerate() {
            let plain = (self.filled - index * CHUNK_LEN).min(CHUNK_LEN);
            length += Seal(&self.cipher)
                .chunk(self.number + index as u64, slot, plain)
                .map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))?;
        }
        self.output.write_all(&self.slots[..length])?;
        self.failed = false;
        self.number += count as u64;
        let rest = self.filled - self.filled.min(count * CHUNK_LEN);
        if rest > 0 {
            let from = count * SEALED_CHUNK_LEN;
            self.slots.copy_within(from..from + rest, 0);
        }
        self.filled = rest;
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        let (index, within) = (self.filled / CHUNK_LEN, self.filled % CHUNK_LEN);
        let taken = bytes.len().min(CHUNK_LEN - within);
        let at = index * SEALED_CHUNK_LEN + within;
        self.slots[at..at + taken].copy_from_slice(&bytes[..taken]);
        self.filled += taken;
        if self.filled == BATCH * CHUNK_LEN {
            self.seal_chunks(BATCH)?;
        }
        Ok(taken)
    }

    /// Writes every whole chunk; the bytes of an unfinished one wait for the rest.
    fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        self.seal_chunks(self.filled / CHUNK_LEN)?;
        self.output.flush()
    }
}
