//! The header block of a sealed file, of which every file has two.

use super::{FileId, FormatError};

/// The first eight bytes of every block: not text, and broken by every transfer that touches line ends.
pub const MAGIC: [u8; 8] = [0x89, b'S', b'R', b'M', 0x0d, 0x0a, 0x1a, 0x0a];
/// Length of the prelude, the part of a block that never changes.
pub const PRELUDE_LEN: usize = 32;
/// Block lengths are a multiple of this.
pub const BLOCK_STEP: usize = 4096;
/// The longest block.
pub const BLOCK_LIMIT: usize = 61440;
/// Length of the sealed content key: the body of a project stanza.
pub const PROJECT_STANZA_LEN: usize = 104;
/// The most stanzas a block may have.
pub const STANZA_LIMIT: usize = 64;
/// Metadata is padded to a multiple of this many bytes.
pub const METADATA_BLOCK: usize = 256;

const VERSION: u8 = 1;
const SUITE_COBBLESTONE_256: u8 = 1;
const STANZAS_AT: usize = 40;
const MAC_LEN: usize = 32;

/// A stanza's type.
pub mod stanza {
    /// The content key under a project's file key.
    pub const PROJECT: u8 = 1;
    /// The sealed metadata.
    pub const METADATA: u8 = 2;
    /// The content key in an age file, for one recipient.
    pub const RECIPIENT: u8 = 3;
    /// From here up, a reader skips what it does not know.
    pub const SKIPPABLE: u8 = 0x80;
}

/// Bytes 0 to 31 of a sealed file: bound into everything sealed in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prelude {
    /// Length of a block, in bytes.
    pub block_len: usize,
    /// The file's id.
    pub file: FileId,
}

/// One stanza of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// Its type: see [`stanza`].
    pub kind: u8,
    /// Its body.
    pub body: Vec<u8>,
}

/// A header block without its MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What never changes.
    pub prelude: Prelude,
    /// Counts rewraps.
    pub sequence: u32,
    /// 2 to 64 stanzas: the project's first, or in a delivery none of a project.
    pub stanzas: Vec<Stanza>,
}

impl Prelude {
    /// Writes the 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PRELUDE_LEN] {
        let mut bytes = [0; PRELUDE_LEN];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = VERSION;
        bytes[9] = SUITE_COBBLESTONE_256;
        // At most BLOCK_LIMIT, which fits.
        bytes[10..12].copy_from_slice(&(self.block_len as u16).to_be_bytes());
        bytes[16..].copy_from_slice(self.file.as_bytes());
        bytes
    }

    /// Reads the prelude of a block.
    ///
    /// # Errors
    /// [`FormatError::Version`] for a newer version; [`FormatError::Feature`] for an unknown suite or flag;
    /// [`FormatError::Malformed`] for bytes that are none.
    pub fn parse(bytes: &[u8; PRELUDE_LEN]) -> Result<Self, FormatError> {
        if bytes[..8] != MAGIC {
            return Err(FormatError::malformed("it does not begin as a sealed file does"));
        }
        if bytes[8] > VERSION {
            return Err(FormatError::Version { found: bytes[8].into(), known: VERSION.into() });
        }
        if bytes[8] == 0 {
            return Err(FormatError::malformed("its format version is 0"));
        }
        if bytes[9] != SUITE_COBBLESTONE_256 {
            return Err(FormatError::Feature("another cipher suite"));
        }
        let block_len = usize::from(u16::from_be_bytes([bytes[10], bytes[11]]));
        if !is_block_len(block_len) {
            return Err(FormatError::malformed("its block length is not possible"));
        }
        if bytes[12..14] != [0; 2] {
            return Err(FormatError::Feature("a flag"));
        }
        if bytes[14..16] != [0; 2] {
            return Err(FormatError::malformed("its prelude has a byte set that must be zero"));
        }
        let mut file = [0; 16];
        file.copy_from_slice(&bytes[16..]);
        Ok(Self { block_len, file: FileId::from_bytes(file) })
    }
}

/// Tells whether a block may have this length.
#[must_use]
pub fn is_block_len(length: usize) -> bool {
    (BLOCK_STEP..=BLOCK_LIMIT).contains(&length) && length.is_multiple_of(BLOCK_STEP)
}

impl Block {
    /// Returns the shortest block length that holds these stanzas; `None` where none does.
    #[must_use]
    pub fn fitting_len(stanzas: &[Stanza]) -> Option<usize> {
        let length = STANZAS_AT + stanzas.iter().map(|stanza| 4 + stanza.body.len()).sum::<usize>() + MAC_LEN;
        Some(length.next_multiple_of(BLOCK_STEP)).filter(|length| *length <= BLOCK_LIMIT)
    }

    /// Writes the block; `mac` gives the MAC of the bytes it is handed.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] where the stanzas do not fit or break the format's rules.
    pub fn to_bytes(&self, mac: impl FnOnce(&[u8]) -> [u8; MAC_LEN]) -> Result<Vec<u8>, FormatError> {
        check_stanzas(&self.stanzas)?;
        let block_len = self.prelude.block_len;
        if Self::fitting_len(&self.stanzas).is_none_or(|length| length > block_len) || !is_block_len(block_len) {
            return Err(FormatError::malformed("the header does not fit its block"));
        }
        let mut bytes = Vec::with_capacity(block_len);
        bytes.extend_from_slice(&self.prelude.to_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&[self.stanzas.len() as u8, 0, 0, 0]);
        for stanza in &self.stanzas {
            bytes.extend_from_slice(&[stanza.kind, 0]);
            bytes.extend_from_slice(&(stanza.body.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&stanza.body);
        }
        bytes.resize(block_len - MAC_LEN, 0);
        let mac = mac(&bytes);
        bytes.extend_from_slice(&mac);
        Ok(bytes)
    }

    /// Reads a block of exactly its own length.
    ///
    /// # Errors
    /// [`FormatError`]. Whether the MAC holds is the caller's to ask: see [`Block::mac_of`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let short = || FormatError::malformed("the header block is cut short");
        let prelude = Prelude::parse(bytes.first_chunk().ok_or_else(short)?)?;
        if bytes.len() != prelude.block_len {
            return Err(short());
        }
        let (sequence, count) = (&bytes[32..36], usize::from(bytes[36]));
        if bytes[37..40] != [0; 3] {
            return Err(FormatError::malformed("the header block has a byte set that must be zero"));
        }
        check_count(count)?;
        let mut rest = &bytes[STANZAS_AT..bytes.len() - MAC_LEN];
        let mut stanzas = Vec::with_capacity(count);
        for _ in 0..count {
            let ([kind, zero, high, low], body) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if *zero != 0 {
                return Err(FormatError::malformed("the header block has a byte set that must be zero"));
            }
            let (body, after) = body.split_at_checked(length).ok_or_else(short)?;
            stanzas.push(Stanza { kind: *kind, body: body.to_vec() });
            rest = after;
        }
        if rest.iter().any(|byte| *byte != 0) {
            return Err(FormatError::malformed("the header block has bytes after its last stanza"));
        }
        check_stanzas(&stanzas)?;
        let mut number = [0; 4];
        number.copy_from_slice(sequence);
        Ok(Self { prelude, sequence: u32::from_be_bytes(number), stanzas })
    }

    /// Splits a block that was parsed into what its MAC is over and the MAC.
    #[must_use]
    pub fn mac_of(bytes: &[u8]) -> (&[u8], &[u8]) {
        bytes.split_at(bytes.len().saturating_sub(MAC_LEN))
    }

    /// Returns the content key under the project's file key; `None` in a delivery.
    #[must_use]
    pub fn project(&self) -> Option<&[u8]> {
        // `check_stanzas` has seen to it that there is no other.
        let first = self.stanzas.first().filter(|stanza| stanza.kind == stanza::PROJECT);
        first.map(|stanza| &stanza.body[..])
    }

    /// Returns whether it is the header of a delivery: sealed for recipients, and for no project.
    #[must_use]
    pub fn is_delivery(&self) -> bool {
        self.project().is_none()
    }

    /// Returns how many recipients it has.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.stanzas.iter().filter(|stanza| stanza.kind == stanza::RECIPIENT).count()
    }

    /// Returns the sealed metadata.
    #[must_use]
    pub fn metadata(&self) -> &[u8] {
        self.stanzas.iter().find(|stanza| stanza.kind == stanza::METADATA).map_or(&[], |stanza| &stanza.body)
    }
}

fn check_count(count: usize) -> Result<(), FormatError> {
    if (2..=STANZA_LIMIT).contains(&count) {
        Ok(())
    } else {
        Err(FormatError::malformed("the header does not hold 2 to 64 stanzas"))
    }
}

fn check_stanzas(stanzas: &[Stanza]) -> Result<(), FormatError> {
    let count = |kind| stanzas.iter().filter(|stanza| stanza.kind == kind).count();
    check_count(stanzas.len())?;
    if count(0) > 0 {
        return Err(FormatError::malformed("the header has a stanza of type 0"));
    }
    // Before the rules below: a later version may have other stanzas in the place of those that they ask for.
    let known = [stanza::PROJECT, stanza::METADATA, stanza::RECIPIENT];
    if stanzas.iter().any(|stanza| stanza.kind < stanza::SKIPPABLE && !known.contains(&stanza.kind)) {
        return Err(FormatError::Feature("another kind of stanza"));
    }
    let is_project_first = stanzas[0].kind == stanza::PROJECT && stanzas[0].body.len() == PROJECT_STANZA_LEN;
    let has_opener = match count(stanza::PROJECT) {
        0 => count(stanza::RECIPIENT) > 0,
        1 => is_project_first,
        _ => false,
    };
    if !has_opener {
        return Err(FormatError::malformed(
            "the header has neither one project stanza, as the first, nor recipient stanzas alone",
        ));
    }
    if count(stanza::METADATA) != 1 {
        return Err(FormatError::malformed("the header does not have exactly one metadata stanza"));
    }
    // Nothing else of it is looked at: whether it is an age file is for those to find out who hold an identity.
    if stanzas.iter().any(|stanza| stanza.kind == stanza::RECIPIENT && stanza.body.is_empty()) {
        return Err(FormatError::malformed("the header has an empty recipient stanza"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(stanzas: &[(u8, usize)]) -> Block {
        Block {
            prelude: Prelude { block_len: 4096, file: FileId::from_bytes([7; 16]) },
            sequence: 5,
            stanzas: stanzas.iter().map(|(kind, length)| Stanza { kind: *kind, body: vec![9; *length] }).collect(),
        }
    }

    fn bytes(stanzas: &[(u8, usize)]) -> Result<Vec<u8>, FormatError> {
        block(stanzas).to_bytes(|_| [1; 32])
    }

    #[test]
    fn a_block_reads_back_and_writes_the_same_bytes() {
        for stanzas in [
            &[(1, 104), (2, 328)][..],
            &[(1, 104), (3, 1000), (2, 328), (0x80, 0), (0xff, 17)],
            &[(3, 1), (2, 328)],
            &[(0x80, 0), (2, 328), (3, 232), (3, 1691)],
        ] {
            let written = bytes(stanzas).unwrap();
            assert_eq!(written.len(), 4096);
            let read = Block::parse(&written).unwrap();
            assert_eq!(read, block(stanzas));
            assert_eq!(read.to_bytes(|_| [1; 32]).unwrap(), written);
        }
    }

    #[test]
    fn the_offsets_are_those_of_the_table() {
        let written = bytes(&[(1, 104), (2, 328)]).unwrap();
        assert_eq!(written[..16], [0x89, b'S', b'R', b'M', 13, 10, 26, 10, 1, 1, 0x10, 0, 0, 0, 0, 0]);
        assert_eq!(written[16..32], [7; 16]);
        assert_eq!(written[32..40], [0, 0, 0, 5, 2, 0, 0, 0]);
        assert_eq!(written[40..44], [1, 0, 0, 104]);
        assert_eq!(written[148..152], [2, 0, 1, 72]);
        assert_eq!(written[4064..], [1; 32]);
    }

    #[test]
    fn stanzas_that_break_the_rules_are_refused_both_ways() {
        for bad in [
            &[(1, 104)][..],
            &[(2, 328), (1, 104)],
            &[(1, 103), (2, 328)],
            &[(1, 104), (2, 328), (2, 328)],
            &[(1, 104), (1, 104), (2, 328)],
            &[(3, 232), (1, 104), (2, 328)],
            &[(1, 104), (2, 328), (1, 104)],
            &[(1, 104), (2, 328), (3, 0)],
            &[(1, 104), (3, 232)],
            &[(3, 232), (3, 232)],
            &[(3, 0), (2, 328)],
            &[(3, 232), (2, 328), (2, 328)],
            &[(2, 328), (0x80, 232)],
            &[(2, 328), (2, 328)],
            &[(3, 232)],
            &[(0, 0), (3, 232), (2, 328)],
            &[(1, 104), (2, 328), (4, 1)],
            &[(1, 104), (2, 328), (0x7f, 1)],
            &[(1, 104), (2, 4096)],
        ] {
            assert!(bytes(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_block_has_2_to_64_stanzas() {
        let stanzas = |more: usize| [&[(1, 104), (2, 8)][..], &vec![(0x80, 0); more]].concat();
        for count in [2, 3, 17, 63, 64] {
            let written = bytes(&stanzas(count - 2)).unwrap();
            assert_eq!(Block::parse(&written).unwrap().stanzas.len(), count);
        }
        // Above it the count alone decides, whatever follows, as it does for stanzas of an unknown type.
        let unknown = |count: usize| [&stanzas(count - 3)[..], &[(4, 0)]].concat();
        assert!(matches!(bytes(&unknown(64)), Err(FormatError::Feature(_))));
        for bad in [stanzas(63), unknown(65), stanzas(253)] {
            assert!(matches!(bytes(&bad), Err(FormatError::Malformed(_))));
        }
        let mut written = bytes(&stanzas(62)).unwrap();
        for count in [0, 1, 65, 255] {
            written[36] = count;
            assert!(matches!(Block::parse(&written), Err(FormatError::Malformed(_))), "{count}");
        }
    }

    #[test]
    fn every_byte_that_must_be_zero_is_checked_and_no_length_panics() {
        let good = bytes(&[(1, 104), (2, 328)]).unwrap();
        for at in (0..16).chain(36..42).chain(480..4064) {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            assert!(Block::parse(&bad).is_err(), "byte {at}");
        }
        for length in 0..good.len() {
            assert!(Block::parse(&good[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn block_lengths_are_multiples_of_4096_up_to_61440() {
        for (length, good) in [(0, false), (4096, true), (4097, false), (61440, true), (65536, false)] {
            assert_eq!(is_block_len(length), good);
        }
    }

    #[test]
    fn a_block_is_as_long_as_its_stanzas_need_and_no_longer() {
        let fitting = |length| Block::fitting_len(&block(&[(1, 104), (2, length)]).stanzas);
        // What stands beside the second stanza's body: 40 bytes before the stanzas, 108 and 4 of them, and the MAC.
        let beside = 40 + 108 + 4 + 32;
        assert_eq!(fitting(0), Some(4096));
        assert_eq!(fitting(4096 - beside), Some(4096));
        assert_eq!(fitting(4096 - beside + 1), Some(8192));
        assert_eq!(fitting(61440 - beside), Some(61440));
        assert_eq!(fitting(61440 - beside + 1), None);
        assert_eq!(bytes(&[(1, 104), (2, 4096 - beside)]).unwrap().len(), 4096);
        assert!(bytes(&[(1, 104), (2, 4096 - beside + 1)]).is_err());
    }

    #[test]
    fn no_block_of_a_length_that_no_reader_takes_is_written() {
        let mut block = block(&[(1, 104), (2, 328)]);
        for length in [4097, 5000, 65536] {
            block.prelude.block_len = length;
            assert!(block.to_bytes(|_| [1; 32]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_block_of_a_newer_program_is_called_that() {
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes(&[(1, 104), (2, 328)]).unwrap();
            bytes[at] = to;
            Block::parse(&bytes)
        };
        assert_eq!(changed(8, 2).unwrap_err(), FormatError::Version { found: 2, known: 1 });
        assert!(matches!(changed(8, 0), Err(FormatError::Malformed(_))));
        assert!(matches!(changed(9, 2), Err(FormatError::Feature(_))));
        assert!(matches!(changed(13, 1), Err(FormatError::Feature(_))));
        let stanzas = |kind| bytes(&[(1, 104), (2, 328), (kind, 1)]);
        assert!(matches!(stanzas(0), Err(FormatError::Malformed(_))));
        assert!(matches!(stanzas(4), Err(FormatError::Feature(_))));
        assert!(matches!(stanzas(0x7f), Err(FormatError::Feature(_))));
        // Also in the place of a stanza that this version asks for.
        for later in [&[(4, 104), (2, 328)][..], &[(1, 104), (4, 328)], &[(3, 232), (4, 328)], &[(4, 0), (4, 0)]] {
            assert!(matches!(bytes(later), Err(FormatError::Feature(_))), "{later:?}");
        }
    }

    #[test]
    fn a_block_gives_out_its_parts() {
        let written = bytes(&[(1, 104), (3, 10), (2, 328)]).unwrap();
        let block = Block::parse(&written).unwrap();
        assert_eq!((block.project(), block.metadata()), (Some(&[9; 104][..]), &[9; 328][..]));
        assert_eq!((block.is_delivery(), block.recipients()), (false, 1));
        assert_eq!(Block::mac_of(&written), (&written[..4064], &[1; 32][..]));
        let delivery = Block::parse(&bytes(&[(3, 104), (2, 328), (3, 10)]).unwrap()).unwrap();
        assert_eq!((delivery.project(), delivery.metadata()), (None, &[9; 328][..]));
        assert_eq!((delivery.is_delivery(), delivery.recipients()), (true, 2));
    }
}
