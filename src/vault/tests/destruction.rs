//! The record of a destruction: it is there before the keys go, survives every end of the process, and is never closed
//! too early.

use super::*;
use crate::error::Refused;
use crate::store::StoreFault;
use crate::vault::protocol::rotation::{NextKit, Settle};

fn order() -> DestructionOrder {
    DestructionOrder { by: "Ada".into(), reason: "the study is over".into(), basis: "contract end".into() }
}

fn open(unlocked: &mut Unlocked) -> Result<Effect, Error> {
    unlocked.open_destruction("acme", &order(), SharedKeys::Refused)
}

fn destroy(unlocked: &mut Unlocked) -> Result<Rotation, Error> {
    let (kit, secrets) = (NextKit::None, SecretsOfProject::Deleted);
    unlocked.destroy_project("acme", &password(PASSWORD), kit, SharedKeys::Refused, secrets)
}

fn record(unlocked: &Unlocked) -> DestructionRecord {
    unlocked.project("acme").unwrap().destruction.unwrap()
}

fn destruction_of(unlocked: &Unlocked) -> Destruction {
    unlocked.project("acme").unwrap().facts(false).destruction
}

#[test]
fn the_record_is_there_before_the_keys_go_and_knows_them_again() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let checks: Vec<String> = [1, 2]
        .iter()
        .map(|version| unlocked.key_check("acme", *version).unwrap().iter().map(|b| format!("{b:02x}")).collect())
        .collect();
    assert_eq!(open(&mut unlocked).unwrap(), Effect::Changed);
    let opened = record(&unlocked);
    assert_eq!(opened.checks.iter().map(|check| check.check.clone()).collect::<Vec<_>>(), checks);
    assert_eq!((opened.number, opened.by.as_str(), opened.waits_for()), (1, "Ada", Some(Stage::Copies)));
    // The keys are still there, and another order changes nothing.
    exposed(&unlocked, "acme", 1);
    assert_eq!(open(&mut unlocked).unwrap(), Effect::AlreadySo);
    assert_eq!(destruction_of(&unlocked), Destruction::UnderWay);
    // A fork takes it along, as it does everything that is on record of a project.
    let elsewhere = Machine::empty();
    let fork =
        unlocked.fork(elsewhere.edges(), VaultId::from_bytes([9; 16]), &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_eq!(record(&fork), opened);
    unlocked.hold_project("acme", "trial", "").unwrap();
    assert_fails!(destroy(&mut unlocked), Error::Refused(Refused::Held { .. }));
    assert_eq!(record(&unlocked), opened);
}

#[test]
fn no_step_is_taken_before_the_one_before_it() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let standing = machine.file();
    assert_fails!(unlocked.note_destruction("acme", Stage::Copies, ""), Error::Changed { .. });
    assert_fails!(unlocked.close_destruction("acme"), Error::Changed { .. });
    assert_eq!(machine.file(), standing);
    open(&mut unlocked).unwrap();
    for stage in [Stage::KeysRemoved, Stage::Settled, Stage::Proved, Stage::FilesDeleted] {
        assert_fails!(unlocked.note_destruction("acme", stage, ""), Error::Changed { .. });
    }
    unlocked.note_destruction("acme", Stage::Copies, "none was found").unwrap();
    assert_fails!(unlocked.close_destruction("acme"), Error::Changed { .. });
    assert!(matches!(destroy(&mut unlocked).unwrap(), Rotation::Waits { .. }));
    assert_eq!(record(&unlocked).waits_for(), Some(Stage::Settled));
    // A keychain that has not settled holds the record open, whatever is said.
    for stage in [Stage::Settled, Stage::Proved] {
        assert_fails!(unlocked.note_destruction("acme", stage, "done"), Error::Changed { .. });
    }
    assert_fails!(unlocked.close_destruction("acme"), Error::Changed { .. });
    assert_eq!(destruction_of(&unlocked), Destruction::UnderWay);
    let project = unlocked.project("acme").unwrap().id;
    assert_eq!(unlocked.opens_copy(project, &life().files[2]), CopyOpens::WithKeys);
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(unlocked.opens_copy(project, &life().files[2]), CopyOpens::Refused);
    assert_eq!(unlocked.opens_copy(project, &machine.file()), CopyOpens::WithoutKeys);
    assert_eq!(unlocked.opens_copy(project, b"{}"), CopyOpens::OtherVault);
    for stage in [Stage::Settled, Stage::Proved] {
        assert_fails!(unlocked.close_destruction("acme"), Error::Changed { .. });
        unlocked.note_destruction("acme", stage, "done").unwrap();
    }
    assert_eq!(unlocked.note_destruction("acme", Stage::Proved, "again").unwrap(), Effect::AlreadySo);
    unlocked.close_destruction("acme").unwrap();
    assert_eq!(destruction_of(&unlocked), Destruction::Done);
    unlocked.note_destruction("acme", Stage::FilesDeleted, "2 files").unwrap();
    assert_eq!(unlocked.close_destruction("acme").unwrap(), Effect::AlreadySo);
}

#[test]
fn a_rotation_that_is_cancelled_settles_nothing() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    open(&mut unlocked).unwrap();
    destroy(&mut unlocked).unwrap();
    drop(unlocked);
    machine.plant(|_, payload| {
        payload["rotation"] = serde_json::json!({"state": "cancelled", "since": "2026-11-21T08:30:00Z"});
    });
    let mut unlocked = machine.unlocked();
    assert_eq!(unlocked.rotation(), None);
    assert_fails!(unlocked.note_destruction("acme", Stage::Settled, "done"), Error::Changed { .. });
    // Another rotation does.
    rotate_now(&mut unlocked);
    unlocked.note_destruction("acme", Stage::Settled, "done").unwrap();
}

/// Does all that is left, as the program does; returns whether the record is closed.
fn go_on(unlocked: &mut Unlocked) -> Result<(), Error> {
    if unlocked.project("acme").unwrap().destroyed.is_none() {
        open(unlocked)?;
        unlocked.note_destruction("acme", Stage::Copies, "none")?;
        destroy(unlocked)?;
    }
    if record(unlocked).done(Stage::Settled).is_none() {
        if !unlocked.has_left_data_key("acme") {
            unlocked.settle_rotation(&password(PASSWORD), Settle::Now)?;
        }
        unlocked.note_destruction("acme", Stage::Settled, "done")?;
    }
    unlocked.note_destruction("acme", Stage::Proved, "none opens")?;
    unlocked.close_destruction("acme").map(drop)
}

#[test]
fn whichever_write_is_the_last_one_the_next_run_goes_on_and_nothing_is_closed_too_early() {
    let (mut interrupted, mut over) = (0, false);
    for writes in 0..20 {
        let machine = Machine::at(3);
        let mut unlocked = machine.unlocked();
        machine.store.fail_after(writes, StoreFault::WriteFails);
        let first = go_on(&mut unlocked);
        machine.store.fail_next(StoreFault::None);
        drop(unlocked);
        let mut unlocked = machine.unlocked();
        let project = unlocked.project("acme").unwrap();
        if let Some(record) = &project.destruction {
            assert_eq!(record.is_closed().is_some(), first.is_ok(), "{writes}: {record:?}");
            assert_eq!(project.destroyed.is_some(), record.done(Stage::KeysRemoved).is_some(), "{writes}");
        } else {
            assert!(first.is_err() && project.destroyed.is_none(), "no key goes without a record");
        }
        interrupted += usize::from(first.is_err());
        if first.is_ok() {
            over = true;
            break;
        }
        go_on(&mut unlocked).unwrap();
        assert!(record(&unlocked).is_closed().is_some());
        for copy in &life().files {
            assert_eq!(unlocked.opens_copy(project.id, copy), CopyOpens::Refused);
        }
    }
    assert!(over && interrupted >= 7, "each of the writes was the last one once: {interrupted}");
}

#[test]
fn what_is_done_on_one_computer_is_done_on_the_other() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    open(&mut here.unlocked()).unwrap();
    let mut unlocked = there.unlocked();
    open(&mut unlocked).unwrap();
    unlocked.note_destruction("acme", Stage::Copies, "none was found").unwrap();
    drop(unlocked);
    let mut unlocked = here.unlocked();
    unlocked.merge(&there.document()).unwrap();
    let united = record(&unlocked);
    assert_eq!((united.waits_for(), united.steps.len()), (Some(Stage::KeysRemoved), 1));
    assert_eq!(united.checks.len(), 2, "both know the same keys");
}
