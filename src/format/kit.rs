//! A recovery kit's code, its secret as people copy it from paper, which is written and read here and kept nowhere;
//! and what a kit is called.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

use super::{KitId, label};
use crate::crypto::hmac::sha512;
use crate::crypto::secret::{KEY_LEN, KitSecret};
use crate::memory::{Pool, Slot};

/// How many symbols a code has, separators left out.
pub const CODE_LEN: usize = 56;
/// How many symbols are written together.
pub const GROUP_LEN: usize = 4;
/// How many groups a code has.
pub const GROUPS: usize = CODE_LEN / GROUP_LEN;
/// The longest text that is looked at, in bytes: room for a separator or two after each symbol.
pub const TEXT_LIMIT: usize = 512;

const CHECKSUM_LEN: usize = 3;
const BYTES_LEN: usize = KEY_LEN + CHECKSUM_LEN;

/// Slots for a code's symbols, or for the bytes that they stand for, which are fewer.
static PARTS: Pool<CODE_LEN> = Pool::new();

/// Crockford's alphabet: no letter in it is taken for a digit, and without U it spells fewer words.
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// The encoding ignores and translates nothing: told to ignore separators, the crate would copy the symbols through a
// buffer of its own, which nobody wipes.
#[allow(clippy::expect_used, reason = "32 different symbols make an encoding")]
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    specification.encoding().expect("32 different symbols make an encoding")
});

/// The letters of kits' names: those of [`ALPHABET`].
const LETTERS: &[u8; 22] = b"ABCDEFGHJKMNPQRSTVWXYZ";

/// What a kit is called: its number, and two letters of its id, so that two kits of one number can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KitName {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: KitId,
}

impl std::fmt::Display for KitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, second, ..] = self.id.as_bytes().map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        write!(f, "{}-{first}{second}", self.number)
    }
}

impl KitName {
    /// Tells whether somebody who typed `text` may mean this kit: by its number, its name or its id.
    #[must_use]
    pub fn is_meant_by(&self, text: &str) -> bool {
        let known = [self.number.to_string(), self.to_string(), self.id.to_string()];
        known.iter().any(|known| known.eq_ignore_ascii_case(text))
    }
}

/// Why a text is no kit's code. No text of an error holds any of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KitCodeError {
    /// Nothing, or separators only.
    #[error("it is empty")]
    Empty,
    /// Longer than [`TEXT_LIMIT`] bytes.
    #[error("it is too long to be a code")]
    TooLong,
    /// Not as many characters as a code has.
    #[error("{}", wrong_length(*.found, *.group))]
    Length {
        /// How many there are, without separators.
        found: usize,
        /// The first group, from 1, that is seen to be shorter or longer than it should.
        group: Option<usize>,
    },
    /// A character that no code has.
    #[error("character {place} of group {group} is none that a code has")]
    Symbol {
        /// The group, from 1.
        group: usize,
        /// The character's place in it, from 1.
        place: usize,
    },
    /// The checksum does not fit the rest.
    #[error("a character is mistyped, or two are swapped")]
    Checksum,
}

fn wrong_length(found: usize, group: Option<usize>) -> String {
    let where_it_is = group.map(|group| format!("; look at group {group}")).unwrap_or_default();
    format!("it has {found} characters, and a code has {CODE_LEN}{where_it_is}")
}

/// Writes the code of a kit: 14 groups of four symbols, joined by hyphens.
#[must_use]
pub fn write(secret: &KitSecret) -> Zeroizing<String> {
    let mut bytes = PARTS.take();
    let bytes = &mut bytes.bytes_mut()[..BYTES_LEN];
    bytes[..KEY_LEN].copy_from_slice(secret.expose());
    bytes[KEY_LEN..].copy_from_slice(&checksum(secret));
    let mut symbols = PARTS.take();
    BASE32.encode_mut(bytes, symbols.bytes_mut());
    // All of it at once: a string that grows leaves what it grew out of unwiped.
    let mut code = Zeroizing::new(String::with_capacity(CODE_LEN + GROUPS - 1));
    for (number, group) in symbols.bytes().chunks(GROUP_LEN).enumerate() {
        if number > 0 {
            code.push('-');
        }
        for symbol in group {
            code.push(char::from(*symbol));
        }
    }
    code
}

/// Reads a code as somebody typed it. Case, spaces, hyphens, tabs and line ends do not matter, nor does a byte order
/// mark before it; O is read as 0, and I and L as 1.
///
/// # Errors
/// [`KitCodeError`], which tells where to look and never what stands there.
pub fn read(text: &str) -> Result<KitSecret, KitCodeError> {
    if text.len() > TEXT_LIMIT {
        return Err(KitCodeError::TooLong);
    }
    let symbols = symbols(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let mut bytes = PARTS.take();
    let bytes = &mut bytes.bytes_mut()[..BYTES_LEN];
    BASE32.decode_mut(symbols.bytes(), bytes).map_err(|partial| misplaced(partial.error.position))?;
    let (secret, sum) = bytes.split_at(KEY_LEN);
    KitSecret::from_slice(secret).filter(|secret| checksum(secret) == *sum).ok_or(KitCodeError::Checksum)
}

/// Returns the groups of a code that [`write()`] wrote.
pub fn groups(code: &str) -> impl Iterator<Item = &str> {
    code.split('-')
}

/// Tells whether `typed` is this group of a code, by the same rules as [`read`].
#[must_use]
pub fn is_group(typed: &str, group: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = Option<u8>> {
        text.chars().filter(|c| !is_separator(*c)).map(symbol)
    }
    plain(group).all(|symbol| symbol.is_some()) && plain(typed).eq(plain(group))
}

/// The first bytes of a digest of the secret: enough to catch what a hand or an eye gets wrong, no protection from
/// anybody who means to.
fn checksum(secret: &KitSecret) -> [u8; CHECKSUM_LEN] {
    // Stays in this frame and is wiped there.
    let mut labelled = Zeroizing::new([0; label::KIT_CODE.len() + KEY_LEN]);
    labelled[..label::KIT_CODE.len()].copy_from_slice(label::KIT_CODE);
    labelled[label::KIT_CODE.len()..].copy_from_slice(secret.expose());
    let [first, second, third, ..] = sha512(&labelled[..]);
    [first, second, third]
}

/// Returns the symbols of a text without its separators, each as [`ALPHABET`] has it.
fn symbols(text: &str) -> Result<Slot<CODE_LEN>, KitCodeError> {
    let mut symbols = PARTS.take();
    let (mut found, mut run, mut uneven) = (0, 0, None);
    for c in text.chars().chain([' ']) {
        if is_separator(c) {
            // Whoever leaves a symbol out wants to know where. Groups may be written together, and then nobody knows.
            if (1..2 * GROUP_LEN).contains(&run) && run != GROUP_LEN {
                uneven = uneven.or(Some((found - run) / GROUP_LEN + 1));
            }
            run = 0;
            continue;
        }
        let symbol = symbol(c).ok_or(misplaced(found))?;
        if let Some(place) = symbols.bytes_mut().get_mut(found) {
            *place = symbol;
        }
        found += 1;
        run += 1;
    }
    match found {
        0 => Err(KitCodeError::Empty),
        CODE_LEN => Ok(symbols),
        _ => Err(KitCodeError::Length { found, group: uneven }),
    }
}

fn misplaced(symbol: usize) -> KitCodeError {
    KitCodeError::Symbol { group: symbol / GROUP_LEN + 1, place: symbol % GROUP_LEN + 1 }
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\t' | '\r' | '\n')
}

fn symbol(c: char) -> Option<u8> {
    let symbol = match u8::try_from(c).ok()?.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.as_bytes().contains(&symbol).then_some(symbol)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(byte: u8) -> KitSecret {
        KitSecret::from_slice(&[byte; KEY_LEN]).unwrap()
    }

    fn reads(text: &str) -> Result<[u8; KEY_LEN], KitCodeError> {
        read(text).map(|secret| *secret.expose())
    }

    #[test]
    fn case_and_separators_do_not_matter_and_letters_that_look_like_digits_are_digits() {
        // Its code has zeros and ones, so that O, I and L have something to stand for.
        let code = write(&KitSecret::from_slice(&[0x00, 0x42, 0x10, 0x84].repeat(8)).unwrap());
        let expected = reads(&code).unwrap();
        assert!(code.contains('0') && code.contains('1'));
        for text in [
            code.to_lowercase(),
            code.replace('-', ""),
            code.replace('-', " "),
            code.replace('-', "  -\t"),
            code.replace('-', "\r\n"),
            code.replace('0', "O"),
            code.replace('0', "o"),
            code.replace('1', "I"),
            code.replace('1', "i"),
            code.replace('1', "L"),
            code.replace('1', "l"),
            format!("\u{feff}{}\r\n", *code),
            format!(" - {}\n\n", *code),
            code.replace('-', "").chars().map(|c| format!("{c} - ")).collect(),
        ] {
            assert_eq!(reads(&text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn a_kit_is_called_by_its_number_and_two_letters_of_its_id() {
        let name = |first, second| {
            let mut id = [7; 16];
            (id[0], id[1]) = (first, second);
            KitName { number: 3, id: KitId::from_bytes(id) }
        };
        let shown = [(0, 21), (22, 255), (10, 16)].map(|(first, second)| name(first, second).to_string());
        assert_eq!(shown, ["3-AZ", "3-AQ", "3-MT"]);
        let kit = name(0, 21);
        for text in ["3", "3-AZ", "3-az", &kit.id.to_string()] {
            assert!(kit.is_meant_by(text), "{text}");
        }
        for text in ["", "03", "3-AA", "3-", "AZ", "13-AZ"] {
            assert!(!kit.is_meant_by(text), "{text}");
        }
    }

    #[test]
    fn a_code_has_its_shape_and_the_room_it_was_given() {
        for byte in 0..=255 {
            let code = write(&secret(byte));
            assert_eq!((code.len(), code.capacity()), (69, 69));
            assert_eq!(groups(&code).count(), GROUPS);
            assert!(groups(&code).all(|group| group.len() == GROUP_LEN));
            assert_eq!(reads(&code), Ok([byte; KEY_LEN]));
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place_and_never_shown() {
        let code = write(&secret(0xa7));
        let short = |at: usize| format!("{}{}", &code[..at], &code[at + 1..]);
        let put = |at: usize, what: &str| format!("{}{what}{}", &code[..at], &code[at + 1..]);
        let length = |found, group| Err(KitCodeError::Length { found, group });
        assert_eq!(reads(""), Err(KitCodeError::Empty));
        assert_eq!(reads("\u{feff} -\r\n"), Err(KitCodeError::Empty));
        assert_eq!(reads(&short(12)), length(55, Some(3)));
        assert_eq!(reads(&short(68)), length(55, Some(14)));
        assert_eq!(reads(&short(12).replace('-', "")), length(55, None));
        // Two groups that were written together are still one place to look at.
        assert_eq!(reads(&format!("{}{}{}", &code[..12], &code[13..14], &code[15..])), length(55, Some(3)));
        assert_eq!(reads(&put(12, "77")), length(57, Some(3)));
        assert_eq!(reads(&code[5..]), length(52, None));
        assert_eq!(reads(&format!("{}7", *code)), length(57, Some(14)));
        assert_eq!(reads(&code.repeat(3)), length(168, None));
        assert_eq!(reads(&"0 ".repeat(256)), length(256, Some(1)));
        assert_eq!(reads(&"0".repeat(TEXT_LIMIT + 1)), Err(KitCodeError::TooLong));
        let symbol = |group, place| Err(KitCodeError::Symbol { group, place });
        for c in ["U", "u", "*", "\0", "\u{7f}", "é", "٣", "０", "\u{a0}", "\u{2010}", "\u{202e}"] {
            assert_eq!(reads(&put(0, c)), symbol(1, 1), "{c:?}");
            assert_eq!(reads(&put(68, c)), symbol(14, 4), "{c:?}");
        }
        assert_eq!(reads(&put(7, "U")), symbol(2, 3));
        // A dash that a word processor made: said as what it is, not as 69 characters.
        assert_eq!(reads(&code.replace('-', "\u{2013}")), symbol(2, 1));
        assert_eq!(reads(&format!("\u{feff}\u{feff}{}", *code)), symbol(1, 1));
        assert_eq!(reads(&put(0, if code.starts_with('7') { "8" } else { "7" })), Err(KitCodeError::Checksum));
        assert_eq!(
            read(&short(12)).unwrap_err().to_string(),
            "it has 55 characters, and a code has 56; look at group 3"
        );
        assert_eq!(read(&put(7, "U")).unwrap_err().to_string(), "character 3 of group 2 is none that a code has");
    }

    #[test]
    fn a_group_typed_back_is_held_to_the_same_rules() {
        for same in ["10AB", "10ab", " ioab\n", "LO-AB", "l0 a b"] {
            assert!(is_group(same, "10AB"), "{same}");
        }
        for other in ["", "10A", "10ABB", "10AC", "01AB", "10A*", "10Aé"] {
            assert!(!is_group(other, "10AB"), "{other}");
        }
        assert!(!is_group("*", "*"), "what no code has is equal to nothing");
    }

    proptest! {
        #[test]
        fn every_secret_comes_back(bytes: [u8; KEY_LEN]) {
            prop_assert_eq!(reads(&write(&KitSecret::from_slice(&bytes).unwrap())), Ok(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}|[0-9A-Za-z -]{50,80}") {
            let _ = read(&text);
        }
    }

    #[test]
    fn a_code_is_written_into_memory_of_its_own_length_and_read_from_as_much_as_is_allowed() {
        // Grown out of a shorter one, it would leave a copy of itself that nothing wipes.
        let code = write(&secret(7));
        assert_eq!((code.len(), code.capacity()), (69, 69));
        let padded = format!("{:TEXT_LIMIT$}", *code);
        assert_eq!(padded.len(), TEXT_LIMIT);
        assert_eq!(read(&padded).unwrap().expose(), &[7; KEY_LEN]);
    }
}
