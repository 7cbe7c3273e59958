//! The hash functions that Office may use, chosen when a file is read.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// An HMAC at work.
pub trait Integrity: Send {
    fn add(&mut self, bytes: &[u8]);
    fn is(self: Box<Self>, expected: &[u8]) -> bool;
}

impl<M: Mac + Send> Integrity for M {
    fn add(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn is(self: Box<Self>, expected: &[u8]) -> bool {
        self.verify_slice(expected).is_ok()
    }
}

impl Hash {
    /// Finds a hash function by the name that files give it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "SHA1" | "SHA-1" => Self::Sha1,
            "SHA256" | "SHA-256" => Self::Sha256,
            "SHA384" | "SHA-384" => Self::Sha384,
            "SHA512" | "SHA-512" => Self::Sha512,
            _ => return None,
        })
    }

    /// Returns its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Returns how long a hash is, in bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Hashes some parts, one after another.
    pub fn of(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha1 => of::<Sha1>(parts),
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
        }
    }

    /// Hashes a password with its salt, and the hash with a counter before it so many times again.
    pub fn spun(self, salt: &[u8], password: &[u8], spins: u32) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha1 => spun::<Sha1>(salt, password, spins),
            Self::Sha256 => spun::<Sha256>(salt, password, spins),
            Self::Sha384 => spun::<Sha384>(salt, password, spins),
            Self::Sha512 => spun::<Sha512>(salt, password, spins),
        }
    }

    /// Begins an HMAC.
    pub fn hmac(self, key: &[u8]) -> Option<Box<dyn Integrity>> {
        Some(match self {
            Self::Sha1 => Box::new(<Hmac<Sha1> as KeyInit>::new_from_slice(key).ok()?),
            Self::Sha256 => Box::new(<Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?),
            Self::Sha384 => Box::new(<Hmac<Sha384> as KeyInit>::new_from_slice(key).ok()?),
            Self::Sha512 => Box::new(<Hmac<Sha512> as KeyInit>::new_from_slice(key).ok()?),
        })
    }
}

fn of<D: Digest>(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    Zeroizing::new(digest.finalize().to_vec())
}

fn spun<D: Digest>(salt: &[u8], password: &[u8], spins: u32) -> Zeroizing<Vec<u8>> {
    let mut hash = D::new().chain_update(salt).chain_update(password).finalize();
    for round in 0..spins {
        hash = D::new().chain_update(round.to_le_bytes()).chain_update(&hash).finalize();
    }
    Zeroizing::new(hash.to_vec())
}
