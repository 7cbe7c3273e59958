//! What a file looks like before anybody has its key.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

#[cfg(feature = "7z")]
use crate::archive::seven;
use crate::archive::zip;
use crate::office;
use crate::request::Scheme;
use crate::{aescrypt, age, json};

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detected {
    /// It begins as files of this scheme do.
    Scheme(Scheme),
    /// It is of this kind, and has no password.
    NotEncrypted(&'static str),
    /// It is a workbook or document of before Office 2007.
    OlderOffice,
    /// It is a PDF, with a password or without.
    Pdf {
        /// It has a password.
        is_encrypted: bool,
    },
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
    (&mut file).take(512).read_to_end(&mut head)?;
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
    } else if let Some(detected) = container(&head, &mut file)? {
        detected
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

/// Looks into a file that has parts of its own.
fn container(head: &[u8], file: &mut (impl Read + Seek)) -> io::Result<Option<Detected>> {
    if head.starts_with(office::MAGIC) {
        return Ok(match office::kind(file)? {
            office::Kind::Encrypted => Some(Detected::Scheme(Scheme::Office)),
            office::Kind::Older => Some(Detected::OlderOffice),
            office::Kind::Other => None,
        });
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(match zip::is_encrypted(&mut *file)? {
            Some(true) => Some(Detected::Scheme(Scheme::Zip)),
            Some(false) if zip::is_office(file) => Some(Detected::NotEncrypted("an Office file")),
            Some(false) => Some(Detected::NotEncrypted("a ZIP file")),
            None => None,
        });
    }
    #[cfg(feature = "7z")]
    if head.starts_with(seven::MAGIC) {
        return Ok(seven::is_encrypted(file)?.map(|is_encrypted| match is_encrypted {
            true => Detected::Scheme(Scheme::SevenZip),
            false => Detected::NotEncrypted("a 7z file"),
        }));
    }
    // A PDF may begin behind a few bytes of something else.
    if is_in(b"%PDF-", head) {
        return Ok(Some(Detected::Pdf { is_encrypted: is_encrypted_pdf(file)? }));
    }
    Ok(None)
}

/// Looks for the entry of a PDF's trailer that says how it is encrypted. It is near the end, or near the beginning of a
/// PDF that was made for the web.
fn is_encrypted_pdf(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    const LOOKED_AT: u64 = 64 * 1024;
    let length = file.seek(SeekFrom::End(0))?;
    for start in [0, length.saturating_sub(LOOKED_AT)] {
        let mut part = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(LOOKED_AT).read_to_end(&mut part)?;
        if is_in(b"/Encrypt", &part) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_in(part: &[u8], whole: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
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
