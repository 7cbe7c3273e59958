//! The payload: chunks, each with a tag, whose nonces say which of them is the last.

use std::io::{self, Read, Seek};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use zeroize::Zeroizing;

use super::armor::Body;
use crate::error::Refused;
use crate::pieces::{Piece, Pieces};
use crate::plaintext::{Running, Summary};
use crate::secret::SecretBytes;

/// A chunk's plaintext, in bytes.
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// The plaintext of a file, read forwards.
pub struct Plaintext<'a, R> {
    body: Body<'a, R>,
    cipher: ChaCha20Poly1305,
    /// The next chunk as it is in the file, or some of it.
    sealed: Zeroizing<Vec<u8>>,
    filled: usize,
    counter: u64,
    piece: Piece,
    running: Running,
}

impl<'a, R: Read + Seek> Plaintext<'a, R> {
    /// Begins to read; the body is at the first chunk.
    pub(super) fn new(body: Body<'a, R>, key: &SecretBytes, sha256: Option<[u8; 32]>) -> Result<Self, Refused> {
        let cipher = ChaCha20Poly1305::new_from_slice(key.expose()).map_err(|_| Refused::Wrong)?;
        let mut plaintext = Self {
            body,
            cipher,
            sealed: Zeroizing::new(vec![0; CHUNK + TAG]),
            filled: 0,
            counter: 0,
            piece: Piece::new(),
            running: Running::new(sha256),
        };
        plaintext.fill()?;
        Ok(plaintext)
    }

    /// Says what was read, once it was read to its end.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it was not.
    pub fn finish(self) -> Result<Summary, Refused> {
        if !self.piece.is_used_up() {
            return Err(Refused::Wrong);
        }
        self.running.whole()
    }

    /// Reads all that is left, only to see whether it is right.
    pub(crate) fn prove(mut self) -> Result<Summary, Refused> {
        self.use_up()?;
        self.finish()
    }

    /// Reads the rest of the next chunk, as far as the file goes.
    fn fill(&mut self) -> io::Result<()> {
        while self.filled < self.sealed.len() {
            match self.body.read(&mut self.sealed[self.filled..]) {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read + Seek> Pieces for Plaintext<'_, R> {
    fn piece(&mut self) -> &mut Piece {
        &mut self.piece
    }

    fn open_next(&mut self) -> Result<bool, Refused> {
        self.piece.make_room(self.filled);
        self.piece.bytes.copy_from_slice(&self.sealed[..self.filled]);
        self.filled = 0;
        self.fill()?;
        // Only whoever has seen the file's end knows which chunk is the last.
        let is_last = self.filled == 0;
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(is_last);
        let opened = &mut self.piece.bytes;
        let length = opened.len().checked_sub(TAG).ok_or(Refused::Wrong)?;
        // An empty chunk is all of an empty file.
        if length == 0 && self.counter > 0 {
            return Err(Refused::Wrong);
        }
        let (chunk, tag) = opened.split_at_mut(length);
        let tag = <[u8; TAG]>::try_from(&*tag).map_err(|_| Refused::Wrong)?;
        let is_right = self.cipher.decrypt_inout_detached(&nonce.into(), b"", chunk.into(), &tag.into());
        is_right.map_err(|_| Refused::Wrong)?;
        opened.truncate(length);
        self.counter += 1;
        self.running.add(opened);
        if is_last {
            self.running.whole()?;
        }
        Ok(is_last)
    }
}

impl<R: Read + Seek> Read for Plaintext<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.hand_out(into)
    }
}
