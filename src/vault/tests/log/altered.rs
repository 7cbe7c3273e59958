//! Logs that something outside Strongroom has altered: all of it is told, and no entry that follows heals it.

use super::*;

/// Puts altered files in place, asserts that this is told before and after another entry was tried, and puts back what
/// was there.
#[track_caller]
fn assert_told(machine: &Machine, unlocked: &Unlocked, files: Files, what: &str) {
    let (logs, item) = (machine.store.logs(), machine.stored(ItemKind::Anchor).unwrap());
    let kept = logs.files();
    logs.put(files.clone());
    let told = unlocked.log_state().unwrap();
    match unlocked.log_begin(&opening()) {
        Err(Error::LogAltered(_)) => {
            assert_eq!(logs.files(), files, "{what}: nothing is written");
            assert_eq!(machine.stored(ItemKind::Anchor).unwrap(), item, "{what}: nor recorded");
        }
        // The end is whole: what is wrong before it is still to be seen.
        Ok(_) => {}
        Err(other) => panic!("{what}: {other}"),
    }
    let named = |state: LogState| match state {
        LogState::Altered(alarm) => (alarm.difference, alarm.from),
        other => panic!("{what}: {other:?}"),
    };
    assert_eq!(named(unlocked.log_state().unwrap()), named(told), "{what}");
    logs.put(kept);
    machine.set_anchor(&item);
}

/// Returns the log's only file with other bytes.
fn with(unlocked: &Unlocked, bytes: Vec<u8>) -> Files {
    Files::from([(first_segment(unlocked), bytes)])
}

#[test]
fn every_flipped_byte_is_told() {
    let (machine, unlocked) = logged();
    let bytes = machine.store.logs().files()[&first_segment(&unlocked)].clone();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        machine.store.logs().put(with(&unlocked, altered.clone()));
        assert!(matches!(unlocked.log_state().unwrap(), LogState::Altered(_)), "byte {at}");
        if at % 61 == 0 {
            machine.store.logs().put(with(&unlocked, bytes.clone()));
            assert_told(&machine, &unlocked, with(&unlocked, altered), &format!("byte {at}"));
        }
    }
}

#[test]
fn records_that_are_dropped_moved_or_doubled_are_told() {
    let (machine, unlocked) = logged();
    let bytes = machine.store.logs().files()[&first_segment(&unlocked)].clone();
    let ends = ends(&bytes);
    let records = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
    let blocks: Vec<&[u8]> = std::iter::once(&bytes[..BLOCK]).chain(records).collect();
    let told = |blocks: Vec<&[u8]>, what: &str| {
        assert_told(&machine, &unlocked, with(&unlocked, blocks.concat()), what);
    };
    for at in 1..blocks.len() {
        let mut dropped = blocks.clone();
        dropped.remove(at);
        told(dropped, &format!("record {at} dropped"));
        for to in 1..blocks.len() {
            if to != at {
                let mut moved = blocks.clone();
                let record = moved.remove(at);
                moved.insert(to, record);
                told(moved, &format!("record {at} moved to {to}"));
            }
            if (at, to) == (blocks.len() - 1, at) {
                // What is behind the end is told as such, and set aside.
                continue;
            }
            let mut doubled = blocks.clone();
            doubled.insert(to, blocks[at]);
            told(doubled, &format!("record {at} doubled at {to}"));
        }
    }
}

#[test]
fn a_log_that_is_cut_missing_or_older_is_told() {
    let (machine, unlocked) = logged();
    let bytes = machine.store.logs().files()[&first_segment(&unlocked)].clone();
    for length in (0..bytes.len()).filter(|length| length % BLOCK == 0 || length % 97 == 0) {
        let cut = bytes[..length].to_vec();
        assert_told(&machine, &unlocked, with(&unlocked, cut), &format!("{length} bytes"));
    }
    assert_told(&machine, &unlocked, Files::new(), "no file");
    let old = machine.store.logs().files();
    unlocked.log_note(&opening()).unwrap();
    assert_told(&machine, &unlocked, old, "an old file");
    // Put right, it goes on.
    unlocked.log_note(&opening()).unwrap();
    assert_eq!(own(&unlocked).records.len(), 10);
}

#[test]
fn what_is_wrong_is_called_by_its_name() {
    let (machine, unlocked) = logged();
    let bytes = machine.store.logs().files()[&first_segment(&unlocked)].clone();
    let state = |files: Files| {
        machine.store.logs().put(files);
        unlocked.log_state().unwrap()
    };
    let altered = |difference, from| LogState::Altered(LogAlarm { difference, from, recorded: 8 });
    assert_eq!(state(with(&unlocked, bytes[..ends(&bytes)[5]].to_vec())), altered(LogDifference::Cut, 6));
    assert_eq!(state(with(&unlocked, bytes[..ends(&bytes)[5] + 100].to_vec())), altered(LogDifference::Damaged, 6));
    assert_eq!(state(Files::new()), altered(LogDifference::Cut, 1));
    let mut flipped = bytes.clone();
    flipped[ends(&bytes)[2] + 100] ^= 1;
    assert_eq!(state(with(&unlocked, flipped)), altered(LogDifference::Damaged, 3));
    // Another history of the same length, by somebody who has the key.
    let other = Machine::at(3);
    let writer = other.taken();
    (0..7).for_each(|_| assert!(writer.log_note(&opening()).is_ok()));
    assert_eq!(state(other.store.logs().files()), altered(LogDifference::Rewritten, 1));
}

#[test]
fn what_is_behind_the_recorded_end_and_no_record_is_set_aside() {
    let (machine, unlocked) = logged();
    let name = first_segment(&unlocked);
    let bytes = machine.store.logs().files()[&name].clone();
    let begun = unlocked.log_begin(&opening()).unwrap();
    unlocked.log_end(begun, &done()).unwrap();
    let whole = machine.store.logs().files()[&name].clone();
    let item = machine.stored(ItemKind::Anchor).unwrap();
    for tail in [vec![0], vec![0; 2 * BLOCK], vec![7; BLOCK + 1], bytes[BLOCK..ends(&bytes)[1]].to_vec(), vec![255; 5]]
    {
        machine.set_anchor(&item);
        machine.store.logs().put(with(&unlocked, [&whole[..], &tail].concat()));
        assert_eq!(unlocked.log_state().unwrap(), LogState::Ahead { by: 1 });
        assert_eq!(own(&unlocked).torn, tail.len() as u64);
        unlocked.log_note(&opening()).unwrap();
        let files = machine.store.logs().files();
        let (aside, kept) = files.iter().find(|(name, _)| name.contains(".torn-")).unwrap();
        assert_eq!(*kept, tail);
        assert!(files[&name].starts_with(&whole) && ends(&files[&name]).len() == ends(&whole).len() + 2);
        let log = own(&unlocked);
        let note = log.records[10].entry.as_ref().unwrap();
        assert_eq!((note.known_action(), &note.what.as_ref().unwrap().subject), (Some(Action::LogAccepted), aside));
        assert_eq!((log.state, log.torn), (LogState::Current, 0));
    }
}

#[test]
fn the_vault_vouches_for_a_log_whose_anchor_is_lost() {
    let (machine, mut unlocked) = logged();
    let bytes = machine.store.logs().files()[&first_segment(&unlocked)].clone();
    unlocked.add_project(&named("beta")).unwrap();
    unlocked.log_note(&opening()).unwrap();
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    assert_eq!(unlocked.log_state().unwrap(), LogState::Unrecorded { witnessed: 8 });
    // Nothing is recorded of the vault either: that is for an unlock to settle.
    assert_fails!(unlocked.log_begin(&opening()), Error::LogUnavailable(LogTrouble::NoRecord));
    let unlocked = machine.taken();
    let whole = machine.store.logs().files();
    machine.store.logs().put(with(&unlocked, bytes[..ends(&bytes)[7]].to_vec()));
    let alarm = LogAlarm { difference: LogDifference::Cut, from: 8, recorded: 8 };
    assert_eq!(unlocked.log_state().unwrap(), LogState::Altered(alarm));
    assert_fails!(unlocked.log_begin(&opening()), Error::LogAltered(_));
    machine.store.logs().put(whole);
    unlocked.log_begin(&opening()).unwrap();
    let log = own(&unlocked);
    let note = log.records[9].entry.as_ref().unwrap();
    assert_eq!((note.known_action(), &*note.log.as_ref().unwrap().found), (Some(Action::LogBegan), "unrecorded"));
    assert_eq!(log.state, LogState::Current);
}
