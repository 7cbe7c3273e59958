//! A record as it stands in a segment: its length, the log key's version, the sealed entry, zeros, and how many blocks
//! it has, so that a reader can step backwards.

use zeroize::Zeroizing;

use super::Entry;
use crate::crypto::cobblestone::sealed_len;
use crate::format::FormatError;

/// Every record's length is a multiple of this many bytes, so that one that was cut off is followed by a border.
pub const BLOCK: usize = 512;
/// The longest record, in bytes.
pub const RECORD_LIMIT: usize = 2 << 20;

/// What is in front of the sealed entry: its length and the key's version.
const FRONT: usize = 8;
/// What is behind it: the number of blocks.
const BACK: usize = 4;
/// The shortest sealed message.
const SHORTEST: u64 = sealed_len(0);

/// A record, taken apart and not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The version of the log key that it is sealed under.
    pub key_version: u32,
    /// The sealed entry.
    pub sealed: &'a [u8],
}

/// Returns the length of the record that begins with these bytes; `None` if no record does.
#[must_use]
pub fn length_in_front(bytes: &[u8]) -> Option<usize> {
    let sealed = u32::from_be_bytes(*bytes.first_chunk()?);
    record_length(sealed.into())
}

/// Returns the length of the record that ends with these bytes; `None` if no record does.
#[must_use]
pub fn length_behind(bytes: &[u8]) -> Option<usize> {
    let blocks = u32::from_be_bytes(*bytes.last_chunk()?) as usize;
    (1..=RECORD_LIMIT / BLOCK).contains(&blocks).then_some(blocks * BLOCK)
}

/// Returns the length of a record by that of its sealed entry.
fn record_length(sealed: u64) -> Option<usize> {
    if sealed < SHORTEST || sealed > (RECORD_LIMIT - FRONT - BACK) as u64 {
        return None;
    }
    Some((sealed as usize + FRONT + BACK).next_multiple_of(BLOCK))
}

/// Takes a record apart.
///
/// # Errors
/// [`FormatError::Malformed`].
pub fn frame(record: &[u8]) -> Result<Frame<'_>, FormatError> {
    let malformed = |what| FormatError::malformed(format!("a record {what}"));
    if length_in_front(record) != Some(record.len()) {
        return Err(malformed("does not have the length that it states"));
    }
    if length_behind(record) != Some(record.len()) {
        return Err(malformed("does not have the number of blocks that it states"));
    }
    let (length, rest) = record.split_first_chunk().ok_or_else(|| malformed("has no length"))?;
    let (version, rest) = rest.split_first_chunk().ok_or_else(|| malformed("has no key version"))?;
    let (sealed, rest) = rest
        .split_at_checked(u32::from_be_bytes(*length) as usize)
        .ok_or_else(|| malformed("is shorter than its entry"))?;
    if rest.len() < BACK || rest[..rest.len() - BACK].iter().any(|byte| *byte != 0) {
        return Err(malformed("is not filled with zeros"));
    }
    Ok(Frame { key_version: u32::from_be_bytes(*version), sealed })
}

/// Writes an entry as it is sealed: as JSON, with as many spaces as fill its record.
///
/// # Errors
/// [`FormatError::Malformed`] for an entry that is too long for a record.
pub fn padded(entry: &Entry) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    let failed = |error: serde_json::Error| FormatError::malformed(error.to_string());
    let mut json = Zeroizing::new(serde_json::to_vec(entry).map_err(failed)?);
    let too_long = || FormatError::malformed("the entry is longer than a record may be");
    let record = record_length(sealed_len(json.len() as u64)).ok_or_else(too_long)?;
    let room = (record - FRONT - BACK) as u64;
    // At most a block more than it has: each byte adds one to the sealed length, or at a chunk's border 17.
    let length = json.len();
    let fits = (length..length + BLOCK).rev().find(|length| sealed_len(*length as u64) <= room);
    json.resize(fits.unwrap_or(length), b' ');
    Ok(json)
}

/// Puts a sealed entry into its record.
///
/// # Errors
/// [`FormatError::Malformed`] if it is too long for one.
pub fn to_record(key_version: u32, sealed: &[u8]) -> Result<Vec<u8>, FormatError> {
    let length = record_length(sealed.len() as u64)
        .ok_or_else(|| FormatError::malformed("the sealed entry has no length that a record may have"))?;
    let mut record = Vec::with_capacity(length);
    record.extend_from_slice(&(sealed.len() as u32).to_be_bytes());
    record.extend_from_slice(&key_version.to_be_bytes());
    record.extend_from_slice(sealed);
    record.resize(length - BACK, 0);
    record.extend_from_slice(&((length / BLOCK) as u32).to_be_bytes());
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Timestamp;
    use crate::format::log::Phase;

    fn entry(reason: usize) -> Entry {
        let mut entry = Entry::new(Phase::Note, 1, Timestamp::from_unix(0));
        entry.reason = "x".repeat(reason);
        entry
    }

    #[test]
    fn a_record_is_filled_by_its_entry_and_is_taken_apart_again() {
        for length in (0..1500).chain(16_000..17_500).chain([40_000, 1 << 20]) {
            let json = padded(&entry(length)).unwrap();
            let sealed = vec![1; sealed_len(json.len() as u64) as usize];
            let record = to_record(7, &sealed).unwrap();
            assert_eq!((record.len() % BLOCK, length_in_front(&record)), (0, Some(record.len())));
            assert_eq!(length_behind(&record), Some(record.len()));
            assert_eq!(frame(&record).unwrap(), Frame { key_version: 7, sealed: &sealed });
            assert!(record.len() - FRONT - BACK - sealed.len() <= 17, "{length}");
            assert_eq!(Entry::parse(&json).unwrap(), entry(length));
        }
        assert!(padded(&entry(RECORD_LIMIT)).is_err());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let record = to_record(1, &[1; 300]).unwrap();
        for (at, byte) in [(0, 1), (2, 0), (3, 0), (308, 1), (507, 1), (508, 1), (511, 0), (511, 2)] {
            let mut altered = record.clone();
            altered[at] = byte;
            assert!(frame(&altered).is_err(), "{at}");
        }
        for length in [0, 3, 4, 8, 511] {
            assert!(frame(&record[..length]).is_err());
        }
        assert!(frame(&[record.clone(), vec![0; 512]].concat()).is_err());
        for sealed in [0, 71, RECORD_LIMIT - 11, u32::MAX as usize] {
            assert_eq!(length_in_front(&(sealed as u32).to_be_bytes()), None, "{sealed}");
        }
        assert_eq!(length_in_front(&((RECORD_LIMIT - 12) as u32).to_be_bytes()), Some(RECORD_LIMIT));
        for blocks in [0, (RECORD_LIMIT / BLOCK) as u32 + 1, u32::MAX] {
            assert_eq!(length_behind(&blocks.to_be_bytes()), None);
        }
        assert!(to_record(1, &[0; 71]).is_err() && to_record(1, &vec![0; RECORD_LIMIT]).is_err());
    }
}
