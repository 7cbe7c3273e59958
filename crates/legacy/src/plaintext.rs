//! The plaintext of one file, read forwards in bounded memory. The last piece is handed out only if all that can be
//! checked at the end of the file was right.

use std::io::{self, Read, Seek};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::candidates::Candidate;
use crate::cipher::{BLOCK, Engine, Setting, engine};
use crate::content::{Content, Watch};
use crate::error::Refused;
use crate::pieces::{Piece, Pieces};
use crate::request::{Mode, Padding};
use crate::source::Source;

/// What can only be opened as a whole may be this long, in bytes.
pub const WHOLE_LIMIT: u64 = 1 << 30;
/// A piece, in bytes; a multiple of the block.
const PIECE: u64 = 64 * 1024;

/// What is known of a plaintext that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its length in bytes.
    pub bytes: u64,
    /// How many zeros were cut off its end.
    pub zeros_cut: usize,
}

/// A plaintext as far as it was read.
pub struct Running {
    /// What was read, digested, and what that has to come to.
    compared: Option<(Sha256, [u8; 32])>,
    bytes: u64,
}

impl Running {
    /// Begins, with the SHA-256 that the whole plaintext has to have. Without it nothing is digested.
    pub fn new(sha256: Option<[u8; 32]>) -> Self {
        Self { compared: sha256.map(|sha256| (Sha256::new(), sha256)), bytes: 0 }
    }

    /// Adds what was read.
    pub fn add(&mut self, bytes: &[u8]) {
        if let Some((digest, _)) = &mut self.compared {
            digest.update(bytes);
        }
        self.bytes += bytes.len() as u64;
    }

    /// Says what was read, now that it is all.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it has another SHA-256.
    pub fn whole(&self) -> Result<Summary, Refused> {
        match &self.compared {
            Some((digest, sha256)) if *sha256 != <[u8; 32]>::from(digest.clone().finalize()) => Err(Refused::Wrong),
            _ => Ok(Summary { bytes: self.bytes, zeros_cut: 0 }),
        }
    }
}

/// What is checked besides what the file itself proves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Checks {
    /// The SHA-256 that the plaintext has.
    pub sha256: Option<[u8; 32]>,
    /// What the plaintext has to stay.
    pub content: Option<Content>,
}

/// The plaintext of a file. Whoever reads it must not use it before it was read to its end without an error.
pub struct Plaintext<'a, R> {
    source: &'a mut Source<R>,
    candidate: &'a Candidate,
    engine: Option<Box<dyn Engine>>,
    mac: Option<Hmac<Sha256>>,
    watch: Option<Watch>,
    running: Running,
    /// What is left of the ciphertext, in bytes.
    left: u64,
    piece: Piece,
    zeros_cut: usize,
}

impl<'a, R: Read + Seek> Plaintext<'a, R> {
    /// Begins to read.
    pub(crate) fn new(
        source: &'a mut Source<R>,
        candidate: &'a Candidate,
        nonce: &[u8],
        aad: &[u8],
        checks: Checks,
    ) -> Result<Self, Refused> {
        let length = candidate.place.length();
        if candidate.mode == Mode::Ocb && length >= WHOLE_LIMIT {
            return Err(Refused::Bounds("a file in OCB is opened as a whole, and may have 1 GiB at most"));
        }
        let key = &candidate.key;
        let engine = engine(candidate.mode, key.key.expose(), &Setting { nonce, aad, length }).ok_or(Refused::Wrong)?;
        let mac = match (&candidate.place.hmac, &key.mac) {
            (None, _) => None,
            (Some(_), None) => return Err(Refused::Parameters("the key of the HMAC is needed")),
            (Some(_), Some(key)) => {
                let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose()).map_err(|_| Refused::Wrong)?;
                mac.update(&candidate.place.around.0);
                Some(mac)
            }
        };
        source.go_to(candidate.place.ciphertext.start)?;
        Ok(Self {
            source,
            candidate,
            engine: Some(engine),
            mac,
            watch: match checks.content {
                Some(content @ (Content::Utf8 | Content::Latin1)) => Some(Watch::new(content)),
                _ => None,
            },
            running: Running::new(checks.sha256),
            left: length,
            piece: Piece::new(),
            zeros_cut: 0,
        })
    }

    /// Says what was read, once it was read to its end.
    ///
    /// # Errors
    /// [`Refused::Wrong`] if it was not.
    pub fn finish(self) -> Result<Summary, Refused> {
        if !self.piece.is_used_up() {
            return Err(Refused::Wrong);
        }
        Ok(Summary { zeros_cut: self.zeros_cut, ..self.running.whole()? })
    }

    /// Reads all that is left, only to see whether it is right.
    pub(crate) fn prove(mut self) -> Result<Summary, Refused> {
        self.use_up()?;
        self.finish()
    }

    /// Decrypts the last piece, checks tags and cuts off what filled the last block.
    fn last_piece(&mut self) -> Result<(), Refused> {
        let place = &self.candidate.place;
        if let (Some(mut mac), Some(hmac)) = (self.mac.take(), &place.hmac) {
            mac.update(&place.around.1);
            mac.verify_slice(hmac).map_err(|_| Refused::Wrong)?;
        }
        let engine = self.engine.take().ok_or(Refused::Wrong)?;
        if !engine.finish(&mut self.piece.bytes, &place.tag) {
            return Err(Refused::Wrong);
        }
        let filling = filling(self.candidate, &self.piece.bytes).ok_or(Refused::Wrong)?;
        if self.candidate.padding == Padding::Zero && place.size.is_none() {
            self.zeros_cut = filling;
        }
        let kept = self.piece.bytes.len() - filling;
        self.piece.bytes.truncate(kept);
        Ok(())
    }
}

/// Returns how many bytes at the end of a plaintext are no part of it; `None` if they are not as they have to be.
pub fn filling(candidate: &Candidate, end: &[u8]) -> Option<usize> {
    if let Some(size) = candidate.place.size {
        return usize::try_from(candidate.place.length().checked_sub(size)?).ok().filter(|filling| *filling < BLOCK);
    }
    if candidate.mode != Mode::Cbc {
        return Some(0);
    }
    let block = || end.last_chunk::<BLOCK>();
    match candidate.padding {
        Padding::None => Some(0),
        Padding::Zero => Some(block()?.iter().rev().take_while(|byte| **byte == 0).count()),
        Padding::Pkcs7 => padding_length(block()?),
    }
}

/// Returns how many bytes PKCS #7 has filled a block with; `None` if it is not filled so.
pub fn padding_length(block: &[u8; BLOCK]) -> Option<usize> {
    let count = usize::from(block[BLOCK - 1]);
    let is_right =
        (1..=BLOCK).contains(&count) && block.iter().rev().take(count).all(|byte| usize::from(*byte) == count);
    is_right.then_some(count)
}

impl<R: Read + Seek> Pieces for Plaintext<'_, R> {
    fn piece(&mut self) -> &mut Piece {
        &mut self.piece
    }

    fn open_next(&mut self) -> Result<bool, Refused> {
        let length = if self.candidate.mode == Mode::Ocb { self.left } else { self.left.min(PIECE) };
        let length = usize::try_from(length).map_err(|_| Refused::Wrong)?;
        self.piece.make_room(length);
        self.source.read_exact(&mut self.piece.bytes)?;
        self.left -= length as u64;
        let is_last = self.left == 0;
        if let Some(mac) = &mut self.mac {
            mac.update(&self.piece.bytes);
        }
        if is_last {
            self.last_piece()?;
        } else {
            self.engine.as_mut().ok_or(Refused::Wrong)?.apply(&mut self.piece.bytes);
        }
        self.running.add(&self.piece.bytes);
        if let Some(watch) = &mut self.watch
            && !(watch.goes_on(&self.piece.bytes) && (!is_last || watch.ends()))
        {
            return Err(Refused::Wrong);
        }
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
