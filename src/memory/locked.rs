//! Slots for secrets in memory that the system never writes to swap, where it grants that: on Linux within the user's
//! limit (`ulimit -l`), on Windows within the process's working set. Elsewhere, and beyond the limit, they are ordinary
//! memory. Either way they are wiped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroize;

/// Whether a slot had to be ordinary memory though the system knows of locked memory.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Tells whether the system refused to lock memory for a secret of this process.
#[cfg(any(feature = "cli", test))]
pub(crate) fn was_refused() -> bool {
    REFUSED.load(Ordering::Relaxed)
}

/// Hands out slots of `N` bytes, many to a page: a page of its own for each key would soon reach the limit.
pub(crate) struct Pool<const N: usize> {
    free: Mutex<Vec<&'static mut [u8; N]>>,
}

impl<const N: usize> Pool<N> {
    /// Makes a pool, which asks for memory when its first slot is taken.
    pub(crate) const fn new() -> Self {
        Self { free: Mutex::new(Vec::new()) }
    }

    /// Takes a slot, all zero.
    pub(crate) fn take(&'static self) -> Slot<N> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            match slots() {
                Some(slots) => free.extend(slots),
                None => REFUSED.store(cfg!(target_os = "linux"), Ordering::Relaxed),
            }
        }
        let bytes = free.pop().map_or_else(|| Bytes::Ordinary(Box::new([0; N])), Bytes::Locked);
        Slot { pool: self, bytes }
    }

    fn give_back(&self, slot: &'static mut [u8; N]) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
}

fn slots<const N: usize>() -> Option<&'static mut [[u8; N]]> {
    #[cfg(target_os = "linux")]
    return super::mapping::locked_slots();
    #[cfg(windows)]
    return page();
    #[cfg(not(any(target_os = "linux", windows)))]
    None
}

/// Locks a page, which is never given back, and cuts it into slots of `N` bytes. `None` if the system does not lock it.
#[cfg(windows)]
fn page<const N: usize>() -> Option<&'static mut [[u8; N]]> {
    /// The page of every processor that Windows runs on.
    const PAGE: usize = 4096;
    #[repr(align(4096))]
    struct Page([u8; PAGE]);
    let page = Box::new(Page([0; PAGE]));
    let lock = region::lock(page.0.as_ptr(), PAGE).ok()?;
    // It lasts as long as the page.
    std::mem::forget(lock);
    Some(Box::leak(page).0.as_chunks_mut().0)
}

/// `N` bytes for one secret, wiped on drop. Moving it leaves no copy of them behind.
pub(crate) struct Slot<const N: usize> {
    pool: &'static Pool<N>,
    bytes: Bytes<N>,
}

enum Bytes<const N: usize> {
    Locked(&'static mut [u8; N]),
    Ordinary(Box<[u8; N]>),
    /// Only while it is dropped.
    Gone,
}

const ONLY_DROPPED: &str = "nothing uses a slot that is being dropped";

impl<const N: usize> Slot<N> {
    /// Shows the bytes.
    #[allow(clippy::unreachable, reason = "a dropped value has no users")]
    pub(crate) fn bytes(&self) -> &[u8; N] {
        match &self.bytes {
            Bytes::Locked(bytes) => bytes,
            Bytes::Ordinary(bytes) => bytes,
            Bytes::Gone => unreachable!("{ONLY_DROPPED}"),
        }
    }

    /// Lends the bytes to whoever fills them.
    #[allow(clippy::unreachable, reason = "a dropped value has no users")]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; N] {
        match &mut self.bytes {
            Bytes::Locked(bytes) => bytes,
            Bytes::Ordinary(bytes) => bytes,
            Bytes::Gone => unreachable!("{ONLY_DROPPED}"),
        }
    }
}

impl<const N: usize> Drop for Slot<N> {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        if let Bytes::Locked(bytes) = std::mem::replace(&mut self.bytes, Bytes::Gone) {
            self.pool.give_back(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
