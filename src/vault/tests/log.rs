//! The access log: what is recorded before something is released, and what shows when it was altered.

use std::collections::BTreeMap;

use super::*;
use crate::error::{LogAlarm, LogDifference, LogTrouble};
use crate::format::item::{AnchorItem, LogTip};
use crate::format::log::{Action, BLOCK, LogEnd, NewEntry, Outcome, Phase, What, Who, length_in_front, segment_name};
use crate::vault::log::{LogState, ReadLog};

mod altered;
mod crashes;
mod keychains;
mod orders;
mod others;
mod random;

type Files = BTreeMap<String, Vec<u8>>;

fn who() -> Who {
    Who { account: "ada".into(), name: "laptop-x1".into(), ..Who::default() }
}

fn opening() -> NewEntry {
    NewEntry { reason: "monthly tables".into(), ..NewEntry::new(Action::FileOpen, who()) }
}

fn done() -> LogEnd {
    LogEnd::done(What::default())
}

/// Returns what the anchor says of the log.
fn recorded(machine: &Machine) -> Option<LogTip> {
    AnchorItem::parse(&machine.stored(ItemKind::Anchor)?).unwrap().anchor.log
}

/// Returns this computer's log.
fn own(unlocked: &Unlocked) -> ReadLog {
    unlocked.read_logs().unwrap().into_iter().find(|log| log.is_own).unwrap()
}

/// Returns the phases of a log's entries, with what they belong to.
fn phases(log: &ReadLog) -> Vec<(Phase, Option<u64>)> {
    log.records.iter().map(|record| record.entry.as_ref().unwrap()).map(|entry| (entry.phase, entry.of)).collect()
}

/// Writes a log of 8 records, the last of which is recorded.
fn logged() -> (Machine, Unlocked) {
    let machine = Machine::at(3);
    let unlocked = machine.taken();
    for _ in 0..2 {
        let begun = unlocked.log_begin(&opening()).unwrap();
        unlocked.log_end(begun, &done()).unwrap();
    }
    for _ in 0..3 {
        unlocked.log_note(&opening()).unwrap();
    }
    assert_eq!(recorded(&machine).unwrap().count, 8);
    (machine, unlocked)
}

/// Returns where a segment's head and each of its records end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![BLOCK];
    while let Some(length) = ends.last().and_then(|end| length_in_front(bytes.get(*end..)?)) {
        ends.push(ends[ends.len() - 1] + length);
    }
    ends
}

fn first_segment(unlocked: &Unlocked) -> String {
    segment_name(unlocked.enrolment(), 1)
}

#[test]
fn an_entry_is_written_and_recorded_before_it_counts() {
    let machine = Machine::at(3);
    let unlocked = machine.taken();
    assert_eq!(unlocked.log_state().unwrap(), LogState::Absent);
    let begun = unlocked.log_begin(&opening()).unwrap();
    // The first record says that the log begins.
    assert_eq!((begun, recorded(&machine).unwrap().count), (2, 2));
    unlocked.log_end(begun, &done()).unwrap();
    assert_eq!(recorded(&machine).unwrap().count, begun);
    assert_eq!(unlocked.log_state().unwrap(), LogState::Ahead { by: 1 });
    let next = unlocked.log_note(&opening()).unwrap();
    assert_eq!((next, recorded(&machine).unwrap().count), (begun + 2, next));
    assert_eq!(unlocked.log_state().unwrap(), LogState::Current);
    let log = own(&unlocked);
    assert_eq!(
        phases(&log),
        [(Phase::Note, None), (Phase::Begin, None), (Phase::End, Some(begun)), (Phase::Note, None)]
    );
    let entry = log.records[1].entry.as_ref().unwrap();
    assert_eq!((entry.seq, entry.known_action(), &*entry.reason), (2, Some(Action::FileOpen), "monthly tables"));
    assert_eq!((entry.who.as_ref(), entry.boot.as_str()), (Some(&who()), BOOT));
    assert_eq!((log.recorded, log.torn, log.forgotten, log.gaps.len()), (4, 0, 0, 0));
    assert_eq!(machine.store.logs().files().into_keys().collect::<Vec<_>>(), [first_segment(&unlocked)]);
    // What this computer remembers of the vault stays as it was.
    let anchor = AnchorItem::parse(&machine.stored(ItemKind::Anchor).unwrap()).unwrap().anchor;
    assert_eq!((anchor.generation, anchor.digest), (3, digest(&machine.document())));
}

#[test]
fn a_vault_write_keeps_the_tip_and_stores_it_in_the_vault() {
    let (machine, mut unlocked) = logged();
    let tip = recorded(&machine).unwrap();
    unlocked.add_project(&named("beta")).unwrap();
    assert_eq!(recorded(&machine).unwrap(), tip);
    let seen = &unlocked.payload.logs[..];
    assert!(matches!(seen, [seen] if (seen.enrolment, seen.count, seen.tip) == (tip.enrolment, 8, tip.tip)));
    // And an entry keeps the vault's part.
    unlocked.log_note(&opening()).unwrap();
    assert_eq!(machine.notices(), []);
    assert_eq!(machine.taken().log_state().unwrap(), LogState::Current);
}

#[test]
fn what_nobody_ends_any_more_is_ended_as_interrupted() {
    let machine = Machine::at(3);
    let unlocked = machine.taken();
    let (first, second) = (unlocked.log_begin(&opening()).unwrap(), unlocked.log_begin(&opening()).unwrap());
    unlocked.log_end(second, &done()).unwrap();
    // The process still runs.
    unlocked.log_note(&opening()).unwrap();
    let open = |unlocked: &Unlocked| own(unlocked).records.last().unwrap().entry.clone().unwrap().open;
    assert_eq!(open(&unlocked).iter().map(|begun| begun.seq).collect::<Vec<_>>(), [first]);
    machine.host.start_process(4243);
    let other = machine.taken();
    let third = other.log_begin(&opening()).unwrap();
    let log = own(&other);
    let ends: Vec<(u64, Outcome)> = log
        .records
        .iter()
        .filter_map(|record| record.entry.as_ref())
        .filter(|entry| entry.phase == Phase::End)
        .map(|entry| (entry.of.unwrap(), entry.outcome.unwrap()))
        .collect();
    assert_eq!(ends, [(second, Outcome::Done), (first, Outcome::Interrupted)]);
    // Another boot: the number of a process means nothing any more.
    machine.host.set_boot("another");
    other.log_note(&opening()).unwrap();
    let log = own(&other);
    assert_eq!(phases(&log)[log.records.len() - 2], (Phase::End, Some(third)));
    assert!(open(&other).is_empty());
}

fn file(path: String) -> crate::format::log::LoggedFile {
    crate::format::log::LoggedFile {
        file: crate::format::FileId::from_bytes([1; 16]),
        project: None,
        key_version: Some(2),
        size: 7,
        path,
        edges: Some(crate::format::scalar::FixedBase64([9; 32])),
        others: Default::default(),
    }
}

#[test]
fn long_lists_of_files_are_cut_into_records() {
    let machine = Machine::at(3);
    let unlocked = machine.taken();
    let begun = unlocked.log_begin(&opening()).unwrap();
    let short: Vec<_> = (0..10_000).map(|number| file(format!("/home/ada/{number}"))).collect();
    unlocked.log_files(begun, &short).unwrap();
    // The longest path that a system has, of bytes that take six letters each.
    let long: Vec<_> = (0..100).map(|_| file("\u{1}".repeat(32_767))).collect();
    unlocked.log_files(begun, &long).unwrap();
    unlocked.log_files(begun, &[]).unwrap();
    unlocked.log_end(begun, &done()).unwrap();
    let log = own(&unlocked);
    let lists = log.records.iter().map(|record| &record.entry.as_ref().unwrap().files);
    let all: Vec<_> = lists.clone().flatten().cloned().collect();
    assert!(all[..10_000] == short && all[10_000..] == long);
    assert!(lists.clone().all(|files| files.len() <= crate::format::log::FILES_LIMIT));
    // So much was written that the anchor was told, and the end is found without reading all.
    assert!(recorded(&machine).unwrap().count > begun);
}

#[test]
fn an_end_is_recorded_in_the_anchor_if_files_were_listed() {
    let machine = Machine::at(3);
    let unlocked = machine.taken();
    let known = || recorded(&machine).unwrap().count;
    let begun = unlocked.log_begin(&opening()).unwrap();
    unlocked.log_end(begun, &done()).unwrap();
    assert_eq!(known(), begun);
    let begun = unlocked.log_begin(&opening()).unwrap();
    let file = file("/home/ada/a".into());
    unlocked.log_files(begun, std::slice::from_ref(&file)).unwrap();
    unlocked.log_files(begun, &[file]).unwrap();
    assert_eq!(known(), begun);
    unlocked.log_end(begun, &done()).unwrap();
    assert_eq!(known(), begun + 3);
}

#[test]
fn a_long_segment_is_followed_by_another() {
    let (machine, unlocked) = logged();
    let name = first_segment(&unlocked);
    // As long as a segment gets, without what would have to be written for it.
    let records = machine.store.logs().files()[&name].len() as u64;
    machine.store.logs().pretend(&name, crate::format::log::SEGMENT_LIMIT - records);
    unlocked.log_note(&opening()).unwrap();
    assert_eq!(machine.store.logs().files().len(), 2);
    let next = segment_name(unlocked.enrolment(), 2);
    assert_eq!(ends(&machine.store.logs().files()[&next]).len(), 2);
    machine.store.logs().pretend(&name, 0);
    unlocked.log_note(&opening()).unwrap();
    let log = own(&unlocked);
    assert_eq!((log.state, log.records.len()), (LogState::Current, 10));
    // A segment that is gone shows, whichever it is.
    for gone in [&name, &next] {
        let mut files = machine.store.logs().files();
        files.remove(gone);
        let (machine, kept) = (&machine, machine.store.logs().files());
        machine.store.logs().put(files);
        assert!(matches!(unlocked.log_state().unwrap(), LogState::Altered(_)), "{gone}");
        machine.store.logs().put(kept);
    }
    assert_eq!(unlocked.log_state().unwrap(), LogState::Current);
}

#[test]
fn a_vault_without_a_log_key_gets_one_when_it_is_tended() {
    let machine = Machine::at(3);
    machine.plant(|_, payload| {
        let payload = payload.as_object_mut().unwrap();
        payload.remove("log_keys");
        payload["needs"] = serde_json::json!([]);
    });
    let untended = machine.unlock_only(PASSWORD).unwrap();
    assert_fails!(untended.log_begin(&opening()), Error::LogUnavailable(LogTrouble::NoKey));
    let unlocked = machine.taken();
    assert_eq!((unlocked.payload.log_keys.len(), &unlocked.payload.needs[..]), (1, &["renew:log_keys".to_owned()][..]));
    unlocked.log_begin(&opening()).unwrap();
    // Once.
    assert_eq!(machine.taken().header().generation, unlocked.header().generation);
}

#[test]
fn a_rotation_adds_a_key_and_every_entry_stays_readable() {
    let (machine, mut unlocked) = logged();
    rotate_now(&mut unlocked);
    let versions: Vec<u32> = unlocked.payload.log_keys.iter().map(|key| key.version).collect();
    assert_eq!(versions, [1, 2]);
    unlocked.log_note(&opening()).unwrap();
    let log = own(&machine.unlocked());
    assert_eq!((log.state, log.records.len()), (LogState::Current, 9));
    assert!(log.records.iter().all(|record| record.entry.is_some()));
    let name = first_segment(&unlocked);
    let bytes = &machine.store.logs().files()[&name];
    let version = |record: usize| bytes[ends(bytes)[record] + 7];
    assert_eq!((version(7), version(8)), (1, 2));
}

#[test]
fn what_is_decided_about_logging_counts_until_it_is_decided_again() {
    let (machine, mut unlocked) = logged();
    assert_eq!(unlocked.logging(), Logging::default());
    unlocked.set_logging(LogPolicy::BestEffort, ReasonPolicy::Required, "the office's rules").unwrap();
    let logging = machine.taken().logging();
    assert_eq!((logging.log, logging.reason), (LogPolicy::BestEffort, ReasonPolicy::Required));
    assert!(logging.since.is_some());
    let again = unlocked.set_logging(LogPolicy::BestEffort, ReasonPolicy::Required, "again").unwrap();
    assert_eq!(again, Effect::AlreadySo);
    unlocked.set_logging(LogPolicy::Required, ReasonPolicy::Optional, "").unwrap();
    assert_eq!((unlocked.logging().log, unlocked.payload.logging.len()), (LogPolicy::Required, 2));
    // A word of a later program is taken for the stricter one.
    unlocked.payload.logging[1].log = "later".into();
    unlocked.payload.logging[1].reason = "later".into();
    assert_eq!((unlocked.logging().log, unlocked.logging().reason), (LogPolicy::Required, ReasonPolicy::Required));
}

#[test]
fn with_best_effort_the_next_entry_says_how_many_are_missing() {
    let (machine, mut unlocked) = logged();
    let fails = || machine.store.logs().fail_after(0, crate::store::LogFault::Fails);
    fails();
    assert_fails!(unlocked.log_begin(&opening()), Error::LogUnavailable(LogTrouble::Failed(_)));
    unlocked.log_note(&opening()).unwrap();
    unlocked.set_logging(LogPolicy::BestEffort, ReasonPolicy::Optional, "").unwrap();
    for _ in 0..2 {
        fails();
        assert_fails!(unlocked.duplicate().log_begin(&opening()), Error::LogUnavailable(_));
    }
    unlocked.log_note(&opening()).unwrap();
    unlocked.log_note(&opening()).unwrap();
    let lost: Vec<u64> = own(&unlocked).records[8..].iter().map(|record| record.entry.as_ref().unwrap().lost).collect();
    assert_eq!(lost, [0, 2, 0]);
}
