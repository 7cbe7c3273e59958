//! Several computers, copies, forks and kits.

use super::*;

/// Lets another computer see this one's vault file and logs.
fn copy_to(machine: &Machine, other: &Machine) {
    other.store.put(Some(machine.file()), None);
    other.store.logs().put(machine.store.logs().files());
}

#[test]
fn each_computer_reads_the_log_of_the_other_and_writes_its_own() {
    let (machine, mut unlocked) = logged();
    unlocked.add_project(&named("beta")).unwrap();
    let there = Machine::second();
    copy_to(&machine, &there);
    let other = there.unlock(OTHER_PASSWORD).unwrap();
    other.log_note(&opening()).unwrap();
    let logs = other.read_logs().unwrap();
    let states: Vec<(bool, LogState, usize)> =
        logs.iter().map(|log| (log.is_own, log.state.clone(), log.records.len())).collect();
    assert!(states.contains(&(true, LogState::Current, 2)), "{states:?}");
    assert!(states.contains(&(false, LogState::Unrecorded { witnessed: 8 }, 8)), "{states:?}");
    // What the vault has seen of a log must be there.
    let mut files = there.store.logs().files();
    let bytes = files.get_mut(&first_segment(&unlocked)).unwrap();
    bytes.truncate(ends(bytes)[7]);
    there.store.logs().put(files.clone());
    let alarm = LogAlarm { difference: LogDifference::Cut, from: 8, recorded: 8 };
    let cut = |logs: Vec<ReadLog>| logs.into_iter().find(|log| !log.is_own).unwrap().state;
    assert_eq!(cut(other.read_logs().unwrap()), LogState::Altered(alarm));
    files.remove(&first_segment(&unlocked));
    there.store.logs().put(files);
    assert!(matches!(cut(other.read_logs().unwrap()), LogState::Altered(LogAlarm { from: 1, .. })));
    // It is no business of this computer's own log.
    other.log_note(&opening()).unwrap();
}

#[test]
fn a_merge_unites_keys_witnesses_and_decisions_in_both_directions() {
    let (machine, mut unlocked) = logged();
    let there = Machine::second();
    copy_to(&machine, &there);
    let mut other = there.unlock(OTHER_PASSWORD).unwrap();
    for (vault, name) in [(&mut unlocked, "here"), (&mut other, "there")] {
        vault.log_note(&opening()).unwrap();
        vault.set_logging(LogPolicy::BestEffort, ReasonPolicy::Optional, name).unwrap();
    }
    other.log_note(&opening()).unwrap();
    other.add_project(&named("beta")).unwrap();
    let (here_file, there_file) = (machine.document(), there.document());
    unlocked.merge(&there_file).unwrap();
    other.merge(&here_file).unwrap();
    let both = [&unlocked.payload, &other.payload];
    assert_eq!(
        (both[0].log_keys.clone(), both[0].logging.clone()),
        (both[1].log_keys.clone(), both[1].logging.clone())
    );
    for payload in both {
        let counts: Vec<u64> = payload.logs.iter().map(|seen| seen.count).collect();
        assert!(counts.len() == 2 && counts.contains(&9) && counts.contains(&3), "{counts:?}");
        assert_eq!(payload.logging.len(), 2);
    }
}

#[test]
fn two_keys_of_one_version_are_both_tried() {
    let machine = Machine::at(3);
    let mut unlocked = machine.taken();
    unlocked.log_note(&opening()).unwrap();
    // Two computers gave an older vault its first key apart from each other.
    let mut apart = unlocked.payload.clone();
    apart.log_keys.clear();
    contents::logs::push_key(&mut apart, VAULT, &data_key(), Timestamp::from_unix(0)).unwrap();
    contents::logs::unite(&mut unlocked.payload, &apart);
    let versions: Vec<u32> = unlocked.payload.log_keys.iter().map(|key| key.version).collect();
    assert_eq!(versions, [1, 1]);
    for _ in 0..2 {
        unlocked.log_note(&opening()).unwrap();
        unlocked.payload.log_keys.reverse();
    }
    assert_eq!((own(&unlocked).state, own(&unlocked).records.len()), (LogState::Current, 4));
}

#[test]
fn a_fork_has_keys_and_a_log_of_its_own() {
    let (_, unlocked) = logged();
    let elsewhere = Machine::empty();
    let id = VaultId::from_bytes([9; 16]);
    let fork = unlocked.fork(elsewhere.edges(), id, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_eq!((fork.payload.logs.len(), fork.payload.log_keys.len()), (0, 1));
    assert_eq!(fork.log_begin(&opening()).unwrap(), 2);
    assert_eq!(fork.read_logs().unwrap().len(), 1);
}

#[test]
fn a_kit_gives_a_computer_a_new_log_that_remembers_the_earlier_one() {
    let (machine, mut unlocked) = logged();
    let kit = new_kit(&mut unlocked);
    let earlier = recorded(&machine).unwrap();
    drop(unlocked);
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    let (keychain, host) = (machine.keychain.clone(), machine.host.clone());
    let unlocked = opened.enroll(keychain, host, &password(OTHER_PASSWORD), None, false).unwrap();
    assert_eq!(unlocked.log_state().unwrap(), LogState::Absent);
    unlocked.log_note(&opening()).unwrap();
    let logs = unlocked.read_logs().unwrap();
    assert_eq!(logs.len(), 2);
    let log = own(&unlocked);
    let began = log.records[0].entry.as_ref().unwrap();
    let fact = began.log.as_ref().unwrap();
    assert_eq!((began.known_action(), fact.enrolment), (Some(Action::LogBegan), Some(earlier.enrolment)));
    assert_eq!((fact.count, fact.tip), (Some(8), Some(earlier.tip)));
}

#[test]
fn a_restored_copy_keeps_the_keys_and_what_was_seen_since() {
    let (machine, mut unlocked) = logged();
    let copy = machine.file();
    unlocked.set_logging(LogPolicy::BestEffort, ReasonPolicy::Optional, "since").unwrap();
    let held = (unlocked.payload.logs.clone(), unlocked.payload.logging.clone());
    let opened = Vault::open_copy(machine.store.clone(), &copy).unwrap();
    let mut restored = opened.unlock(&password(PASSWORD), machine.keychain.clone(), machine.host.clone()).unwrap();
    restored.restore().unwrap();
    assert_eq!((restored.payload.logs.clone(), restored.payload.logging.clone()), held);
    restored.log_note(&opening()).unwrap();
    assert_eq!(own(&restored).state, LogState::Current);
}
