//! A segment: a file of an access log. Its head says which records follow. Nothing in it is trusted: the first record
//! opens only if it is right.

use super::BLOCK;
use crate::format::{EnrolmentId, FormatError, VaultId};

/// From this length on, a segment gets no further record.
pub const SEGMENT_LIMIT: u64 = 64 << 20;

const MAGIC: [u8; 8] = *b"\x89SRL\r\n\x1a\n";
const VERSION: u8 = 1;

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The vault.
    pub vault: VaultId,
    /// Whose log.
    pub enrolment: EnrolmentId,
    /// The number of the first record.
    pub number: u64,
    /// SHA-256 of the record before that; zeros for number 1.
    pub previous: [u8; 32],
}

impl Head {
    /// Reads a head.
    ///
    /// # Errors
    /// [`FormatError::Version`] for a later one, [`FormatError::Malformed`] for everything else that is none.
    pub fn parse(bytes: &[u8; BLOCK]) -> Result<Self, FormatError> {
        if bytes[..8] != MAGIC {
            return Err(FormatError::malformed("the segment does not begin as one"));
        }
        if bytes[8] > VERSION {
            return Err(FormatError::Version { found: bytes[8].into(), known: VERSION.into() });
        }
        let zeros = bytes[9..16].iter().chain(&bytes[88..]).all(|byte| *byte == 0);
        let number = u64::from_be_bytes(array(bytes, 48));
        if bytes[8] == 0 || !zeros || number == 0 {
            return Err(FormatError::malformed("the segment's head is none"));
        }
        Ok(Self {
            vault: VaultId::from_bytes(array(bytes, 16)),
            enrolment: EnrolmentId::from_bytes(array(bytes, 32)),
            number,
            previous: array(bytes, 56),
        })
    }

    /// Writes the head.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BLOCK] {
        let mut bytes = [0; BLOCK];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = VERSION;
        bytes[16..32].copy_from_slice(self.vault.as_bytes());
        bytes[32..48].copy_from_slice(self.enrolment.as_bytes());
        bytes[48..56].copy_from_slice(&self.number.to_be_bytes());
        bytes[56..88].copy_from_slice(&self.previous);
        bytes
    }
}

fn array<const N: usize>(bytes: &[u8; BLOCK], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

/// Returns the name of a segment's file.
#[must_use]
pub fn segment_name(enrolment: EnrolmentId, number: u32) -> String {
    format!("{enrolment}.{number}.log")
}

/// Returns whose log a file is a segment of, and which one; `None` if its name is not that of a segment.
#[must_use]
pub fn segment_of(name: &str) -> Option<(EnrolmentId, u32)> {
    let (enrolment, number) = name.strip_suffix(".log")?.split_once('.')?;
    let (enrolment, number) = (enrolment.parse().ok()?, number.parse().ok()?);
    // One spelling only.
    (number > 0 && segment_name(enrolment, number) == name).then_some((enrolment, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head {
        vault: VaultId::from_bytes([1; 16]),
        enrolment: EnrolmentId::from_bytes([2; 16]),
        number: u64::MAX,
        previous: [3; 32],
    };

    #[test]
    fn a_head_reads_back_and_each_of_its_bits_counts() {
        let bytes = HEAD.to_bytes();
        assert_eq!(Head::parse(&bytes).unwrap(), HEAD);
        for bit in 0..BLOCK * 8 {
            let mut altered = bytes;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Head::parse(&altered).ok(), Some(HEAD), "bit {bit}");
        }
        assert!(Head::parse(&Head { number: 0, ..HEAD }.to_bytes()).is_err());
    }

    #[test]
    fn a_segment_has_one_name() {
        let enrolment = EnrolmentId::from_bytes([2; 16]);
        for number in [1, 10, u32::MAX] {
            assert_eq!(segment_of(&segment_name(enrolment, number)), Some((enrolment, number)));
        }
        for name in ["{}.0.log", "{}.01.log", "{}.+1.log", "{}.1.LOG", "{}.log", "{}.4294967296.log", "x.1.log", ""] {
            assert_eq!(segment_of(&name.replace("{}", &enrolment.to_string())), None, "{name}");
        }
    }
}
