//! Opening a body: all of it, a part of it, or only to prove it. Nothing unauthenticated leaves.

mod ranges;

use std::io::{self, Read, Seek, SeekFrom, Write};

use zeroize::Zeroizing;

use self::ranges::Scratch;
use super::Output;
use super::engine::{self, Open, Reseal, Run, Sink, Source, Trouble, Work, chunk_count};
use super::header::{self, Header, Metadata};
use super::positioned::{ReadAt, read_full_at};
use super::sealer::{head, sink_after};
use crate::crypto::bulk::BulkCipher;
use crate::crypto::cobblestone::{CHUNK_LEN, OpenError, PREFIX_LEN, SEALED_CHUNK_LEN, opened_len};
use crate::error::BodyError;
use crate::keys::{FileKeys, SealingKey};

/// An opened sealed file whose bytes can be read at any position. Its length is proven.
pub struct Opener<S> {
    source: S,
    header: Header,
    cipher: BulkCipher,
    /// Length of the plaintext, in bytes; authenticated by the final chunk.
    length: u64,
    /// Length of all chunks together as they are sealed, in bytes.
    sealed: u64,
    scratch: Scratch,
}

impl<S: ReadAt> Opener<S> {
    /// Opens the header with the key that fits and proves the file's length by its final chunk.
    ///
    /// # Errors
    /// [`BodyError::WrongKey`] if no key opens the header; [`BodyError::NotSealed`]; [`BodyError::Truncated`] and
    /// [`BodyError::Damaged`]; [`BodyError::UnsupportedVersion`]; [`BodyError::Read`]; those of
    /// [`FileKeys::unwrap_content_key`].
    pub fn new(source: S, keys: &dyn FileKeys) -> Result<Self, BodyError> {
        let header = header::open(&source, keys)?;
        Self::of_header(source, header)
    }

    /// Goes on from a header that is open, and proves the file's length by its final chunk.
    ///
    /// # Errors
    /// As [`Opener::new`], but for those of keys.
    pub fn of_header(source: S, header: Header) -> Result<Self, BodyError> {
        let total = source.size().map_err(BodyError::Read)?;
        let mut prefix = [0; PREFIX_LEN];
        if read_full_at(&source, &mut prefix, header.len()).map_err(BodyError::Read)? < PREFIX_LEN {
            return Err(BodyError::Truncated);
        }
        let cipher = body_cipher(&header, &prefix)?;
        let message = total.saturating_sub(header.len());
        let length = opened_len(message).ok_or(BodyError::Truncated)?;
        let sealed = message - PREFIX_LEN as u64;
        let opener = Self { source, header, cipher, length, sealed, scratch: Scratch::default() };
        // The length is what the final chunk proves: only a chunk sealed as a message's last is shorter than the rest.
        opener.open_chunk(opener.chunks() - 1)?;
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
        chunk_count::<Open<'_>>(self.sealed)
    }

    fn body_start(&self) -> u64 {
        self.header.len() + PREFIX_LEN as u64
    }

    fn all(&self) -> Source<'_> {
        Source::At { from: &self.source, start: self.body_start(), length: self.sealed, chunks: 0..self.chunks() }
    }

    /// Writes all of the plaintext to `output` and returns its length.
    ///
    /// Every chunk is verified before it is written, so on an error what was written is authentic but not whole.
    ///
    /// # Errors
    /// [`BodyError::Damaged`]; [`BodyError::Changed`] if the file grew or shrank meanwhile; [`BodyError::Read`];
    /// [`BodyError::Write`].
    pub fn copy_to(&self, output: Output<'_>, run: Run<'_>) -> Result<u64, BodyError> {
        let sink = sink_after(&[], output)?;
        engine::run(&Open(&self.cipher), self.all(), sink, run).map_err(|trouble| self.explain(trouble))
    }

    /// Writes `length` bytes from `offset` on to `output`, or what there is of them, and returns how many.
    ///
    /// Only the chunks that hold them are read.
    ///
    /// # Errors
    /// Those of [`Opener::copy_to`].
    pub fn copy_range_to(
        &self,
        offset: u64,
        length: u64,
        output: &mut (dyn Write + Send),
        run: Run<'_>,
    ) -> Result<u64, BodyError> {
        let end = offset.saturating_add(length).min(self.length);
        let wanted = end.saturating_sub(offset);
        if wanted == 0 {
            return Ok(0);
        }
        let chunk = CHUNK_LEN as u64;
        let chunks = offset / chunk..end.div_ceil(chunk);
        let source =
            Source::At { from: &self.source, start: self.body_start(), length: self.sealed, chunks: chunks.clone() };
        let mut trimmed = Trimmed { inner: output, skip: offset - chunks.start * chunk, left: wanted };
        engine::run(&Open(&self.cipher), source, Sink::Stream(&mut trimmed), run)
            .map_err(|trouble| self.explain(trouble))?;
        Ok(wanted)
    }

    /// Returns a reader that starts at the first byte.
    #[must_use]
    pub fn reader(&self) -> Reader<'_, S> {
        Reader { opener: self, position: 0, chunk: None }
    }

    /// Proves every chunk and writes nothing. Returns the length of the plaintext.
    ///
    /// # Errors
    /// Those of [`Opener::copy_to`].
    pub fn verify(&self, run: Run<'_>) -> Result<u64, BodyError> {
        self.copy_to(Output::Nowhere, run)
    }

    /// Seals the same bytes under a fresh content key and another file key into `output`, and returns their length.
    ///
    /// The plaintext is never anywhere but in the chunk that is worked on. The new header blocks are as long as these,
    /// or longer. Recipients are not taken over: their stanzas hold the old content key.
    ///
    /// # Errors
    /// Those of [`Opener::copy_to`]; [`BodyError::Random`]; those of [`FileKeys::wrap_content_key`].
    pub fn reseal_to<'k>(
        &self,
        key: impl Into<SealingKey<'k>>,
        metadata: &Metadata,
        output: Output<'_>,
        run: Run<'_>,
    ) -> Result<u64, BodyError> {
        // A block never grows, and the room in this one was wanted.
        let (_, head, to) = head(key.into(), metadata, self.header.prelude.block_len)?;
        let sink = sink_after(&head, output)?;
        let work = Reseal { from: &self.cipher, to: &to };
        engine::run(&work, self.all(), sink, run).map_err(|trouble| self.explain(trouble))?;
        Ok(self.length)
    }

    /// Reads and opens one chunk.
    fn open_chunk(&self, number: u64) -> Result<Zeroizing<Vec<u8>>, BodyError> {
        let at = number * SEALED_CHUNK_LEN as u64;
        // At most a chunk, which fits.
        let length = (self.sealed - at).min(SEALED_CHUNK_LEN as u64) as usize;
        let mut bytes = Zeroizing::new(vec![0; length]);
        let read = read_full_at(&self.source, &mut bytes, self.body_start() + at);
        if read.map_err(BodyError::Read)? < length {
            return Err(self.explain(Trouble::Shorter));
        }
        let opened = Open(&self.cipher).chunk(number, &mut bytes, length);
        bytes.truncate(opened.map_err(|error| self.explain(Trouble::Chunk(error)))?);
        Ok(bytes)
    }

    fn explain(&self, trouble: Trouble) -> BodyError {
        explain(Some(self.chunks()), trouble)
    }
}

impl<S> std::fmt::Debug for Opener<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Derives the body's cipher, if the body belongs to the header.
fn body_cipher(header: &Header, prefix: &[u8; PREFIX_LEN]) -> Result<BulkCipher, BodyError> {
    let prelude = header.prelude.to_bytes();
    BulkCipher::derive_for(header.content_key.expose(), prefix, &[&prelude])
        .map_err(|_| BodyError::damaged("its body does not belong to its header"))
}

fn explain(chunks: Option<u64>, trouble: Trouble) -> BodyError {
    let detail = match (trouble, chunks) {
        (Trouble::Read(source), _) => return BodyError::Read(source),
        (Trouble::Write(source), _) => return BodyError::Write(source),
        (Trouble::Shorter | Trouble::Longer, _) => return BodyError::Changed,
        (Trouble::Chunk(OpenError::Truncated), _) => return BodyError::Truncated,
        (Trouble::Chunk(OpenError::Chunk(number)), Some(chunks)) if number + 1 == chunks => format!(
            "the final chunk of {chunks} failed its integrity check: the file was altered, cut short or extended"
        ),
        (Trouble::Chunk(OpenError::Chunk(number)), Some(chunks)) => {
            format!("chunk {} of {chunks} failed its integrity check", number + 1)
        }
        (Trouble::Chunk(OpenError::Chunk(number)), None) => {
            format!("chunk {} failed its integrity check: it was altered, or the file was cut short there", number + 1)
        }
        (Trouble::Chunk(other), _) => other.to_string(),
    };
    BodyError::Damaged { detail }
}

/// Reads an opened file from anywhere, keeping the last chunk at hand.
pub struct Reader<'a, S> {
    opener: &'a Opener<S>,
    position: u64,
    chunk: Option<(u64, Zeroizing<Vec<u8>>)>,
}

impl<S: ReadAt> Read for Reader<'_, S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() || self.position >= self.opener.length {
            return Ok(0);
        }
        let number = self.position / CHUNK_LEN as u64;
        let chunk = match self.chunk.take() {
            Some((at_hand, chunk)) if at_hand == number => chunk,
            _ => self.opener.open_chunk(number).map_err(|error| match error {
                BodyError::Read(source) => source,
                error => io::Error::new(io::ErrorKind::InvalidData, error),
            })?,
        };
        // Below CHUNK_LEN, which fits.
        let rest = &chunk[(self.position % CHUNK_LEN as u64) as usize..];
        let taken = rest.len().min(bytes.len());
        bytes[..taken].copy_from_slice(&rest[..taken]);
        self.position += taken as u64;
        self.chunk = Some((number, chunk));
        Ok(taken)
    }
}

impl<S: ReadAt> Seek for Reader<'_, S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let moved = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.opener.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = moved.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Opens a sealed file that comes as a stream: its length is proven only at its end.
pub struct StreamOpener<R> {
    input: io::Chain<io::Cursor<Vec<u8>>, R>,
    header: Header,
    cipher: BulkCipher,
}

impl<R: Read + Send> StreamOpener<R> {
    /// Reads the header from the stream and opens it with the key that fits.
    ///
    /// # Errors
    /// Those of [`Opener::new`].
    pub fn new(mut input: R, keys: &dyn FileKeys) -> Result<Self, BodyError> {
        // Where A is damaged, B may be anywhere up to the longest block's length.
        let mut start = Vec::new();
        let most = 2 * crate::format::sealed::BLOCK_LIMIT as u64;
        input.by_ref().take(most).read_to_end(&mut start).map_err(BodyError::Read)?;
        let header = header::open(&start, keys)?;
        let mut input = io::Cursor::new(start).chain(input);
        let mut head = vec![0; usize::try_from(header.len()).unwrap_or_default() + PREFIX_LEN];
        match input.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(BodyError::Truncated);
            }
            other => other.map_err(BodyError::Read)?,
        }
        let prefix = head.last_chunk().ok_or(BodyError::Truncated)?;
        let cipher = body_cipher(&header, prefix)?;
        Ok(Self { input, header, cipher })
    }

    /// Returns the opened header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Writes all of the plaintext to `output` and returns its length.
    ///
    /// Every chunk is verified before it is written, but that it was the last one is known only at the end: on an
    /// error what was written is authentic and not whole.
    ///
    /// # Errors
    /// Those of [`Opener::copy_to`].
    pub fn copy_to(mut self, output: Output<'_>, run: Run<'_>) -> Result<u64, BodyError> {
        let sink = sink_after(&[], output)?;
        engine::run(&Open(&self.cipher), Source::Stream(&mut self.input), sink, run)
            .map_err(|trouble| explain(None, trouble))
    }
}

/// Passes on what lies within a range.
struct Trimmed<'a> {
    inner: &'a mut (dyn Write + Send),
    skip: u64,
    left: u64,
}

impl Write for Trimmed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        if skipped == bytes.len() as u64 || self.left == 0 {
            return Ok(bytes.len());
        }
        // Both are at most the length of a slice, which fits.
        let rest = &bytes[skipped as usize..];
        let wanted = &rest[..self.left.min(rest.len() as u64) as usize];
        self.inner.write_all(wanted)?;
        self.left -= wanted.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
