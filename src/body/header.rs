//! Making and opening the two header blocks.

use std::io;

use super::positioned::{ReadAt, read_full_at};
use crate::crypto::cobblestone::{self, PREFIX_LEN, opened_len, sealed_len};
use crate::crypto::hmac::MacKey;
use crate::crypto::secret::ContentKey;
use crate::error::BodyError;
use crate::error::Error;
use crate::format::json::{open_object, parse, to_padded};
use crate::format::scalar::Base64;
use crate::format::sealed::{
    BLOCK_LIMIT, BLOCK_STEP, Block, METADATA_BLOCK, PROJECT_STANZA_LEN, Prelude, Stanza, stanza,
};
use crate::format::{FormatError, Timestamp, label};
use crate::keys::{Drawn, FileKeys, OpenedBy, SealingKey, WrappedKey};

open_object! {
    /// What is sealed into a file besides its body. Never a size or a digest: a stream's are not known yet.
    #[derive(Default)]
    pub struct Metadata {
        /// The file's name where it was encrypted. Not to be trusted as a path.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub name: Option<String> = default,
        /// When it was last modified.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub modified: Option<Timestamp> = default,
        /// The nanoseconds that `modified` leaves out, 0 to 999,999,999.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub modified_ns: Option<u32> = default,
        /// Where it was in what was encrypted, its components joined by `/`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub path: Option<String> = default,
        /// The bytes of a `path` that is no text.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub path_bytes: Option<Base64> = default,
        /// The sealed file's own name says nothing: its path is where it belongs. A file that has a path and not this
        /// member was sealed with a hidden name.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub hidden: Option<bool> = default,
        /// Its Unix permission bits.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub mode: Option<u32> = default,
        /// When it began to be sealed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub sealed: Option<Timestamp> = default,
        /// Its media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub media: Option<String> = default,
        /// It was imported from a file that another program encrypted without a tag, so that nobody knows whether it was
        /// altered before.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub unauthenticated_source: Option<bool> = default,
    }
}

/// An opened header.
pub struct Header {
    /// The part that never changes.
    pub prelude: Prelude,
    /// The metadata.
    pub metadata: Metadata,
    /// Which file key opened it.
    pub opened_by: OpenedBy,
    /// How often it was rewrapped. At 0 the content key was made under the file key that wraps it now, so that
    /// whoever had an earlier one alone has never had it.
    pub sequence: u32,
    /// How many recipients have the content key besides the project.
    pub recipients: usize,
    /// One of the two blocks is damaged or older; the file opened by the other.
    pub one_block_only: bool,
    pub(super) content_key: ContentKey,
}

impl Header {
    /// Opens the header of a sealed file and looks at nothing else of it.
    ///
    /// # Errors
    /// [`BodyError::NotSealed`], [`BodyError::WrongKey`], [`BodyError::Damaged`], [`BodyError::Truncated`],
    /// [`BodyError::UnsupportedVersion`], [`BodyError::Read`]; those of [`FileKeys::unwrap_content_key`].
    pub fn open(source: &dyn ReadAt, keys: &dyn FileKeys) -> Result<Self, BodyError> {
        open(source, keys)
    }

    /// Returns the length of the two blocks together, in bytes: where the body begins.
    #[must_use]
    pub fn len(&self) -> u64 {
        2 * self.prelude.block_len as u64
    }

    /// Returns the length of the plaintext, in bytes, as the length of the whole file says it; `None` if no sealed file
    /// is that long. Only [`Opener::of_header`](super::Opener::of_header) proves it.
    #[must_use]
    pub fn plaintext_len(&self, file_len: u64) -> Option<u64> {
        file_len.checked_sub(self.len()).filter(|body| *body >= PREFIX_LEN as u64).and_then(opened_len)
    }

    /// Tells that a header is never empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// Makes both blocks of a new sealed file with a fresh content key, each of `least_len` bytes or more if it needs more.
pub(super) fn seal(
    key: SealingKey<'_>,
    metadata: &Metadata,
    least_len: usize,
) -> Result<(Prelude, ContentKey, Vec<u8>), BodyError> {
    let json = to_padded(metadata, METADATA_BLOCK).map_err(BodyError::Header)?;
    // The context of the stanzas holds the block length, so it is settled from their lengths first.
    let lengths = [(stanza::PROJECT, PROJECT_STANZA_LEN), (stanza::METADATA, sealed_len(json.len() as u64) as usize)];
    let empty = lengths.map(|(kind, length)| Stanza { kind, body: vec![0; length] });
    let too_long = || BodyError::Header(FormatError::malformed("the metadata is too long"));
    let fitting = Block::fitting_len(&empty).ok_or_else(too_long)?;
    let Drawn { prelude, content_key, stanza: project } = key.draw(fitting.max(least_len))?;
    let bytes = prelude.to_bytes();
    let metadata = cobblestone::seal(content_key.expose(), &[label::METADATA, &bytes], &json)?;
    let block = Block {
        prelude,
        sequence: 0,
        stanzas: vec![
            Stanza { kind: stanza::PROJECT, body: project },
            Stanza { kind: stanza::METADATA, body: metadata },
        ],
    };
    let mac_key = MacKey::derive(content_key.expose(), label::HEADER_MAC);
    let mut blocks = block.to_bytes(|message| mac_key.tag(message)).map_err(BodyError::Header)?;
    blocks.extend_from_within(..);
    Ok((prelude, content_key, blocks))
}

/// A block as it was read.
pub(super) struct BlockRead {
    pub(super) bytes: Vec<u8>,
    pub(super) block: Block,
}

impl BlockRead {
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, FormatError> {
        let block = Block::parse(&bytes)?;
        Ok(Self { bytes, block })
    }

    /// Asks for the content key; `None` if none of the keys fits, or the block is a delivery's.
    pub(super) fn content_key(&self, keys: &dyn FileKeys) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        let Some(stanza) = self.block.project() else { return Ok(None) };
        keys.unwrap_content_key(WrappedKey { prelude: &self.block.prelude.to_bytes(), stanza })
    }

    pub(super) fn is_authentic(&self, content_key: &ContentKey) -> bool {
        let (message, mac) = Block::mac_of(&self.bytes);
        MacKey::derive(content_key.expose(), label::HEADER_MAC).verifies(message, mac)
    }
}

/// A header's speaking block: the one that is valid and has the higher sequence.
pub(super) struct Speaking {
    pub(super) index: usize,
    pub(super) content_key: ContentKey,
    pub(super) opened_by: OpenedBy,
}

/// Reads the header and opens it with the key that fits.
pub(super) fn open(source: &dyn ReadAt, keys: &dyn FileKeys) -> Result<Header, BodyError> {
    let mut blocks = read_blocks(source)?;
    let mut spoken = if blocks.is_empty() { Ok(None) } else { speaking(&blocks, keys) };
    if matches!(spoken, Ok(None) | Err(NoSpeaker::Unauthentic)) {
        let again = read_blocks(source)?;
        let same = again.len() == blocks.len() && again.iter().zip(&blocks).all(|(a, b)| a.bytes == b.bytes);
        // A rewrap that goes on meanwhile is a reason to ask once more.
        if !same {
            spoken = speaking(&again, keys);
            blocks = again;
        }
    }
    if blocks.is_empty() {
        return Err(why_no_block(source));
    }
    let Speaking { index, content_key, opened_by } = match spoken {
        Ok(Some(speaking)) => speaking,
        Ok(None) => return Err(wrong_key(&blocks)),
        Err(NoSpeaker::Unauthentic) => return Err(BodyError::damaged("its header failed its integrity check")),
        Err(NoSpeaker::Key(error)) => return Err(error.into()),
    };
    let differ = blocks.len() < 2 || blocks[0].bytes != blocks[1].bytes;
    let block = &blocks[index].block;
    let context = [label::METADATA, &block.prelude.to_bytes()[..]];
    let json = cobblestone::open(content_key.expose(), &context, block.metadata())
        .map_err(|_| BodyError::damaged("its metadata failed its integrity check"))?;
    let metadata = parse("the metadata", &json)?;
    Ok(Header {
        prelude: block.prelude,
        metadata,
        opened_by,
        sequence: block.sequence,
        recipients: block.recipients(),
        one_block_only: differ,
        content_key,
    })
}

/// Why no block speaks.
pub(super) enum NoSpeaker {
    /// One opens with a key and fails its MAC.
    Unauthentic,
    /// A file key that may be the one could not be had.
    Key(Error),
}

/// Says that no key opens these blocks.
pub(super) fn wrong_key(blocks: &[BlockRead]) -> BodyError {
    BodyError::WrongKey { is_delivery: blocks.iter().all(|read| read.block.is_delivery()) }
}

/// Finds the block that speaks; `None` where no key opens any.
pub(super) fn speaking(blocks: &[BlockRead], keys: &dyn FileKeys) -> Result<Option<Speaking>, NoSpeaker> {
    // The block with the higher sequence speaks, so it is tried first; of two files' blocks, the first.
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    if blocks.windows(2).all(|pair| pair[0].block.prelude == pair[1].block.prelude) {
        order.sort_by_key(|index| std::cmp::Reverse(blocks[*index].block.sequence));
    }
    if blocks.windows(2).all(|pair| pair[0].bytes == pair[1].bytes) {
        order.truncate(1);
    }
    let mut no_speaker = None;
    for index in order {
        match blocks[index].content_key(keys) {
            Ok(Some((content_key, opened_by))) if blocks[index].is_authentic(&content_key) => {
                return Ok(Some(Speaking { index, content_key, opened_by }));
            }
            Ok(Some(_)) => no_speaker = no_speaker.or(Some(NoSpeaker::Unauthentic)),
            Ok(None) => {}
            // The other block may be under another key.
            Err(error) => no_speaker = Some(NoSpeaker::Key(error)),
        }
    }
    no_speaker.map_or(Ok(None), Err)
}

/// Returns the blocks that parse: A, and B where A's length puts it.
///
/// Where there is no such B, A's own length may be what is damaged: then B is the block whose magic is right and
/// whose length equals its offset.
pub(super) fn read_blocks(source: &dyn ReadAt) -> Result<Vec<BlockRead>, BodyError> {
    // Nearly every block is of the shortest length: both come with one read.
    let mut start = vec![0; 2 * BLOCK_STEP];
    let read = read_full_at(source, &mut start, 0).map_err(BodyError::Read)?;
    start.truncate(read);
    let mut blocks = Vec::with_capacity(2);
    blocks.extend(block_at(source, &start, 0, None).map_err(BodyError::Read)?);
    let a_len = blocks.first().map(|a: &BlockRead| a.block.prelude.block_len);
    for at in a_len.into_iter().chain((BLOCK_STEP..=BLOCK_LIMIT).step_by(BLOCK_STEP)) {
        if let Some(b) = block_at(source, &start, at, Some(at)).map_err(BodyError::Read)? {
            blocks.push(b);
            break;
        }
    }
    Ok(blocks)
}

/// Returns the block at an offset, if one parses there and has the expected length. `start` was read already.
fn block_at(
    source: &dyn ReadAt,
    start: &[u8],
    at: usize,
    expected_len: Option<usize>,
) -> io::Result<Option<BlockRead>> {
    let mut bytes = match start.get(at..at + BLOCK_STEP) {
        Some(bytes) => bytes.to_vec(),
        None => {
            let mut bytes = vec![0; BLOCK_STEP];
            let read = read_full_at(source, &mut bytes, at as u64)?;
            bytes.truncate(read);
            bytes
        }
    };
    let Some(Ok(prelude)) = bytes.first_chunk().map(Prelude::parse) else { return Ok(None) };
    if expected_len.is_some_and(|expected| expected != prelude.block_len) {
        return Ok(None);
    }
    if prelude.block_len > BLOCK_STEP {
        bytes.resize(prelude.block_len, 0);
        let read = read_full_at(source, &mut bytes, at as u64)?;
        bytes.truncate(read);
    }
    Ok(if bytes.len() == prelude.block_len { BlockRead::parse(bytes).ok() } else { None })
}

/// Says why a file has no block that parses, as precisely as its first block allows.
pub(super) fn why_no_block(source: &dyn ReadAt) -> BodyError {
    let mut bytes = vec![0; BLOCK_STEP];
    let read = match read_full_at(source, &mut bytes, 0) {
        Ok(read) => read,
        Err(error) => return BodyError::Read(error),
    };
    let magic = &crate::format::sealed::MAGIC[..];
    let is_cut = read < bytes.len() && bytes[..read.min(8)] == magic[..read.min(8)];
    if is_cut {
        return BodyError::Truncated;
    }
    let is_sealed = |at: usize| -> io::Result<bool> {
        let mut start = [0; crate::format::sealed::MAGIC.len()];
        Ok(read_full_at(source, &mut start, at as u64)? == start.len() && start[..] == *magic)
    };
    // If A's beginning was overwritten, B's may be whole.
    let mut blocks = (0..=BLOCK_LIMIT).step_by(BLOCK_STEP);
    match blocks.try_fold(false, |found, at| Ok(found || is_sealed(at)?)) {
        Ok(true) => {}
        Ok(false) => return BodyError::NotSealed,
        Err(error) => return BodyError::Read(error),
    }
    let prelude = match bytes.first_chunk().map(Prelude::parse) {
        Some(Ok(prelude)) => prelude,
        Some(Err(error)) => return error.into(),
        None => return BodyError::Truncated,
    };
    bytes.resize(prelude.block_len, 0);
    match read_full_at(source, &mut bytes, 0) {
        Ok(read) if read < bytes.len() => BodyError::Truncated,
        Ok(_) => match Block::parse(&bytes) {
            Err(error) => error.into(),
            Ok(_) => BodyError::Changed,
        },
        Err(error) => BodyError::Read(error),
    }
}
