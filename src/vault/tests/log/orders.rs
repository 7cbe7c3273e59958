//! Going on over a gap, and forgetting the beginning: both stay in the log.

use super::*;
use crate::format::log::SEGMENT_LIMIT;

/// Alters the only segment of a log.
fn alter(machine: &Machine, unlocked: &Unlocked, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut files = machine.store.logs().files();
    edit(files.get_mut(&first_segment(unlocked)).unwrap());
    machine.store.logs().put(files);
}

#[test]
fn a_gap_that_was_accepted_stays_and_nothing_else_is_accepted_with_it() {
    type Edit = fn(&mut Vec<u8>);
    let cut: Edit = |bytes| bytes.truncate(ends(bytes)[5]);
    let torn: Edit = |bytes| bytes.truncate(ends(bytes)[5] + 9);
    let flipped: Edit = |bytes| {
        let at = ends(bytes)[5] + 100;
        bytes[at] ^= 1;
    };
    let gone: Edit = Vec::clear;
    for (edit, found, from) in [(cut, "cut", 6), (torn, "damaged", 6), (flipped, "damaged", 6), (gone, "damaged", 1)] {
        let (machine, mut unlocked) = logged();
        alter(&machine, &unlocked, edit);
        let alarm = unlocked.accept_log(&who(), "the disk failed").unwrap().unwrap();
        assert_eq!((alarm.difference.kind(), alarm.from), (found, from));
        assert_eq!(unlocked.accept_log(&who(), "again").unwrap(), None);
        let tip = recorded(&machine).unwrap();
        assert_eq!((tip.count, tip.gaps), (9, 1));
        unlocked.log_note(&opening()).unwrap();
        let log = own(&machine.taken());
        assert_eq!(log.state, LogState::Current, "{found}");
        let gap = &log.gaps[..];
        assert!(matches!(gap, [gap] if (gap.from, gap.to, &*gap.reason) == (from, 8, "the disk failed")), "{gap:?}");
        let last = log.records.iter().rev().take(2).map(|record| record.number).collect::<Vec<_>>();
        assert_eq!((last, recorded(&machine).unwrap().gaps), (vec![10, 9], 1));
        // What is before the gap is as little to be altered as what is after it.
        let kept = machine.store.logs().files();
        for record in 1..from as usize {
            alter(&machine, &unlocked, |bytes| {
                let at = ends(bytes)[record - 1] + 99;
                bytes[at] ^= 4;
            });
            assert!(matches!(unlocked.log_state().unwrap(), LogState::Altered(_)), "{found}: record {record}");
            machine.store.logs().put(kept.clone());
        }
        if from > 1 {
            alter(&machine, &unlocked, |bytes| bytes.truncate(ends(bytes)[4]));
            assert!(matches!(unlocked.log_state().unwrap(), LogState::Altered(_)), "{found}: cut again");
        }
        machine.store.logs().put(Files::new());
        assert_fails!(unlocked.log_begin(&opening()), Error::LogAltered(_));
        unlocked.accept_log(&who(), "and again").unwrap().unwrap();
        unlocked.log_note(&opening()).unwrap();
        assert_eq!((own(&unlocked).state, recorded(&machine).unwrap().gaps), (LogState::Current, 2), "{found}");
    }
}

#[test]
fn a_history_that_was_written_over_is_disputed_once_it_was_accepted() {
    let (machine, mut unlocked) = logged();
    let other = Machine::at(3);
    let writer = other.taken();
    (0..9).for_each(|_| assert!(writer.log_note(&opening()).is_ok()));
    machine.store.logs().put(other.store.logs().files());
    assert_eq!(unlocked.accept_log(&who(), "why").unwrap().unwrap().difference, LogDifference::Rewritten);
    let log = own(&unlocked);
    assert_eq!((log.state, log.records.len()), (LogState::Current, 11));
    assert!(log.records[..10].iter().all(|record| record.is_disputed) && !log.records[10].is_disputed);
}

#[test]
fn what_is_forgotten_is_deleted_in_whole_files_and_noted() {
    let machine = Machine::at(3);
    let mut unlocked = machine.taken();
    // Three segments of three records or four, as if each were as long as a segment gets.
    for segment in 1..=3 {
        (0..3).for_each(|_| assert!(unlocked.log_note(&opening()).is_ok()));
        machine.store.logs().pretend(&segment_name(unlocked.enrolment(), segment), SEGMENT_LIMIT);
    }
    (1..=3).for_each(|segment| machine.store.logs().pretend(&segment_name(unlocked.enrolment(), segment), 0));
    let log = own(&unlocked);
    assert_eq!((log.state, log.records.len(), machine.store.logs().files().len()), (LogState::Current, 10, 3));
    let at = |number: usize| log.records[number - 1].entry.as_ref().unwrap().at;
    let nothing = unlocked.forget_log(at(4), &who(), "three years").unwrap();
    assert_eq!((nothing.entries, nothing.segments), (0, 0));
    let kept = machine.store.logs().files();
    let forgotten = unlocked.forget_log(at(7), &who(), "three years").unwrap();
    assert_eq!((forgotten.entries, forgotten.segments), (4, 1));
    let log = own(&unlocked);
    assert_eq!((log.state, log.forgotten, log.records[0].number, log.records.len()), (LogState::Current, 4, 5, 7));
    let note = log.records.last().unwrap().entry.as_ref().unwrap();
    assert_eq!((note.known_action(), &*note.reason), (Some(Action::LogForgotten), "three years"));
    // More than was forgotten is a cut, and what was forgotten may still be there.
    let now = machine.store.logs().files();
    let mut fewer = now.clone();
    fewer.remove(&segment_name(unlocked.enrolment(), 2));
    machine.store.logs().put(fewer);
    assert!(matches!(unlocked.log_state().unwrap(), LogState::Altered(_)));
    let mut more = now.clone();
    more.insert(first_segment(&unlocked), kept[&first_segment(&unlocked)].clone());
    machine.store.logs().put(more);
    assert_eq!((unlocked.log_state().unwrap(), own(&unlocked).forgotten), (LogState::Current, 0));
    machine.store.logs().put(now);
    // The one that is written to stays, however old.
    let later = Timestamp::from_unix(i64::MAX);
    assert_eq!(unlocked.forget_log(later, &who(), "").unwrap().segments, 1);
    unlocked.log_note(&opening()).unwrap();
    assert_eq!((own(&unlocked).state, own(&unlocked).forgotten), (LogState::Current, 7));
}

#[test]
fn a_log_that_was_altered_is_not_forgotten() {
    let (machine, mut unlocked) = logged();
    alter(&machine, &unlocked, |bytes| bytes.truncate(ends(bytes)[4]));
    assert_fails!(unlocked.forget_log(Timestamp::from_unix(i64::MAX), &who(), ""), Error::LogAltered(_));
}

#[test]
fn a_disclosed_record_opens_by_itself_and_no_other_does() {
    let (machine, unlocked) = logged();
    let log = own(&unlocked);
    let disclosed: Vec<_> = log.records.iter().map(|record| unlocked.disclose_record(&log, record).unwrap()).collect();
    for (record, shown) in log.records.iter().zip(&disclosed) {
        assert_eq!(sha256(&shown.record), record.hash);
        assert_eq!(Some(open_disclosed(&shown.record, &shown.opens).unwrap()), record.entry);
        assert_eq!((shown.number, shown.previous), (record.number, record.previous));
    }
    assert_fails!(open_disclosed(&disclosed[0].record, &disclosed[1].opens), Error::Damaged { .. });
    let mut altered = disclosed[0].record.clone();
    altered[200] ^= 1;
    assert_fails!(open_disclosed(&altered, &disclosed[0].opens), Error::Damaged { .. });
    assert_fails!(open_disclosed(&altered[1..], &disclosed[0].opens), Error::Damaged { .. });
    machine.store.logs().put(Files::from([(first_segment(&unlocked), altered)]));
    assert_fails!(unlocked.disclose_record(&log, &log.records[0]), Error::Io { .. });
}
