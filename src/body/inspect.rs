//! What a sealed file tells to whoever has no key.

use super::header::{self, read_blocks};
use super::positioned::{ReadAt, read_full_at};
use crate::crypto::cobblestone::{PREFIX_LEN, opened_len};
use crate::error::BodyError;
use crate::format::FileId;
use crate::format::sealed::{MAGIC, stanza};

/// What stands in clear in a sealed file. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The file's id.
    pub file: FileId,
    /// Length of a header block, in bytes.
    pub block_len: usize,
    /// How often it was rewrapped.
    pub sequence: u32,
    /// Both header blocks parse and are the same.
    pub blocks_agree: bool,
    /// The stanzas: type and length in bytes.
    pub stanzas: Vec<(u8, usize)>,
    /// Length of the whole file, in bytes.
    pub size: u64,
    /// Length of the plaintext, in bytes, as the size says it; `None` where no sealed file has this size.
    pub plaintext_len: Option<u64>,
}

impl Inspection {
    /// Returns whether the file is a delivery: sealed for recipients, and for no project.
    #[must_use]
    pub fn is_delivery(&self) -> bool {
        self.stanzas.iter().all(|(kind, _)| *kind != stanza::PROJECT)
    }

    /// Returns how many recipients can open the file.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.stanzas.iter().filter(|(kind, _)| *kind == stanza::RECIPIENT).count()
    }
}

/// Tells whether a file begins as a sealed file does. No more of it is looked at.
///
/// # Errors
/// Those of reading it.
pub fn begins_sealed(source: &dyn ReadAt) -> std::io::Result<bool> {
    let mut start = [0; MAGIC.len()];
    Ok(read_full_at(source, &mut start, 0)? == start.len() && start == MAGIC)
}

/// Looks at a sealed file without a key.
///
/// # Errors
/// [`BodyError::NotSealed`], [`BodyError::Damaged`], [`BodyError::Truncated`], [`BodyError::UnsupportedVersion`],
/// [`BodyError::Read`].
pub fn inspect(source: &dyn ReadAt) -> Result<Inspection, BodyError> {
    let blocks = read_blocks(source)?;
    let Some(speaking) = blocks.iter().max_by_key(|read| read.block.sequence) else {
        return Err(header::why_no_block(source));
    };
    let block = &speaking.block;
    let size = source.size().map_err(BodyError::Read)?;
    let header_len = 2 * block.prelude.block_len as u64;
    Ok(Inspection {
        file: block.prelude.file,
        block_len: block.prelude.block_len,
        sequence: block.sequence,
        blocks_agree: blocks.len() == 2 && blocks[0].bytes == blocks[1].bytes,
        stanzas: block.stanzas.iter().map(|stanza| (stanza.kind, stanza.body.len())).collect(),
        size,
        plaintext_len: size.checked_sub(header_len).filter(|body| *body >= PREFIX_LEN as u64).and_then(opened_len),
    })
}
