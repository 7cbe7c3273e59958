//! A recovery kit's code: 32 secret bytes and a checksum in Crockford's base32, in groups for the eye.
//! docs/format.md, "The kit code". Nothing here knows which vault a code opens.

use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

use crate::crypto::hmac::sha512;
use crate::crypto::secret::{KEY_LEN, KitSecret};

/// How many characters a code has without its hyphens.
pub const CODE_LEN: usize = 56;
/// How many characters stand in a group.
pub const GROUP_LEN: usize = 4;
/// The longest text that is looked at, in bytes: a code with any spacing a person would give it.
const TEXT_LIMIT: usize = 512;
const CHECKSUM_LEN: usize = 3;
const CHECKSUM_LABEL: &[u8] = b"strongroom/v1/kit-code";
/// Crockford's alphabet (<https://www.crockford.com/base32.html>): without I, L, O and U.
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why a text is no kit code. None of these repeats what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KitCodeError {
    /// It has too few or too many characters.
    #[error("it has {found} characters, and a code has {CODE_LEN}")]
    Length {
        /// How many there are, without spaces and hyphens.
        found: usize,
    },
    /// It is far longer than any code.
    #[error("it is too long to be a code")]
    TooLong,
    /// A character that no code has.
    #[error("group {group} holds a character that no code has")]
    Character {
        /// The group it stands in, counted from 1.
        group: usize,
    },
    /// The checksum does not hold.
    #[error("a character is mistyped, or two are swapped")]
    Checksum,
}

fn encoding() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    // The specification is a constant, and a test sees that it is sound.
    #[allow(clippy::expect_used, reason = "a constant")]
    specification.encoding().expect("a sound alphabet")
}

fn checksum(secret: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut text = Zeroizing::new([0; CHECKSUM_LABEL.len() + KEY_LEN]);
    text[..CHECKSUM_LABEL.len()].copy_from_slice(CHECKSUM_LABEL);
    text[CHECKSUM_LABEL.len()..].copy_from_slice(secret);
    let digest = Zeroizing::new(sha512(&text[..]));
    [digest[0], digest[1], digest[2]]
}

/// Writes a secret as its code: 14 groups of four characters, joined by hyphens.
#[must_use]
pub fn write(secret: &KitSecret) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; KEY_LEN + CHECKSUM_LEN]);
    bytes[..KEY_LEN].copy_from_slice(secret.expose());
    bytes[KEY_LEN..].copy_from_slice(&checksum(secret.expose()));
    let mut plain = Zeroizing::new([0; CODE_LEN]);
    encoding().encode_mut(&bytes[..], &mut plain[..]);
    let mut code = Zeroizing::new(String::with_capacity(CODE_LEN + CODE_LEN / GROUP_LEN));
    for (index, character) in plain.iter().enumerate() {
        if index > 0 && index % GROUP_LEN == 0 {
            code.push('-');
        }
        code.push(char::from(*character));
    }
    code
}

/// Reads a code. Spaces, hyphens, line ends and case do not matter; O is read as 0, and I and L as 1.
///
/// # Errors
/// [`KitCodeError`].
pub fn read(text: &str) -> Result<KitSecret, KitCodeError> {
    if text.len() > TEXT_LIMIT {
        return Err(KitCodeError::TooLong);
    }
    let mut plain = Zeroizing::new([0; TEXT_LIMIT]);
    let mut length = 0;
    let separator = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{feff}');
    for character in text.chars().filter(|c| !separator(*c)) {
        let known = character.is_ascii_alphanumeric() && !matches!(character, 'U' | 'u');
        if !known {
            return Err(KitCodeError::Character { group: length / GROUP_LEN + 1 });
        }
        plain[length] = character as u8;
        length += 1;
    }
    if length != CODE_LEN {
        return Err(KitCodeError::Length { found: length });
    }
    let mut bytes = Zeroizing::new([0; KEY_LEN + CHECKSUM_LEN]);
    let decoded = encoding().decode_mut(&plain[..CODE_LEN], &mut bytes[..]);
    decoded.map_err(|_| KitCodeError::Checksum)?;
    let (secret, sum) = bytes.split_at(KEY_LEN);
    if sum != checksum(secret) {
        return Err(KitCodeError::Checksum);
    }
    KitSecret::from_slice(secret).ok_or(KitCodeError::Checksum)
}

/// Returns the groups of a code as [`write`] makes it.
pub fn groups(code: &str) -> impl Iterator<Item = &str> {
    code.split('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(fill: u8) -> Zeroizing<String> {
        write(&KitSecret::from_slice(&[fill; KEY_LEN]).unwrap())
    }

    #[test]
    fn a_known_secret_has_a_known_code() {
        let secret: Vec<u8> = (0..32).collect();
        let code = write(&KitSecret::from_slice(&secret).unwrap());
        assert_eq!(code.as_str(), "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFH-RC7R");
        assert_eq!(groups(&code).count(), 14);
    }

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = code(0x5a);
        let lower = code.to_lowercase();
        let spaced = code.replace('-', "  ");
        let lines = format!("\u{feff}{}\r\n", code.replace('-', "\r\n"));
        let alike = code.replace('0', "o").replace('1', "L");
        for typed in [code.as_str(), &lower, &spaced, &lines, &code.replace('-', ""), &alike] {
            assert_eq!(read(typed).unwrap().expose(), &[0x5a; KEY_LEN]);
        }
    }

    #[test]
    fn every_wrong_character_and_every_swap_of_neighbours_is_refused() {
        let mut tried = 0;
        for fill in [0, 0x5a, 0xff] {
            let plain: Vec<u8> = code(fill).bytes().filter(|byte| *byte != b'-').collect();
            for at in 0..CODE_LEN {
                for other in ALPHABET.bytes().filter(|other| *other != plain[at]) {
                    let mut altered = plain.clone();
                    altered[at] = other;
                    assert_eq!(read(std::str::from_utf8(&altered).unwrap()).unwrap_err(), KitCodeError::Checksum);
                    tried += 1;
                }
                if at > 0 && plain[at] != plain[at - 1] {
                    let mut altered = plain.clone();
                    altered.swap(at, at - 1);
                    assert_eq!(read(std::str::from_utf8(&altered).unwrap()).unwrap_err(), KitCodeError::Checksum);
                }
            }
        }
        assert_eq!(tried, 3 * 56 * 31);
    }

    #[test]
    fn what_is_no_code_is_refused_with_the_reason() {
        let code = code(7);
        assert_eq!(read("").unwrap_err(), KitCodeError::Length { found: 0 });
        assert_eq!(read(&code[..code.len() - 1]).unwrap_err(), KitCodeError::Length { found: 55 });
        assert_eq!(read(&format!("{}0", *code)).unwrap_err(), KitCodeError::Length { found: 57 });
        assert_eq!(read(&code.replacen('-', "u", 1)).unwrap_err(), KitCodeError::Character { group: 2 });
        assert_eq!(read("\u{e9}").unwrap_err(), KitCodeError::Character { group: 1 });
        assert_eq!(read(&" ".repeat(TEXT_LIMIT + 1)).unwrap_err(), KitCodeError::TooLong);
    }
}
