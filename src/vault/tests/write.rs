//! Writes that fail or only seem to, writers side by side, and the lock between them.

use crate::error::{Exists, ItemError, NotFound};
use std::time::{Duration, Instant};

use super::*;
use crate::crypto::kdf::derive_kek;
use crate::format::item::DataKeyItem;
use crate::format::vault::SIZE_LIMIT;
use crate::keychain::{FileKeychain, KeychainError, MemoryFault};
use crate::store::{FolderStore, StoreError, StoreFault};
use crate::vault::Effect;

fn locked() -> KeychainError {
    KeychainError::Locked { provider: "memory".into() }
}

fn create_on(machine: &Machine) -> Result<(), Error> {
    create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR).map(|_| ())
}

#[test]
fn what_changes_nothing_is_not_written() {
    type Call = fn(&mut Unlocked) -> Result<Effect, Error>;
    let calls: [Call; 5] = [
        |vault| vault.hold_project("acme", "law suit", ""),
        |vault| vault.rename_project("acme", "bistro"),
        |vault| vault.retire_file_key("bistro", 1, true),
        |vault| vault.revoke_kit(vault.find_kit("1")?.name.id, true),
        |vault| vault.merge(&vault.document.clone()).map(|merged| merged.effect),
    ];
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let kit = unlocked.make_kit().unwrap();
    unlocked.add_kit(&kit, &password(PASSWORD)).unwrap();
    for call in &calls[..4] {
        let before = machine.file();
        assert_eq!(call(&mut unlocked).unwrap(), Effect::Changed);
        assert_ne!(machine.file(), before);
    }
    let before = machine.file();
    let again: [Call; 6] = [
        |vault| vault.hold_project("bistro", "", ""),
        |vault| vault.rename_project("bistro", "bistro"),
        calls[2],
        calls[3],
        |vault| vault.revoke_kit(vault.find_kit("1")?.name.id, false),
        calls[4],
    ];
    for (index, call) in again.iter().enumerate() {
        assert_eq!(call(&mut unlocked).unwrap(), Effect::AlreadySo, "{index}");
        assert_eq!(machine.file(), before, "{index}");
    }
    assert_eq!(unlocked.release_project("bistro", "settled", "").unwrap(), Effect::Changed);
    assert_eq!(unlocked.release_project("bistro", "settled", "").unwrap(), Effect::AlreadySo);
}

#[test]
fn a_creation_whose_vault_write_fails_leaves_nothing_and_can_be_tried_again() {
    for fault in [StoreFault::WriteFails, StoreFault::ReadsBackAltered] {
        let machine = Machine::empty();
        machine.store.fail_next(fault);
        assert!(create_on(&machine).is_err(), "{fault:?}");
        assert_eq!(machine.store.standing().unwrap(), [""; 0]);
        assert_eq!(machine.stored(ItemKind::DataKey), None);
        create_on(&machine).unwrap();
        assert_eq!(machine.notices(), []);
    }
}

#[test]
fn a_creation_whose_vault_write_only_seems_to_fail_leaves_no_vault_without_its_key() {
    let machine = Machine::empty();
    machine.store.fail_next(StoreFault::WriteSeemsToFail);
    assert!(create_on(&machine).is_err());
    let (vault, key) = (machine.store.load().unwrap().is_some(), machine.stored(ItemKind::DataKey).is_some());
    assert!(!vault || key, "a vault stands that nothing opens");
}

#[test]
fn a_creation_whose_item_is_not_confirmed_leaves_nothing() {
    // A creation looks for an item twice, writes it, reads it back.
    let mut left = Vec::new();
    for (spared, fault) in [
        (2, MemoryFault::FailWrites(locked)),
        (2, MemoryFault::Lie),
        (2, MemoryFault::FailAfterWrites(locked)),
        (3, MemoryFault::Garbage(b"garbage".to_vec())),
    ] {
        let machine = Machine::empty();
        machine.keychain.inject_after(spared, fault.clone());
        assert!(create_on(&machine).is_err(), "{fault:?}");
        machine.keychain.heal();
        assert_eq!(machine.store.load().unwrap(), None, "{fault:?}");
        if machine.stored(ItemKind::DataKey).is_some() {
            left.push(format!("{fault:?}"));
        }
    }
    assert_eq!(left, [""; 0], "an item was left behind");
}

#[test]
fn a_creation_without_its_anchor_is_a_vault_all_the_same() {
    let machine = Machine::empty();
    // Look twice, write the item, read it back; the anchor's write is the next call.
    machine.keychain.inject_after(4, MemoryFault::Fail(locked));
    let mut created = create(machine.edges(), VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert!(matches!(&created.take_notices()[..], [Notice::AnchorNotWritten { .. }]));
    machine.keychain.heal();
    created.add_project(&named("acme")).unwrap();
    assert_eq!(created.take_notices(), []);
    assert_eq!(machine.notices(), []);
}

#[test]
fn after_a_failed_change_the_old_or_the_new_vault_opens_and_work_goes_on() {
    for (fault, made) in
        [(StoreFault::WriteFails, false), (StoreFault::ReadsBackAltered, false), (StoreFault::WriteSeemsToFail, true)]
    {
        let machine = Machine::at(3);
        let mut unlocked = machine.unlocked();
        machine.store.fail_next(fault);
        assert!(unlocked.add_project(&named("bistro")).is_err(), "{fault:?}");
        let standing = if made { 4 } else { 3 };
        assert_eq!(machine.document().header.generation, standing, "{fault:?}");
        let mut reopened = machine.unlocked();
        assert_eq!(reopened.take_notices(), [], "{fault:?}");
        assert_eq!(reopened.project("bistro").is_ok(), made, "{fault:?}");
        // The handle that failed goes on over what stands.
        unlocked.add_project(&named("cafe")).unwrap();
        assert_eq!(unlocked.header().generation, standing + 1);
        assert_eq!(unlocked.project("bistro").is_ok(), made, "{fault:?}");
        assert_eq!(machine.unlocked().projects(), unlocked.projects());
    }
}

#[test]
fn a_full_disk_is_told_as_such_and_changes_nothing() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.store.fail_next(StoreFault::WriteFails);
    assert_fails!(
        unlocked.rotate_file_key("acme"),
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull
    );
    assert_eq!(unlocked.file_key("acme", None).unwrap().version, 2);
    assert_eq!(machine.file(), life().files[2]);
}

#[test]
fn each_write_keeps_the_vault_file_it_replaced_as_the_previous_one() {
    let machine = Machine::at(1);
    let mut unlocked = machine.unlocked();
    for number in 0..3 {
        let before = machine.file();
        unlocked.add_project(&named(&format!("p{number}"))).unwrap();
        assert_eq!(machine.store.load_previous().unwrap(), Some(before));
    }
    assert_eq!(machine.store.set_aside(), []);
}

#[test]
fn a_vault_file_replaced_by_another_vault_while_unlocked_is_not_touched() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let mut other = machine.document();
    other.header.vault = VaultId::from_bytes([8; 16]);
    other.protected = other.header.to_protected().unwrap();
    machine.store.put(Some(other.to_bytes().unwrap()), None);
    assert_fails!(unlocked.add_project(&named("bistro")), Error::Changed { .. });
    for put in [Some(other.to_bytes().unwrap()), Some(b"garbage".to_vec()), None] {
        machine.store.put(put.clone(), None);
        assert_fails!(
            unlocked.add_project(&named("bistro")),
            Error::Changed { .. } | Error::Damaged { .. } | Error::NotFound(NotFound::Vault { .. })
        );
        assert_eq!(machine.store.load().unwrap(), put);
    }
}

#[test]
fn a_vault_that_moved_to_another_data_key_while_unlocked_is_not_touched() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let mut other = machine.unlocked();
    rotate_now(&mut other);
    let moved = machine.file();
    assert_fails!(unlocked.add_project(&named("bistro")), Error::Changed { .. });
    assert_eq!(machine.file(), moved);
}

#[test]
fn what_was_written_while_the_password_was_typed_is_no_rollback() {
    let machine = Machine::at(3);
    let vault = Vault::open(machine.store.clone()).unwrap();
    let mut other = machine.unlocked();
    for name in ["bistro", "cafe"] {
        other.add_project(&named(name)).unwrap();
    }
    let mut unlocked = vault.unlock(&password(PASSWORD), machine.keychain.clone(), machine.host.clone()).unwrap();
    // Not even where nobody can wait for the lock.
    assert_eq!((unlocked.take_notices(), unlocked.projects().len()), (vec![], 3));
}

#[test]
fn a_write_reads_back_only_as_the_very_document_under_its_own_key() {
    let (key, document) = (data_key(), Machine::at(3).document());
    let reads_back =
        |read: &Document, key: &DataKey| protocol::write::reads_back(&read.to_bytes().unwrap(), &document, key);
    assert!(reads_back(&document, &key));
    assert!(!reads_back(&Machine::at(2).document(), &key));
    assert!(!reads_back(&document, &DataKey::from_slice(&[1; KEY_LEN]).unwrap()));
    assert!(!protocol::write::reads_back(b"garbage", &document, &key));
    // The same payload sealed once more: it opens, and is not what was written.
    let payload = open_payload(&document, &key).unwrap();
    let (sealed, _) = protocol::write::seal_document(document.header.clone(), &payload, &key).unwrap();
    assert_eq!(sealed.protected, document.protected);
    assert!(!reads_back(&sealed, &key));
}

#[test]
fn an_item_whose_newest_wrap_does_not_open_is_not_taken_for_written() {
    let machine = Machine::at(3);
    let item = DataKeyItem::parse(&life().item).unwrap();
    let pepper = machine.document().header.pepper.0;
    let kek = |text: &str| derive_kek(&password(text), &pepper, &item.wraps[0].header.kdf, None).unwrap();
    let write = |kek| protocol::items::write(&machine.edges(), VAULT, &item.clone().into(), Some(&kek));
    write(kek(PASSWORD)).unwrap();
    assert_fails!(write(kek(OTHER_PASSWORD)), Error::Item(ItemError::NotKept { .. }));
    // Nor where another item that opens stands in its place.
    let mut other = item.clone();
    other.wraps.insert(0, other.wraps[0].clone());
    machine.keychain.inject(MemoryFault::Lie);
    let lied = protocol::items::write(&machine.edges(), VAULT, &other.into(), Some(&kek(PASSWORD)));
    assert_fails!(lied, Error::Item(ItemError::NotKept { .. }));
}

#[test]
fn two_handles_build_upon_each_other() {
    let machine = Machine::at(3);
    let (mut first, mut second) = (machine.unlocked(), machine.unlocked());
    assert_eq!(first.rotate_file_key("acme").unwrap(), 3);
    assert_eq!(second.rotate_file_key("acme").unwrap(), 4);
    first.rename_project("acme", "bistro").unwrap();
    assert_fails!(second.rotate_file_key("acme"), Error::NotFound(NotFound::Project { .. }));
    second.add_project(&named("acme")).unwrap();
    assert_fails!(first.rename_project("bistro", "acme"), Error::Exists(Exists::Project { .. }));
    assert_eq!(exposed(&first, "bistro", 3), exposed(&second, "bistro", 3));
}

#[test]
fn a_lock_held_by_another_is_busy_after_the_wait_and_free_when_it_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = [(); 2].map(|()| FolderStore::new(folder.path(), SIZE_LIMIT).unwrap());
    let held = here.lock(Duration::from_secs(10)).unwrap();
    let (start, wait) = (Instant::now(), Duration::from_millis(60));
    let busy = there.lock(wait).err().unwrap();
    assert!(start.elapsed() >= wait);
    assert!(matches!(busy, StoreError::Busy { waited } if waited == wait));
    assert_fails!(Err::<(), _>(Error::from_store("there", busy)), Error::Busy { .. });
    drop(held);
    assert!(there.lock(Duration::from_secs(10)).is_ok());
}

#[test]
fn reading_takes_no_lock() {
    let machine = Machine::at(3);
    let held = machine.store.lock(Duration::ZERO).unwrap();
    let start = Instant::now();
    assert!(machine.unlocked().file_key("acme", None).is_ok());
    assert!(start.elapsed() < Duration::from_secs(30), "it waited for the lock");
    drop(held);
}

#[test]
fn what_stands_in_the_way_of_a_write_leaves_the_old_vault() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderStore::new(folder.path(), SIZE_LIMIT).unwrap());
    std::fs::write(store.file(), &life().files[2]).unwrap();
    let machine = Machine::at(3);
    let vault = Vault::open(store.clone()).unwrap();
    let mut unlocked = vault.unlock(&password(PASSWORD), machine.keychain.clone(), machine.host.clone()).unwrap();
    for obstacle in [store.unfinished(), store.previous()] {
        std::fs::create_dir(&obstacle).unwrap();
        assert_fails!(unlocked.add_project(&named("bistro")), Error::Io { .. });
        std::fs::remove_dir(&obstacle).unwrap();
        assert_eq!(std::fs::read(store.file()).unwrap(), life().files[2]);
    }
    // What a crash left in the temporary file's place does not.
    std::fs::write(store.unfinished(), "half a vault").unwrap();
    unlocked.add_project(&named("bistro")).unwrap();
    assert!(!store.unfinished().exists());
    assert_eq!(unlocked.header().generation, 4);
}

#[test]
fn every_acknowledged_change_of_eight_writers_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("item");
    let open = || Arc::new(FolderStore::new(&folder.path().join("vault"), SIZE_LIMIT).unwrap());
    let host = Arc::new(TestHost::new());
    let (store, keychain) = (open(), Arc::new(FileKeychain::new(&keys)));
    let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: host.clone() };
    drop(create(edges, VAULT, &password(PASSWORD), KdfCost::FLOOR).unwrap());

    // Each with its own store and keychain, as processes have.
    let told: Vec<Notice> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (host, keys, open) = (&host, &keys, &open);
                scope.spawn(move || {
                    let (store, keychain) = (open(), Arc::new(FileKeychain::new(keys)));
                    let vault = Vault::open(store.clone()).unwrap();
                    let mut unlocked = vault.unlock(&password(PASSWORD), keychain.clone(), host.clone()).unwrap();
                    for number in 0..20 {
                        unlocked.add_project(&named(&format!("{writer}-{number}"))).unwrap();
                    }
                    unlocked.take_notices()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(told, []);
    let mut unlocked =
        Vault::open(store.clone()).unwrap().unlock(&password(PASSWORD), keychain.clone(), host.clone()).unwrap();
    assert_eq!(unlocked.take_notices(), []);
    assert_eq!((unlocked.header().generation, unlocked.projects().len()), (161, 160));
    for writer in 0..8 {
        for number in 0..20 {
            assert!(unlocked.file_key(&format!("{writer}-{number}"), Some(1)).is_ok());
        }
    }
}
