//! Keys on the wire: base64 that goes from the line into the key's slot, and from the slot into the line.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};
use zeroize::Zeroizing;

use crate::crypto::secret::{ContentKey, DataKey, FileKey, KEY_LEN};

/// The length of a key in base64.
const TEXT_LEN: usize = 44;

/// A kind of key that may be in a message.
pub trait Key: Sized {
    /// Shows the bytes.
    fn bytes(&self) -> &[u8; KEY_LEN];
    /// Makes the key where it stays.
    fn filled<E>(fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<(), E>) -> Result<Self, E>;
}

macro_rules! key {
    ($name:ident) => {
        impl Key for $name {
            fn bytes(&self) -> &[u8; KEY_LEN] {
                self.expose()
            }

            fn filled<E>(fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<(), E>) -> Result<Self, E> {
                Self::fill_with(fill)
            }
        }
    };
}

key!(ContentKey);
key!(FileKey);
key!(DataKey);

/// Writes a key as text.
///
/// # Errors
/// The serializer's.
pub fn serialize<K: Key, S: Serializer>(key: &K, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = Zeroizing::new([0; TEXT_LEN]);
    let written = STANDARD.encode_slice(key.bytes(), &mut *text).ok();
    let text = written.and_then(|length| std::str::from_utf8(&text[..length]).ok());
    serializer.serialize_str(text.ok_or_else(|| serde::ser::Error::custom("a key has one length"))?)
}

/// Reads a key from text of exactly one spelling.
///
/// # Errors
/// The deserializer's; none of them shows the text.
pub fn deserialize<'de, K: Key, D: Deserializer<'de>>(deserializer: D) -> Result<K, D::Error> {
    struct Text<K>(PhantomData<K>);
    impl<K: Key> Visitor<'_> for Text<K> {
        type Value = K;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a key in base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<K, E> {
            let no_key = || E::custom("not a key in base64");
            // Decoding asks for room for the padding, too.
            let mut bytes = Zeroizing::new([0; KEY_LEN + 1]);
            match STANDARD.decode_slice(text, &mut *bytes) {
                Ok(KEY_LEN) => K::filled(|key| {
                    key.copy_from_slice(&bytes[..KEY_LEN]);
                    Ok(())
                }),
                _ => Err(no_key()),
            }
        }
    }
    deserializer.deserialize_str(Text(PhantomData))
}
