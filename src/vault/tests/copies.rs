use super::*;
use crate::crypto::secret::KitSecret;
use crate::error::{Exists, ItemError, NotFound, Refused};
use crate::vault::protocol::rotation::{NextKit, SETTLING_SECONDS, Settle};

fn opened_copy(machine: &Machine, bytes: &[u8]) -> Result<Unlocked, Error> {
    Vault::open_copy(machine.store.clone(), bytes)?.unlock(
        &password(PASSWORD),
        machine.keychain.clone(),
        machine.host.clone(),
    )
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
        machine.store.put(standing.clone(), None);
        let restored = opened_copy(&machine, &life().files[1]).unwrap().restore().unwrap();
        assert_eq!((restored.unread, restored.aside.is_some()), (standing.is_some(), standing.is_some()));
        assert_eq!(machine.store.load_previous().unwrap(), Some(machine.file()));
        assert_eq!(machine.unlocked().take_notices(), []);
    }
}

#[test]
fn a_copy_is_installed_as_it_is_and_only_where_no_vault_stands_that_can_be_used() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let (kit, stranger) = (unlocked.make_kit().unwrap(), KitSecret::generate().unwrap());
    unlocked.add_kit(&kit, &password(PASSWORD)).unwrap();
    drop(unlocked);
    let copy = machine.file();
    let put = |secret| install(machine.store.clone(), &copy, secret, machine.host.now());
    for secret in [kit.secret(), &stranger] {
        assert_fails!(put(secret), Error::Exists(Exists::Vault { standing }) if !standing.is_empty());
    }
    let mut other = machine.document();
    other.header.vault = VaultId::from_bytes([8; 16]);
    other.protected = other.header.to_protected().unwrap();
    machine.store.put(Some(other.to_bytes().unwrap()), None);
    assert_fails!(put(kit.secret()), Error::Refused(Refused::OtherVault { .. }));
    // Damaged where only the kit tells, and where everybody sees it; lost, with a previous file; nothing at all.
    let mut damaged = machine.document();
    damaged.header.vault = VAULT;
    damaged.protected = Document::parse(&copy).unwrap().protected;
    damaged.payload = vec![0; 200];
    let damaged = damaged.to_bytes().unwrap();
    machine.store.put(Some(damaged.clone()), None);
    assert_fails!(put(&stranger), Error::Exists(Exists::Vault { .. }));
    for (standing, previous, kept) in [
        (Some(damaged), None, 1),
        (Some(b"garbage".to_vec()), None, 2),
        (Some(b"garbage".to_vec()), Some(life().files[1].clone()), 3),
        (None, Some(life().files[1].clone()), 3),
        (None, None, 3),
    ] {
        machine.store.put(standing, previous.clone());
        assert_fails!(
            install(machine.store.clone(), b"garbage", kit.secret(), machine.host.now()),
            Error::Damaged { .. }
        );
        put(kit.secret()).unwrap();
        assert_eq!((machine.file(), machine.store.set_aside().len()), (copy.clone(), kept));
        // A previous file stays; where there was none, the vault file is not left alone.
        assert_eq!(machine.store.load_previous().unwrap(), previous.or(Some(copy.clone())));
    }
    // What everybody sees to be damaged needs no kit of its own, and another vault's previous file is not ours to bury.
    machine.store.put(Some(b"garbage".to_vec()), Some(life().files[1].clone()));
    put(&stranger).unwrap();
    machine.store.put(None, Some(other.to_bytes().unwrap()));
    assert_fails!(put(kit.secret()), Error::Exists(Exists::Vault { .. }));
}

#[test]
fn a_copy_that_was_not_restored_changes_nothing_and_is_not_changed() {
    let machine = Machine::at(3);
    let mut copy = opened_copy(&machine, &life().files[0]).unwrap();
    assert_fails!(copy.add_project(&named("beta")), Error::Refused(Refused::OtherVault { .. }));
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
    rotate_now(&mut unlocked);
    assert_fails!(opened_copy(&machine, &life().files[2]), Error::Item(ItemError::NotOurs { .. }));
    let mut other = Document::parse(&life().files[2]).unwrap();
    other.header.vault = VaultId::from_bytes([8; 16]);
    other.protected = other.header.to_protected().unwrap();
    assert_fails!(opened_copy(&machine, &other.to_bytes().unwrap()), Error::Refused(Refused::OtherVault { .. }));
}

#[test]
fn a_fork_has_the_same_keys_and_nothing_else_in_common() {
    let (machine, elsewhere) = (Machine::at(3), Machine::empty());
    let mut unlocked = machine.unlocked();
    new_kit(&mut unlocked);
    let id = VaultId::from_bytes([9; 16]);
    let forked = unlocked.fork(elsewhere.edges(), id, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_eq!(exposed(&forked, "acme", 2), exposed(&unlocked, "acme", 2));
    assert!(forked.kits().is_empty());
    let (own, other) = (machine.document().header, elsewhere.document().header);
    assert_eq!(other.vault, id);
    assert!(own.data_key != other.data_key && own.pepper != other.pepper && other.slots.is_empty());
    drop(forked);
    let again = Vault::open(elsewhere.store.clone()).unwrap().unlock(
        &password(PASSWORD),
        elsewhere.keychain.clone(),
        elsewhere.host.clone(),
    );
    assert_eq!(exposed(&again.unwrap(), "acme", 1), exposed(&unlocked, "acme", 1));
}

#[test]
fn a_restored_copy_forgets_no_kit_that_was_revoked_or_made_since() {
    let machine = Machine::at(3);
    let add = || new_kit(&mut machine.unlocked());
    let first = add();
    let copy = machine.file();
    machine.unlocked().revoke_kit(first.name().id, true).unwrap();
    let second = add();
    opened_copy(&machine, &copy).unwrap().restore().unwrap();
    let opens =
        |kit: &crate::vault::NewKit| Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).is_ok();
    assert_eq!((opens(&first), opens(&second)), (false, true));
    assert_eq!(machine.unlocked().make_kit().unwrap().name().number, 3);
}

#[test]
fn a_restored_copy_brings_no_destroyed_project_back_and_lifts_no_hold() {
    let machine = Machine::at(3);
    machine.unlocked().add_project(&named("beta")).unwrap();
    let copy = machine.file();
    machine.unlocked().hold_project("beta", "law suit", "").unwrap();
    machine
        .unlocked()
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
    machine.host.wait(SETTLING_SECONDS - 1);
    let restored = opened_copy(&machine, &copy).unwrap().restore().unwrap();
    assert_eq!((restored.destroyed, restored.held), (vec!["acme".to_owned()], vec!["beta".to_owned()]));
    assert!(!restored.unread);
    let unlocked = machine.unlocked();
    assert_fails!(unlocked.file_key("acme", Some(1)), Error::NotFound(NotFound::Destroyed { .. }));
    assert_fails!(unlocked.check_destroyable("beta", SharedKeys::Refused), Error::Refused(Refused::Held { .. }));
    assert!(unlocked.rotation().is_some(), "older copies are still to be shut out");
    drop(unlocked);
    machine.host.wait(1);
    assert!(!machine.unlocked().finished_rotation(), "a note may be older than the item");
    machine.host.wait(SETTLING_SECONDS);
    assert!(machine.unlocked().finished_rotation());
    machine.store.put(Some(copy), None);
    assert_fails!(machine.unlock(PASSWORD), Error::Item(ItemError::NotOurs { .. }));
}

#[test]
fn a_file_that_nobody_can_vouch_for_uses_no_generations_up() {
    let machine = Machine::at(3);
    let mut forged = machine.document();
    forged.header.generation = u64::MAX - 1;
    forged.protected = forged.header.to_protected().unwrap();
    machine.store.put(Some(forged.to_bytes().unwrap()), None);
    let restored = opened_copy(&machine, &life().files[2]).unwrap().restore().unwrap();
    assert_eq!((restored.generation, restored.unread), (4, true));
    machine.unlocked().add_project(&named("beta")).unwrap();
}

#[test]
fn a_kit_that_the_copy_knows_to_be_revoked_does_not_come_back_with_a_rotation() {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    let before = machine.file();
    machine.unlocked().revoke_kit(kit.name().id, false).unwrap();
    let copy = machine.file();
    // The other computer's file, which knew nothing of that.
    machine.keychain.forget(&VAULT.to_string(), ItemKind::Anchor);
    machine.store.put(Some(before), None);
    machine.unlocked().rotate_data_key(&password(PASSWORD), NextKit::Keep(kit.secret())).unwrap();
    opened_copy(&machine, &copy).unwrap().restore().unwrap();
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(machine.document().header.slots, []);
    assert!(!machine.unlocked().kits()[0].valid);
}

#[test]
fn a_copy_does_not_take_the_place_of_a_newer_previous_file_that_opens() {
    let machine = Machine::at(3);
    let kit = new_kit(&mut machine.unlocked());
    let copy = machine.file();
    machine.unlocked().add_project(&named("beta")).unwrap();
    let newer = machine.file();
    for standing in [None, Some(b"garbage".to_vec())] {
        machine.store.put(standing, Some(newer.clone()));
        let refused = opened_copy(&machine, &copy).unwrap().restore();
        assert_fails!(refused, Error::Refused(Refused::PreviousNewer { previous: 5, copied: 4 }));
        let refused = install(machine.store.clone(), &copy, kit.secret(), machine.host.now());
        assert_fails!(refused, Error::Refused(Refused::PreviousNewer { previous: 5, copied: 4 }));
    }
    // One that is no newer is not in the way.
    for put_back in [&copy, &newer] {
        machine.store.put(None, Some(copy.clone()));
        opened_copy(&machine, put_back).unwrap().restore().unwrap();
    }
}

#[test]
fn a_project_on_hold_that_the_copy_lacks_comes_with_its_keys() {
    let machine = Machine::at(3);
    let copy = machine.file();
    let key = machine.unlocked().add_project(&named("held")).map(|_| ()).and_then(|()| {
        let mut unlocked = machine.unlocked();
        unlocked.hold_project("held", "lawsuit", "")?;
        Ok(exposed(&unlocked, "held", None))
    });
    machine.unlocked().add_project(&named("free")).unwrap();
    machine.unlocked().add_project(&named("gone")).unwrap();
    machine
        .unlocked()
        .change(&contents::change::Change::ProjectDestroyed {
            project: "gone",
            shared: SharedKeys::Allowed,
            secrets: SecretsOfProject::Deleted,
        })
        .unwrap();
    let restored = opened_copy(&machine, &copy).unwrap().restore().unwrap();
    assert_eq!(restored.held, ["held"]);
    let mut unlocked = machine.unlocked();
    assert_eq!(exposed(&unlocked, "held", None), key.unwrap());
    assert_fails!(
        unlocked.destroy_project(
            "held",
            &password(PASSWORD),
            NextKit::None,
            SharedKeys::Refused,
            SecretsOfProject::Deleted
        ),
        Error::Refused(Refused::Held { .. })
    );
    assert_fails!(unlocked.project("free"), Error::NotFound(NotFound::Project { .. }));
    assert!(unlocked.project("gone").unwrap().destroyed.is_some(), "its record stays");
}

#[test]
fn an_older_file_is_not_forked_unasked() {
    let (machine, elsewhere) = (Machine::at(3), Machine::empty());
    machine.store.put(Some(life().files[0].clone()), None);
    let id = VaultId::from_bytes([9; 16]);
    let forked = |unlocked: &Unlocked| {
        unlocked.fork(elsewhere.edges(), id, &password(PASSWORD), KdfCost::FLOOR).map(|forked| forked.id())
    };
    let mut unlocked = machine.unlocked();
    assert_fails!(forked(&unlocked), Error::RolledBack(_));
    unlocked.accept_rollback().unwrap();
    assert_eq!(forked(&unlocked).unwrap(), id);
}
