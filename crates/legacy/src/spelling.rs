//! The ways in which a secret may have been written when the file was encrypted: a line's end more or less, another
//! encoding, another form of the same accents.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::request::Encoding;
use crate::secret::SecretBytes;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A secret in one spelling.
pub struct Spelling {
    /// What was done to it, in words; nothing of the secret is in them.
    pub how: String,
    /// The bytes.
    pub bytes: SecretBytes,
}

/// Collects spellings, each once.
#[derive(Default)]
struct Spellings(Vec<Spelling>);

impl Spellings {
    fn add(&mut self, how: impl Into<String>, bytes: Zeroizing<Vec<u8>>) {
        if self.0.iter().all(|there| there.bytes.expose() != &bytes[..]) {
            self.0.push(Spelling { how: how.into(), bytes: SecretBytes::new(bytes) });
        }
    }
}

fn copy(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}

fn with_end(bytes: &[u8], end: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(bytes.len() + end.len()));
    whole.extend_from_slice(bytes);
    whole.extend_from_slice(end);
    whole
}

fn composed(text: &str) -> Zeroizing<Vec<u8>> {
    let mut composed = Zeroizing::new(String::with_capacity(text.len() * 3));
    composed.extend(text.nfc());
    copy(composed.as_bytes())
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if line.len() < bytes.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

fn bare(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii()
}

/// Returns the spellings of a text that a program has made and somebody has stored.
pub fn of_stored_text(bytes: &[u8]) -> Vec<Spelling> {
    let mut spellings = Spellings::default();
    let bare = bare(bytes);
    spellings.add("as it is", copy(bytes));
    spellings.add("without white space around it", copy(bare));
    spellings.add("with a line feed", with_end(bare, b"\n"));
    spellings.add("with CR LF", with_end(bare, b"\r\n"));
    spellings.0
}

/// Returns the spellings of a password.
pub fn of_password(bytes: &[u8], encoding: Option<Encoding>) -> Vec<Spelling> {
    let mut texts = Spellings::default();
    let bare = bare(bytes);
    texts.add("without its line end", copy(without_line_end(bytes)));
    texts.add("as it is", copy(bytes));
    texts.add("without white space around it", copy(bare));
    texts.add("with a line feed", with_end(bare, b"\n"));
    texts.add("with CR LF", with_end(bare, b"\r\n"));
    if let Ok(text) = std::str::from_utf8(bare) {
        texts.add("in normalization form C", composed(text));
    }
    let mut spellings = Spellings::default();
    for text in texts.0 {
        for encoding in encoding.map_or(&[Encoding::Utf8, Encoding::Latin1][..], |encoding| match encoding {
            Encoding::Utf8 => &[Encoding::Utf8],
            Encoding::Latin1 => &[Encoding::Latin1],
            Encoding::Utf16Le => &[Encoding::Utf16Le],
        }) {
            if let Some(encoded) = encoded(text.bytes.expose(), *encoding) {
                spellings.add(format!("{}, {}", text.how, encoding.name()), encoded);
            }
        }
    }
    spellings.0
}

/// Returns the spellings of a password that a person has typed where the file was encrypted, in UTF-8. There are few of
/// them, since each may cost seconds and gigabytes.
pub fn of_typed_password(bytes: &[u8]) -> Vec<Spelling> {
    let mut spellings = Spellings::default();
    let bare = bare(bytes);
    spellings.add("without its line end", copy(without_line_end(bytes)));
    spellings.add("without white space around it", copy(bare));
    if let Ok(text) = std::str::from_utf8(bare) {
        spellings.add("in normalization form C", composed(text));
    }
    spellings.0
}

/// Writes a password in an encoding; `None` if it cannot be.
fn encoded(bytes: &[u8], encoding: Encoding) -> Option<Zeroizing<Vec<u8>>> {
    if encoding == Encoding::Utf8 {
        return Some(copy(bytes));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut encoded = Zeroizing::new(Vec::with_capacity(bytes.len() * 2));
    for character in text.chars() {
        if encoding == Encoding::Latin1 {
            encoded.push(u8::try_from(u32::from(character)).ok()?);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                encoded.extend_from_slice(&unit.to_le_bytes());
            }
        }
    }
    Some(encoded)
}

/// Returns what the content of a key file may mean: bytes, hexadecimal or base64 text. Only lengths of `lengths` count.
pub fn of_key_file(bytes: &[u8], lengths: &[usize]) -> Vec<Spelling> {
    let mut spellings = Spellings::default();
    let fits = |key: &[u8]| lengths.contains(&key.len());
    if fits(bytes) {
        spellings.add("as it is", copy(bytes));
    }
    let line = without_line_end(bytes);
    if fits(line) {
        spellings.add("without its line end", copy(line));
    }
    let text = bare(bytes);
    if let Some(key) = from_hex(text).filter(|key| fits(key)) {
        spellings.add("read as hexadecimal", key);
    }
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        if let Ok(key) = engine.decode(text).map(Zeroizing::new)
            && fits(&key)
        {
            spellings.add("read as base64", key);
        }
    }
    spellings.0
}

fn from_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for pair in pairs {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        bytes.push(u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(spellings: &[Spelling]) -> Vec<&[u8]> {
        spellings.iter().map(|spelling| spelling.bytes.expose()).collect()
    }

    #[test]
    fn a_text_is_tried_with_and_without_what_editors_add() {
        let spellings = of_stored_text(b"\xef\xbb\xbf$argon2id$x\r\n");
        assert_eq!(
            bytes(&spellings),
            [&b"\xef\xbb\xbf$argon2id$x\r\n"[..], b"$argon2id$x", b"$argon2id$x\n", b"$argon2id$x\r\n"]
        );
    }

    #[test]
    fn a_password_is_tried_in_both_encodings_and_once_if_they_agree() {
        assert_eq!(bytes(&of_password(b"abc", Some(Encoding::Utf8))), [&b"abc"[..], b"abc\n", b"abc\r\n"]);
        assert!(bytes(&of_password("é".as_bytes(), None)).contains(&&b"\xe9"[..]));
        assert!(bytes(&of_password("e\u{301}".as_bytes(), None)).contains(&"é".as_bytes()));
        assert!(of_password("ж".as_bytes(), Some(Encoding::Latin1)).is_empty());
        assert!(bytes(&of_password(b"ab", Some(Encoding::Utf16Le))).contains(&&b"a\0b\0"[..]));
    }

    #[test]
    fn a_key_file_is_bytes_hex_or_base64_of_the_right_length() {
        assert_eq!(bytes(&of_key_file(&[7; 16], &[16])), [&[7; 16][..]]);
        assert_eq!(bytes(&of_key_file(b"000102030405060708090a0b0c0d0e0f\n", &[16]))[0][15], 15);
        assert_eq!(bytes(&of_key_file(b"AAAAAAAAAAAAAAAAAAAAAA==\n", &[16])), [&[0; 16][..]]);
        assert!(of_key_file(&[7; 15], &[16, 24, 32]).is_empty());
    }
}
