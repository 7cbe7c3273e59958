use super::*;

static PAGES: Pool<32> = Pool::new();
static BIG: Pool<1024> = Pool::new();

#[test]
fn slots_are_zero_apart_from_each_other_and_as_many_as_asked_for() {
    // More than a page holds.
    let mut slots: Vec<Slot<32>> = (0..300).map(|_| PAGES.take()).collect();
    for (slot, number) in slots.iter_mut().zip(0u32..) {
        assert_eq!(slot.bytes(), &[0; 32]);
        slot.bytes_mut().as_chunks_mut().0.fill(number.to_ne_bytes());
    }
    for (slot, number) in slots.iter().zip(0u32..) {
        assert!(slot.bytes().as_chunks().0.iter().all(|word| *word == number.to_ne_bytes()), "{number}");
    }
}

#[test]
fn a_slot_comes_back_wiped_and_is_lent_again() {
    static OWN: Pool<1024> = Pool::new();
    let mut slot = OWN.take();
    slot.bytes_mut().fill(7);
    let address = slot.bytes().as_ptr().addr();
    let held = OWN.free.lock().unwrap().len();
    drop(slot);
    if cfg!(target_os = "linux") {
        let mut free = OWN.free.lock().unwrap();
        assert_eq!(free.len(), held + 1);
        let back = free.iter_mut().find(|slot| slot.as_ptr().addr() == address).expect("the slot that was dropped");
        assert_eq!(**back, [0; 1024]);
    }
    let mut slots: Vec<Slot<1024>> = (0..=held).map(|_| OWN.take()).collect();
    assert!(slots.iter_mut().all(|slot| slot.bytes_mut() == &[0; 1024]));
    if cfg!(target_os = "linux") {
        assert!(slots.iter().any(|slot| slot.bytes().as_ptr().addr() == address), "it was not lent again");
    }
}

#[test]
fn threads_take_and_drop_at_once() {
    std::thread::scope(|scope| {
        for mark in 1..=8 {
            scope.spawn(move || {
                for _ in 0..200 {
                    let mut slot = BIG.take();
                    assert_eq!(slot.bytes(), &[0; 1024]);
                    slot.bytes_mut().fill(mark);
                    std::thread::yield_now();
                    assert_eq!(slot.bytes(), &[mark; 1024]);
                }
            });
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_has_locked_the_memory_and_leaves_it_out_of_core_dumps() {
    let slot = PAGES.take();
    assert!(!was_refused(), "raise `ulimit -l` to run the tests");
    let flags = super::super::tests::flags_at(slot.bytes().as_ptr().addr());
    assert!(flags.iter().any(|flag| flag == "lo"), "not locked: {flags:?}");
    assert!(flags.iter().any(|flag| flag == "dd"), "in core dumps: {flags:?}");
}
