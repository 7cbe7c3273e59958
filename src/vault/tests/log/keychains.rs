//! Keychains that fall back, lie or are shared.

use super::*;
use crate::keychain::KeychainError;

#[test]
fn a_keychain_that_falls_back_raises_no_alarm() {
    let (machine, unlocked) = logged();
    for steps in 1..4 {
        let item = machine.stored(ItemKind::Anchor).unwrap();
        assert!(machine.keychain.roll_back(&VAULT.to_string(), ItemKind::Anchor, steps));
        let state = unlocked.log_state().unwrap();
        assert!(matches!(state, LogState::Ahead { .. }), "{steps} steps: {state:?}");
        machine.set_anchor(&item);
    }
    machine.keychain.roll_back(&VAULT.to_string(), ItemKind::Anchor, 3);
    unlocked.log_note(&opening()).unwrap();
    assert_eq!((recorded(&machine).unwrap().count, own(&unlocked).state), (9, LogState::Current));
}

#[test]
fn what_the_keychain_does_not_take_is_not_released() {
    let (machine, unlocked) = logged();
    let locked = || KeychainError::Locked { provider: "memory".into() };
    for fault in [MemoryFault::Lie, MemoryFault::Fail(locked), MemoryFault::FailWrites(locked)] {
        machine.keychain.inject(fault.clone());
        assert_fails!(unlocked.log_begin(&opening()), Error::LogUnavailable(LogTrouble::Failed(_)));
        machine.keychain.heal();
        unlocked.log_note(&opening()).unwrap();
        // What was begun and not released has an end.
        let log = own(&unlocked);
        let open = &log.records.last().unwrap().entry.as_ref().unwrap().open;
        assert!(open.is_empty() && log.state == LogState::Current, "{fault:?}: {open:?}");
    }
}

#[test]
fn an_older_anchor_beside_a_newer_one_does_not_count() {
    let (machine, unlocked) = logged();
    let old = machine.keychain.history(&VAULT.to_string(), ItemKind::Anchor)[3].clone();
    machine.keychain.add_twin(&VAULT.to_string(), ItemKind::Anchor, &old);
    assert_eq!(unlocked.log_state().unwrap(), LogState::Current);
    // Neither can be written.
    assert_fails!(unlocked.log_begin(&opening()), Error::LogUnavailable(LogTrouble::Failed(_)));
}

#[test]
fn writers_of_the_vault_and_of_the_log_lose_nothing_of_each_other() {
    let machine = Machine::at(3);
    let all = [machine.taken(), machine.taken(), machine.taken(), machine.taken()];
    std::thread::scope(|scope| {
        for (index, mut unlocked) in all.into_iter().enumerate() {
            scope.spawn(move || {
                for number in 0..8 {
                    if index == 0 {
                        unlocked.add_project(&named(&format!("project {number}"))).unwrap();
                    } else {
                        let begun = unlocked.log_begin(&opening()).unwrap();
                        unlocked.log_end(begun, &done()).unwrap();
                    }
                }
            });
        }
    });
    let unlocked = machine.taken();
    assert_eq!((machine.notices(), unlocked.header().generation), (vec![], 11));
    assert_eq!(
        unlocked.log_state().unwrap(),
        LogState::Ahead { by: own(&unlocked).records.len() as u64 - recorded(&machine).unwrap().count }
    );
    assert_eq!(own(&unlocked).records.len(), 1 + 3 * 8 * 2);
}
