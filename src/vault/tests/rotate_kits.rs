//! What becomes of recovery kits when the data key rotates.

use super::rotate::{OTHER_BOOT, is_pending};
use super::*;
use crate::error::NotFound;

#[test]
fn a_new_kit_opens_the_vault_before_and_after_and_every_other_one_ends() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let first = new_kit(&mut unlocked);
    let second = unlocked.make_kit().unwrap();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::New(&second)).unwrap();
    let opens = |kit: &NewKit| {
        Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).map(|opened| opened.kit())
    };
    assert_eq!((opens(&first).unwrap(), opens(&second).unwrap()), (first.name(), second.name()));
    // One more, made while the rotation waits, opens afterwards too.
    let third = new_kit(&mut unlocked);
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!((opens(&second).unwrap(), opens(&third).unwrap()), (second.name(), third.name()));
    assert_fails!(opens(&first), Error::WrongKit);
    let kits = unlocked.kits();
    assert_eq!(kits.iter().map(|kit| kit.valid).collect::<Vec<_>>(), [false, true, true]);
    assert!(kits[0].ended.is_some() && kits[1].ended.is_none());
}

#[test]
fn a_kit_that_is_kept_goes_on_and_a_wrong_code_changes_nothing() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let kit = new_kit(&mut unlocked);
    let before = machine.file();
    let stranger = unlocked.make_kit().unwrap();
    let kept = unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(stranger.secret()));
    assert_fails!(kept, Error::WrongKit);
    assert_eq!(machine.file(), before);
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap().kit(), kit.name());
    assert!(unlocked.kits()[0].valid);
}

#[test]
fn a_rotation_that_was_lost_ends_no_kit_that_nobody_was_asked_for() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let kit = unlocked.make_kit().unwrap();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::New(&kit)).unwrap();
    drop(unlocked);
    assert!(machine.keychain.roll_back(&VAULT.to_string(), ItemKind::DataKey, 1));
    machine.host.set_boot(OTHER_BOOT);
    let mut unlocked = machine.unlocked();
    assert_eq!(
        (unlocked.take_notices(), unlocked.rotation()),
        (vec![Notice::RotationCancelled(CancelReason::KeyLost)], None)
    );
    assert_eq!(Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap().kit(), kit.name());
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap().kit(), kit.name());
}

#[test]
fn a_kit_that_was_revoked_while_its_code_was_typed_is_not_kept() {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    let mut rotating = machine.unlocked();
    machine.unlocked().revoke_kit(kit.name().id, true).unwrap();
    assert_fails!(rotating.rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())), Error::WrongKit);
    assert!(!is_pending(&machine));
    assert_fails!(
        Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()),
        Error::NotFound(NotFound::Kit { .. })
    );
}

#[test]
fn a_kit_revoked_while_a_rotation_waits_opens_neither_before_nor_afterwards() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let first = unlocked.make_kit().unwrap();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::New(&first)).unwrap();
    let second = new_kit(&mut unlocked);
    assert_eq!((first.name().number, second.name().number), (1, 2));
    unlocked.revoke_kit(first.name().id, false).unwrap();
    let opens = |kit: &NewKit| {
        Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).map(|opened| opened.kit())
    };
    assert_fails!(opens(&first), Error::WrongKit);
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_fails!(opens(&first), Error::WrongKit);
    assert_eq!(opens(&second).unwrap(), second.name());
}

#[test]
fn of_several_kits_the_one_that_is_kept_stays_the_one_it_was() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let kits = [(); 3].map(|()| new_kit(&mut unlocked));
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(kits[1].secret())).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    let header = machine.document().header;
    assert!(header.kits().map(|kit| (kit.name(), kit.created)).eq([(kits[1].name(), kits[1].created())]));
    assert_eq!(unlocked.kits().iter().map(|kit| kit.ended.is_some()).collect::<Vec<_>>(), [true, false, true]);
}
