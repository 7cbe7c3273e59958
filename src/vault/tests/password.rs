//! Password changes that are cut short: the old, the new or both open, never neither, and the error says which.

use crate::error::{Begun, ItemError};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::crypto::kdf::KdfError;
use crate::format::item::DataKeyItem;
use crate::keychain::{KeychainError, MemoryFault, WithDeadline};

fn locked() -> KeychainError {
    KeychainError::Locked { provider: "memory".into() }
}

fn wraps(machine: &Machine) -> usize {
    DataKeyItem::parse(&machine.item()).unwrap().wraps.len()
}

/// Tells whether the old and the new password open.
fn opens(machine: &Machine) -> (bool, bool) {
    let opens = |text| match machine.unlock(text) {
        Ok(unlocked) => exposed(&unlocked, "acme", None).len() == KEY_LEN,
        Err(Error::WrongPassword { .. }) => false,
        Err(other) => panic!("{other:?}"),
    };
    (opens(PASSWORD), opens(OTHER_PASSWORD))
}

#[test]
fn a_changed_password_opens_and_the_old_one_does_not() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let cost = KdfCost { passes: 4, ..KdfCost::FLOOR };
    let changed = unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), Some(cost)).unwrap();
    assert_eq!((changed.cost, unlocked.kdf_cost()), (cost, cost));
    assert_eq!((changed.at, opens(&machine)), (unlocked.password_set_at(), (false, true)));
    assert_eq!(wraps(&machine), 1);
    // The wrap's salt is fresh.
    let salt = |item: &[u8]| DataKeyItem::parse(item).unwrap().wraps[0].header.kdf.salt.clone();
    assert_ne!(salt(&machine.item()), salt(&life().item));
    // And once more in the same session, at the vault's own policy, whatever the last item said.
    assert_eq!(
        unlocked.change_password(&password(OTHER_PASSWORD), &password(PASSWORD), None).unwrap().cost,
        KdfCost::FLOOR
    );
    assert_eq!(opens(&machine), (true, false));
}

#[test]
fn a_cost_below_the_floor_or_without_the_memory_changes_nothing() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let weak = KdfCost { passes: 2, ..KdfCost::FLOOR };
    assert_fails!(
        unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), Some(weak)),
        Error::Kdf(KdfError::OutOfRange { .. })
    );
    machine.host.set_memory(64 << 20);
    assert_fails!(
        unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None),
        Error::Kdf(KdfError::NotEnoughMemory { .. })
    );
    assert_eq!(machine.item(), life().item);
}

#[test]
fn whichever_keychain_call_fails_some_password_opens_and_the_error_tells_which() {
    // A change reads the item, writes both wraps, reads back, writes the new one, reads back.
    let fail = (0..5).map(|spared| (spared, MemoryFault::Fail(locked)));
    let after = [1, 3].map(|spared| (spared, MemoryFault::FailAfterWrites(locked)));
    let mut wrong = Vec::new();
    for (spared, fault) in fail.chain(after) {
        let machine = Machine::at(3);
        let mut unlocked = machine.unlocked();
        let case = format!("call {spared} with {fault:?}");
        machine.keychain.inject_after(spared, fault);
        let error = unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap_err();
        machine.keychain.heal();
        let (old, new) = opens(&machine);
        assert!(old || new, "no password opens: {case}");
        // Any other error promises that nothing was changed.
        if new && !matches!(error, Error::Unfinished { begun: Begun::PasswordChange, .. }) {
            wrong.push(format!("{case}: {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "the new password opens, and the error does not say so: {wrong:#?}");
}

#[test]
fn the_session_that_was_cut_short_or_the_next_one_completes_the_change() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.keychain.inject_after(4, MemoryFault::Fail(locked));
    assert_fails!(
        unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None),
        Error::Unfinished { begun: Begun::PasswordChange, .. }
    );
    machine.keychain.heal();
    assert_eq!((wraps(&machine), opens(&machine)), (2, (true, true)));
    for text in [PASSWORD, OTHER_PASSWORD] {
        assert_eq!(machine.unlock(text).unwrap().take_notices(), [Notice::TwoPasswords]);
    }
    machine
        .unlock(OTHER_PASSWORD)
        .unwrap()
        .change_password(&password(OTHER_PASSWORD), &password(OTHER_PASSWORD), None)
        .unwrap();
    assert_eq!((wraps(&machine), opens(&machine)), (1, (false, true)));
}

#[test]
fn a_keychain_that_acknowledges_and_does_not_store_is_found_out() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.keychain.inject(MemoryFault::Lie);
    assert_fails!(
        unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None),
        Error::Item(ItemError::NotKept { .. })
    );
    assert_eq!(opens(&machine), (true, false));
    // It keeps the first write and not the second.
    machine.keychain.heal();
    machine.keychain.inject_after(4, MemoryFault::Lie);
    let result = unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None);
    assert_fails!(result, Error::Unfinished { begun: Begun::PasswordChange, cause } if matches!(*cause, Error::Item(ItemError::NotKept { .. })));
    assert_eq!(opens(&machine), (true, true));
}

#[test]
fn a_keychain_that_hangs_leaves_either_password() {
    for (spared, fault, uncertain) in [
        (0, MemoryFault::Hang, false),
        (1, MemoryFault::Hang, false),
        (2, MemoryFault::Hang, false),
        (3, MemoryFault::Hang, true),
        (3, MemoryFault::HangAfterWrites, true),
        (5, MemoryFault::Hang, true),
        (5, MemoryFault::HangAfterWrites, true),
    ] {
        let machine = Machine::at(3);
        let inner = Arc::new(MemoryKeychain::new());
        for (kind, item) in [(ItemKind::DataKey, &life().item), (ItemKind::Anchor, &life().anchors[2])] {
            inner.set(&VAULT.to_string(), kind, item).unwrap();
        }
        let keychain = Arc::new(WithDeadline::new(Arc::clone(&inner) as Arc<dyn Keychain>, Duration::from_millis(200)));
        let vault = Vault::open(machine.store.clone()).unwrap();
        let mut unlocked = vault.unlock(&password(PASSWORD), keychain.clone(), machine.host.clone()).unwrap();
        inner.inject_after(spared, fault);
        match unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap_err() {
            Error::Unfinished { begun: Begun::PasswordChange, cause } => {
                assert!(
                    uncertain && matches!(*cause, Error::Keychain(KeychainError::Unresponsive { writing: true, .. }))
                );
            }
            Error::Keychain(KeychainError::Unresponsive { writing: false, .. }) => assert!(!uncertain),
            other => panic!("{other:?}"),
        }
        // What stood when the deadline passed opens with the old password or with the new one.
        inner.heal();
        machine.set_item(&inner.history(&VAULT.to_string(), ItemKind::DataKey).pop().unwrap());
        let (old, new) = opens(&machine);
        assert!(old || new);
    }
}

#[test]
fn an_item_that_fell_back_brings_the_old_password_back_and_a_hint_after_a_reboot() {
    let machine = Machine::at(3);
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    assert!(machine.keychain.roll_back(&VAULT.to_string(), ItemKind::DataKey, 1));
    assert_eq!(opens(&machine), (true, true));
    assert!(machine.keychain.roll_back(&VAULT.to_string(), ItemKind::DataKey, 1));
    assert_fails!(machine.unlock(OTHER_PASSWORD), Error::WrongPassword { earlier_boot: false, .. });
    *machine.host.seconds.lock().unwrap() = 0;
    assert_fails!(machine.unlock(OTHER_PASSWORD), Error::WrongPassword { earlier_boot: true, .. });
    assert!(machine.unlock(PASSWORD).is_ok());
}

#[test]
fn a_second_session_does_not_undo_a_password_change() {
    let machine = Machine::at(3);
    let (mut first, mut second) = (machine.unlocked(), machine.unlocked());
    first.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    let changed = machine.item();
    assert_fails!(
        second.change_password(&password(PASSWORD), &password("quite another password"), None),
        Error::Changed { .. }
    );
    assert_eq!(machine.item(), changed);
    machine.keychain.forget(&VAULT.to_string(), ItemKind::DataKey);
    assert_fails!(
        first.change_password(&password(OTHER_PASSWORD), &password(PASSWORD), None),
        Error::Item(ItemError::Missing { .. })
    );
    assert_eq!(machine.stored(ItemKind::DataKey), None, "an item that is gone is not made anew");
}

#[test]
fn a_wrap_of_another_data_key_stays_when_the_password_changes() {
    let machine = Machine::at(3);
    let mut item = DataKeyItem::parse(&life().item).unwrap();
    let mut pending = item.wraps[0].clone();
    pending.header.data_key = crate::format::DataKeyId::from_bytes([9; 16]);
    pending.protected = pending.header.to_protected().unwrap();
    item.wraps.push(pending.clone());
    machine.set_item(&item.to_bytes().unwrap());
    machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    let kept = DataKeyItem::parse(&machine.item()).unwrap();
    assert_eq!(kept.wraps.len(), 2);
    assert!(kept.wraps.iter().any(|wrap| wrap.protected == pending.protected && wrap.wrapped == pending.wrapped));
    assert_eq!(opens(&machine), (false, true));
}

#[test]
fn as_many_wraps_as_an_item_holds_are_kept_and_one_more_is_refused() {
    for others in [2, 3] {
        let machine = Machine::at(3);
        let mut item = DataKeyItem::parse(&life().item).unwrap();
        for number in 0..others {
            let mut other = item.wraps[0].clone();
            other.header.data_key = crate::format::DataKeyId::from_bytes([9 + number; 16]);
            other.protected = other.header.to_protected().unwrap();
            item.wraps.push(other);
        }
        machine.set_item(&item.to_bytes().unwrap());
        let before = machine.item();
        let changed = machine.unlocked().change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None);
        if others == 2 {
            changed.unwrap();
            assert_eq!((wraps(&machine), opens(&machine)), (3, (false, true)));
        } else {
            assert_fails!(changed, Error::Item(ItemError::NotOurs { .. }));
            assert_eq!(machine.item(), before);
        }
    }
}
