//! The bytes of a file, which may be in armor: strict PEM, so that nothing may be written in two ways.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::Refused;

const BEGIN: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";
/// A full line, in characters.
const COLUMNS: usize = 64;
/// So much white space may be before the armor, and behind it.
const SPACE_LIMIT: usize = 1024;

/// Tells whether a file begins with armor.
pub fn begins(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(BEGIN)
}

fn malformed() -> io::Error {
    Refused::Wrong.into()
}

/// The bytes of a file, from its first.
pub enum Body<'a, R> {
    Binary(BufReader<&'a mut R>),
    Armor(Armor<&'a mut R>),
}

impl<'a, R: Read + Seek> Body<'a, R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// The system's error.
    pub fn begin(file: &'a mut R) -> Result<Self, Refused> {
        file.seek(SeekFrom::Start(0))?;
        let mut head = Vec::new();
        file.by_ref().take((SPACE_LIMIT + BEGIN.len()) as u64).read_to_end(&mut head)?;
        let is_armored = begins(&head);
        let start = if is_armored { head.len() - head.trim_ascii_start().len() } else { 0 };
        file.seek(SeekFrom::Start(start as u64))?;
        let reader = BufReader::new(file);
        Ok(if is_armored { Self::Armor(Armor::new(reader)) } else { Self::Binary(reader) })
    }

    /// Tells whether it is in armor.
    pub fn is_armored(&self) -> bool {
        matches!(self, Self::Armor(_))
    }
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Binary(reader) => reader.read(into),
            Self::Armor(armor) => armor.read(into),
        }
    }
}

/// Armor that is decoded as it is read.
pub struct Armor<R> {
    reader: BufReader<R>,
    state: State,
    decoded: Vec<u8>,
    at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    /// After a line that was not full, which is the last.
    AtLast,
    Ended,
}

impl<R: Read> Armor<R> {
    fn new(reader: BufReader<R>) -> Self {
        Self { reader, state: State::Before, decoded: Vec::new(), at: 0 }
    }

    /// Reads a line of at most `limit` characters, without its end.
    fn line(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let mut line = Vec::with_capacity(limit + 2);
        self.reader.by_ref().take(limit as u64 + 2).read_until(b'\n', &mut line)?;
        let is_ended = line.pop_if(|end| *end == b'\n').is_some();
        if is_ended {
            line.pop_if(|end| *end == b'\r');
        }
        Ok(line)
    }

    fn next(&mut self) -> io::Result<()> {
        let line = self.line(COLUMNS)?;
        match self.state {
            State::Before if line == BEGIN => self.state = State::Within,
            State::Within | State::AtLast if line == END => {
                let mut behind = Vec::new();
                self.reader.by_ref().take(SPACE_LIMIT as u64 + 1).read_to_end(&mut behind)?;
                if behind.len() > SPACE_LIMIT || !behind.trim_ascii().is_empty() {
                    return Err(malformed());
                }
                self.state = State::Ended;
            }
            State::Within if !line.is_empty() && line.len() <= COLUMNS => {
                self.decoded = STANDARD.decode(&line).map_err(|_| malformed())?;
                self.at = 0;
                if line.len() < COLUMNS || line.ends_with(b"=") {
                    self.state = State::AtLast;
                }
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }
}

impl<R: Read> Read for Armor<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.decoded.len() && self.state != State::Ended {
            self.next()?;
        }
        let taken = into.len().min(self.decoded.len() - self.at);
        into[..taken].copy_from_slice(&self.decoded[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}
