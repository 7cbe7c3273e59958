//! A process that is killed, or loses power, at every call that changes something.

use super::*;
use crate::keychain::KeychainError;
use crate::store::LogFault;

fn locked() -> KeychainError {
    KeychainError::Locked { provider: "memory".into() }
}

/// What one run did before it was killed: the entries that it was told are written and recorded.
fn run(unlocked: &Unlocked) -> Vec<u64> {
    let mut released = Vec::new();
    for _ in 0..3 {
        let Ok(begun) = unlocked.log_begin(&opening()) else { break };
        released.push(begun);
        if unlocked.log_end(begun, &done()).is_err() {
            break;
        }
    }
    released
}

/// Asserts that a log holds these entries as they were begun, that nothing is wrong with it, and that it goes on.
fn assert_whole(machine: &Machine, released: &[u64], what: &str) {
    machine.host.start_process(5000 + released.len() as u32);
    let unlocked = machine.taken();
    let state = unlocked.log_state().unwrap();
    assert!(!matches!(state, LogState::Altered(_)), "{what}: {state:?}");
    let last = unlocked.log_begin(&opening()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let log = own(&unlocked);
    assert_eq!(log.state, LogState::Current, "{what}");
    let begun: Vec<u64> = log
        .records
        .iter()
        .filter(|record| record.entry.as_ref().is_some_and(|entry| entry.phase == Phase::Begin))
        .map(|record| record.number)
        .collect();
    assert!(released.iter().all(|number| begun.contains(number)), "{what}: {released:?} of {begun:?}");
    // Each has an end but the last.
    let ended: Vec<u64> =
        phases(&log).into_iter().filter_map(|(phase, of)| of.filter(|_| phase == Phase::End)).collect();
    assert!(begun.iter().all(|number| ended.contains(number) || *number == last), "{what}: {ended:?} of {begun:?}");
}

#[test]
fn a_kill_at_any_call_loses_no_entry_and_raises_no_alarm() {
    let mut tried = 0;
    for fault in [LogFault::Fails, LogFault::Torn, LogFault::SeemsToFail] {
        for power in [None, Some(0), Some(1), Some(300), Some(512)] {
            for calls in 0.. {
                let machine = Machine::at(3);
                let unlocked = machine.taken();
                machine.store.logs().stop_after(calls, fault);
                let released = run(&unlocked);
                let is_over = machine.store.logs().calls() <= calls;
                machine.store.logs().heal();
                if let Some(torn) = power {
                    machine.store.logs().cut_power(torn);
                }
                assert_whole(&machine, &released, &format!("{fault:?}, {power:?}, {calls} calls"));
                tried += 1;
                if is_over {
                    break;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_keychain_that_fails_at_any_call_loses_no_entry_and_raises_no_alarm() {
    let faults = [
        MemoryFault::Fail(locked),
        MemoryFault::FailWrites(locked),
        MemoryFault::FailAfterWrites(locked),
        MemoryFault::Lie,
    ];
    for fault in faults {
        for calls in 0..14 {
            let machine = Machine::at(3);
            let unlocked = machine.taken();
            machine.keychain.inject_after(calls, fault.clone());
            let released = run(&unlocked);
            machine.keychain.heal();
            assert_whole(&machine, &released, &format!("{fault:?}, {calls} calls"));
        }
    }
}

#[test]
fn a_kill_while_a_torn_end_is_set_aside_loses_nothing() {
    for fault in [LogFault::Fails, LogFault::Torn, LogFault::SeemsToFail] {
        for calls in 0..4 {
            let (machine, unlocked) = logged();
            let mut files = machine.store.logs().files();
            files.get_mut(&first_segment(&unlocked)).unwrap().extend([9; 700]);
            machine.store.logs().put(files);
            machine.store.logs().stop_after(calls, fault);
            let released = run(&unlocked);
            machine.store.logs().heal();
            machine.store.logs().cut_power(0);
            assert_whole(&machine, &released, &format!("{fault:?}, {calls} calls"));
        }
    }
}

#[test]
fn a_kill_while_a_gap_is_accepted_leaves_the_alarm_or_the_gap() {
    for fault in [LogFault::Fails, LogFault::SeemsToFail] {
        let (machine, mut unlocked) = logged();
        machine.store.logs().put(Files::new());
        machine.store.logs().stop_after(0, fault);
        assert_fails!(unlocked.accept_log(&who(), "lost"), Error::LogUnavailable(_));
        machine.store.logs().heal();
        let state = unlocked.log_state().unwrap();
        let is_gap = fault == LogFault::SeemsToFail;
        assert_eq!(state == LogState::Ahead { by: 1 }, is_gap, "{state:?}");
        if !is_gap {
            unlocked.accept_log(&who(), "lost").unwrap().unwrap();
        }
        unlocked.log_note(&opening()).unwrap();
        assert_eq!((recorded(&machine).unwrap().gaps, own(&unlocked).gaps.len()), (1, 1));
    }
}
