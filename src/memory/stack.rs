//! The stack below a computation: what it left there nobody else overwrites.

/// How much of the stack is overwritten: more than twice what sealing or opening a message takes.
const DEPTH: usize = 16 * 1024;

/// Does some work and overwrites the part of the stack that it has used.
///
/// Ciphers and hashes wipe their state where it lies last, but each move of it has left a copy, and the schedule of a
/// cipher's key begins with the key.
pub(crate) fn on_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    let result = below(work);
    overwrite::<DEPTH>();
    result
}

/// Does the same for work whose use of the stack is not ours to know: that of a crate on a password.
#[cfg(feature = "cli")]
pub(crate) fn on_deeply_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    let result = below(work);
    overwrite::<{ 256 * 1024 }>();
    result
}

/// Has a frame of its own, so that all that `work` puts on the stack lies below the frame of who calls this.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite<const DEPTH: usize>() {
    let area = [0u8; DEPTH];
    // The barrier claims to read it, so that the compiler cannot leave out the zeros.
    zeroize::optimization_barrier(&area);
}
