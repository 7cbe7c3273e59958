//! Lends memory to secrets, and keeps the whole process out of core dumps.
//!
//! [`Blocks`] are Argon2id's: zero at the start, wiped at the end, and on Linux in huge pages. That memory is touched
//! all over and at random. In pages of 4 KiB the faults and the misses of the address cache cost as much as the hash,
//! so on Linux it is a mapping of its own, advised to huge pages. Whether the kernel grants them changes the time only,
//! never the key.
//!
//! A [`Slot`] holds one key or password, in memory that is locked where the system grants it.
//!
//! The mappings are the only unsafe code of the library. Nothing here knows what the bytes mean.

mod locked;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod mapping;
#[cfg(feature = "cli")]
mod process;
mod stack;

#[cfg(feature = "cli")]
pub(crate) use locked::was_refused;
pub(crate) use locked::{Pool, Slot};
#[cfg(feature = "cli")]
pub(crate) use process::refuse_dumps;
#[cfg(feature = "cli")]
pub(crate) use stack::on_deeply_wiped_stack;
pub(crate) use stack::on_wiped_stack;

use argon2::Block;

/// The system did not lend the memory.
#[derive(Debug)]
pub(crate) struct OutOfMemory;

/// Memory blocks for Argon2id. They are zero at first, and wiped before the system gets them back.
pub(crate) struct Blocks(Source);

enum Source {
    #[cfg(target_os = "linux")]
    Mapping(mapping::Mapping),
    Heap(Vec<Block>),
}

impl Blocks {
    /// Borrows `count` blocks from the system.
    ///
    /// # Errors
    /// [`OutOfMemory`] where the system has no such memory, or the number of bytes is not a number it can count.
    pub(crate) fn new(count: usize) -> Result<Self, OutOfMemory> {
        #[cfg(target_os = "linux")]
        if let Some(mapping) = mapping::Mapping::new(count) {
            return Ok(Self(Source::Mapping(mapping)));
        }
        Self::on_the_heap(count)
    }

    /// Takes the blocks from the allocator: where there is no mapping to be had, and on systems other than Linux.
    fn on_the_heap(count: usize) -> Result<Self, OutOfMemory> {
        let mut blocks = Vec::new();
        // Checked, because an allocation that fails in `vec!` would end the process.
        blocks.try_reserve_exact(count).map_err(|_| OutOfMemory)?;
        blocks.resize(count, Block::new());
        Ok(Self(Source::Heap(blocks)))
    }

    /// Overwrites every block with zeros.
    fn wipe(&mut self) {
        let blocks = self.as_mut();
        // A plain fill takes the widest stores there are, and about half the time of a volatile write for each word.
        // The barrier claims to read what was filled, so that the compiler cannot drop the fill as a dead store.
        blocks.fill(Block::new());
        zeroize::optimization_barrier(blocks);
    }
}

impl AsMut<[Block]> for Blocks {
    fn as_mut(&mut self) -> &mut [Block] {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Source::Mapping(mapping) => mapping.blocks_mut(),
            Source::Heap(blocks) => blocks,
        }
    }
}

impl Drop for Blocks {
    // Runs before the drop of the field, which gives the memory back. Also after an error or a panic in between: the
    // last blocks give the key to whoever finds them.
    fn drop(&mut self) {
        self.wipe();
        #[cfg(test)]
        tests::look_at_dropped(self.as_mut());
    }
}

#[cfg(test)]
mod tests;
