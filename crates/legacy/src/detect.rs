//! What a file looks like before anybody has its key.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::json;
use crate::request::Scheme;

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
    } else if json::begins(&head) {
        Detected::Json
    } else if length >= 32 && length.is_multiple_of(16) {
        Detected::WholeBlocks
    } else {
        Detected::Unknown
    })
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
