//! Keychain items that are missing, foreign, hostile or several, and keychains that fail, hang and lie.

use crate::error::{Exists, ItemError, Unsupported};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::crypto::kdf::KdfError;
use crate::format::item::DataKeyItem;
use crate::keychain::{FileKeychain, KeychainError, MemoryFault, Probe, StoredItem, WithDeadline};
use crate::store::StoreFault;

fn locked() -> KeychainError {
    KeychainError::Locked { provider: "memory".into() }
}

fn find_key(machine: &Machine) -> Result<(), Error> {
    Vault::open(machine.store.clone())?.find_key(machine.keychain.clone(), machine.host.clone()).map(|_| ())
}

/// Returns the shared item with one wrap's protected part edited as JSON.
fn item_with(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut item = DataKeyItem::parse(&life().item).unwrap();
    let mut protected: Value = serde_json::from_slice(&item.wraps[0].protected).unwrap();
    edit(&mut protected);
    item.wraps[0].protected = serde_json::to_vec(&protected).unwrap();
    item.to_bytes().unwrap()
}

#[test]
fn no_entry_is_an_error_and_never_makes_a_new_key() {
    let machine = Machine::at(3);
    machine.keychain.forget(&VAULT.to_string(), ItemKind::DataKey);
    assert_fails!(machine.unlock(PASSWORD), Error::Item(ItemError::Missing { vault: VAULT, .. }));
    assert_fails!(
        create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR),
        Error::Exists(Exists::Vault { .. })
    );
    assert_eq!(machine.stored(ItemKind::DataKey), None);
    assert_eq!(machine.file(), life().files[2]);
    assert_eq!(machine.host.derivations(), 0, "nobody types a password for a key that is not there");
}

#[test]
fn an_item_that_is_not_ours_is_known_before_a_password_is_typed() {
    let machine = Machine::at(3);
    let foreign = item_with(|protected| protected["vault"] = "00000000-0000-4000-8000-000000000001".into());
    let other_format = item_with(|protected| protected["format"] = "strongroom-anchor".into());
    let unknown_member = item_with(|protected| protected["later"] = 1.into());
    let other_hash = item_with(|protected| protected["kdf"]["algorithm"] = "argon2i".into());
    let anchor = life().anchors[2].clone();
    for bytes in
        [foreign, other_format, unknown_member, other_hash, anchor, b"garbage".to_vec(), vec![], vec![0xff; 64]]
    {
        machine.set_item(&bytes);
        assert_fails!(find_key(&machine), Error::Item(ItemError::NotOurs { .. }));
    }
    machine.set_item(&item_with(|protected| protected["version"] = 2.into()));
    assert_fails!(find_key(&machine), Error::Unsupported(Unsupported::Version { found: 2, .. }));
    machine.set_item(&life().item);
    machine.keychain.inject(MemoryFault::Garbage(b"{\"wraps\":[]}".to_vec()));
    assert_fails!(find_key(&machine), Error::Item(ItemError::NotOurs { .. }));
}

#[test]
fn an_item_for_another_data_key_of_this_vault_is_not_a_wrong_password() {
    let machine = Machine::at(3);
    machine.set_item(&item_with(|protected| protected["data_key"] = "00000000-0000-4000-8000-000000000001".into()));
    assert_fails!(machine.unlock(PASSWORD), Error::Item(ItemError::NotOurs { .. }));
    assert_eq!(machine.host.derivations(), 0);
}

#[test]
fn hostile_kdf_parameters_are_refused_before_memory_is_spent() {
    let machine = Machine::at(3);
    let start = Instant::now();
    for (m, t, p, salt) in [
        (u32::MAX, 3, 4, 32),
        (4 * 1024 * 1024 + 1, 3, 4, 32),
        (64 * 1024 - 1, 3, 4, 32),
        (64 * 1024, 2, 4, 32),
        (64 * 1024, 65, 4, 32),
        (64 * 1024, u32::MAX, 4, 32),
        (64 * 1024, 3, 3, 32),
        (64 * 1024, 3, 17, 32),
        (4 * 1024 * 1024, 9, 4, 32),
        (64 * 1024, 3, 4, 15),
        (64 * 1024, 3, 4, 65),
        (0, 0, 0, 0),
    ] {
        machine.set_item(&item_with(|protected| {
            let salt = serde_json::to_value(crate::format::scalar::Base64(vec![1; salt])).unwrap();
            protected["kdf"]["salt"] = salt;
            protected["kdf"]["m"] = m.into();
            protected["kdf"]["t"] = t.into();
            protected["kdf"]["p"] = p.into();
        }));
        assert_fails!(find_key(&machine), Error::Kdf(KdfError::OutOfRange { .. }));
        assert_fails!(machine.unlock(PASSWORD), Error::Kdf(KdfError::OutOfRange { .. }));
    }
    assert_eq!(machine.host.derivations(), 0);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn the_most_that_is_accepted_is_still_held_against_the_memory_there_is() {
    let machine = Machine::at(3);
    machine.host.set_memory(4 * GIB);
    machine.set_item(&item_with(|protected| {
        protected["kdf"]["m"] = (4 * 1024 * 1024).into();
        protected["kdf"]["t"] = 8.into();
    }));
    let start = Instant::now();
    assert_fails!(machine.unlock(PASSWORD), Error::Kdf(KdfError::NotEnoughMemory { .. }));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn a_keychain_that_cannot_answer_is_neither_a_missing_key_nor_a_wrong_password() {
    let machine = Machine::at(3);
    machine.keychain.inject(MemoryFault::Fail(locked));
    assert_fails!(find_key(&machine), Error::Keychain(KeychainError::Locked { .. }));
    let empty = Machine::empty();
    empty.keychain.inject(MemoryFault::Fail(locked));
    assert_fails!(
        create(empty.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR),
        Error::Keychain(KeychainError::Locked { .. })
    );
    assert_eq!(empty.store.load().unwrap(), None);
}

#[test]
fn a_keychain_that_hangs_is_left_after_its_deadline() {
    let machine = Machine::at(3);
    let hanging = Arc::new(MemoryKeychain::new());
    hanging.inject(MemoryFault::Hang);
    let keychain = Arc::new(WithDeadline::new(Arc::clone(&hanging) as Arc<dyn Keychain>, Duration::from_millis(100)));
    let vault = Vault::open(machine.store.clone()).unwrap();
    assert_fails!(
        vault.find_key(keychain.clone(), machine.host.clone()),
        Error::Keychain(KeychainError::Unresponsive { writing: false, .. })
    );
    hanging.heal();
}

#[test]
fn of_several_items_the_one_that_opens_is_used_and_the_user_is_told() {
    let foreign = item_with(|protected| protected["vault"] = "00000000-0000-4000-8000-000000000001".into());
    let altered = item_with(|protected| protected["at"] = "2020-01-01T00:00:00Z".into());
    let hostile = item_with(|protected| protected["kdf"]["m"] = u32::MAX.into());
    let mut untold = Vec::new();
    for (what, twin) in
        [("altered", altered), ("garbage", b"garbage".to_vec()), ("foreign", foreign), ("hostile", hostile)]
    {
        for good_first in [true, false] {
            let machine = Machine::at(3);
            machine.keychain.forget(&VAULT.to_string(), ItemKind::DataKey);
            let (first, second) = if good_first { (&life().item, &twin) } else { (&twin, &life().item) };
            machine.keychain.add_twin(&VAULT.to_string(), ItemKind::DataKey, first);
            machine.keychain.add_twin(&VAULT.to_string(), ItemKind::DataKey, second);
            let mut unlocked = machine.unlocked();
            if unlocked.take_notices() != [Notice::SeveralItems { count: 2 }] {
                untold.push(what);
            }
            assert_fails!(
                unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None),
                Error::Keychain(KeychainError::Ambiguous { count: 2, .. })
            );
            let items = machine.keychain.get(&VAULT.to_string(), ItemKind::DataKey).unwrap();
            assert_eq!(items.iter().map(|item| &item.bytes).collect::<Vec<_>>(), [first, second]);
        }
    }
    assert_eq!(untold, [""; 0], "the user must be told that another item stands");
}

#[test]
fn removing_duplicates_leaves_the_item_that_opens_and_the_anchor_that_holds() {
    let machine = Machine::at(3);
    let text = VAULT.to_string();
    for twin in [b"garbage".to_vec(), item_with(|protected| protected["at"] = "2020-01-01T00:00:00Z".into())] {
        machine.keychain.add_twin(&text, ItemKind::DataKey, &twin);
    }
    // The same bytes twice are two items all the same.
    machine.keychain.add_twin(&text, ItemKind::DataKey, &life().item);
    for twin in [&life().anchors[1], &b"garbage".to_vec()] {
        machine.keychain.add_twin(&text, ItemKind::Anchor, twin);
    }
    let mut unlocked = machine.unlocked();
    assert_eq!(unlocked.remove_duplicates().unwrap(), 5);
    assert_eq!(unlocked.remove_duplicates().unwrap(), 0);
    for (kind, kept) in [(ItemKind::DataKey, &life().item), (ItemKind::Anchor, &life().anchors[2])] {
        let items = machine.keychain.get(&text, kind).unwrap();
        assert_eq!(items.iter().map(|item| &item.bytes).collect::<Vec<_>>(), [kept]);
    }
    unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    // An item that is not the one that opened may be the only good one by now: nothing is deleted.
    let mut unlocked = machine.unlock(OTHER_PASSWORD).unwrap();
    machine.keychain.forget(&text, ItemKind::DataKey);
    machine.set_item(&life().item);
    assert_fails!(unlocked.remove_duplicates(), Error::Changed { .. });
    assert_eq!(machine.item(), life().item);
}

#[test]
fn an_item_of_four_wraps_is_tried_from_the_newest_and_a_fifth_is_refused() {
    let machine = Machine::at(3);
    let good = DataKeyItem::parse(&life().item).unwrap().wraps.remove(0);
    let mut bad = good.clone();
    bad.wrapped[60] ^= 1;
    let item = |wraps: Vec<crate::format::item::Wrap>| DataKeyItem { wraps }.to_bytes().unwrap();
    let four = item(vec![good.clone(), bad.clone(), bad.clone(), bad.clone()]);
    machine.set_item(&four);
    assert_eq!(machine.notices(), [Notice::TwoPasswords]);
    assert_eq!(machine.host.derivations(), 4);
    let mut unlocked = machine.unlocked();
    unlocked.change_password(&password(PASSWORD), &password(OTHER_PASSWORD), None).unwrap();
    assert_eq!(
        DataKeyItem::parse(&machine.item()).unwrap().wraps.len(),
        1,
        "wraps that are not this one's are dropped"
    );
    let five = item(vec![good.clone(), good.clone(), good.clone(), good.clone(), good]);
    assert!(DataKeyItem::parse(&five).is_err());
}

#[test]
fn beside_an_older_vault_file_no_item_is_taken_for_a_duplicate() {
    let machine = Machine::at(3);
    let (old, old_item) = (machine.file(), machine.item());
    rotate_now(&mut machine.unlocked());
    let new = machine.file();
    machine.keychain.add_twin(&VAULT.to_string(), ItemKind::DataKey, &old_item);
    machine.store.put(Some(old), None);
    // What does not open this file is the only key to the newer one.
    assert_fails!(machine.unlocked().remove_duplicates(), Error::RolledBack(_));
    machine.store.put(Some(new), None);
    assert_eq!(machine.unlocked().remove_duplicates().unwrap(), 1);
    assert_eq!(machine.notices(), []);
}

#[test]
fn a_new_vaults_key_is_synced_before_the_vault_is_written_unless_the_keychain_does_so_itself() {
    let machine = Machine::empty();
    machine.store.fail_next(StoreFault::WriteFails);
    assert_fails!(create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR), Error::Io { .. });
    assert_eq!(machine.host.syncs(), 1);
    drop(create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap());
    assert_eq!(machine.host.syncs(), 2);
    let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::empty());
    let keychain = Arc::new(FileKeychain::new(folder.path().join("item")));
    let edges = Edges { keychain, ..machine.edges() };
    drop(create(edges, VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap());
    assert_eq!(machine.host.syncs(), 0);
}

/// A keychain that looks, whenever an anchor is written, whether the vault's lock is held.
struct Watching {
    machine: Machine,
    anchors_without_lock: AtomicUsize,
    syncs_at_last_anchor: AtomicUsize,
}

impl Keychain for Watching {
    fn name(&self) -> String {
        self.machine.keychain.name()
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        self.machine.keychain.probe()
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        self.machine.keychain.get(vault, kind)
    }

    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        if kind == ItemKind::Anchor {
            self.syncs_at_last_anchor.store(self.machine.host.syncs(), Ordering::SeqCst);
            let is_free = self.machine.store.lock(std::time::Duration::ZERO).is_ok();
            self.anchors_without_lock.fetch_add(usize::from(is_free), Ordering::SeqCst);
        }
        self.machine.keychain.set(vault, kind, bytes)
    }

    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        self.machine.keychain.lock(vault, wait)
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        self.machine.keychain.delete(handle)
    }

    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        self.machine.keychain.list()
    }
}

#[test]
fn whoever_recovers_has_the_key_synced_and_the_anchor_written_under_the_lock() {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    let (store, host) = (machine.store.clone(), machine.host.clone());
    let watching = Arc::new(Watching {
        machine,
        anchors_without_lock: AtomicUsize::new(0),
        syncs_at_last_anchor: AtomicUsize::new(0),
    });
    let before = host.syncs();
    let opened = Vault::open(store).unwrap().open_with_kit(kit.secret()).unwrap();
    drop(opened.enroll(watching.clone(), host, &password(OTHER_PASSWORD), None, false).unwrap());
    assert_eq!(watching.syncs_at_last_anchor.load(Ordering::SeqCst), before + 1);
    assert_eq!(watching.anchors_without_lock.load(Ordering::SeqCst), 0);
}
