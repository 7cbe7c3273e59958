//! Opens what other programs, and scripts of people's own making, have encrypted: ciphertext and the old secret in,
//! plaintext out, in bounded memory.
//!
//! Most of these files carry nothing by which a wrong key shows. So a key counts only if something proves it: the
//! file's authentication tag, the plaintext's SHA-256 where the caller knows it, or padding together with content that
//! is text or of a known format. Whatever does not open gives one and the same error, [`Refused::Wrong`].
//!
//! Files that clients send with a password say themselves how they are encrypted: Office files open to one plaintext, too
//! ([`open`]), and archives to many ([`open_archive`]). The reader of 7z files is a feature, since nothing else needs its
//! decoders.
//!
//! Nothing here knows files, terminals or Strongroom's own formats. All input may be hostile: every length, count and
//! cost is checked before memory or time is spent on it.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod aescrypt;
mod age;
mod archive;
mod candidates;
mod cipher;
mod content;
mod derive;
mod detect;
mod error;
mod json;
mod layout;
mod meter;
mod office;
mod opened;
mod opening;
mod pieces;
mod plaintext;
mod request;
mod secret;
mod source;
mod spelling;

pub use archive::{
    Archive, ArchiveRefused, MEMBERS_LIMIT, Member, Plain, Protection, RATIO_FREE, RATIO_LIMIT, Stopped, TOTAL_LIMIT,
    open_archive,
};
pub use content::Content;
pub use derive::{ITERATIONS_LIMIT, SCRYPT_MEMORY_LIMIT};
pub use detect::sha256_of;
pub use detect::{Detected, detect};
pub use error::Refused;
pub use layout::{BadLayout, Layout};
pub use opened::{Opening, Plaintext, open};
pub use opening::{Evidence, Keys};
pub use plaintext::{Running, Summary, WHOLE_LIMIT};
pub use request::{Encoding, Hash, Kdf, Mode, OpensslCipher, Options, Padding, Request, Scheme, Scrypt};
pub use secret::SecretBytes;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_programs;
#[cfg(test)]
mod tests_of_wrong_keys;
