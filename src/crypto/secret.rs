//! Secrets that wipe themselves. None of them can be cloned, compared in variable time or shown by `Debug`.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::RandomUnavailable;
use crate::memory::{Pool, Slot, on_wiped_stack};

/// Length of every key, in bytes.
pub const KEY_LEN: usize = 32;

pub(super) static KEYS: Pool<KEY_LEN> = Pool::new();
static PASSWORDS: Pool<PASSWORD_LIMIT> = Pool::new();

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        // In a slot of its own, which is wiped on drop, so that a move leaves no copy of the bytes behind on the stack.
        pub struct $name(Slot<KEY_LEN>);

        impl $name {
            /// Generates a random key.
            ///
            /// # Errors
            /// [`RandomUnavailable`] where the system has no random bytes.
            pub fn generate() -> Result<Self, RandomUnavailable> {
                let mut key = Self(KEYS.take());
                super::random(key.0.bytes_mut())?;
                Ok(key)
            }

            /// Takes the key from `bytes`; `None` unless there are exactly 32.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                if bytes.len() != KEY_LEN {
                    return None;
                }
                let mut key = Self(KEYS.take());
                key.0.bytes_mut().copy_from_slice(bytes);
                Some(key)
            }

            /// Shows the bytes. Every use of a key's bytes is a call of this name.
            #[must_use]
            pub fn expose(&self) -> &[u8; KEY_LEN] {
                self.0.bytes()
            }

            /// Makes the key where it stays: `fill` writes it into the slot, and it is nowhere else.
            #[allow(dead_code, reason = "not every kind of key is made so")]
            pub(crate) fn fill_with<E>(
                fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<(), E>,
            ) -> Result<Self, E> {
                let mut key = Self(KEYS.take());
                fill(key.0.bytes_mut())?;
                Ok(key)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

key! {
    /// Argon2id's output. Lives for one wrap or unwrap of the data key.
    Kek
}
key! {
    /// Encrypts the vault's payload and wraps each file key in it.
    DataKey
}
key! {
    /// One project's key in one version. Wraps content keys.
    FileKey
}
key! {
    /// One sealed file's own key. Encrypts its metadata and body.
    ContentKey
}

key! {
    /// Authenticates what computers remember of a vault, in their keychains' anchors. Stays the vault's for its life.
    AnchorKey
}
key! {
    /// The seed of an Ed25519 key that signs a vault's reports (RFC 8032).
    SigningSeed
}
key! {
    /// Seals the records of access logs. Stays the vault's for its life; a later version takes over at each rotation.
    LogKey
}
key! {
    /// What a recovery kit's code stands for. Wraps the data key; stored nowhere.
    KitSecret
}

/// A file key and where it belongs: what a vault hands out, and what opens a sealed file.
#[derive(Debug)]
pub struct ProjectFileKey {
    /// The project's name.
    pub project: String,
    /// The key's version.
    pub version: u32,
    /// The key.
    pub key: FileKey,
}

/// The longest master password, in bytes after normalization.
pub const PASSWORD_LIMIT: usize = 1024;

/// A master password in Unicode normalization form NFKC, so that every keyboard gives the same bytes
/// (NIST SP 800-63B section 3.1.1.2).
pub struct Password {
    slot: Slot<PASSWORD_LIMIT>,
    length: usize,
}

/// Why some bytes cannot be a master password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// There is nothing in it.
    #[error("the password is empty")]
    Empty,
    /// The bytes are not UTF-8.
    #[error("the password is not valid UTF-8")]
    NotUtf8,
    /// Longer than [`PASSWORD_LIMIT`].
    #[error("the password is longer than {PASSWORD_LIMIT} bytes")]
    TooLong,
}

impl Password {
    /// Normalizes a password as it was typed or read, without its line ending.
    ///
    /// # Errors
    /// [`PasswordError`] for bytes that cannot be a password. Strength is not judged here: an old password must open
    /// its vault whatever today's rules say.
    pub fn new(raw: &[u8]) -> Result<Self, PasswordError> {
        if raw.is_empty() {
            return Err(PasswordError::Empty);
        }
        if raw.len() > PASSWORD_LIMIT * 4 {
            return Err(PasswordError::TooLong);
        }
        let text = std::str::from_utf8(raw).map_err(|_| PasswordError::NotUtf8)?;
        let mut slot = PASSWORDS.take();
        let mut length = 0;
        on_wiped_stack(|| {
            for character in text.nfkc() {
                let place = slot.bytes_mut()[length..].get_mut(..character.len_utf8()).ok_or(PasswordError::TooLong)?;
                length += character.encode_utf8(place).len();
            }
            Ok(())
        })?;
        Ok(Self { slot, length })
    }

    /// Shows the normalized text.
    #[must_use]
    pub fn expose(&self) -> &str {
        #[allow(clippy::expect_used, reason = "whole characters were written")]
        std::str::from_utf8(&self.slot.bytes()[..self.length]).expect("whole characters were written")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A text that is kept secret as it is: a password for somebody else's system, the seed of one-time codes, a note.
#[derive(Default)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a text. The memory that it has outgrown, if it has grown, is not this type's.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Takes bytes, which are wiped; `None` unless they are UTF-8.
    #[must_use]
    pub fn from_bytes(mut bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Some(Self::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                None
            }
        }
    }

    /// Shows the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Tells whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_normalized_so_that_every_keyboard_gives_the_same_bytes() {
        let composed = Password::new("caf\u{e9} \u{fb01}le".as_bytes()).unwrap();
        let decomposed = Password::new("cafe\u{301} file".as_bytes()).unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
        assert_eq!(composed.expose(), "caf\u{e9} file");
    }

    #[test]
    fn bytes_that_cannot_be_a_password_are_refused() {
        assert_eq!(Password::new(b"").unwrap_err(), PasswordError::Empty);
        assert_eq!(Password::new(b"abc\xff").unwrap_err(), PasswordError::NotUtf8);
        assert!(Password::new(&[b'a'; PASSWORD_LIMIT]).is_ok());
        assert_eq!(Password::new(&[b'a'; PASSWORD_LIMIT + 1]).unwrap_err(), PasswordError::TooLong);
        // U+FDFA grows 18-fold under NFKC: the limit counts what is hashed.
        let growing = "\u{fdfa}".repeat(100);
        assert_eq!(Password::new(growing.as_bytes()).unwrap_err(), PasswordError::TooLong);
    }

    #[test]
    fn debug_shows_no_byte() {
        let key = FileKey::from_slice(&[0x41; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "FileKey(..)");
        assert_eq!(format!("{:?}", Password::new(b"hunter2").unwrap()), "Password(..)");
    }

    #[test]
    fn a_key_is_exactly_32_bytes() {
        assert!(DataKey::from_slice(&[0; 31]).is_none());
        assert!(DataKey::from_slice(&[0; 33]).is_none());
    }
}
