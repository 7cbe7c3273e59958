//! The outer header of a KeePass file: fields of a type, a length and a value, up to one of type 0. It may come from
//! anyone, and says what opening the file costs. <https://keepass.info/help/kb/kdbx.html> describes it.

use crate::crypto::kdf::KdfCost;
use crate::imports::{ImportError, limits};

const SIGNATURE: [u8; 4] = [0x03, 0xd9, 0xa2, 0x9a];
/// Of KeePass 2; KeePass 1 and a form from before its release have others.
const SECOND: [u8; 4] = [0x67, 0xfb, 0x4b, 0xb5];

const AES256: [u8; 16] = *b"\x31\xc1\xf2\xe6\xbf\x71\x43\x50\xbe\x58\x05\x21\x6a\xfc\x5a\xff";
const TWOFISH: [u8; 16] = *b"\xad\x68\xf2\x9f\x57\x6f\x4b\xb9\xa3\x6a\xd4\x7a\xf9\x65\x34\x6c";
const CHACHA20: [u8; 16] = *b"\xd6\x03\x8a\x2b\x8b\x6f\x4c\xb5\xa5\x24\x33\x9a\x31\xdb\xb5\x9a";
const AES_KDF: [u8; 16] = *b"\xc9\xd9\xf3\x9a\x62\x8a\x44\x60\xbf\x74\x0d\x08\xc1\x8a\x4f\xea";
const AES_KDF_4: [u8; 16] = *b"\x7c\x02\xbb\x82\x79\xa7\x4a\xc0\x92\x7d\x11\x4a\x00\x64\x82\x38";
const ARGON2D: [u8; 16] = *b"\xef\x63\x6d\xdf\x8c\x29\x44\x4b\x91\xf7\xa9\xa4\x03\xe3\x0a\x0c";
const ARGON2ID: [u8; 16] = *b"\x9e\x29\x8b\x19\x56\xdb\x47\x73\xb2\x3d\xfc\x3e\xc6\xf0\xa1\xe6";

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The format's major version, 3 or 4.
    pub version: u16,
    /// How long the header is, in bytes. In version 3 it is proven by a digest among the encrypted values.
    pub length: usize,
    /// The memory that the key takes, in bytes.
    pub memory: u64,
}

/// Tells whether a file says that it is one of KeePass, of any version.
pub(in crate::imports) fn is_keepass(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Checks what a header asks for. Nothing is spent on it.
///
/// # Errors
/// [`ImportError`] if it asks for what is not known here, or for more than the limits.
pub fn check(bytes: &[u8]) -> Result<Header, ImportError> {
    if bytes.len() > limits::FILE {
        return Err(ImportError::FileTooLong);
    }
    let mut rest = Bytes(bytes);
    if rest.take(4)? != SIGNATURE {
        return Err(ImportError::NotThisFormat(crate::imports::Format::KeePass));
    }
    if rest.take(4)? != SECOND {
        return Err(ImportError::KeePassVersion);
    }
    let (minor, version) = (rest.u16()?, rest.u16()?);
    // 3.0 has no digest of its header.
    if !matches!((version, minor), (3, 1) | (4, 0 | 1)) {
        return Err(ImportError::KeePassVersion);
    }
    let mut fields = Fields::default();
    loop {
        let kind = rest.take(1)?.first().copied().unwrap_or_default();
        let length = if version == 3 { usize::from(rest.u16()?) } else { rest.length()? };
        let value = rest.take(length)?;
        match kind {
            0 => break,
            1 => {}
            kind => fields.add(&[kind], value)?,
        }
    }
    let length = bytes.len() - rest.0.len();
    if ![AES256, TWOFISH, CHACHA20].iter().any(|known| fields.get(&[2]) == Some(&known[..])) {
        return Err(ImportError::UnsupportedEncryption);
    }
    let compression = fields.number::<4>(&[3])?;
    fields.sized(&[4], 32)?;
    if compression > 1 || fields.get(&[7]).is_none() {
        return Err(ImportError::KeePassHeader);
    }
    let memory = if version == 3 {
        fields.sized(&[5], 32)?;
        fields.sized(&[8], 32)?;
        fields.sized(&[9], 32)?;
        // Salsa20, ChaCha20. Without one, or with ArcFour, nobody has written a file for long.
        if !matches!(fields.number::<4>(&[10])?, 2 | 3) {
            return Err(ImportError::UnsupportedEncryption);
        }
        check_rounds(fields.number::<8>(&[6])?)?;
        0
    } else {
        check_kdf(fields.get(&[11]).ok_or(ImportError::KeePassHeader)?)?
    };
    Ok(Header { version, length, memory })
}

/// Checks how the key is derived, and returns the memory that it takes.
fn check_kdf(dictionary: &[u8]) -> Result<u64, ImportError> {
    let mut rest = Bytes(dictionary);
    if rest.u16()? >> 8 != 1 {
        return Err(ImportError::UnsupportedEncryption);
    }
    let mut fields = Fields::default();
    while rest.take(1)? != [0] {
        let length = rest.length()?;
        let name = rest.take(length)?;
        let length = rest.length()?;
        fields.add(name, rest.take(length)?)?;
    }
    let is = |known: &[u8; 16]| fields.get(b"$UUID") == Some(&known[..]);
    if is(&AES_KDF) || is(&AES_KDF_4) {
        fields.sized(b"S", 32)?;
        return check_rounds(fields.number::<8>(b"R")?).map(|()| 0);
    }
    if !is(&ARGON2D) && !is(&ARGON2ID) {
        return Err(ImportError::UnsupportedEncryption);
    }
    let (memory, passes) = (fields.number::<8>(b"M")?, fields.number::<8>(b"I")?);
    let (lanes, version) = (fields.number::<4>(b"P")?, fields.number::<4>(b"V")?);
    let most = KdfCost::CEILING;
    range("the number of Argon2 lanes", lanes, 1, most.lanes.into())?;
    range("the number of Argon2 passes", passes, 1, most.passes.into())?;
    let memory_kib = memory / 1024;
    range("the memory of Argon2 in KiB", memory_kib, 8 * lanes, most.memory_kib.into())?;
    range("the memory of Argon2 times its passes in KiB", memory_kib * passes, 0, KdfCost::MOST_WORK_KIB)?;
    let salt = fields.get(b"S").unwrap_or_default();
    if !matches!(version, 0x10 | 0x13) || !(8..=64).contains(&salt.len()) {
        return Err(ImportError::UnsupportedEncryption);
    }
    Ok(memory)
}

fn check_rounds(rounds: u64) -> Result<(), ImportError> {
    range("the number of AES-KDF rounds", rounds, 1, limits::AES_KDF_ROUNDS)
}

fn range(name: &'static str, value: u64, least: u64, most: u64) -> Result<(), ImportError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(ImportError::KdfOutOfRange { name, value, least, most }) }
}

/// Fields by their names, no two alike: programs do not agree which of them counts.
#[derive(Default)]
struct Fields<'a>(Vec<(Vec<u8>, &'a [u8])>);

impl<'a> Fields<'a> {
    /// More than any program writes.
    const MOST: usize = 64;

    fn add(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), ImportError> {
        if self.get(name).is_some() || self.0.len() >= Self::MOST {
            return Err(ImportError::KeePassHeader);
        }
        self.0.push((name.to_vec(), value));
        Ok(())
    }

    fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    fn sized(&self, name: &[u8], length: usize) -> Result<&'a [u8], ImportError> {
        self.get(name).filter(|value| value.len() == length).ok_or(ImportError::KeePassHeader)
    }

    /// Returns a number of so many bytes, the least significant first.
    fn number<const LENGTH: usize>(&self, name: &[u8]) -> Result<u64, ImportError> {
        let value = self.sized(name, LENGTH)?;
        Ok(value.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ImportError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ImportError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, ImportError> {
        let bytes = self.take(2)?.try_into().map_err(|_| ImportError::Truncated)?;
        Ok(u16::from_le_bytes(bytes))
    }

    fn length(&mut self) -> Result<usize, ImportError> {
        let bytes = self.take(4)?.try_into().map_err(|_| ImportError::Truncated)?;
        usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| ImportError::Truncated)
    }
}
