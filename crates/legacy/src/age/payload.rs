//! The payload: chunks, each with a tag, whose nonces say which of them is the last.

use std::io::{self, Read, Seek};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use zeroize::Zeroizing;

use super::armor::Body;
use crate::error::Refused;
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
    opened: Zeroizing<Vec<u8>>,
    at: usize,
    running: Running,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Done,
    Failed,
}

impl<'a, R: Read + Seek> Plaintext<'a, R> {
    /// Begins to read; the body is at the first chunk.
    pub(super) fn new(body: Body<'a, R>, key: &SecretBytes, sha256: Option<[u8; 32]>) -> Result<Self, Refused> {
        let cipher = ChaCha20Poly1305::new_from_slice(key.expose()).map_err(|_| Refused::Wrong)?;
        let buffer = || Zeroizing::new(vec![0; CHUNK + TAG]);
        let mut plaintext = Self {
            body,
            cipher,
            sealed: buffer(),
            filled: 0,
            counter: 0,
            opened: buffer(),
            at: 0,
            running: Running::new(sha256),
            state: State::Reading,
        };
        plaintext.opened.clear();
        plaintext.fill()?;
        Ok(plaintext)
    }

    /// Says what was read, once it was read to its end.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it was not.
    pub fn finish(self) -> Result<Summary, Refused> {
        if self.state != State::Done || self.at < self.opened.len() {
            return Err(Refused::Wrong);
        }
        self.running.whole()
    }

    /// Reads all that is left, only to see whether it is right.
    pub(crate) fn prove(mut self) -> Result<Summary, Refused> {
        while self.state == State::Reading {
            self.next()?;
        }
        self.at = self.opened.len();
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

    /// Opens the next chunk.
    fn next(&mut self) -> Result<(), Refused> {
        self.opened.clear();
        self.opened.extend_from_slice(&self.sealed[..self.filled]);
        self.filled = 0;
        self.fill()?;
        // Only whoever has seen the file's end knows which chunk is the last.
        let is_last = self.filled == 0;
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(is_last);
        let length = self.opened.len().checked_sub(TAG).ok_or(Refused::Wrong)?;
        // An empty chunk is all of an empty file.
        if length == 0 && self.counter > 0 {
            return Err(Refused::Wrong);
        }
        let (chunk, tag) = self.opened.split_at_mut(length);
        let tag = <[u8; TAG]>::try_from(&*tag).map_err(|_| Refused::Wrong)?;
        let opened = self.cipher.decrypt_inout_detached(&nonce.into(), b"", chunk.into(), &tag.into());
        opened.map_err(|_| Refused::Wrong)?;
        self.opened.truncate(length);
        self.counter += 1;
        self.at = 0;
        self.running.add(&self.opened);
        if is_last {
            self.running.whole()?;
            self.state = State::Done;
        }
        Ok(())
    }
}

impl<R: Read + Seek> Read for Plaintext<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.opened.len() && self.state == State::Reading {
            if let Err(refused) = self.next() {
                self.state = State::Failed;
                self.opened.clear();
                self.at = 0;
                return Err(refused.into());
            }
        }
        if self.state == State::Failed {
            return Err(Refused::Wrong.into());
        }
        let taken = into.len().min(self.opened.len() - self.at);
        into[..taken].copy_from_slice(&self.opened[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}
