use super::*;
use crate::error::{Begun, ItemError, NotFound};
use crate::format::item::DataKeyItem;
use crate::store::StoreFault;
use crate::vault::NewKit;
use crate::vault::protocol::rotation::{NextKit, SETTLING_SECONDS, Settle};

/// A computer whose vault has a kit.
fn with_kit() -> (Machine, NewKit) {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    (machine, kit)
}

fn recover(machine: &Machine, kit: &NewKit, new: &str) -> Result<Unlocked, Error> {
    let opened = Vault::open(machine.store.clone())?.open_with_kit(kit.secret())?;
    opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(new), None, false)
}

#[test]
fn the_vault_file_and_the_kit_are_enough_on_a_machine_that_has_nothing_else() {
    let (machine, kit) = with_kit();
    let fresh = Machine::empty();
    fresh.store.put(Some(machine.file()), None);
    let mut unlocked = recover(&fresh, &kit, OTHER_PASSWORD).unwrap();
    assert_eq!(unlocked.take_notices(), [], "a fresh anchor, without an alarm");
    assert_eq!(exposed(&unlocked, "acme", 1), exposed(&machine.unlocked(), "acme", 1));
    drop(unlocked);
    let mut again = fresh.unlock(OTHER_PASSWORD).unwrap();
    assert_eq!(again.take_notices(), []);
    again.add_project(&named("beta")).unwrap();
    assert_fails!(fresh.unlock(PASSWORD), Error::WrongPassword { .. });
}

#[test]
fn a_lost_item_a_damaged_one_and_a_forgotten_password_are_all_made_good() {
    for lost in 0..3 {
        let (machine, kit) = with_kit();
        match lost {
            0 => machine.keychain.forget(&VAULT.to_string(), ItemKind::DataKey),
            1 => machine.set_item(b"garbage"),
            _ => {}
        }
        drop(recover(&machine, &kit, OTHER_PASSWORD).unwrap());
        assert_eq!(machine.unlock(OTHER_PASSWORD).unwrap().take_notices(), []);
        assert_fails!(machine.unlock(PASSWORD), Error::WrongPassword { .. });
    }
}

#[test]
fn a_rolled_back_vault_is_recovered_only_where_that_is_accepted() {
    let (machine, kit, _) = put_back(with_kit());
    let item = machine.item();
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::RolledBack(_));
    assert_eq!(machine.item(), item);
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    let unlocked =
        opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(OTHER_PASSWORD), None, true).unwrap();
    assert_eq!(unlocked.projects().len(), 1);
    assert_eq!((unlocked.header().generation, machine.store.set_aside().len()), (6, 1));
    drop(unlocked);
    assert_eq!(machine.unlock(OTHER_PASSWORD).unwrap().take_notices(), []);
}

#[test]
fn a_revoked_kit_and_a_strangers_open_nothing_though_the_previous_file_knew_them() {
    let (machine, kit) = with_kit();
    let mut unlocked = machine.unlocked();
    let other = unlocked.make_kit().unwrap();
    assert_fails!(recover(&machine, &other, OTHER_PASSWORD), Error::WrongKit);
    unlocked.add_kit(&other, &password(PASSWORD)).unwrap();
    unlocked.revoke_kit(kit.name().id, false).unwrap();
    assert!(machine.store.load_previous().unwrap().is_some());
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::WrongKit);
    unlocked.revoke_kit(other.name().id, true).unwrap();
    assert_fails!(recover(&machine, &other, OTHER_PASSWORD), Error::NotFound(NotFound::Kit { name: None }));
    assert_fails!(unlocked.find_kit("3"), Error::NotFound(NotFound::Kit { name: Some(name) }) if name == "3");
    let never = unlocked.make_kit().unwrap();
    assert_fails!(unlocked.revoke_kit(never.name().id, false), Error::NotFound(NotFound::Kit { name: Some(_) }));
    let kits = unlocked.kits();
    assert!(kits.iter().all(|kit| !kit.valid && kit.ended.is_some()));
    assert_eq!([kits[0].destroyed.is_some(), kits[1].destroyed.is_some()], [false, true]);
    // A number is never used again.
    assert_eq!(unlocked.make_kit().unwrap().name().number, 3);
}

#[test]
fn any_flipped_bit_of_a_kits_wrap_is_refused_and_the_previous_file_still_opens() {
    let (machine, kit) = with_kit();
    machine.unlocked().add_project(&named("beta")).unwrap();
    let whole = machine.document();
    let slot = whole.header.kits().next().unwrap().clone();
    for bit in (0..slot.wrapped.0.len() * 8).step_by(7) {
        let (mut document, mut slot) = (whole.clone(), slot.clone());
        slot.wrapped.0[bit / 8] ^= 1 << (bit % 8);
        document.header.slots = vec![crate::format::vault::Slot::Kit(slot)];
        document.protected = document.header.to_protected().unwrap();
        let altered = Machine::empty();
        altered.store.put(Some(document.to_bytes().unwrap()), None);
        assert_fails!(recover(&altered, &kit, OTHER_PASSWORD), Error::WrongKit);
        altered.store.put(Some(document.to_bytes().unwrap()), machine.store.load_previous().unwrap());
        let opened = Vault::open(altered.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
        assert!(matches!(opened.source(), Source::Previous { .. }));
    }
}

#[test]
fn a_rotation_under_way_goes_on_with_its_own_kit_and_is_given_up_with_an_earlier_one() {
    let (machine, first) = with_kit();
    let mut unlocked = machine.unlocked();
    let second = unlocked.make_kit().unwrap();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::New(&second)).unwrap();
    drop(unlocked);
    let fresh = Machine::empty();
    fresh.store.put(Some(machine.file()), None);
    let mut recovered = recover(&fresh, &second, OTHER_PASSWORD).unwrap();
    assert_eq!(recovered.take_notices(), []);
    drop(recovered);
    fresh.host.wait(SETTLING_SECONDS);
    let finished = fresh.unlock(OTHER_PASSWORD).unwrap();
    assert!(finished.finished_rotation() && finished.kits()[1].valid && !finished.kits()[0].valid);
    drop(finished);
    assert_eq!(Vault::open(fresh.store.clone()).unwrap().open_with_kit(second.secret()).unwrap().kit(), second.name());

    let ends =
        |kit: &NewKit| Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap().ends_rotation();
    assert_eq!((ends(&first), ends(&second)), (true, false));
    let mut recovered = recover(&machine, &first, OTHER_PASSWORD).unwrap();
    assert_eq!(recovered.take_notices(), [Notice::RotationCancelled(CancelReason::OtherKit)]);
    assert!(recovered.rotation().is_none());
    drop(recovered);
    assert_eq!(DataKeyItem::parse(&machine.item()).unwrap().wraps.len(), 1);
    let mut unlocked = machine.unlock(OTHER_PASSWORD).unwrap();
    unlocked.rotate_data_key(&password(OTHER_PASSWORD), NextKit::None).unwrap();
    unlocked.settle_rotation(&password(OTHER_PASSWORD), Settle::Now).unwrap();
}

#[test]
fn wraps_of_another_data_key_are_kept_for_the_copy_that_needs_them() {
    let (machine, kit) = with_kit();
    let old = machine.file();
    rotate_now(&mut machine.unlocked());
    let new = machine.file();
    // The old copy is looked into for a moment, with the paper of its time.
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    machine.store.put(Some(old), None);
    drop(recover(&machine, &kit, OTHER_PASSWORD).unwrap());
    drop(machine.unlock(OTHER_PASSWORD).unwrap());
    machine.store.put(Some(new), None);
    assert_eq!(machine.unlocked().projects().len(), 1);
}

#[test]
fn a_keychain_that_fails_while_recovering_leaves_the_kit_good() {
    for cut in 0..6 {
        let (machine, kit) = with_kit();
        machine.keychain.inject_after(cut, MemoryFault::FailWrites(|| KeychainError::Locked { provider: "m".into() }));
        let failed = recover(&machine, &kit, OTHER_PASSWORD).map(|_| ());
        machine.keychain.heal();
        let opens = machine.unlock(PASSWORD).is_ok() || machine.unlock(OTHER_PASSWORD).is_ok();
        assert!(opens, "cut {cut}: {failed:?}");
        drop(recover(&machine, &kit, OTHER_PASSWORD).unwrap());
        machine.unlock(OTHER_PASSWORD).unwrap();
    }
}

/// Two computers that share a vault file, after the second one was given a key by a kit.
fn shared() -> (Machine, Machine, NewKit) {
    let (machine, kit) = with_kit();
    let other = Machine::empty();
    other.store.put(Some(machine.file()), None);
    drop(recover(&other, &kit, OTHER_PASSWORD).unwrap());
    machine.store.put(Some(other.file()), None);
    (machine, other, kit)
}

fn rotate_elsewhere(machine: &Machine, other: &Machine, kit: &NewKit) {
    let mut unlocked = machine.unlocked();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    drop(unlocked);
    other.store.put(Some(machine.file()), None);
}

#[test]
fn a_machine_that_was_let_in_again_after_a_rotation_takes_no_vault_file_from_before_it() {
    let (machine, other, kit) = shared();
    let old = machine.file();
    rotate_elsewhere(&machine, &other, &kit);
    assert_fails!(other.unlock(OTHER_PASSWORD), Error::Item(ItemError::NotOurs { .. }));
    // The same password again, as whoever was locked out types it.
    drop(recover(&other, &kit, OTHER_PASSWORD).unwrap());
    let (item, new) = (other.item(), other.file());
    assert_eq!(DataKeyItem::parse(&item).unwrap().wraps.len(), 1, "the earlier data key has had its time");
    other.store.put(Some(old.clone()), None);
    assert_fails!(other.unlock(OTHER_PASSWORD), Error::Item(ItemError::NotOurs { .. }));
    assert_fails!(recover(&other, &kit, OTHER_PASSWORD), Error::RolledBack(_));
    assert_eq!(other.item(), item);
    other.store.put(Some(new), None);
    assert_eq!(other.unlock(OTHER_PASSWORD).unwrap().take_notices(), []);
}

#[test]
fn a_machine_is_let_in_again_after_any_number_of_rotations_elsewhere() {
    let (machine, other, kit) = shared();
    for _ in 0..6 {
        rotate_elsewhere(&machine, &other, &kit);
        drop(recover(&other, &kit, OTHER_PASSWORD).unwrap());
        machine.store.put(Some(other.file()), None);
    }
    let mut unlocked = other.unlock(OTHER_PASSWORD).unwrap();
    unlocked.change_password(&password(OTHER_PASSWORD), &password(PASSWORD), None).unwrap();
}

#[test]
fn a_lost_vault_file_with_a_good_previous_one_is_gone_on_from_where_that_is_accepted() {
    let (machine, kit) = with_kit();
    let previous = machine.file();
    machine.store.put(None, Some(previous));
    machine.keychain.forget(&VAULT.to_string(), ItemKind::DataKey);
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::Damaged { .. });
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    let mut unlocked =
        opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(OTHER_PASSWORD), None, true).unwrap();
    let notices = unlocked.take_notices();
    assert!(matches!(notices[..], [Notice::ReadPrevious { .. }, Notice::Accepted { .. }]), "{notices:?}");
    drop(unlocked);
    assert_eq!(machine.unlock(OTHER_PASSWORD).unwrap().take_notices(), []);
}

#[test]
fn what_a_kit_opened_tells_of_itself_before_a_password_is_chosen() {
    let (machine, kit) = with_kit();
    machine.unlocked().add_project(&named("beta")).unwrap();
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    assert_eq!((opened.id(), opened.generation(), opened.projects()), (VAULT, 5, 2));
    assert!(!opened.ends_rotation());
}

#[test]
fn a_keychain_that_fails_while_recovering_is_told_by_what_stands_afterwards() {
    for (fault, done) in [(MemoryFault::FailWrites as fn(_) -> _, false), (MemoryFault::FailAfterWrites, true)] {
        let (machine, kit) = with_kit();
        let item = machine.item();
        machine.keychain.inject(fault(|| KeychainError::Locked { provider: "m".into() }));
        let failed = recover(&machine, &kit, OTHER_PASSWORD);
        if done {
            assert_fails!(failed, Error::Unfinished { begun: Begun::PasswordChange, .. });
        } else {
            assert_fails!(failed, Error::Keychain(KeychainError::Locked { .. }));
        }
        machine.keychain.heal();
        assert_eq!(machine.item() != item, done);
    }
}

/// A wrap of another data key, told from its like by `at` and by a bit of what is wrapped.
fn foreign(at: i64, flipped: usize) -> crate::format::item::Wrap {
    let mut wrap = DataKeyItem::parse(&life().item).unwrap().wraps.remove(0);
    wrap.header.data_key = crate::format::DataKeyId::from_bytes([9; 16]);
    wrap.header.at = Timestamp::from_unix(at);
    wrap.protected = wrap.header.to_protected().unwrap();
    wrap.wrapped[60] ^= 1 << flipped;
    wrap
}

#[test]
fn each_wrap_of_another_data_key_is_kept_once_and_as_many_as_an_item_holds() {
    let kept = [foreign(1, 0), foreign(2, 0), foreign(1, 1)];
    let (machine, kit) = with_kit();
    let twice = kept.iter().chain([&kept[0]]).cloned().collect();
    machine.set_item(&DataKeyItem { wraps: twice }.to_bytes().unwrap());
    drop(recover(&machine, &kit, OTHER_PASSWORD).unwrap());
    let wraps = DataKeyItem::parse(&machine.item()).unwrap().wraps;
    assert_eq!(wraps.len(), 4);
    for wrap in &kept {
        assert!(wraps.iter().any(|other| other.protected == wrap.protected && other.wrapped == wrap.wrapped));
    }
    let (machine, kit) = with_kit();
    let four = kept.into_iter().chain([foreign(3, 0)]).collect();
    machine.set_item(&DataKeyItem { wraps: four }.to_bytes().unwrap());
    let full = machine.item();
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::Item(ItemError::NotOurs { .. }));
    assert_eq!(machine.item(), full);
}

#[test]
fn a_second_item_goes_unless_it_holds_wraps_that_stand_nowhere_else() {
    let own = life().item.clone();
    let other = DataKeyItem { wraps: vec![foreign(1, 0)] }.to_bytes().unwrap();
    let stranger = {
        let mut wrap = foreign(1, 0);
        wrap.header.vault = VaultId::from_bytes([8; 16]);
        wrap.protected = wrap.header.to_protected().unwrap();
        DataKeyItem { wraps: vec![wrap] }.to_bytes().unwrap()
    };
    for (first, second, left) in
        [(&own, &own, Some(1)), (&other, &own, Some(2)), (&stranger, &own, Some(1)), (&own, &other, None)]
    {
        let (machine, kit) = with_kit();
        let text = VAULT.to_string();
        machine.keychain.forget(&text, ItemKind::DataKey);
        for item in [first, second] {
            machine.keychain.add_twin(&text, ItemKind::DataKey, item);
        }
        let recovered = recover(&machine, &kit, OTHER_PASSWORD);
        let items = machine.keychain.get(&text, ItemKind::DataKey).unwrap();
        match left {
            Some(wraps) => {
                drop(recovered.unwrap());
                assert_eq!(items.len(), 1);
                assert_eq!(DataKeyItem::parse(&items[0].bytes).unwrap().wraps.len(), wraps);
                drop(machine.unlock(OTHER_PASSWORD).unwrap());
            }
            None => {
                assert_fails!(recovered, Error::Keychain(KeychainError::Ambiguous { count: 2, .. }));
                assert_eq!(items.len(), 2);
            }
        }
    }
}

#[test]
fn an_older_file_with_a_rotation_under_way_is_recovered_and_the_item_that_ends_it_is_kept() {
    let (machine, kit) = with_kit();
    machine.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    let waiting = machine.file();
    machine.unlocked().add_project(&named("beta")).unwrap();
    machine.store.put(Some(waiting), None);
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::RolledBack(_));
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    let mut unlocked =
        opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(OTHER_PASSWORD), None, true).unwrap();
    assert!(!unlocked.take_notices().contains(&Notice::RotationCancelled(CancelReason::OtherKit)));
    drop(unlocked);
    // What may still be wanted by the newer file stays beside the new wrap.
    let wraps = DataKeyItem::parse(&machine.item()).unwrap().wraps;
    assert_eq!(wraps.len(), 2);
    assert_ne!(wraps[0].header.data_key, wraps[1].header.data_key);
    drop(machine.unlock(OTHER_PASSWORD).unwrap());
}

#[test]
fn a_kit_that_the_previous_file_does_not_know_leaves_the_damage_as_what_is_wrong() {
    let (machine, _) = with_kit();
    let stranger = machine.unlocked().make_kit().unwrap();
    for previous in [machine.file(), life().files[2].clone()] {
        machine.store.put(Some(b"garbage".to_vec()), Some(previous));
        assert_fails!(recover(&machine, &stranger, OTHER_PASSWORD), Error::Damaged { .. });
    }
}

#[test]
fn nothing_is_written_to_the_keychain_for_a_vault_file_that_could_not_be_synced() {
    let (machine, kit) = with_kit();
    let item = machine.item();
    machine.store.fail_next(StoreFault::SyncFails);
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::Io { .. });
    assert_eq!(machine.item(), item);
    drop(recover(&machine, &kit, OTHER_PASSWORD).unwrap());
}

/// A computer on which a rotation waits that keeps the kit.
fn rotating() -> (Machine, NewKit) {
    let (machine, kit) = with_kit();
    machine.unlocked().rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    (machine, kit)
}

#[test]
fn an_item_that_a_recovery_wrote_without_saying_so_is_given_its_time() {
    let (machine, kit) = rotating();
    machine.host.wait(SETTLING_SECONDS);
    machine.keychain.inject(MemoryFault::FailAfterWrites(|| KeychainError::Locked { provider: "m".into() }));
    assert_fails!(recover(&machine, &kit, OTHER_PASSWORD), Error::Unfinished { begun: Begun::PasswordChange, .. });
    machine.keychain.heal();
    assert!(!machine.unlock(OTHER_PASSWORD).unwrap().finished_rotation());
    machine.host.wait(SETTLING_SECONDS);
    assert!(machine.unlock(OTHER_PASSWORD).unwrap().finished_rotation());
}

/// A computer whose vault file is the one from before the last change.
fn put_back((machine, kit): (Machine, NewKit)) -> (Machine, NewKit, Vec<u8>) {
    let older = machine.file();
    machine.unlocked().add_project(&named("beta")).unwrap();
    machine.store.put(Some(older.clone()), None);
    (machine, kit, older)
}

#[test]
fn an_older_file_is_set_aside_as_it_was_though_its_rotation_had_a_time() {
    let (machine, kit, waiting) = put_back(rotating());
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    drop(opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(OTHER_PASSWORD), None, true).unwrap());
    let aside = machine.store.set_aside();
    assert!(matches!(&aside[..], [(_, bytes)] if *bytes == waiting));
}

#[test]
fn what_fails_after_the_item_is_written_says_that_the_new_password_is_in_force() {
    let (machine, kit, _) = put_back(with_kit());
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    machine.store.fail_next(StoreFault::WriteFails);
    let enrolled = opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(OTHER_PASSWORD), None, true);
    assert_fails!(enrolled, Error::Unfinished { begun: Begun::Recovery, .. });
    assert_fails!(machine.unlock(PASSWORD), Error::WrongPassword { .. });
    assert!(machine.unlock(OTHER_PASSWORD).unwrap().rolled_back().is_some());

    let (machine, kit) = rotating();
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    // The one write notes the time of the new enrolment.
    machine.store.fail_next(StoreFault::WriteFails);
    let enrolled =
        opened.enroll(machine.keychain.clone(), machine.host.clone(), &password(OTHER_PASSWORD), None, false);
    assert!(matches!(&enrolled.unwrap().take_notices()[..], [Notice::RotationStuck { .. }]));
    machine.unlock(OTHER_PASSWORD).unwrap();
}

#[test]
fn an_older_file_shows_by_the_memory_of_another_keychain_too() {
    let (machine, kit, _) = put_back(with_kit());
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    opened.check_against(Arc::new(MemoryKeychain::new()), machine.host.clone()).unwrap();
    assert_fails!(opened.check_against(machine.keychain.clone(), machine.host.clone()), Error::RolledBack(_));
    machine.store.put(None, Some(machine.file()));
    let previous = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    assert_fails!(previous.check_against(Arc::new(MemoryKeychain::new()), machine.host.clone()), Error::Damaged { .. });
}

/// Returns the data key that a kit gives whoever has a vault file, and whether another vault file opens with it.
fn file_opens_another(kit: &NewKit, file: &[u8], other: &[u8]) -> bool {
    let (file, other) = (Document::parse(file).unwrap(), Document::parse(other).unwrap());
    let header = &file.header;
    let opened = contents::kits::unwrap(&header.slots, header.vault, header.data_key, kit.secret());
    open_payload(&other, &opened.unwrap().1).is_ok()
}

#[test]
fn a_revoked_kit_and_an_older_file_open_todays_vault_until_the_data_key_is_rotated() {
    let (machine, kit) = with_kit();
    let old = machine.file();
    let mut unlocked = machine.unlocked();
    unlocked.revoke_kit(kit.name().id, false).unwrap();
    unlocked.add_project(&named("beta")).unwrap();
    assert!(machine.document().header.slots.is_empty());
    assert!(file_opens_another(&kit, &old, &machine.file()), "the data key is the same");
    rotate_now(&mut unlocked);
    assert!(!file_opens_another(&kit, &old, &machine.file()));
}

#[test]
fn a_kit_is_revoked_and_the_data_key_rotated_in_one_write_or_neither_is() {
    let (machine, kit) = with_kit();
    let (old, before) = (machine.file(), machine.item());
    let mut unlocked = machine.unlocked();
    let next = unlocked.make_kit().unwrap();
    let with = password(PASSWORD);
    // The kit that is revoked is none to keep.
    let kept = unlocked.revoke_kit_and_rotate(kit.name().id, false, &with, NextKit::Keep(kit.secret()));
    assert_fails!(kept, Error::WrongKit);
    assert_fails!(
        unlocked.revoke_kit_and_rotate(crate::format::KitId::from_bytes([7; 16]), false, &with, NextKit::None),
        Error::NotFound(NotFound::Kit { name: Some(_) })
    );
    assert_eq!((machine.file(), machine.item()), (old.clone(), before));
    unlocked.revoke_kit_and_rotate(kit.name().id, true, &with, NextKit::New(&next)).unwrap();
    let kits = unlocked.kits();
    assert_eq!(
        kits.iter().map(|kit| (kit.valid, kit.destroyed.is_some())).collect::<Vec<_>>(),
        [(false, true), (true, false)]
    );
    assert_eq!(unlocked.rotation().map(|_| ()), Some(()));
    unlocked.settle_rotation(&with, Settle::Now).unwrap();
    assert!(!file_opens_another(&kit, &old, &machine.file()));
    assert_eq!(Vault::open(machine.store.clone()).unwrap().open_with_kit(next.secret()).unwrap().kit(), next.name());
}
