//! Sealing a body chunk by chunk.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::header::{self, Metadata};
use crate::crypto::cobblestone::{CHUNK_LEN, ChunkCipher, SALT_LEN, SEALED_CHUNK_LEN};
use crate::crypto::secret::FileKey;
use crate::error::Error;

/// How many chunks are written to the output at once.
const BATCH: usize = 16;

/// Seals what is written to it into `output`. Without [`Sealer::finish`] the file does not open.
pub struct Sealer<W: Write> {
    output: W,
    cipher: ChunkCipher,
    /// The number of the chunk that is being filled.
    number: u64,
    /// The plaintext of the chunk that is being filled.
    chunk: Zeroizing<Vec<u8>>,
    /// Sealed chunks not yet written.
    sealed: Vec<u8>,
    /// A failed write is never followed by another: chunk numbers are sealed once.
    failed: bool,
}

impl<W: Write> Sealer<W> {
    /// Writes the header of a new sealed file: fresh content key, file id and salt.
    ///
    /// # Errors
    /// [`Error::Io`] of the output; [`Error::Random`].
    pub fn new(file_key: &FileKey, metadata: &Metadata, mut output: W) -> Result<Self, Error> {
        let (prelude, content_key, mut head) = header::seal(file_key, metadata)?;
        let mut salt = [0; SALT_LEN];
        crate::crypto::random(&mut salt)?;
        let (cipher, commitment) = ChunkCipher::derive(content_key.expose(), &salt, &[&prelude.to_bytes()]);
        head.extend_from_slice(&salt);
        head.extend_from_slice(&commitment);
        output.write_all(&head).map_err(|source| Error::Io {
            doing: "write",
            path: "the sealed file".into(),
            source,
        })?;
        Ok(Self {
            output,
            cipher,
            number: 0,
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK_LEN)),
            sealed: Vec::with_capacity(BATCH * SEALED_CHUNK_LEN),
            failed: false,
        })
    }

    /// Seals the final chunk, writes what is left and returns the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.check()?;
        self.seal_chunk()?;
        self.write_sealed()?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn check(&self) -> io::Result<()> {
        if self.failed { Err(io::Error::other("an earlier write failed")) } else { Ok(()) }
    }

    fn seal_chunk(&mut self) -> io::Result<()> {
        let start = self.sealed.len();
        self.sealed.extend_from_slice(&self.chunk);
        let tag = self.cipher.seal_chunk(self.number, &mut self.sealed[start..]).map_err(|error| {
            self.failed = true;
            io::Error::new(io::ErrorKind::FileTooLarge, error)
        })?;
        self.sealed.extend_from_slice(&tag);
        self.number += 1;
        self.chunk.clear();
        Ok(())
    }

    fn write_sealed(&mut self) -> io::Result<()> {
        let written = self.output.write_all(&self.sealed);
        self.failed = written.is_err();
        self.sealed.clear();
        written
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        let taken = bytes.len().min(CHUNK_LEN - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK_LEN {
            self.seal_chunk()?;
            if self.sealed.len() >= BATCH * SEALED_CHUNK_LEN {
                self.write_sealed()?;
            }
        }
        Ok(taken)
    }

    /// Writes every whole chunk; the bytes of an unfinished one wait for the rest.
    fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        self.write_sealed()?;
        self.output.flush()
    }
}
