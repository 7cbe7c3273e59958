use std::cell::Cell;

use super::*;

thread_local! {
    static WIPED: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Notes whether blocks that are about to be given back hold nothing but zeros.
pub(super) fn look_at_dropped(blocks: &[Block]) {
    WIPED.set(Some(is_zero(blocks)));
}

fn is_zero(blocks: &[Block]) -> bool {
    blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0))
}

fn dirty(blocks: &mut [Block]) {
    blocks.iter_mut().for_each(|block| block.as_mut().fill(u64::MAX));
}

fn both(count: usize) -> [Blocks; 2] {
    [Blocks::new(count).unwrap(), Blocks::on_the_heap(count).unwrap()]
}

#[test]
fn blocks_are_zero_at_first_as_many_as_asked_for_and_aligned() {
    // None of them, less than a page, less and more than huge pages, huge pages exactly.
    for count in [0, 1, 3, 2047, 2048, 2049, 4096, 5001] {
        for mut blocks in both(count) {
            let blocks = blocks.as_mut();
            assert_eq!(blocks.len(), count);
            assert!(is_zero(blocks), "{count} blocks");
            assert!(blocks.as_ptr().is_aligned(), "{count} blocks");
            dirty(blocks); // to the last byte, which must be ours
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_mapping_starts_at_the_boundary_of_a_huge_page() {
    let mut blocks = Blocks::new(100).unwrap();
    assert!(matches!(blocks.0, Source::Mapping(_)));
    assert_eq!(blocks.as_mut().as_ptr().addr() % mapping::HUGE_PAGE, 0);
}

#[test]
fn wiping_reaches_every_block() {
    for mut blocks in both(5001) {
        dirty(blocks.as_mut());
        assert!(!is_zero(blocks.as_mut()));
        blocks.wipe();
        assert!(is_zero(blocks.as_mut()));
    }
}

#[test]
fn dropped_blocks_are_wiped_before_they_are_given_back() {
    for mut blocks in both(5001) {
        WIPED.set(None);
        dirty(blocks.as_mut());
        drop(blocks);
        assert_eq!(WIPED.get(), Some(true));
    }
}

#[test]
fn a_panic_wipes_too() {
    WIPED.set(None);
    let result = std::panic::catch_unwind(|| {
        let mut blocks = Blocks::new(5001).unwrap();
        dirty(blocks.as_mut());
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(result.is_err());
    assert_eq!(WIPED.get(), Some(true));
}

#[test]
fn memory_that_nobody_has_is_an_error() {
    // One that a multiplication would wrap round to a small number, and one that no address space holds.
    for count in [usize::MAX, (usize::MAX >> 10) + 2, isize::MAX.cast_unsigned() >> 10] {
        assert!(Blocks::new(count).is_err(), "{count} blocks");
        assert!(Blocks::on_the_heap(count).is_err(), "{count} blocks");
    }
}

#[test]
fn the_key_does_not_depend_on_where_the_blocks_lie() {
    let params = argon2::Params::new(5001, 1, 4, None).unwrap();
    let count = params.block_count();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let [mapped, heap] = both(count).map(|blocks| {
        let mut key = [0; 32];
        argon2.hash_password_into_with_memory(b"a password", &[2; 32], &mut key, blocks).unwrap();
        key
    });
    assert_eq!(mapped, heap);
    let mut own = [0; 32];
    argon2.hash_password_into(b"a password", &[2; 32], &mut own).unwrap();
    assert_eq!(mapped, own);
}

/// Returns what /proc/self/smaps says of the memory at an address.
#[cfg(target_os = "linux")]
pub(super) fn flags_at(address: usize) -> Vec<String> {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut ours = false;
    for line in smaps.lines() {
        let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        let bound = |text| usize::from_str_radix(text, 16);
        if let Some((Ok(from), Ok(to))) = range.map(|(from, to)| (bound(from), bound(to))) {
            ours = (from..to).contains(&address);
        }
        if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| ours) {
            return flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("no entry holds the address");
}

/// The mapping's own entry of /proc/self/smaps must say what the kernel was asked for.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_has_taken_the_advice() {
    let mut blocks = Blocks::new(8192).unwrap();
    dirty(blocks.as_mut());
    let flags = flags_at(blocks.as_mut().as_ptr().addr());
    assert!(flags.iter().any(|flag| flag == "dd"), "not in core dumps: {flags:?}");
    assert!(flags.iter().any(|flag| flag == "dc"), "not in child processes: {flags:?}");
}
