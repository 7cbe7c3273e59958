//! Rotations of a vault file that two computers share.

use super::rotate::{OTHER_BOOT, rotate, wraps};
use super::*;
use crate::error::{ItemError, Refused};
use crate::vault::protocol::rotation::{NextKit, Rotation, SETTLING_SECONDS, Settle};

#[test]
fn a_machine_that_did_not_begin_it_leaves_a_rotation_alone() {
    let machine = Machine::at(3);
    let other = Machine::second();
    rotate(&machine, NextKit::None);
    other.store.put(Some(machine.file()), None);
    let mut seen = other.unlock(OTHER_PASSWORD).unwrap();
    assert_eq!(seen.take_notices(), [Notice::RotationElsewhere]);
    assert_eq!(seen.rotation(), Some(Rotation::Elsewhere));
    // It may go on working meanwhile, and the rotation is not disturbed by that.
    seen.add_project(&named("beta")).unwrap();
    drop(seen);
    machine.store.put(Some(other.file()), None);
    machine.host.set_boot(OTHER_BOOT);
    let mut unlocked = machine.unlocked();
    assert!(unlocked.take_notices().contains(&Notice::RotationFinished));
    assert_eq!(unlocked.projects().len(), 2);
    drop(unlocked);
    other.store.put(Some(machine.file()), None);
    assert_fails!(other.unlock(OTHER_PASSWORD), Error::Item(ItemError::NotOurs { .. }));
}

/// Another computer that a kit gave a key to while the rotation of the first one waits.
fn joined(machine: &Machine) -> Machine {
    let mut unlocked = machine.unlocked();
    let kit = unlocked.make_kit().unwrap();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::New(&kit)).unwrap();
    drop(unlocked);
    let other = Machine::empty();
    other.host.set_boot(OTHER_BOOT);
    other.store.put(Some(machine.file()), None);
    let opened = Vault::open(other.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    drop(opened.enroll(other.keychain.clone(), other.host.clone(), &password(OTHER_PASSWORD), None, false).unwrap());
    assert_eq!(wraps(&other), 2);
    other
}

#[test]
fn each_machine_waits_for_its_own_keychain() {
    let machine = Machine::at(3);
    let other = joined(&machine);
    // The other's boot and note say nothing of this computer's keychain, and leave its own note as it is.
    machine.host.wait(60);
    machine.store.put(Some(other.file()), None);
    assert_eq!(machine.unlocked().rotation(), Some(Rotation::Waits { left: Some(SETTLING_SECONDS - 60) }));
    machine.unlocked().change_password(&password(PASSWORD), &password("a third one"), None).unwrap();
    machine.host.wait(SETTLING_SECONDS - 1);
    assert!(!machine.unlock("a third one").unwrap().finished_rotation());
    machine.host.wait(1);
    assert!(machine.unlock("a third one").unwrap().finished_rotation());
    other.store.put(Some(machine.file()), None);
    assert!(other.unlock(OTHER_PASSWORD).unwrap().finished_rotation());
    assert_eq!((wraps(&machine), wraps(&other)), (1, 1));
}

#[test]
fn the_machine_that_joined_may_end_the_rotation_alone() {
    let other = joined(&Machine::at(3));
    other.host.wait(SETTLING_SECONDS);
    assert!(other.unlock(OTHER_PASSWORD).unwrap().finished_rotation());
    assert_eq!(wraps(&other), 1);
}

#[test]
fn a_kit_that_the_rotation_would_end_is_not_made() {
    let machine = Machine::at(3);
    let other = Machine::second();
    rotate(&machine, NextKit::None);
    other.store.put(Some(machine.file()), None);
    let mut unlocked = other.unlock(OTHER_PASSWORD).unwrap();
    let kit = unlocked.make_kit().unwrap();
    assert_fails!(unlocked.add_kit(&kit, &password(OTHER_PASSWORD)), Error::Refused(Refused::RotationUnderWay));
    assert_eq!(unlocked.kits().len(), 0);
}

#[test]
fn a_rotation_that_another_machine_gave_up_is_told_where_it_was_begun() {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    rotate(&machine, NextKit::None);
    let other = Machine::empty();
    other.store.put(Some(machine.file()), None);
    let opened = Vault::open(other.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    drop(opened.enroll(other.keychain.clone(), other.host.clone(), &password(OTHER_PASSWORD), None, false).unwrap());
    machine.store.put(Some(other.file()), None);
    let notices = machine.notices();
    assert!(
        matches!(notices[..], [Notice::OtherDataKey, Notice::RotationCancelled(CancelReason::Earlier { .. })]),
        "{notices:?}"
    );
    rotate(&machine, NextKit::Keep(kit.secret()));
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!((machine.notices(), wraps(&machine)), (vec![], 1));
}

#[test]
fn a_rotation_does_not_begin_over_what_another_machine_did_since_the_vault_was_unlocked() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let other = Machine::second();
    let mut there = other.unlock(OTHER_PASSWORD).unwrap();
    let kit = there.make_kit().unwrap();
    there.add_kit(&kit, &password(OTHER_PASSWORD)).unwrap();
    machine.store.put(Some(other.file()), None);
    let begun = unlocked.rotate_data_key(&password(PASSWORD), NextKit::None);
    assert_fails!(begun, Error::Changed { .. });

    let mut unlocked = machine.unlocked();
    there.rotate_data_key(&password(OTHER_PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    machine.store.put(Some(other.file()), None);
    let begun = unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret()));
    assert_fails!(begun, Error::Refused(Refused::RotationUnderWay));
    assert_eq!((machine.file(), wraps(&machine)), (other.file(), 1));
}

#[test]
fn one_rotation_in_two_files_goes_on_for_both_machines_and_for_every_kit_that_follows_it() {
    let machine = Machine::at(3);
    let other = joined(&machine);
    machine.unlocked().add_project(&named("beta")).unwrap();
    let mut there = other.unlock(OTHER_PASSWORD).unwrap();
    let kit = there.make_kit().unwrap();
    there.add_kit(&kit, &password(OTHER_PASSWORD)).unwrap();
    drop(there);
    let merged = machine.unlocked().merge(&other.document()).unwrap();
    assert!(merged.came.ending_kits.is_empty());
    let parts = machine.payload()["rotation"]["enrolments"].as_array().unwrap().clone();
    assert_eq!(parts.len(), 2);
    assert_ne!(parts[0]["id"], parts[1]["id"]);
    other.store.put(Some(machine.file()), None);
    assert!(matches!(other.unlock(OTHER_PASSWORD).unwrap().rotation(), Some(Rotation::Waits { .. })));
    machine.host.wait(SETTLING_SECONDS);
    drop(machine.unlocked());
    machine.host.wait(SETTLING_SECONDS);
    let unlocked = machine.unlocked();
    assert!(unlocked.finished_rotation() && unlocked.kits().iter().all(|kit| kit.valid));
}

#[test]
fn one_kept_kit_follows_the_rotation_into_the_merged_file() {
    let machine = Machine::at(3);
    let other = joined(&machine);
    machine.unlocked().merge(&other.document()).unwrap();
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert!(machine.unlocked().kits()[0].valid);
}
