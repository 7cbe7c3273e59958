//! The ciphertext's bytes, wherever they are: in the file as they are, in base64 text, or in memory.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with the two alphabets in use; files differ in whether the last group is padded.
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// So much of a file decides whether it is text.
const LOOKED_AT: u64 = 4096;
/// Fewer bytes than this are not taken for text.
const TEXT_LEAST: usize = 20;
const PIECE: usize = 16 * 1024;

/// Ciphertext that can be read from any position on, and is read forwards.
pub enum Source<R> {
    /// The file itself, from a position on.
    Binary {
        /// The file.
        file: R,
        /// Where it begins.
        start: u64,
        /// How long it is from there.
        length: u64,
    },
    /// Base64 text.
    Text(Text<R>),
    /// Bytes in memory.
    Memory(Cursor<Vec<u8>>),
}

/// Base64 text that is decoded as it is read.
pub struct Text<R> {
    file: R,
    start: u64,
    /// How many bytes it decodes to.
    length: u64,
    is_url_safe: bool,
    /// Characters that wait for the rest of their group.
    waiting: Vec<u8>,
    decoded: Vec<u8>,
    at: usize,
}

fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n' | b' ' | b'\t')
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, crate::Refused::Wrong)
}

impl<R: Read + Seek> Source<R> {
    /// Finds out whether a file is base64 text from a position on.
    ///
    /// # Errors
    /// The system's error.
    pub fn of(mut file: R, start: u64) -> io::Result<Self> {
        let end = file.seek(SeekFrom::End(0))?;
        let length = end.saturating_sub(start);
        file.seek(SeekFrom::Start(start))?;
        let mut head = Vec::new();
        (&mut file).take(LOOKED_AT).read_to_end(&mut head)?;
        if head.len() < TEXT_LEAST || !head.iter().copied().all(is_of_base64) {
            return Ok(Self::Binary { file, start, length });
        }
        let is_url_safe = head.iter().any(|byte| matches!(byte, b'-' | b'_'));
        let mut text = Text { file, start, length: 0, is_url_safe, waiting: Vec::new(), decoded: Vec::new(), at: 0 };
        text.rewind()?;
        text.length = text.count()?;
        Ok(Self::Text(text))
    }

    /// Returns how many bytes there are.
    pub fn length(&self) -> u64 {
        match self {
            Self::Binary { length, .. } => *length,
            Self::Text(text) => text.length,
            Self::Memory(bytes) => bytes.get_ref().len() as u64,
        }
    }

    /// Goes to a position.
    ///
    /// # Errors
    /// The system's error, or that of base64.
    pub fn go_to(&mut self, position: u64) -> io::Result<()> {
        match self {
            Self::Binary { file, start, .. } => file.seek(SeekFrom::Start(start.saturating_add(position))).map(drop),
            Self::Memory(bytes) => bytes.seek(SeekFrom::Start(position)).map(drop),
            Self::Text(text) => {
                text.rewind()?;
                let skipped = io::copy(&mut text.take(position), &mut io::sink())?;
                if skipped == position { Ok(()) } else { Err(malformed()) }
            }
        }
    }

    /// Reads exactly so many bytes from a position on. The caller has bounded them.
    ///
    /// # Errors
    /// The system's error, or that of base64; also if there are fewer.
    pub fn read_at(&mut self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        self.go_to(position)?;
        let mut bytes = vec![0; length];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Binary { file, .. } => file.read(into),
            Self::Text(text) => text.read(into),
            Self::Memory(bytes) => bytes.read(into),
        }
    }
}

impl<R: Read + Seek> Text<R> {
    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start))?;
        (self.waiting, self.decoded, self.at) = (Vec::new(), Vec::new(), 0);
        Ok(())
    }

    /// Decodes all of it once, to know how long it is.
    fn count(&mut self) -> io::Result<u64> {
        io::copy(self, &mut io::sink())
    }
}

impl<R: Read> Text<R> {
    /// Decodes the next piece; `false` at the end.
    fn decode_more(&mut self) -> io::Result<bool> {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut self.file).take(PIECE as u64).read_to_end(&mut piece)?;
        let is_end = piece.is_empty();
        if !piece.iter().copied().all(is_of_base64) {
            return Err(malformed());
        }
        self.waiting.extend(piece.into_iter().filter(|byte| !byte.is_ascii_whitespace()));
        let whole = if is_end { self.waiting.len() } else { self.waiting.len() / 4 * 4 };
        let rest = self.waiting.split_off(whole);
        let engine = if self.is_url_safe { URL_SAFE } else { STANDARD };
        self.decoded = engine.decode(&self.waiting).map_err(|_| malformed())?;
        let is_padded = self.waiting.last() == Some(&b'=');
        self.at = 0;
        self.waiting = rest;
        // Nothing follows padding.
        if is_padded {
            let mut others = self.waiting.iter().copied();
            let mut behind = Vec::new();
            (&mut self.file).take(PIECE as u64).read_to_end(&mut behind)?;
            if others.next().is_some() || !behind.iter().all(u8::is_ascii_whitespace) {
                return Err(malformed());
            }
        }
        Ok(!is_end)
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut more = true;
        while self.at == self.decoded.len() && more {
            more = self.decode_more()?;
        }
        let taken = into.len().min(self.decoded.len() - self.at);
        into[..taken].copy_from_slice(&self.decoded[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_from_any_position_whatever_its_lines() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| (n * 7 % 251) as u8).collect();
        let one_line = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let lines: Vec<&str> = one_line.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        for text in [one_line.clone(), lines.join("\n") + "\n", lines.join("\r\n"), url_safe] {
            let mut source = Source::of(Cursor::new(text), 0).unwrap();
            assert!(matches!(source, Source::Text(_)));
            assert_eq!(source.length(), 100_000);
            for position in [0, 1, 17, 48_000, 99_990] {
                assert_eq!(source.read_at(position as u64, 10).unwrap(), bytes[position..position + 10]);
            }
            source.go_to(3).unwrap();
            let mut rest = Vec::new();
            source.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, bytes[3..]);
        }
    }

    #[test]
    fn malformed_text_is_refused_and_bytes_are_left_alone() {
        let good = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=";
        for bad in [format!("{good}QUJD"), "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=====".into(), "A".repeat(4097) + "!"] {
            assert!(Source::of(Cursor::new(bad), 0).is_err());
        }
        assert!(matches!(Source::of(Cursor::new([0xff; 100]), 0), Ok(Source::Binary { length: 100, .. })));
        assert_eq!(Source::of(Cursor::new(b"12345678"), 8).unwrap().length(), 0);
    }
}
