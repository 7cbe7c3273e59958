//! Moving a sealed file to another file key by its two header blocks alone, so that it opens after a crash at any
//! point (docs/format.md, section 4.6).

use std::fs::{File, TryLockError};
use std::io::{self, IoSlice};
use std::thread;
use std::time::{Duration, Instant};

use super::header::{self, BlockRead, NoSpeaker, Speaking, read_blocks, speaking};
use super::positioned::{ReadAt, WriteAt, drain_buffers, read_full_at};
use crate::crypto::cobblestone::{ChunkCipher, PREFIX_LEN};
use crate::crypto::hmac::MacKey;
use crate::error::BodyError;
use crate::format::label;
use crate::format::sealed::{Block, Stanza, stanza};
use crate::keys::{FileKeys, SealingKey};

/// A sealed file that can be rewritten in place.
pub trait Device: ReadAt + WriteAt {
    /// Returns once everything written will survive a power cut.
    ///
    /// # Errors
    /// Those of the system.
    fn sync(&self) -> io::Result<()>;
}

impl Device for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// What became of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrapped {
    /// It was under this version, and is under the wanted one now.
    From(u32),
    /// It was under the wanted version already.
    Current,
    /// It was under the wanted version in one block only, and is in both now.
    Repaired,
}

/// Moves the sealed file to the file key `to`, with the file locked against others meanwhile.
///
/// `keys` are those it may be under now. A newer block that none of them opens is
/// [`BodyError::WrongKey`], as a delivery is. Recipients keep what they have. Neither the content key nor the body
/// changes, so whoever held the old file key can still have both.
///
/// # Errors
/// [`BodyError::Busy`] if another process holds the file's lock for longer than `wait`; [`BodyError::WrongKey`],
/// [`BodyError::Damaged`] and [`BodyError::Truncated`] before anything is written; [`BodyError::Exhausted`] after
/// 2^32 - 1 rewraps; [`BodyError::Read`] and [`BodyError::Rewrite`], after which the file still opens.
pub fn rewrap<'k>(
    file: &File,
    keys: &dyn FileKeys,
    to: impl Into<SealingKey<'k>>,
    wait: Duration,
) -> Result<Rewrapped, BodyError> {
    let locked = lock(file, wait).map_err(BodyError::Lock)?;
    if !locked {
        return Err(BodyError::Busy { waited: wait });
    }
    let result = rewrap_device(file, keys, to.into());
    // The lock ends with the file handle in any case.
    let _ = file.unlock();
    result
}

/// Takes a sealed file's exclusive lock, which every writer of one takes, waiting at most `wait`. Returns whether it
/// was to be had; it ends with the file handle.
///
/// # Errors
/// Those of the system.
pub fn lock(file: &File, wait: Duration) -> io::Result<bool> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if start.elapsed() < wait => thread::sleep(Duration::from_millis(15)),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn rewrap_device(device: &dyn Device, keys: &dyn FileKeys, to: SealingKey<'_>) -> Result<Rewrapped, BodyError> {
    let source: &dyn ReadAt = &Reading(device);
    let blocks = read_blocks(source)?;
    if blocks.is_empty() {
        return Err(header::why_no_block(source));
    }
    let Speaking { index, content_key, opened_by } = match speaking(&blocks, keys) {
        Ok(Some(speaking)) => speaking,
        Ok(None) => return Err(header::wrong_key(&blocks)),
        Err(NoSpeaker::Unauthentic) => return Err(BodyError::damaged("its header failed its integrity check")),
        Err(NoSpeaker::Key(error)) => return Err(error.into()),
    };
    let BlockRead { bytes: spoken, block } = &blocks[index];
    let prelude = block.prelude.to_bytes();
    let second = block.prelude.block_len as u64;
    // Before a block is written over the other: is this the header of this body, and not an authentic one put here?
    let mut prefix = [0; PREFIX_LEN];
    if read_full_at(source, &mut prefix, 2 * second).map_err(BodyError::Read)? < PREFIX_LEN {
        return Err(BodyError::Truncated);
    }
    ChunkCipher::derive_for(content_key.expose(), &prefix, &[&prelude])
        .map_err(|_| BodyError::damaged("its body does not belong to its header"))?;

    let is_newer = |other: &BlockRead| {
        other.block.prelude == block.prelude
            && other.block.sequence > block.sequence
            && other.is_authentic(&content_key)
    };
    // Moved on under a key that this vault does not hold yet: writing over it would take the file back.
    if blocks.iter().any(is_newer) {
        return Err(BodyError::WrongKey { is_delivery: false });
    }
    let mut uneven = Vec::with_capacity(1);
    for at in [0, second] {
        let mut standing = vec![0; spoken.len()];
        let read = read_full_at(source, &mut standing, at).map_err(BodyError::Read)?;
        if standing[..read] != spoken[..] {
            uneven.push(at);
        }
    }
    let is_there = to.is(&opened_by);
    if is_there && uneven.is_empty() {
        return Ok(Rewrapped::Current);
    }
    // What speaks may have been written by a process that was killed before it synced, and then a power cut while the
    // other block is written would take both.
    device.sync().map_err(BodyError::Rewrite)?;
    for at in uneven {
        write(device, spoken, at)?;
    }
    if is_there {
        return Ok(Rewrapped::Repaired);
    }

    let sequence = block.sequence.checked_add(1).ok_or(BodyError::Exhausted)?;
    let wrapped = to.wrap(&prelude, &content_key)?;
    // All but the project's stay as they are: a recipient whom this program does not know keeps what opens the file.
    let mut stanzas = block.stanzas.clone();
    if let Some(first) = stanzas.first_mut() {
        *first = Stanza { kind: stanza::PROJECT, body: wrapped };
    }
    let mac_key = MacKey::derive(content_key.expose(), label::HEADER_MAC);
    let moved = Block { prelude: block.prelude, sequence, stanzas }.to_bytes(|message| mac_key.tag(message))?;
    // B first: while it is torn, A still speaks under the old key; while A is torn, B does under the new one.
    write(device, &moved, second)?;
    write(device, &moved, 0)?;
    prove(source, &moved, second, to)?;
    Ok(Rewrapped::From(opened_by.version))
}

/// Writes a block and returns once it will survive a power cut.
fn write(device: &dyn Device, block: &[u8], at: u64) -> Result<(), BodyError> {
    let mut slices = [IoSlice::new(block)];
    drain_buffers(&mut slices, |slices, done| device.write_vectored_at(slices, at + done as u64))
        .and_then(|()| device.sync())
        .map_err(BodyError::Rewrite)
}

/// Reads both blocks back: both are what was written, and open with the new key.
fn prove(source: &dyn ReadAt, moved: &[u8], second: u64, to: SealingKey<'_>) -> Result<(), BodyError> {
    for at in [0, second] {
        let mut bytes = vec![0; moved.len()];
        let read = read_full_at(source, &mut bytes, at).map_err(BodyError::Read)?;
        bytes.truncate(read);
        let is_good = bytes == moved
            && match BlockRead::parse(bytes) {
                Ok(read) => read
                    .content_key(to.keys)?
                    .is_some_and(|(content_key, opened_by)| to.is(&opened_by) && read.is_authentic(&content_key)),
                Err(_) => false,
            };
        if !is_good {
            return Err(BodyError::damaged("its header did not read back as it was written"));
        }
    }
    Ok(())
}

/// A device as a source of bytes alone.
struct Reading<'a>(&'a dyn Device);

impl ReadAt for Reading<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }
}

#[cfg(test)]
mod tests;
