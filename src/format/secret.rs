//! What only the data key shows of a secret (docs/format.md, section 6): a JSON object that is padded, so that its size
//! tells little of a password's.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::FormatError;
use super::json::Others;
use crate::crypto::secret::SecretText;

/// The longest value, in bytes of JSON before they are padded.
pub const VALUE_LIMIT: usize = 48 << 10;
/// A value is padded to a multiple of so many bytes.
const PADDED_TO: usize = 256;

/// The value of one version of a secret.
#[derive(Debug, Default)]
pub struct SecretValue {
    /// The password; may be empty, as all of these.
    pub password: SecretText,
    /// What one-time codes are made of: an `otpauth://totp/` URI, or a seed in base32.
    pub totp: SecretText,
    /// A note, of several lines.
    pub note: SecretText,
    /// Fields with names of the user's own.
    pub fields: Vec<SecretField>,
    /// What this version does not know.
    pub others: Others,
}

/// A field with a name of the user's own.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretField {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: SecretText,
    /// Whether it is shown only if it is asked for by its name.
    pub hidden: bool,
}

impl SecretValue {
    /// Reads a value. Empty members are like those that are missing.
    ///
    /// # Errors
    /// [`FormatError::Malformed`]; nothing of the value is in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        serde_json::from_slice(bytes).map_err(|error| {
            FormatError::malformed(format!(
                "the value is no object of the members it should have (byte {})",
                error.column()
            ))
        })
    }

    /// Writes the value, padded with spaces; `None` if it is longer than [`VALUE_LIMIT`].
    #[must_use]
    pub fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut length = Counted(0);
        serde_json::to_writer(&mut length, self).ok()?;
        if length.0 > VALUE_LIMIT {
            return None;
        }
        // All of it at once: a vector that grows leaves its bytes behind where it was.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.0.next_multiple_of(PADDED_TO)));
        serde_json::to_writer(&mut *bytes, self).ok()?;
        bytes.resize(length.0.next_multiple_of(PADDED_TO), b' ');
        Some(bytes)
    }

    /// Tells whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { password, totp, note, fields, others } = self;
        [password, totp, note].into_iter().all(SecretText::is_empty) && fields.is_empty() && others.is_empty()
    }
}

/// How long something is when it is written.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<SecretText, E> {
                Ok(SecretText::new(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<SecretText, E> {
                Ok(SecretText::new(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for SecretValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, text) in [("password", &self.password), ("totp", &self.totp), ("note", &self.note)] {
            if !text.is_empty() {
                map.serialize_entry(name, text)?;
            }
        }
        if !self.fields.is_empty() {
            map.serialize_entry("fields", &self.fields)?;
        }
        for (name, value) in &self.others {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = SecretValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretValue, A::Error> {
                let mut value = SecretValue::default();
                let mut seen: Vec<String> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if seen.contains(&name) {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                    match &*name {
                        "password" => value.password = map.next_value()?,
                        "totp" => value.totp = map.next_value()?,
                        "note" => value.note = map.next_value()?,
                        "fields" => value.fields = map.next_value()?,
                        _ => drop(value.others.insert(name.clone(), map.next_value()?)),
                    }
                    seen.push(name);
                }
                Ok(value)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[test]
    fn a_value_is_padded_and_reads_back_with_what_it_does_not_know() {
        let json = br#"{"password":"a\"b","note":"two\nlines","fields":[{"name":"PIN","value":"12","hidden":true}],"sso":{"of":1}}"#;
        let value = SecretValue::parse(json).unwrap();
        assert_eq!((value.password.expose(), value.note.expose()), ("a\"b", "two\nlines"));
        assert!(value.totp.is_empty() && value.fields[0].hidden && value.fields[0].value.expose() == "12");
        let bytes = value.to_bytes().unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (256, 256));
        assert_eq!(bytes.trim_ascii_end(), json);
        assert_eq!(SecretValue::default().to_bytes().unwrap().trim_ascii_end(), b"{}");
    }

    #[test]
    fn what_is_no_value_is_refused_and_nothing_of_it_is_told() {
        for wrong in [
            "",
            "[]",
            "{\"password\":1}",
            "{\"password\":\"hunter2\",\"password\":\"hunter3\"}",
            "{\"note\":\"hunter2\"} x",
        ] {
            let error = SecretValue::parse(wrong.as_bytes()).expect_err(wrong).to_string();
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn a_value_has_a_longest_size() {
        let of = |length: usize| SecretValue { note: text(&"n".repeat(length)), ..SecretValue::default() };
        assert_eq!(of(VALUE_LIMIT - 11).to_bytes().unwrap().len(), VALUE_LIMIT);
        assert!(of(VALUE_LIMIT - 10).to_bytes().is_none());
    }

    #[test]
    fn debug_shows_no_text() {
        let value = SecretValue { password: text("hunter2"), ..SecretValue::default() };
        assert!(!format!("{value:?}").contains("hunter"), "{value:?}");
    }
}
