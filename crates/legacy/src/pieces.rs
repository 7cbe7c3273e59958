//! A plaintext that is opened piece by piece and handed out byte by byte. Whatever the scheme, nothing is handed out of a
//! piece that did not hold, and nothing behind it.

use std::io;

use zeroize::Zeroizing;

use crate::error::Refused;

/// The piece that is being handed out.
pub struct Piece {
    /// What was opened last.
    pub bytes: Zeroizing<Vec<u8>>,
    /// How much of it was handed out.
    at: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Over,
    Failed,
}

impl Piece {
    /// Begins with nothing opened.
    pub fn new() -> Self {
        Self { bytes: Zeroizing::new(Vec::new()), at: 0, state: State::Opening }
    }

    /// Makes room for the next piece: exactly so many bytes, whatever they are. What it held is wiped, and not moved.
    pub fn make_room(&mut self, length: usize) {
        if self.bytes.capacity() < length {
            self.bytes = Zeroizing::new(Vec::with_capacity(length));
        }
        self.bytes.resize(length, 0);
    }

    /// Tells whether all was opened, checked and handed out.
    pub fn is_used_up(&self) -> bool {
        self.state == State::Over && self.at == self.bytes.len()
    }
}

/// Whoever opens pieces.
pub trait Pieces {
    /// Returns the piece that is being handed out.
    fn piece(&mut self) -> &mut Piece;

    /// Opens the next piece into that one. Tells whether it is the last, and all that can be checked at the end was right.
    ///
    /// # Errors
    /// [`Refused`].
    fn open_next(&mut self) -> Result<bool, Refused>;

    /// Opens the next piece, and remembers what came of it.
    ///
    /// # Errors
    /// [`Refused`]; from then on nothing is handed out any more.
    fn advance(&mut self) -> Result<(), Refused> {
        let opened = self.open_next();
        let piece = self.piece();
        piece.at = 0;
        match opened {
            Ok(is_last) => {
                if is_last {
                    piece.state = State::Over;
                }
                Ok(())
            }
            Err(refused) => {
                piece.state = State::Failed;
                piece.bytes = Zeroizing::new(Vec::new());
                Err(refused)
            }
        }
    }

    /// Hands out what is next, as [`io::Read::read`] does.
    ///
    /// # Errors
    /// [`Refused`], as an error of reading.
    fn hand_out(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece().at == self.piece().bytes.len() && self.piece().state == State::Opening {
            self.advance()?;
        }
        let piece = self.piece();
        if piece.state == State::Failed {
            return Err(Refused::Wrong.into());
        }
        let taken = into.len().min(piece.bytes.len() - piece.at);
        into[..taken].copy_from_slice(&piece.bytes[piece.at..piece.at + taken]);
        piece.at += taken;
        Ok(taken)
    }

    /// Opens all that is left, only to see whether it is right.
    ///
    /// # Errors
    /// [`Refused`].
    fn use_up(&mut self) -> Result<(), Refused> {
        while self.piece().state == State::Opening {
            self.advance()?;
        }
        let piece = self.piece();
        piece.at = piece.bytes.len();
        Ok(())
    }
}
