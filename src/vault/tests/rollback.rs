//! Older, other and diverged vault files, and what this computer remembers.

use super::*;
use crate::crypto::hmac::MacKey;
use crate::crypto::secret::FileKey;
use crate::error::Difference;
use crate::format::item::{Anchor, AnchorItem};
use crate::keychain::{KeychainError, MemoryFault};

fn locked() -> KeychainError {
    KeychainError::Locked { provider: "memory".into() }
}

/// Every change and the question whether one may be made fail as rolled back, reading goes on, nothing is written.
fn assert_reads_only(machine: &Machine, unlocked: &mut Unlocked) {
    let before = machine.file();
    assert!(unlocked.file_key("acme", None).is_ok());
    assert_fails!(unlocked.check_writable(), Error::RolledBack(_));
    assert_fails!(unlocked.add_project(&named("bistro")), Error::RolledBack(_));
    assert_fails!(unlocked.rename_project("acme", "bistro"), Error::RolledBack(_));
    assert_fails!(unlocked.rotate_file_key("acme"), Error::RolledBack(_));
    let key = FileKey::from_slice(&[1; 32]).unwrap();
    assert_fails!(unlocked.import_file_key("acme", &key, SharedKeys::Refused), Error::RolledBack(_));
    assert_eq!(machine.file(), before);
}

/// Returns the vault file after `changes` changes were made elsewhere to the shared life's `generation`.
fn changed_elsewhere(generation: usize, changes: usize) -> Vec<u8> {
    let elsewhere = Machine::at(generation);
    let mut unlocked = elsewhere.unlocked();
    for number in 0..changes {
        unlocked.add_project(&named(&format!("elsewhere-{number}"))).unwrap();
    }
    elsewhere.file()
}

fn anchored(machine: &Machine) -> Anchor {
    AnchorItem::parse(&machine.stored(ItemKind::Anchor).unwrap()).unwrap().anchor
}

#[test]
fn an_older_vault_file_is_read_and_not_changed_until_it_is_accepted() {
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[1].clone()), None);
    let mut unlocked = machine.unlocked();
    let notices = unlocked.take_notices();
    let [Notice::RolledBack(told)] = &notices[..] else { panic!("{notices:?}") };
    assert_eq!((told.generation, told.seen, told.difference), (2, 3, Difference::Older));
    assert_eq!(unlocked.rolled_back(), Some(told));
    assert_reads_only(&machine, &mut unlocked);
    assert_eq!(anchored(&machine).generation, 3, "looking at an older file does not make it the one that was seen");

    unlocked.accept_rollback().unwrap();
    assert_eq!(unlocked.header().generation, 4);
    let aside = machine.store.set_aside();
    assert!(matches!(&aside[..], [(name, bytes)] if name.starts_with("older-") && *bytes == life().files[1]));
    unlocked.rotate_file_key("acme").unwrap();
    assert_eq!(machine.document().header.generation, 5);
    assert_eq!(machine.notices(), []);
    // What was rolled back from is the older one now.
    machine.store.put(Some(life().files[2].clone()), None);
    assert!(matches!(&machine.notices()[..], [Notice::RolledBack(RolledBack { generation: 3, seen: 5, .. })]));
}

#[test]
fn an_accepted_rollback_that_could_not_be_written_is_still_a_rollback() {
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[1].clone()), None);
    let mut unlocked = machine.unlocked();
    machine.store.fail_next(crate::store::StoreFault::WriteFails);
    assert_fails!(unlocked.accept_rollback(), Error::Io { .. });
    assert_eq!(machine.store.set_aside(), []);
    assert_reads_only(&machine, &mut unlocked);
    unlocked.accept_rollback().unwrap();
    assert_eq!(unlocked.header().generation, 4);
}

#[test]
fn accepting_where_nothing_is_rolled_back_changes_nothing() {
    let machine = Machine::at(3);
    machine.unlocked().accept_rollback().unwrap();
    assert_eq!(machine.file(), life().files[2]);
    assert_eq!(machine.store.set_aside(), []);
}

#[test]
fn a_vault_file_that_is_swapped_for_an_older_one_while_unlocked_is_not_built_upon() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.store.put(Some(life().files[1].clone()), None);
    assert_fails!(unlocked.add_project(&named("bistro")), Error::RolledBack(_));
    assert_eq!(machine.file(), life().files[1]);
    assert_reads_only(&machine, &mut unlocked);
}

#[test]
fn the_same_generation_with_other_content_is_rolled_back() {
    let machine = Machine::at(3);
    machine.store.put(Some(changed_elsewhere(2, 1)), None);
    let mut unlocked = machine.unlocked();
    let notices = unlocked.take_notices();
    assert!(matches!(&notices[..], [Notice::RolledBack(RolledBack { generation: 3, seen: 3, .. })]), "{notices:?}");
    assert_reads_only(&machine, &mut unlocked);
    unlocked.accept_rollback().unwrap();
    assert_eq!(unlocked.header().generation, 4);
    assert!(unlocked.project("elsewhere-0").is_ok());
}

#[test]
fn a_newer_vault_file_that_does_not_descend_from_the_one_seen_is_a_fork() {
    let machine = Machine::at(3);
    let diverged = changed_elsewhere(2, 3);
    machine.store.put(Some(diverged.clone()), None);
    let mut unlocked = machine.unlocked();
    let notices = unlocked.take_notices();
    let [Notice::RolledBack(told)] = &notices[..] else { panic!("{notices:?}") };
    assert_eq!((told.generation, told.seen, told.difference), (5, 3, Difference::Diverged));
    assert_reads_only(&machine, &mut unlocked);
    unlocked.accept_rollback().unwrap();
    assert_eq!(unlocked.header().generation, 6);
    let aside = machine.store.set_aside();
    assert!(matches!(&aside[..], [(name, bytes)] if name.starts_with("diverged-") && *bytes == diverged));
    assert_eq!(machine.notices(), []);
}

#[test]
fn two_machines_that_take_turns_on_one_file_follow_each_other() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    let mut told = Vec::new();
    for round in 0..2 {
        for (writer, reader) in [(&here, &there), (&there, &here)] {
            let mut unlocked = writer.unlocked();
            told.extend(unlocked.take_notices());
            unlocked.add_project(&named(&format!("p{round}-{}", unlocked.projects().len()))).unwrap();
            reader.store.put(Some(writer.file()), None);
        }
    }
    assert_eq!(told, []);
    assert_eq!(here.unlocked().projects().len(), 5);
    assert_eq!(here.document().header.generation, 7);
}

#[test]
fn two_machines_that_write_at_once_see_the_fork_on_both_sides() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    for (machine, changes) in [(&here, 1), (&there, 2)] {
        let mut unlocked = machine.unlocked();
        for number in 0..changes {
            unlocked.add_project(&named(&format!("p{number}"))).unwrap();
        }
    }
    let (from_here, from_there) = (here.file(), there.file());
    here.store.put(Some(from_there), None);
    there.store.put(Some(from_here), None);
    let told = here.unlocked().rolled_back().map(|told| (told.generation, told.seen, told.difference));
    assert_eq!(told, Some((5, 4, Difference::Diverged)));
    let other = there.unlocked().rolled_back().map(|told| (told.generation, told.seen));
    assert_eq!(other, Some((4, 5)));
}

#[test]
fn a_write_cut_off_before_its_anchor_is_adopted_without_a_word() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.keychain.inject(MemoryFault::FailWrites(locked));
    for name in ["bistro", "cafe"] {
        unlocked.add_project(&named(name)).unwrap();
        let notices = unlocked.take_notices();
        assert!(matches!(&notices[..], [Notice::AnchorNotWritten { .. }]), "{notices:?}");
    }
    assert_eq!(anchored(&machine).generation, 3);
    // While the keychain refuses writes, the vault opens and says that its memory lags.
    assert!(matches!(&machine.notices()[..], [Notice::AnchorNotWritten { .. }]));
    machine.keychain.heal();
    assert_eq!(machine.notices(), []);
    assert_eq!(anchored(&machine).generation, 5);
    assert_eq!(anchored(&machine).digest, digest(&machine.document()));
    machine.store.put(Some(life().files[2].clone()), None);
    assert!(machine.unlocked().rolled_back().is_some(), "what was adopted is what was seen");
}

#[test]
fn a_keychain_that_forgets_the_anchor_is_told_of() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.keychain.inject(MemoryFault::Lie);
    unlocked.add_project(&named("bistro")).unwrap();
    assert!(matches!(&unlocked.take_notices()[..], [Notice::AnchorNotWritten { .. }]));
}

#[test]
fn a_missing_anchor_is_told_once_and_made_anew() {
    let machine = Machine::at(3);
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    assert_eq!(machine.notices(), [Notice::AnchorMissing { generation: 3 }]);
    assert_eq!(anchored(&machine).digest, digest(&machine.document()));
    assert_eq!(machine.notices(), []);
}

#[test]
fn a_missing_anchor_is_told_while_a_rotation_is_under_way_too() {
    let machine = Machine::at(3);
    machine.plant(|_, payload| {
        payload["rotation"] = serde_json::json!({
            "state": "under-way",
            "data_key": "00000000-0000-4000-8000-000000000001",
            "pepper": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "enrolments": [{"id": "00000000-0000-4000-8000-000000000002"}],
        });
    });
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    assert_eq!(machine.notices(), [Notice::AnchorMissing { generation: 3 }, Notice::RotationElsewhere]);
    assert!(machine.stored(ItemKind::Anchor).is_some());
}

/// The key of the shared life's anchors.
fn anchor_key() -> [u8; KEY_LEN] {
    let document = Document::parse(&life().files[2]).unwrap();
    let wrapped = open_payload(&document, &data_key()).unwrap().anchor_key;
    let context: [&[u8]; 2] = [label::ANCHOR_KEY, VAULT.as_bytes()];
    cobblestone::open(&life().data_key, &context, &wrapped.0).unwrap()[..].try_into().unwrap()
}

/// Writes an anchor that claims generation 99 of `vault` under a MAC key derived from `key`.
fn forged(vault: VaultId, key: &[u8; KEY_LEN]) -> Vec<u8> {
    let document = Machine::at(3).document();
    let at = Timestamp::from_unix(1_795_249_800);
    let anchor = Anchor { vault, data_key: document.header.data_key, generation: 99, digest: [9; 32], at, log: None };
    AnchorItem::write(&anchor, |protected| MacKey::derive(key, label::ANCHOR).tag(protected)).unwrap()
}

#[test]
fn an_anchor_that_does_not_verify_is_one_that_is_missing() {
    let honest = forged(VAULT, &anchor_key());
    let mut altered = honest.clone();
    let last = altered.len() - 10;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    let other_vault = forged(VaultId::from_bytes([8; 16]), &anchor_key());
    let (other_key, data_key) = (forged(VAULT, &[1; 32]), forged(VAULT, &life().data_key));
    for anchor in [altered, other_vault, other_key, data_key, b"garbage".to_vec(), Vec::new()] {
        let machine = Machine::at(3);
        machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &anchor).unwrap();
        assert_eq!(machine.notices(), [Notice::AnchorMissing { generation: 3 }]);
        assert_eq!(anchored(&machine).generation, 3);
    }
    // The very same claim is believed where its MAC holds, or the cases above would show nothing.
    let machine = Machine::at(3);
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &honest).unwrap();
    assert!(matches!(&machine.notices()[..], [Notice::RolledBack(RolledBack { seen: 99, .. })]));
}

#[test]
fn a_second_anchor_can_only_raise_what_was_seen() {
    let machine = Machine::at(2);
    for anchor in [&life().anchors[2], &forged(VAULT, &[1; 32]), &life().anchors[0]] {
        machine.keychain.add_twin(&VAULT.to_string(), ItemKind::Anchor, anchor);
    }
    assert!(matches!(&machine.notices()[..], [Notice::RolledBack(RolledBack { generation: 2, seen: 3, .. })]));
}

#[test]
fn vault_and_anchor_restored_together_are_not_noticed() {
    // Nobody can: this computer's whole memory is the anchor. It stands here so that no text promises more.
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[1].clone()), None);
    assert!(machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &life().anchors[1]).is_ok());
    assert_eq!(machine.notices(), []);
}

#[test]
fn a_keychain_that_cannot_tell_the_anchor_does_not_let_an_older_file_pass() {
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[1].clone()), None);
    // The data key is read, the anchor is not.
    machine.keychain.inject_after(1, MemoryFault::Fail(locked));
    match machine.unlock(PASSWORD) {
        Err(Error::Keychain(KeychainError::Locked { .. })) => {}
        Ok(mut unlocked) => assert!(unlocked.add_project(&named("bistro")).is_err()),
        Err(other) => panic!("{other:?}"),
    }
    assert_eq!(machine.file(), life().files[1]);
}

#[test]
fn an_anchor_from_before_a_rotation_is_worth_as_much_as_one_from_after_it() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    rotate_now(&mut unlocked);
    unlocked.add_project(&named("beta")).unwrap();
    drop(unlocked);
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &life().anchors[2]).unwrap();
    assert_eq!(machine.notices(), [], "the vault descends from what it remembers");
    assert_eq!(anchored(&machine).generation, machine.document().header.generation);
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &forged(VAULT, &anchor_key())).unwrap();
    assert!(machine.unlocked().rolled_back().is_some());
}

#[test]
fn an_anchor_never_goes_back_and_keeps_what_it_says_of_a_log() {
    let machine = Machine::at(3);
    let tip = crate::format::scalar::FixedBase64([6; 32]);
    let enrolment = crate::format::EnrolmentId::from_bytes([3; 16]);
    let log = crate::format::item::LogTip { enrolment, count: 318, tip, gaps: 1 };
    let with_log = Anchor { log: Some(log), ..anchored(&machine) };
    let mac = |protected: &[u8]| MacKey::derive(&anchor_key(), label::ANCHOR).tag(protected);
    let bytes = AnchorItem::write(&with_log, mac).unwrap();
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &bytes).unwrap();
    let log = with_log.log;
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&named("beta")).unwrap();
    assert_eq!((anchored(&machine).generation, &anchored(&machine).log), (4, &log));
    // A write that is late: another copy of the vault shares this keychain.
    let late = Document::parse(&life().files[2]).unwrap();
    anchor::store(&machine.edges(), &late, &data_key(), &unlocked.payload).unwrap();
    assert_eq!((anchored(&machine).generation, &anchored(&machine).log), (4, &log));
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    // As if the process had been killed between the vault's move and the anchor.
    let (item, before) = (machine.item(), machine.stored(ItemKind::Anchor).unwrap());
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(anchored(&machine).log, log);
    machine.set_item(&item);
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &before).unwrap();
    assert_eq!(machine.notices(), [Notice::RotationFinished]);
    assert_eq!(anchored(&machine).log, log);
}

#[test]
fn the_keychain_is_asked_once_for_each_item_where_nothing_is_wrong() {
    let machine = Machine::at(3);
    let before = machine.keychain.calls();
    assert_eq!(machine.notices(), []);
    assert_eq!(machine.keychain.calls() - before, 2);
}
