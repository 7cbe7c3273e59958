//! A vault that stays open while its file changes behind it.

use super::*;

fn following(machine: &Machine) -> Unlocked {
    let mut unlocked = machine.unlocked();
    unlocked.follow().unwrap();
    unlocked
}

#[test]
fn what_another_process_writes_is_taken_by_reads_and_writes() {
    let machine = Machine::at(2);
    let (mut unlocked, mut other) = (following(&machine), machine.unlocked());
    assert_eq!(unlocked.catch_up().unwrap(), Effect::AlreadySo);
    other.add_project(&named("bistro")).unwrap();
    other.rotate_file_key("acme").unwrap();
    assert_eq!(unlocked.catch_up().unwrap(), Effect::Changed);
    assert_eq!(unlocked.catch_up().unwrap(), Effect::AlreadySo);
    assert_eq!(exposed(&unlocked, "acme", 2), exposed(&other, "acme", 2));
    // A write takes it as well, and goes over it.
    other.add_project(&named("cafe")).unwrap();
    unlocked.add_project(&named("deli")).unwrap();
    let names: Vec<String> = machine.unlocked().projects().into_iter().map(|project| project.name).collect();
    assert_eq!(names, ["acme", "bistro", "cafe", "deli"]);
    assert_eq!(unlocked.catch_up().unwrap(), Effect::AlreadySo);
}

#[test]
fn what_does_not_descend_is_refused_by_reads_and_writes() {
    let life = life();
    let rotated = {
        let machine = Machine::at(2);
        rotate_now(&mut machine.unlocked());
        machine.file()
    };
    let apart = {
        let machine = Machine::at(1);
        let mut unlocked = machine.unlocked();
        for name in ["one", "two", "three"] {
            unlocked.add_project(&named(name)).unwrap();
        }
        machine.file()
    };
    let mut flipped = life.files[1].clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let files = [Some(life.files[0].clone()), Some(rotated), Some(apart), Some(flipped), Some(Vec::new()), None];
    for (index, file) in files.into_iter().enumerate() {
        let machine = Machine::at(2);
        let mut unlocked = following(&machine);
        // The previous file does not speak for a vault that is open.
        machine.store.put(file.clone(), Some(life.files[1].clone()));
        let refused = unlocked.catch_up().unwrap_err();
        let is_known = matches!(refused, Error::Changed { .. } | Error::Damaged { .. } | Error::NotFound(_));
        assert!(is_known, "{index}: {refused:?}");
        // Even if this computer has lost its memory of the vault, which would let anything pass.
        machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
        unlocked.add_project(&named("never")).unwrap_err();
        assert_eq!(machine.store.load().unwrap(), file, "{index}");
        // It is as it was.
        assert_eq!(unlocked.header().generation, 2, "{index}");
        machine.store.put(Some(life.files[2].clone()), None);
        assert_eq!(unlocked.catch_up().unwrap(), Effect::Changed, "{index}");
    }
}

#[test]
fn only_a_vault_that_this_computer_knows_is_followed() {
    let machine = Machine::at(3);
    machine.store.put(Some(life().files[1].clone()), None);
    assert_fails!(machine.unlocked().follow(), Error::RolledBack(_));
    machine.store.put(Some(Vec::new()), Some(life().files[1].clone()));
    assert_fails!(machine.unlocked().follow(), Error::OnlyPrevious { .. });
}

#[test]
fn a_duplicate_is_changed_apart_and_shares_the_data_key() {
    let machine = Machine::at(2);
    let unlocked = following(&machine);
    let mut duplicate = unlocked.duplicate();
    duplicate.add_project(&named("bistro")).unwrap();
    assert_eq!(unlocked.projects().len(), 1);
    assert_eq!(duplicate.projects().len(), 2);
    assert!(std::ptr::eq(unlocked.data_key(), duplicate.data_key()));
}

#[test]
fn a_vault_is_handed_over_with_its_data_key_alone() {
    let machine = Machine::at(2);
    let mut unlocked = machine.unlocked();
    let taken = |key| {
        let vault = Vault::open(machine.store.clone()).unwrap();
        vault.find_key(machine.keychain.clone(), machine.host.clone()).unwrap().take_over(key)
    };
    let mut other = taken(unlocked.hand_over().unwrap()).unwrap();
    assert_eq!(exposed(&other, "acme", 1), exposed(&unlocked, "acme", 1));
    other.follow().unwrap();
    other.add_project(&named("bistro")).unwrap();
    assert_eq!(machine.unlocked().projects().len(), 2);
    // It opens what it opened before, and nothing else.
    let key = unlocked.hand_over().unwrap();
    rotate_now(&mut machine.unlocked());
    taken(key).map(drop).unwrap_err();
}

#[test]
fn a_vault_file_that_was_put_back_is_not_handed_over() {
    let life = life();
    let machine = Machine::at(2);
    machine.store.put(Some(life.files[0].clone()), None);
    assert_fails!(machine.unlocked().hand_over(), Error::RolledBack(_));
}
