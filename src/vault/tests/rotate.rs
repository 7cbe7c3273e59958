use super::*;
use crate::error::{Begun, ItemError};
use crate::format::item::DataKeyItem;
use crate::store::StoreFault;
use crate::vault::protocol::rotation::{NextKit, Rotation, SETTLING_SECONDS, Settle};

pub(super) const OTHER_BOOT: &str = "99999999-2222-4333-8444-555555555555";

pub(super) fn rotate(machine: &Machine, kit: NextKit<'_>) -> Rotation {
    machine.unlocked().rotate_data_key(&password(PASSWORD), kit).unwrap()
}

pub(super) fn wraps(machine: &Machine) -> usize {
    DataKeyItem::parse(&machine.item()).unwrap().wraps.len()
}

pub(super) fn is_pending(machine: &Machine) -> bool {
    machine.unlocked().rotation().is_some()
}

/// What the vault holds, whatever keeps it.
fn keys(machine: &Machine) -> [[u8; KEY_LEN]; 2] {
    keys_of(&machine.unlocked())
}

fn keys_of(unlocked: &Unlocked) -> [[u8; KEY_LEN]; 2] {
    [1, 2].map(|version| exposed(unlocked, "acme", version))
}

#[test]
fn a_rotation_waits_and_a_later_unlock_finishes_it() {
    let machine = Machine::at(3);
    let (before, old) = (keys(&machine), machine.file());
    assert_eq!(rotate(&machine, NextKit::None), Rotation::Waits { left: Some(SETTLING_SECONDS) });
    // Two wraps in the item, the vault still under its data key, everything as it was.
    assert_eq!(
        (wraps(&machine), machine.document().header.data_key),
        (2, Document::parse(&old).unwrap().header.data_key)
    );
    assert_eq!(machine.notices(), []);
    machine.host.wait(SETTLING_SECONDS - 1);
    assert!(is_pending(&machine));
    machine.host.wait(1);
    let mut unlocked = machine.unlocked();
    assert_eq!(unlocked.take_notices(), [Notice::RotationFinished]);
    assert!(unlocked.finished_rotation() && unlocked.rotation().is_none());
    drop(unlocked);
    assert_eq!((wraps(&machine), keys(&machine)), (1, before));
    assert_eq!(machine.notices(), []);
    let (new, old) = (machine.document().header, Document::parse(&old).unwrap().header);
    // One write to begin, one to note the time, one to move.
    assert_eq!((new.generation, SETTLING_SECONDS), (old.generation + 3, 1200));
    assert!(new.data_key != old.data_key && new.pepper != old.pepper);
}

#[test]
fn after_a_settled_rotation_no_earlier_copy_opens_with_todays_keychain_and_password() {
    let machine = Machine::at(3);
    let mut copies: Vec<Vec<u8>> = life().files.clone();
    let old_item = machine.item();
    rotate(&machine, NextKit::None);
    copies.push(machine.file());
    machine.host.set_boot(OTHER_BOOT);
    machine.unlocked();
    assert_eq!(machine.store.load_previous().unwrap(), Some(machine.file()));
    for copy in copies {
        for previous in [None, Some(copy.clone())] {
            let today = Machine::empty();
            today.set_item(&machine.item());
            today.store.put(Some(copy.clone()), previous);
            assert_fails!(today.unlock(PASSWORD), Error::Item(ItemError::NotOurs { .. }));
        }
    }
    // Nor does what the keychain held until then open today's vault.
    machine.set_item(&old_item);
    assert_fails!(machine.unlock(PASSWORD), Error::Item(ItemError::NotOurs { .. }));
}

#[test]
fn another_boot_settles_and_a_clock_that_goes_backwards_does_not() {
    let machine = Machine::at(3);
    rotate(&machine, NextKit::None);
    *machine.host.seconds.lock().unwrap() = 5;
    assert!(is_pending(&machine));
    machine.host.set_boot("");
    assert!(is_pending(&machine), "a computer that does not know its boot waits for its user");
    machine.host.set_boot(OTHER_BOOT);
    assert!(!is_pending(&machine));
}

#[test]
fn a_keychain_that_settles_at_once_needs_no_waiting_and_neither_does_who_takes_the_risk() {
    let machine = Machine::at(3);
    rotate(&machine, NextKit::None);
    let mut unlocked = machine.unlocked();
    assert_eq!(
        unlocked.settle_rotation(&password(PASSWORD), Settle::InTime).unwrap(),
        Rotation::Waits { left: Some(SETTLING_SECONDS) }
    );
    assert_eq!(unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap(), Rotation::Settled);
    assert_eq!(machine.store.load_previous().unwrap(), Some(machine.file()));
    // It goes on being useful.
    unlocked.rotate_file_key("acme").unwrap();
    assert_eq!(wraps(&machine), 1);
}

#[test]
fn a_rotation_without_its_second_copy_is_not_over_and_a_later_unlock_finishes_it() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    machine.store.fail_next(StoreFault::SecondCopyFails);
    assert_fails!(unlocked.settle_rotation(&password(PASSWORD), Settle::Now), Error::Io { .. });
    drop(unlocked);
    let previous = Document::parse(&machine.store.load_previous().unwrap().unwrap()).unwrap();
    assert_ne!(previous.header.data_key, machine.document().header.data_key, "the file from before is still there");
    assert_eq!(wraps(&machine), 2);
    assert_eq!(machine.notices(), [Notice::RotationFinished]);
    assert_eq!((machine.store.load_previous().unwrap(), wraps(&machine)), (Some(machine.file()), 1));
}

/// Cuts a rotation off at every `step`th call of the keychain.
fn assert_cuts_leave_a_vault_that_opens(step: usize) {
    let (calls, before) = {
        let machine = Machine::at(3);
        let before = keys(&machine);
        let mut unlocked = machine.unlocked();
        let first = machine.keychain.calls();
        rotate_now(&mut unlocked);
        (machine.keychain.calls() - first, before)
    };
    assert!(calls > 10, "{calls}");
    let mut begun = 0;
    for cut in (0..calls).step_by(step) {
        for seems in [false, true] {
            let machine = Machine::at(3);
            let mut unlocked = machine.unlocked();
            let fail = || KeychainError::Locked { provider: "memory".into() };
            let fault = if seems { MemoryFault::FailAfterWrites(fail) } else { MemoryFault::FailWrites(fail) };
            machine.keychain.inject_after(cut, fault);
            let began = unlocked.rotate_data_key(&password(PASSWORD), NextKit::None);
            let settled = began.and_then(|_| unlocked.settle_rotation(&password(PASSWORD), Settle::Now));
            drop(unlocked);
            machine.keychain.heal();
            let unlocked = machine.unlocked();
            assert_eq!(keys_of(&unlocked), before, "cut {cut}, {settled:?}");
            if unlocked.payload.under_way().is_some() {
                begun += 1;
            }
            drop(unlocked);
            // Whatever stood there, this finishes it.
            machine.host.set_boot(OTHER_BOOT);
            machine.unlocked();
            machine.host.set_boot(BOOT);
            machine.unlocked();
            let unlocked = machine.unlocked();
            assert_eq!((wraps(&machine), unlocked.rotation().is_some()), (1, false), "cut {cut}");
            assert_eq!(keys_of(&unlocked), before, "cut {cut}");
        }
    }
    assert!(begun * step > 4, "{begun}");
}

#[test]
fn cuts_leave_a_vault_that_opens_and_an_unlock_that_goes_on() {
    assert_cuts_leave_a_vault_that_opens(5);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_every_cut_leaves_a_vault_that_opens_and_an_unlock_that_goes_on() {
    assert_cuts_leave_a_vault_that_opens(1);
}

#[test]
fn an_item_that_falls_back_makes_the_rotation_begin_anew() {
    let machine = Machine::at(3);
    rotate(&machine, NextKit::None);
    let first = machine.unlocked().payload.next_data_key();
    assert!(machine.keychain.roll_back(&VAULT.to_string(), ItemKind::DataKey, 1));
    assert_eq!(wraps(&machine), 1);
    machine.host.set_boot(OTHER_BOOT);
    let mut unlocked = machine.unlocked();
    assert_eq!(unlocked.take_notices(), [Notice::RotationRestarted]);
    let second = unlocked.payload.next_data_key();
    assert!(second.is_some() && second != first);
    drop(unlocked);
    assert_eq!(wraps(&machine), 2);
    machine.host.wait(SETTLING_SECONDS);
    assert_eq!(machine.notices(), [Notice::RotationFinished]);
}

#[test]
fn a_crash_after_the_vault_moved_is_made_good_without_a_word_of_a_lost_memory() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    let item = machine.item();
    let anchor = machine.stored(ItemKind::Anchor).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    drop(unlocked);
    // As if the keychain had not been written after the vault.
    machine.set_item(&item);
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &anchor).unwrap();
    assert_eq!(machine.notices(), [Notice::RotationFinished]);
    assert_eq!(wraps(&machine), 1);
}

#[test]
fn a_password_changed_while_a_rotation_waits_is_the_password_afterwards_and_the_wait_begins_anew() {
    let machine = Machine::at(3);
    let before = keys(&machine);
    rotate(&machine, NextKit::None);
    machine.host.wait(SETTLING_SECONDS - 1);
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    assert_eq!(wraps(&machine), 2);
    machine.host.wait(SETTLING_SECONDS - 1);
    assert!(machine.unlock(OTHER_PASSWORD).unwrap().rotation().is_some());
    machine.host.wait(1);
    assert!(machine.unlock(OTHER_PASSWORD).unwrap().finished_rotation());
    assert_fails!(machine.unlock(PASSWORD), Error::WrongPassword { .. });
    let unlocked = machine.unlock(OTHER_PASSWORD).unwrap();
    assert_eq!([1, 2].map(|version| exposed(&unlocked, "acme", version)).to_vec(), before);
}

#[test]
fn a_password_change_cut_short_while_a_rotation_waits_leaves_both_passwords_good() {
    for cut in 0..8 {
        let machine = Machine::at(3);
        rotate(&machine, NextKit::None);
        let mut unlocked = machine.unlocked();
        machine.keychain.inject_after(cut, MemoryFault::FailWrites(|| KeychainError::Locked { provider: "m".into() }));
        let changed = unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None);
        drop(unlocked);
        machine.keychain.heal();
        machine.host.set_boot(OTHER_BOOT);
        let opens = [PASSWORD, OTHER_PASSWORD].map(|with| machine.unlock(with).is_ok());
        assert!(opens.contains(&true), "cut {cut}: {changed:?}");
        if changed.is_ok() {
            assert!(opens[1], "cut {cut}");
        }
        let with = if opens[1] { OTHER_PASSWORD } else { PASSWORD };
        machine.host.wait(SETTLING_SECONDS);
        machine.host.set_boot(BOOT);
        machine.unlock(with).unwrap();
        machine.host.set_boot(OTHER_BOOT);
        let unlocked = machine.unlock(with).unwrap();
        assert!(unlocked.rotation().is_none(), "cut {cut}");
    }
}

#[test]
fn an_anchor_from_after_a_rotation_speaks_against_a_vault_from_before() {
    let machine = Machine::at(3);
    let (old, old_item, old_anchor) = (machine.file(), machine.item(), machine.stored(ItemKind::Anchor).unwrap());
    rotate(&machine, NextKit::None);
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    let (new, new_item) = (machine.file(), machine.item());
    // The keychain brings an earlier item back, and somebody an earlier vault file.
    machine.set_item(&old_item);
    machine.store.put(Some(old), None);
    let mut unlocked = machine.unlocked();
    assert!(unlocked.rolled_back().is_some());
    assert_fails!(unlocked.add_project(&named("beta")), Error::RolledBack(_));
    drop(unlocked);
    // The rotated vault descends from what an earlier anchor remembers.
    machine.set_item(&new_item);
    machine.store.put(Some(new), None);
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &old_anchor).unwrap();
    let mut unlocked = machine.unlocked();
    assert!(unlocked.rolled_back().is_none());
    assert_eq!(unlocked.take_notices(), []);
    unlocked.add_project(&named("beta")).unwrap();
}

#[test]
fn a_password_change_minds_a_rotation_that_went_meanwhile() {
    let machine = Machine::at(3);
    rotate(&machine, NextKit::None);
    let mut changing = machine.unlocked();
    let kit = new_kit(&mut machine.unlocked());
    machine.unlocked().rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    let item = machine.item();
    let changed = changing.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None);
    assert_fails!(changed, Error::Changed { .. });
    assert_eq!(machine.item(), item);
}

#[test]
fn an_older_copy_beside_a_newer_key_drops_nothing() {
    let machine = Machine::at(3);
    let old = machine.file();
    rotate(&machine, NextKit::None);
    let moving = machine.file();
    // Somebody puts the file from before in place, and takes it as it is.
    machine.store.put(Some(old), None);
    machine.unlocked().accept_rollback().unwrap();
    machine.unlocked().add_project(&named("beta")).unwrap();
    assert_eq!(wraps(&machine), 2);
    machine.store.put(Some(moving), None);
    machine.host.set_boot(OTHER_BOOT);
    let mut unlocked = machine.unlocked();
    assert!(unlocked.rolled_back().is_some());
    unlocked.accept_rollback().unwrap();
    drop(unlocked);
    assert!(!machine.unlocked().finished_rotation(), "an older file's note may be older than the item");
    machine.host.wait(SETTLING_SECONDS);
    assert!(machine.unlocked().finished_rotation());
}

#[test]
fn a_rotation_that_was_given_up_is_told_of_until_another_one_is_begun() {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    let before = machine.item();
    rotate(&machine, NextKit::Keep(kit.secret()));
    machine.set_item(&before);
    assert_eq!(machine.notices(), [Notice::RotationCancelled(CancelReason::KeyLost)]);
    for _ in 0..2 {
        assert!(matches!(machine.notices()[..], [Notice::RotationCancelled(CancelReason::Earlier { .. })]));
    }
    machine.unlocked().add_project(&named("beta")).unwrap();
    assert!(matches!(machine.notices()[..], [Notice::RotationCancelled(CancelReason::Earlier { .. })]));
    rotate(&machine, NextKit::Keep(kit.secret()));
    assert_eq!(machine.notices(), []);
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(machine.notices(), []);
}

#[test]
fn a_machine_knows_its_own_rotation_though_the_keychain_brings_back_a_wrap_from_before_a_password_change() {
    let machine = Machine::at(3);
    let first = machine.item();
    rotate(&machine, NextKit::None);
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    machine.set_item(&first);
    machine.host.set_boot(OTHER_BOOT);
    assert_eq!(machine.notices(), [Notice::RotationRestarted]);
}

#[test]
fn a_machine_knows_its_rotation_though_the_keychain_brings_back_a_wrap_from_before_it_and_a_password_change() {
    let machine = Machine::at(3);
    let first = machine.item();
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    machine.unlock(OTHER_PASSWORD).unwrap().rotate_data_key(&password(OTHER_PASSWORD), NextKit::None).unwrap();
    machine.set_item(&first);
    machine.host.set_boot(OTHER_BOOT);
    assert_eq!(machine.notices(), [Notice::RotationRestarted]);
}

#[test]
fn what_fails_once_the_vault_names_the_next_data_key_says_so() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    // The item and the anchor are read, the vault's write remembered (read, write, read back), and then the item is to
    // be written.
    machine.keychain.inject_after(5, MemoryFault::FailWrites(|| KeychainError::Locked { provider: "m".into() }));
    let failed = unlocked.rotate_data_key(&password(PASSWORD), NextKit::None);
    assert_fails!(failed, Error::Unfinished { begun: Begun::Rotation, cause } if matches!(*cause, Error::Keychain(KeychainError::Locked { .. })));
    drop(unlocked);
    machine.keychain.heal();
    assert_eq!(machine.notices(), [Notice::RotationRestarted]);
}

#[test]
fn a_rotation_waits_while_another_item_stands_or_only_the_previous_file_opens() {
    let machine = Machine::at(3);
    rotate(&machine, NextKit::None);
    machine.host.set_boot(OTHER_BOOT);
    let (file, item) = (machine.file(), machine.item());
    machine.keychain.add_twin(&VAULT.to_string(), ItemKind::DataKey, b"garbage");
    assert_eq!(machine.notices(), [Notice::SeveralItems { count: 2 }]);
    machine.keychain.forget(&VAULT.to_string(), ItemKind::DataKey);
    machine.set_item(&item);
    machine.store.put(Some(b"garbage".to_vec()), Some(file));
    assert!(matches!(&machine.notices()[..], [Notice::ReadPrevious { .. }]));
    assert_eq!(machine.item(), item);
}

#[test]
fn either_password_of_a_change_that_was_cut_short_ends_the_rotation_that_waits() {
    let before = keys(&Machine::at(3));
    let cut_at = |cut: usize| {
        let machine = Machine::at(3);
        rotate(&machine, NextKit::None);
        let mut unlocked = machine.unlocked();
        let fail = || KeychainError::Locked { provider: "m".into() };
        machine.keychain.inject_after(cut, MemoryFault::FailWrites(fail));
        let _ = unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None);
        drop(unlocked);
        machine.keychain.heal();
        machine
    };
    // The first cut after which both passwords stand in the item.
    let (cut, first) =
        (0..10).map(|cut| (cut, cut_at(cut))).find(|(_, machine)| wraps(machine) == 4).expect("a cut leaves both");
    for (with, machine) in [(PASSWORD, first), (OTHER_PASSWORD, cut_at(cut))] {
        assert!(machine.unlock(with).unwrap().rotation().is_some());
        machine.host.wait(SETTLING_SECONDS);
        assert!(machine.unlock(with).unwrap().finished_rotation(), "{with}");
        assert_eq!(keys_of(&machine.unlock(with).unwrap()), before);
    }
}

#[test]
fn a_machine_is_known_by_its_enrolment_whatever_becomes_of_its_password() {
    let machine = Machine::at(3);
    let enrolments = || {
        let item = DataKeyItem::parse(&machine.item()).unwrap();
        item.wraps.iter().map(|wrap| wrap.header.enrolment).collect::<Vec<_>>()
    };
    let own = enrolments()[0];
    let parts = || machine.payload()["rotation"]["enrolments"].clone();
    rotate(&machine, NextKit::None);
    let before = machine.item();
    assert_eq!(parts()[0]["id"], own.to_string());
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    assert_eq!(parts().as_array().map(Vec::len), Some(1));
    assert_eq!(enrolments(), [own, own]);
    // The keychain brings the item back from before the password change, less what it had not kept of the rotation.
    let mut item = DataKeyItem::parse(&before).unwrap();
    item.wraps.truncate(1);
    machine.set_item(&item.to_bytes().unwrap());
    assert_eq!(machine.notices(), [Notice::RotationRestarted]);
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(enrolments(), [own]);
}

#[test]
fn a_rotation_whose_time_was_taken_back_meanwhile_does_not_end() {
    let machine = Machine::at(3);
    rotate(&machine, NextKit::None);
    let mut waiting = machine.unlocked();
    // Another session is about to write the item anew, and fails to: the note is gone, the item is as it was.
    let mut other = machine.unlocked();
    machine.keychain.inject(MemoryFault::FailWrites(|| KeychainError::Locked { provider: "m".into() }));
    let changed = other.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None);
    assert_fails!(changed, Error::Keychain(KeychainError::Locked { .. }));
    machine.keychain.heal();
    let data_key = machine.document().header.data_key;
    assert_fails!(waiting.settle_rotation(&password(PASSWORD), Settle::Now), Error::Changed { .. });
    assert_eq!(machine.document().header.data_key, data_key);
}
