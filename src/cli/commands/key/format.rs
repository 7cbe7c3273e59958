//! How a key is written: what `key show` prints and `key import` reads.

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::crypto::secret::FileKey;
use crate::crypto::written_key::{self, KeyFormat};

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Standard base64 with padding, 44 characters
    Base64,
    /// Lower-case hexadecimal, 64 characters
    Hex,
    /// 32 bytes
    Raw,
}

impl From<Format> for KeyFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Base64 => Self::Base64,
            Format::Hex => Self::Hex,
            Format::Raw => Self::Raw,
        }
    }
}

/// Encodes a key, with a line end unless it is raw.
pub fn encode(key: &FileKey, format: Format) -> Zeroizing<Vec<u8>> {
    written_key::encode(key, format.into())
}

/// Reads a key; `None` if these bytes are not exactly one.
pub fn decode(raw: &[u8], format: Format) -> Option<FileKey> {
    written_key::decode(raw, format.into())
}
