use super::*;
use crate::vault::rotate::{NextKit, Settle};

fn opened_copy<'a>(machine: &'a Machine, bytes: &[u8]) -> Result<Unlocked<'a>, Error> {
    Vault::open_copy(&machine.store, bytes)?.unlock(&password(PASSWORD), &machine.keychain, &machine.host)
}

#[test]
fn a_restored_copy_goes_on_above_everything_that_was_seen_and_what_stood_is_kept() {
    let machine = Machine::at(3);
    let standing = machine.file();
    let restored = opened_copy(&machine, &life().files[0]).unwrap().restore().unwrap();
    assert_eq!(restored.generation, 4);
    assert_eq!(machine.store.set_aside()[0].1, standing);
    let mut unlocked = machine.unlocked();
    assert_eq!((unlocked.take_notices(), unlocked.projects().len()), (vec![], 0));
    unlocked.add_project(&named("beta")).unwrap();
}

#[test]
fn a_copy_is_restored_where_no_vault_stands_and_over_one_that_is_damaged() {
    for standing in [None, Some(b"damaged".to_vec())] {
        let machine = Machine::at(3);
        machine.store.put(standing, None);
        opened_copy(&machine, &life().files[1]).unwrap().restore().unwrap();
        assert_eq!(machine.unlocked().take_notices(), []);
    }
}

#[test]
fn a_copy_is_installed_as_it_is_and_only_where_nothing_stands() {
    let machine = Machine::at(3);
    assert_fails!(install(&machine.store, &life().files[1]), Error::VaultExists { standing } if !standing.is_empty());
    machine.store.put(None, None);
    assert_fails!(install(&machine.store, b"garbage"), Error::Damaged { .. });
    assert_eq!(machine.store.standing().unwrap(), [""; 0]);
    install(&machine.store, &life().files[1]).unwrap();
    assert_eq!(machine.file(), life().files[1]);
}

#[test]
fn a_copy_that_was_not_restored_changes_nothing_and_is_not_changed() {
    let machine = Machine::at(3);
    let mut copy = opened_copy(&machine, &life().files[0]).unwrap();
    assert_fails!(copy.add_project(&named("beta")), Error::OtherVault { .. });
    assert_eq!(machine.file(), life().files[2]);
    // Something else changed the vault meanwhile.
    machine.unlocked().add_project(&named("beta")).unwrap();
    assert_fails!(copy.restore(), Error::Changed { .. });
    assert_eq!(machine.unlocked().projects().len(), 2);
}

#[test]
fn a_copy_of_another_vault_or_under_an_earlier_data_key_is_refused() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_fails!(opened_copy(&machine, &life().files[2]), Error::KeyNotOurs { .. });
    let mut other = Document::parse(&life().files[2]).unwrap();
    other.header.vault = VaultId::from_bytes([8; 16]);
    other.protected = other.header.to_protected().unwrap();
    assert_fails!(opened_copy(&machine, &other.to_bytes().unwrap()), Error::OtherVault { .. });
}

#[test]
fn a_fork_has_the_same_keys_and_nothing_else_in_common() {
    let (machine, elsewhere) = (Machine::at(3), Machine::empty());
    let mut unlocked = machine.unlocked();
    let kit = unlocked.make_kit().unwrap();
    unlocked.add_kit(&kit, &password(PASSWORD)).unwrap();
    let id = VaultId::from_bytes([9; 16]);
    let forked = unlocked.fork(elsewhere.edges(), id, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_eq!(exposed(&forked, "acme", 2), exposed(&unlocked, "acme", 2));
    assert!(forked.kits().is_empty());
    let (own, other) = (machine.document().header, elsewhere.document().header);
    assert_eq!(other.vault, id);
    assert!(own.data_key != other.data_key && own.pepper != other.pepper && other.recovery.is_empty());
    drop(forked);
    let again =
        Vault::open(&elsewhere.store).unwrap().unlock(&password(PASSWORD), &elsewhere.keychain, &elsewhere.host);
    assert_eq!(exposed(&again.unwrap(), "acme", 1), exposed(&unlocked, "acme", 1));
}

#[test]
fn a_restored_copy_forgets_no_kit_that_was_revoked_or_made_since() {
    let machine = Machine::at(3);
    let add = || {
        let mut unlocked = machine.unlocked();
        let kit = unlocked.make_kit().unwrap();
        unlocked.add_kit(&kit, &password(PASSWORD)).unwrap();
        kit
    };
    let first = add();
    let copy = machine.file();
    machine.unlocked().revoke_kit(1, true).unwrap();
    let second = add();
    opened_copy(&machine, &copy).unwrap().restore().unwrap();
    let opens =
        |kit: &crate::vault::kits::NewKit| Vault::open(&machine.store).unwrap().open_with_kit(kit.secret()).is_ok();
    assert_eq!((opens(&first), opens(&second)), (false, true));
    assert_eq!(machine.unlocked().make_kit().unwrap().number(), 3);
}
