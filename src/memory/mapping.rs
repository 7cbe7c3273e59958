//! Anonymous memory from the kernel: huge pages for Argon2id, locked ones for secrets. The only unsafe code of the
//! library.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::slice;

use argon2::Block;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};

/// What a huge page is aligned to on x86-64, and on aarch64 with pages of 4 KiB. Elsewhere it is merely an alignment.
pub(super) const HUGE_PAGE: usize = 2 << 20;

/// A private mapping that holds `count` blocks from the first boundary of a huge page on.
///
/// It owns what `base` and `len` span: nothing else points there, and only its drop unmaps it. The raw pointers make
/// it neither `Send` nor `Sync`.
pub(super) struct Mapping {
    base: NonNull<c_void>,
    len: usize,
    blocks: NonNull<Block>,
    count: usize,
}

impl Mapping {
    /// Maps memory for `count` blocks, all zero. `None` where the kernel refuses, or the size is none it can count.
    pub(super) fn new(count: usize) -> Option<Self> {
        // One huge page more than is used, so that a boundary lies within wherever the kernel puts the mapping. What
        // is never touched takes no memory.
        let len = count.checked_mul(size_of::<Block>())?.checked_add(HUGE_PAGE)?;
        if len > isize::MAX.cast_unsigned() {
            return None; // no slice may be longer
        }
        let writable = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the address is null, so the kernel chooses a free range and no memory in use is replaced.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), len, writable, MapFlags::PRIVATE) }.ok()?;
        let base = NonNull::new(base)?;
        let to_boundary = base.as_ptr().align_offset(HUGE_PAGE);
        // SAFETY: the mapping starts on a page, so the boundary is less than HUGE_PAGE bytes away, and the mapping is
        // longer than that.
        let blocks = unsafe { base.byte_add(to_boundary) }.cast();
        let mapping = Self { base, len, blocks, count };
        // Advice is a wish, and the memory serves without it: a kernel built without huge pages refuses the first.
        // Filling the pages ahead (MADV_POPULATE_WRITE) was measured and is slower: the lanes' threads do it in
        // parallel, as they come to them.
        mapping.advise(Advice::LinuxHugepage);
        // The key can be computed from the blocks. They belong neither in a core dump nor in a child process, whose
        // copy nobody would wipe. Such a child has the forking thread only, which is not the one that uses the blocks.
        mapping.advise(Advice::LinuxDontDump);
        mapping.advise(Advice::LinuxDontFork);
        Some(mapping)
    }

    fn advise(&self, advice: Advice) {
        // SAFETY: the range is this mapping and nothing else, and no advice that `new` gives changes what this process
        // finds in it.
        let _ = unsafe { madvise(self.base.as_ptr(), self.len, advice) };
    }

    /// Lends the blocks.
    pub(super) fn blocks_mut(&mut self) -> &mut [Block] {
        // SAFETY: `blocks` is aligned to HUGE_PAGE, which is more than a block asks for. From there on `count` blocks
        // lie within the mapping, which is readable, writable and at most isize::MAX bytes. The kernel hands it out
        // as zeros, and every pattern of bits is a block of integers. `&mut self` makes the borrow the only one, and
        // the mapping lives as long as `self`.
        unsafe { slice::from_raw_parts_mut(self.blocks.as_ptr(), self.count) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` mapped exactly this range, and it is unmapped once, here. Every borrow of the blocks has ended,
        // because it borrowed `self`.
        let unmapped = unsafe { munmap(self.base.as_ptr(), self.len) };
        debug_assert!(unmapped.is_ok(), "the mapping was not unmapped");
    }
}

/// How much is locked at a time: the smallest page there is, since a user may be allowed no more than 64 KiB. Where
/// pages are larger, the rest of one is left unused.
const LOCKED_LEN: usize = 4096;

/// Maps memory that is never written to swap and left out of core dumps, all zero, cut into slots of `N` bytes. It is
/// never given back, so that it can be lent for as long as the process lives. `None` where the kernel does not lock
/// it: the user's limit is reached, or there is none at all.
pub(super) fn locked_slots<const N: usize>() -> Option<&'static mut [[u8; N]]> {
    const { assert!(N > 0 && N <= LOCKED_LEN) };
    let writable = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the address is null, so the kernel chooses a free range and no memory in use is replaced.
    let base = unsafe { mmap_anonymous(ptr::null_mut(), LOCKED_LEN, writable, MapFlags::PRIVATE) }.ok()?;
    // SAFETY: the range is the mapping made above and nothing else, and locking changes nothing of what is in it.
    let locked = unsafe { mlock(base, LOCKED_LEN) };
    if locked.is_err() {
        // SAFETY: the range is the mapping made above. It is unmapped once, here, and nothing points there.
        let _ = unsafe { munmap(base, LOCKED_LEN) };
        return None;
    }
    // Not left out of a forked child, and not zero there: a child that went on with a key would crash, or seal under
    // a key of zeros. The program itself forks only to start another one.
    // SAFETY: as for the lock; the advice concerns core dumps alone.
    let _ = unsafe { madvise(base, LOCKED_LEN, Advice::LinuxDontDump) };
    let slots = NonNull::new(base)?.cast();
    // SAFETY: the mapping starts on a page, which is aligned enough for bytes, and is readable, writable and at least
    // LOCKED_LEN bytes long, which as many slots as this do not exceed. The kernel hands it out as zeros, and every
    // pattern of bits is an array of bytes. Nothing else points there, and it is never unmapped.
    Some(unsafe { slice::from_raw_parts_mut(slots.as_ptr(), LOCKED_LEN / N) })
}
