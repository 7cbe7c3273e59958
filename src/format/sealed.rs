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
    /// An age file that holds the content key, for one recipient.
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
    /// 2 to 16 stanzas, the project's first.
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
        let mut rest = &bytes[STANZAS_AT..bytes.len() - MAC_LEN];
        let mut stanzas = Vec::with_capacity(count.min(16));
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

    /// Returns the sealed content key.
    #[must_use]
    pub fn project(&self) -> &[u8] {
        // `check_stanzas` has seen to it that it is there and first.
        self.stanzas.first().map_or(&[], |stanza| &stanza.body)
    }

    /// Returns the sealed metadata.
    #[must_use]
    pub fn metadata(&self) -> &[u8] {
        self.stanzas.iter().find(|stanza| stanza.kind == stanza::METADATA).map_or(&[], |stanza| &stanza.body)
    }
}

fn check_stanzas(stanzas: &[Stanza]) -> Result<(), FormatError> {
    let count = |kind| stanzas.iter().filter(|stanza| stanza.kind == kind).count();
    if !(2..=16).contains(&stanzas.len()) {
        return Err(FormatError::malformed("the header does not hold 2 to 16 stanzas"));
    }
    let project_first = stanzas[0].kind == stanza::PROJECT && stanzas[0].body.len() == PROJECT_STANZA_LEN;
    if !project_first || count(stanza::PROJECT) != 1 || count(stanza::METADATA) != 1 {
        return Err(FormatError::malformed("the header's stanzas are not one project's, first, and one of metadata"));
    }
    if stanzas.iter().any(|stanza| stanza.kind == 0) {
        return Err(FormatError::malformed("the header has a stanza of type 0"));
    }
    let known = [stanza::PROJECT, stanza::METADATA, stanza::RECIPIENT];
    if stanzas.iter().any(|stanza| stanza.kind < stanza::SKIPPABLE && !known.contains(&stanza.kind)) {
        return Err(FormatError::Feature("another kind of stanza"));
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
        for stanzas in [&[(1, 104), (2, 328)][..], &[(1, 104), (3, 1000), (2, 328), (0x80, 0), (0xff, 17)]] {
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
            &[(1, 104), (2, 328), (4, 1)],
            &[(1, 104), (2, 328), (0x7f, 1)],
            &[(1, 104), (2, 4096)],
        ] {
            assert!(bytes(bad).is_err(), "{bad:?}");
        }
        assert!(bytes(&[(1, 104), (2, 8)].iter().copied().chain([(0x80, 0); 15]).collect::<Vec<_>>()).is_err());
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
    }

    #[test]
    fn a_block_gives_out_its_parts() {
        let written = bytes(&[(1, 104), (3, 10), (2, 328)]).unwrap();
        let block = Block::parse(&written).unwrap();
        assert_eq!((block.project(), block.metadata()), (&[9; 104][..], &[9; 328][..]));
        assert_eq!(Block::mac_of(&written), (&written[..4064], &[1; 32][..]));
    }
}
