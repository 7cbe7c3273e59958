use super::*;
use crate::vault::rotate::NextKit;

/// Two machines that work on copies of one vault, apart from each other.
fn apart() -> (Machine, Machine) {
    (Machine::at(3), Machine::at(3))
}

fn merge(machine: &Machine, other: &Machine) -> Result<crate::vault::Merged, Error> {
    machine.unlocked().merge(&other.document())
}

#[test]
fn what_both_machines_made_is_there_and_both_go_on_with_the_merged_file() {
    let (here, there) = apart();
    here.unlocked().add_project(&named("beta")).unwrap();
    let mut unlocked = there.unlocked();
    unlocked.add_project(&named("gamma")).unwrap();
    unlocked.add_project(&named("beta")).unwrap();
    drop(unlocked);
    let merged = merge(&here, &there).unwrap();
    assert_eq!((merged.generation, merged.projects), (6, vec!["gamma".to_owned(), "beta (2)".to_owned()]));
    assert_eq!(merged.renamed, [("beta".to_owned(), "beta (2)".to_owned())]);
    assert_eq!(here.notices(), []);
    let theirs = exposed(&there.unlocked(), "beta", 1);
    assert_eq!(exposed(&here.unlocked(), "beta (2)", 1), theirs);
    there.store.put(Some(here.file()), None);
    let mut unlocked = there.unlocked();
    assert_eq!(unlocked.take_notices(), [], "it descends from what this machine saw");
    assert_eq!(unlocked.projects().len(), 4);
}

#[test]
fn key_versions_that_collide_are_renumbered_and_none_is_dropped() {
    let (here, there) = apart();
    here.unlocked().rotate_file_key("acme").unwrap();
    let mut unlocked = there.unlocked();
    unlocked.rotate_file_key("acme").unwrap();
    unlocked.rotate_file_key("acme").unwrap();
    let theirs = [3, 4].map(|version| exposed(&unlocked, "acme", version));
    drop(unlocked);
    let ours = exposed(&here.unlocked(), "acme", 3);
    let merged = merge(&here, &there).unwrap();
    assert_eq!(merged.keys, [("acme".to_owned(), 5), ("acme".to_owned(), 4)]);
    let unlocked = here.unlocked();
    assert_eq!([3, 4, 5].map(|version| exposed(&unlocked, "acme", version)), [ours, theirs[1], theirs[0]]);
    assert_eq!(unlocked.project("acme").unwrap().keys.len(), 5);
}

#[test]
fn a_fork_is_read_only_until_it_is_merged_with_what_this_machine_saw() {
    let (here, there) = apart();
    here.unlocked().add_project(&named("beta")).unwrap();
    let seen = here.document();
    let mut unlocked = there.unlocked();
    unlocked.add_project(&named("gamma")).unwrap();
    unlocked.add_project(&named("delta")).unwrap();
    drop(unlocked);
    here.store.put(Some(there.file()), None);
    let mut forked = here.unlocked();
    assert!(matches!(&forked.take_notices()[..], [Notice::RolledBack(rolled_back)] if rolled_back.forked));
    assert_fails!(forked.add_project(&named("epsilon")), Error::RolledBack(_));
    // Some other old file proves nothing.
    let old = Document::parse(&life().files[0]).unwrap();
    assert_fails!(forked.merge(&old), Error::RolledBack(_));
    forked.merge(&seen).unwrap();
    assert_eq!(forked.projects().len(), 4);
    drop(forked);
    assert_eq!(here.notices(), []);
    here.unlocked().add_project(&named("epsilon")).unwrap();
}

#[test]
fn kits_of_both_machines_open_the_merged_vault_even_with_the_same_number() {
    let (here, there) = apart();
    let kits = [&here, &there].map(|machine| {
        let mut unlocked = machine.unlocked();
        let kit = unlocked.make_kit().unwrap();
        unlocked.add_kit(&kit, &password(PASSWORD)).unwrap();
        kit
    });
    merge(&here, &there).unwrap();
    for kit in &kits {
        assert_eq!(Vault::open(&here.store).unwrap().open_with_kit(kit.secret()).unwrap().kit(), 1);
    }
    // A kit that one machine revoked does not come back with the other's file.
    there.unlocked().revoke_kit(1, false).unwrap();
    merge(&here, &there).unwrap();
    assert!(here.document().header.recovery.is_empty());
}

#[test]
fn another_vault_another_data_key_and_a_rotation_under_way_are_refused() {
    let (here, there) = apart();
    there.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    assert_fails!(merge(&here, &there), Error::RotationUnderWay);
    assert_fails!(merge(&there, &here), Error::RotationUnderWay);
    there.host.set_boot("another");
    there.unlocked();
    assert_fails!(merge(&here, &there), Error::OtherVault { .. });
    let mut other = here.document();
    other.header.vault = VaultId::from_bytes([8; 16]);
    assert_fails!(here.unlocked().merge(&other), Error::OtherVault { .. });
    let mut damaged = here.document();
    damaged.payload[100] ^= 1;
    assert_fails!(here.unlocked().merge(&damaged), Error::Damaged { .. });
}

#[test]
fn a_merge_with_an_older_file_of_ones_own_brings_nothing_and_loses_nothing() {
    let machine = Machine::at(3);
    let merged = machine.unlocked().merge(&Document::parse(&life().files[1]).unwrap()).unwrap();
    assert_eq!((merged.projects.len(), merged.keys.len(), merged.generation), (0, 0, 4));
    assert_eq!(machine.unlocked().project("acme").unwrap().keys.len(), 2);
}
