//! What a file looks like before anybody has its key.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::request::Scheme;
use crate::{aescrypt, age, json};

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detected {
    /// It begins as files of this scheme do.
    Scheme(Scheme),
    /// It is JSON with ciphertext, whose scheme it does not say.
    Json,
    /// Its length is that of AES in CBC with an IV; nothing else is known of it.
    WholeBlocks,
    /// It may be encrypted in another mode, or be something else.
    Unknown,
}

/// Looks at the beginning and the length of a file.
///
/// # Errors
/// The system's error.
pub fn detect(mut file: impl Read + Seek) -> io::Result<Detected> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    file.take(512).read_to_end(&mut head)?;
    let text = head.trim_ascii_start();
    Ok(if text.starts_with(b"gAAAA") {
        Detected::Scheme(Scheme::Fernet)
    } else if head.starts_with(b"Salted__") || text.starts_with(b"U2FsdGVkX1") {
        Detected::Scheme(Scheme::Openssl)
    } else if aescrypt::begins(&head) {
        Detected::Scheme(Scheme::Aescrypt)
    } else if age::begins(&head) {
        Detected::Scheme(Scheme::Age)
    } else if is_openpgp(&head, length) {
        Detected::Scheme(Scheme::Gpg)
    } else if json::begins(&head) {
        Detected::Json
    } else if length >= 32 && length.is_multiple_of(16) {
        Detected::WholeBlocks
    } else {
        Detected::Unknown
    })
}

/// Tells whether a file begins as a message of OpenPGP that is encrypted (RFC 9580): with a session key for a recipient or
/// of a passphrase, of a version that is in use, and a length that fits.
fn is_openpgp(head: &[u8], length: u64) -> bool {
    if head.trim_ascii_start().starts_with(b"-----BEGIN PGP MESSAGE-----") {
        return true;
    }
    let (tag, body, packet) = match *head {
        // The older form: a length of one byte or two.
        [tag, packet, ref body @ ..] if tag & 0xc3 == 0x80 => (tag >> 2 & 0xf, body, usize::from(packet)),
        [tag, high, low, ref body @ ..] if tag & 0xc3 == 0x81 => {
            (tag >> 2 & 0xf, body, usize::from(u16::from_be_bytes([high, low])))
        }
        [tag, packet @ 0..192, ref body @ ..] if tag & 0xc0 == 0xc0 => (tag & 0x3f, body, usize::from(packet)),
        [tag, high @ 192..224, low, ref body @ ..] if tag & 0xc0 == 0xc0 => {
            (tag & 0x3f, body, (usize::from(high - 192) << 8) + usize::from(low) + 192)
        }
        _ => return false,
    };
    let is_version = match (tag, body.first()) {
        (1, Some(version)) => matches!(version, 3 | 6) && (12..2048).contains(&packet),
        (3, Some(version)) => matches!(version, 4..=6) && (4..256).contains(&packet),
        _ => false,
    };
    // What it encrypts is in the packet behind, whose first byte is a tag, too.
    is_version && (packet as u64) < length && body.get(packet).is_none_or(|next| next & 0x80 != 0)
}

/// Returns the SHA-256 of a stream.
///
/// # Errors
/// The system's error.
pub fn sha256_of(mut stream: impl Read) -> io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut piece = zeroize::Zeroizing::new(vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(read) => digest.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
