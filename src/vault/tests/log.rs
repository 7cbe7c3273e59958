//! The access log: what is recorded before something is released, and what shows when it was altered.

use super::*;
use crate::format::log::{Action, LogEnd, NewEntry, What, Who, segment_name};

fn opening() -> NewEntry {
    NewEntry::new(Action::FileOpen, Who { account: "ada".into(), ..Who::default() })
}

/// Returns what the anchor says of the log.
fn recorded(machine: &Machine) -> crate::format::item::LogTip {
    let item = machine.stored(ItemKind::Anchor).unwrap();
    crate::format::item::AnchorItem::parse(&item).unwrap().anchor.log.unwrap()
}

#[test]
fn an_entry_is_written_and_recorded_before_it_counts() {
    let machine = Machine::at(3);
    let unlocked = machine.unlocked();
    let begun = unlocked.log_begin(&opening()).unwrap();
    unlocked.log_end(begun, &LogEnd::done(What::default())).unwrap();
    assert_eq!(recorded(&machine).count, begun);
    let next = unlocked.log_note(&opening()).unwrap();
    assert_eq!((next, recorded(&machine).count), (begun + 2, next));
    let name = segment_name(unlocked.enrolment(), 1);
    assert_eq!(machine.store.logs().files().keys().collect::<Vec<_>>(), [&name]);
}
