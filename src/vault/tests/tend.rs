//! Unlocking writes nothing; what it leaves to be finished is finished by tending, once.

use super::*;

const OTHER_BOOT: &str = "99999999-2222-4333-8444-555555555555";

/// Everything that an unlock could write.
fn written(machine: &Machine) -> [Option<Vec<u8>>; 4] {
    [
        machine.store.load().unwrap(),
        machine.store.load_previous().unwrap(),
        machine.stored(ItemKind::DataKey),
        machine.stored(ItemKind::Anchor),
    ]
}

/// A computer whose rotation has begun and waits.
fn rotating() -> Machine {
    let machine = Machine::at(3);
    machine.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    machine
}

#[test]
fn unlocking_writes_nothing_and_tending_finishes_once() {
    let behind = || {
        let machine = Machine::at(3);
        machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
        machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &life().anchors[1]).unwrap();
        machine
    };
    let without_memory = || {
        let machine = Machine::at(3);
        machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
        machine
    };
    let settled = || {
        let machine = rotating();
        machine.host.set_boot(OTHER_BOOT);
        machine
    };
    let lost = || {
        let machine = rotating();
        assert!(machine.keychain.roll_back(&VAULT.to_string(), ItemKind::DataKey, 1));
        machine
    };
    let makers: [(&str, &dyn Fn() -> Machine); 4] =
        [("behind", &behind), ("without memory", &without_memory), ("settled", &settled), ("lost", &lost)];
    for (what, make) in makers {
        let machine = make();
        let (before, syncs) = (written(&machine), machine.host.syncs());
        let mut unlocked = machine.unlock_only(PASSWORD).unwrap();
        assert!(unlocked.file_key("acme", None).is_ok(), "{what}");
        assert_eq!((written(&machine), machine.host.syncs()), (before.clone(), syncs), "{what}: unlocking has written");
        unlocked.tend(&password(PASSWORD)).unwrap();
        let tended = written(&machine);
        assert_ne!(tended, before, "{what}: nothing was finished");
        if what != "lost" {
            unlocked.take_notices();
            unlocked.tend(&password(PASSWORD)).unwrap();
            assert_eq!((unlocked.take_notices(), written(&machine)), (Vec::new(), tended), "{what}: finished twice");
        }
    }
}

#[test]
fn whoever_does_not_tend_is_warned_all_the_same_and_changes_what_stands() {
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[1].clone()), None);
    let mut older = machine.unlock_only(PASSWORD).unwrap();
    assert!(matches!(&older.take_notices()[..], [Notice::RolledBack(_)]));
    assert_fails!(older.add_project(&named("bistro")), Error::RolledBack(_));

    let machine = Machine::at(3);
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    machine.unlock_only(PASSWORD).unwrap().add_project(&named("bistro")).unwrap();
    assert_eq!(machine.notices(), []);
    assert!(machine.unlocked().project("bistro").is_ok());
}

#[test]
fn a_writer_between_unlocking_and_tending_takes_the_warning_back() {
    let machine = Machine::at(3);
    machine.store.put(None, Some(life().files[2].clone()));
    let mut unlocked = machine.unlock_only(PASSWORD).unwrap();
    assert!(unlocked.reads_previous());
    machine.store.put(Some(life().files[2].clone()), None);
    unlocked.tend(&password(PASSWORD)).unwrap();
    assert_eq!(unlocked.take_notices(), []);
    unlocked.check_writable().unwrap();
}
