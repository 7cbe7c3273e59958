//! Opening a body chunk by chunk. Nothing unauthenticated leaves.

use std::io::{Read, Seek, SeekFrom, Write};

use zeroize::Zeroizing;

use super::header::{self, Header, read_at, read_full, reading};
use crate::crypto::cobblestone::{ChunkCipher, OpenError, PREFIX_LEN, SEALED_CHUNK_LEN, opened_len};
use crate::error::Error;
use crate::vault::ProjectFileKey;

/// How many chunks are read from the input at once.
const BATCH: usize = 16;

/// Opens a sealed file.
pub struct Opener<R: Read + Seek> {
    what: String,
    input: R,
    header: Header,
    cipher: ChunkCipher,
    /// Length of the plaintext, in bytes; authenticated by the final chunk.
    length: u64,
}

impl<R: Read + Seek> Opener<R> {
    /// Opens the header with the first key that fits and proves the file's length by its final chunk.
    ///
    /// `what` names the file and `searched` whose keys these are, for messages.
    ///
    /// # Errors
    /// [`Error::WrongKey`] where no key opens the header; [`Error::Truncated`] and [`Error::Damaged`];
    /// [`Error::UnsupportedVersion`]; [`Error::Io`] of the input.
    pub fn new(
        what: &str,
        searched: &str,
        mut input: R,
        keys: impl Iterator<Item = Result<ProjectFileKey, Error>>,
    ) -> Result<Self, Error> {
        let header = header::open(what, searched, &mut input, keys)?;
        let failed = |source| reading(what, source);
        let total = input.seek(SeekFrom::End(0)).map_err(failed)?;
        let truncated = || Error::Truncated { what: what.into() };
        let mut prefix = [0; PREFIX_LEN];
        if read_at(&mut input, header.len(), &mut prefix).map_err(failed)? < PREFIX_LEN {
            return Err(truncated());
        }
        let prelude = header.prelude.to_bytes();
        let cipher = ChunkCipher::derive_for(header.content_key.expose(), &prefix, &[&prelude]).map_err(|_| {
            Error::Damaged { what: what.into(), detail: "its body does not belong to its header".into() }
        })?;
        let sealed = total.saturating_sub(header.len());
        let length = opened_len(sealed).ok_or_else(truncated)?;
        let mut opener = Self { what: what.into(), input, header, cipher, length };
        opener.check_final_chunk(sealed)?;
        Ok(opener)
    }

    /// Returns the opened header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the length of the plaintext, in bytes.
    #[must_use]
    pub fn plaintext_len(&self) -> u64 {
        self.length
    }

    /// Returns how many chunks the body has.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.length / crate::crypto::cobblestone::CHUNK_LEN as u64 + 1
    }

    /// The length is what the final chunk proves: only a chunk sealed as a message's last is shorter than the rest.
    fn check_final_chunk(&mut self, sealed: u64) -> Result<(), Error> {
        let number = self.chunks() - 1;
        let at = self.header.len() + PREFIX_LEN as u64 + number * SEALED_CHUNK_LEN as u64;
        let mut bytes = Zeroizing::new(vec![0; (self.header.len() + sealed - at) as usize]);
        let read = read_at(&mut self.input, at, &mut bytes).map_err(|source| reading(&self.what, source))?;
        if read < bytes.len() {
            return Err(Error::Truncated { what: self.what.clone() });
        }
        match self.cipher.open_chunk(number, &mut bytes) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed_chunk(error)),
        }
    }

    fn failed_chunk(&self, error: OpenError) -> Error {
        let detail = match error {
            OpenError::Chunk(number) if number + 1 == self.chunks() => format!(
                "the final chunk of {} failed its integrity check: the file was altered, cut short or extended",
                self.chunks()
            ),
            OpenError::Chunk(number) => format!("chunk {} of {} failed its integrity check", number + 1, self.chunks()),
            other => other.to_string(),
        };
        Error::Damaged { what: self.what.clone(), detail }
    }

    /// Writes the plaintext to `output` and returns its length. `progress` is told the bytes done so far.
    ///
    /// Every chunk is verified before it is written, so on an error what was written is authentic but not whole.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Truncated`], [`Error::Changed`] where the file grew meanwhile; [`Error::Io`] of
    /// either side.
    pub fn copy_to(mut self, output: &mut impl Write, progress: &mut dyn FnMut(u64)) -> Result<u64, Error> {
        let body = self.header.len() + PREFIX_LEN as u64;
        self.input.seek(SeekFrom::Start(body)).map_err(|source| reading(&self.what, source))?;
        let mut batch = Zeroizing::new(vec![0; BATCH * SEALED_CHUNK_LEN]);
        let (mut number, mut done) = (0, 0);
        loop {
            let read = read_full(&mut self.input, &mut batch).map_err(|source| reading(&self.what, source))?;
            for sealed in batch[..read].chunks_mut(SEALED_CHUNK_LEN) {
                if number == self.chunks() {
                    return Err(Error::Changed { what: self.what.clone() });
                }
                let opened = self.cipher.open_chunk(number, sealed);
                let plaintext = opened.map_err(|error| self.failed_chunk(error))?;
                output.write_all(plaintext).map_err(|source| Error::Io {
                    doing: "write",
                    path: "the output".into(),
                    source,
                })?;
                number += 1;
                done += plaintext.len() as u64;
            }
            progress(done);
            if read < batch.len() {
                break;
            }
        }
        if number < self.chunks() || done != self.length {
            return Err(Error::Truncated { what: self.what.clone() });
        }
        Ok(done)
    }
}

impl<R: Read + Seek> std::fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("what", &self.what).finish_non_exhaustive()
    }
}
