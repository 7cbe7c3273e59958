//! Random sequences of entries, failures, crashes and alterations against a model.

use proptest::prelude::*;

use super::*;
use crate::keychain::KeychainError;
use crate::store::LogFault;

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin(usize),
    End(usize),
    Note(usize),
    Vault(usize),
    /// A call of the store fails.
    Fault(u8, u8),
    KeychainFails,
    FallBack,
    /// The process is killed, the power fails, and another process goes on.
    Kill(u8),
    /// Something outside cuts the log, and the user accepts that.
    Cut(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2usize).prop_map(Step::Begin),
        3 => (0..2usize).prop_map(Step::End),
        2 => (0..2usize).prop_map(Step::Note),
        1 => (0..2usize).prop_map(Step::Vault),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(calls, fault)| Step::Fault(calls, fault)),
        1 => Just(Step::KeychainFails),
        1 => Just(Step::FallBack),
        1 => any::<u8>().prop_map(Step::Kill),
        1 => any::<u8>().prop_map(Step::Cut),
    ]
}

fn walk(steps: &[Step]) -> Result<(), TestCaseError> {
    let machine = Machine::at(3);
    let logs = machine.store.logs();
    let mut handles = [machine.taken(), machine.taken()];
    // What was released, and is still to be in the log.
    let mut released: Vec<u64> = Vec::new();
    let (mut open, mut gaps) = (Vec::new(), 0);
    for (index, step) in steps.iter().enumerate() {
        match *step {
            Step::Begin(handle) => {
                if let Ok(begun) = handles[handle].log_begin(&opening()) {
                    released.push(begun);
                    open.push(begun);
                }
            }
            Step::End(handle) => {
                if let Some(begun) = open.pop() {
                    let _ = handles[handle].log_end(begun, &done());
                }
            }
            Step::Note(handle) => released.extend(handles[handle].log_note(&opening()).ok()),
            Step::Vault(handle) => {
                let _ = handles[handle].add_project(&named(&format!("project {index}")));
            }
            Step::Fault(calls, fault) => {
                let faults = [LogFault::Fails, LogFault::Torn, LogFault::SeemsToFail];
                logs.fail_after(usize::from(calls % 4), faults[usize::from(fault) % 3]);
                continue;
            }
            Step::KeychainFails => {
                machine
                    .keychain
                    .inject_after(1, MemoryFault::FailWrites(|| KeychainError::Locked { provider: "memory".into() }));
                continue;
            }
            Step::FallBack => {
                machine.keychain.roll_back(&VAULT.to_string(), ItemKind::Anchor, 1);
                handles = [machine.taken(), machine.taken()];
            }
            Step::Kill(torn) => {
                logs.heal();
                machine.keychain.heal();
                logs.cut_power(usize::from(torn));
                machine.host.start_process(6000 + index as u32);
                handles = [machine.taken(), machine.taken()];
                open.clear();
            }
            Step::Cut(blocks) => {
                logs.heal();
                machine.keychain.heal();
                let mut files = logs.files();
                let Some((_, bytes)) = files.iter_mut().rev().find(|(name, _)| name.ends_with(".log")) else {
                    continue;
                };
                let ends = ends(bytes);
                bytes.truncate(ends[ends.len().saturating_sub(1 + usize::from(blocks % 8)).min(ends.len() - 1)]);
                logs.put(files);
                if let Some(alarm) = handles[0].accept_log(&who(), "cut").unwrap() {
                    released.retain(|number| *number < alarm.from);
                    gaps += 1;
                } else {
                    // Only where the keychain fell back as well may what was released be cut without a trace.
                    let anchored = recorded(&machine).map_or(0, |tip| tip.count);
                    let seen = handles[0].payload.logs.iter().map(|seen| seen.count).max().unwrap_or(0);
                    released.retain(|number| *number <= anchored.max(seen));
                    prop_assert!(!matches!(handles[0].log_state().unwrap(), LogState::Altered(_)));
                }
            }
        }
        logs.heal();
        machine.keychain.heal();
        let log = own_of(&handles[0]);
        let Some(log) = log else { continue };
        prop_assert!(!matches!(log.state, LogState::Altered(_)), "step {index}, {step:?}: {:?}", log.state);
        let there: Vec<u64> =
            log.records.iter().filter(|record| !record.is_disputed).map(|record| record.number).collect();
        for number in &released {
            prop_assert!(there.contains(number), "step {index}, {step:?}: {number} is not in {there:?}");
        }
        // A gap may be cut off itself, and then it is in the next one.
        prop_assert!(log.gaps.len() <= gaps && log.accepted <= gaps as u64, "step {index}, {step:?}: {gaps}");
    }
    logs.heal();
    machine.keychain.heal();
    handles[0].log_note(&opening()).unwrap();
    prop_assert_eq!(own(&handles[0]).state, LogState::Current);
    let log = own(&handles[0]);
    let fell_back = steps.iter().any(|step| matches!(step, Step::FallBack));
    prop_assert!(log.accepted == gaps as u64 || fell_back, "{} of {gaps}", log.accepted);
    Ok(())
}

fn own_of(unlocked: &Unlocked) -> Option<ReadLog> {
    unlocked.read_logs().unwrap().into_iter().find(|log| log.is_own)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_was_released_is_in_the_log(steps in prop::collection::vec(step(), 1..40)) {
        walk(&steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_mode_whatever_happens_what_was_released_is_in_the_log(steps in prop::collection::vec(step(), 1..120)) {
        walk(&steps)?;
    }
}
