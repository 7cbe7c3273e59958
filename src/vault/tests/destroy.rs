use super::*;
use crate::error::{Begun, Exists, ItemError, KeyPlace, NotFound, Refused};
use crate::format::vault::KeyState;
use crate::vault::Effect;
use crate::vault::protocol::rotation::{NextKit, Settle};

fn destroyed() -> Machine {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
    drop(unlocked);
    machine
}

#[test]
fn a_destroyed_project_is_refused_at_once_and_stays_on_record() {
    let machine = destroyed();
    let mut unlocked = machine.unlocked();
    for version in [None, Some(1), Some(2)] {
        assert_fails!(unlocked.file_key("acme", version), Error::NotFound(NotFound::Destroyed { .. }));
    }
    assert_eq!(unlocked.candidate_keys(None).count(), 0);
    assert_eq!(unlocked.project_keys("acme").count(), 0);
    assert_fails!(unlocked.rotate_file_key("acme"), Error::NotFound(NotFound::Destroyed { .. }));
    let key = crate::crypto::secret::FileKey::generate().unwrap();
    assert_fails!(
        unlocked.import_file_key("acme", &key, SharedKeys::Refused),
        Error::NotFound(NotFound::Destroyed { .. })
    );
    assert_fails!(unlocked.hold_project("acme", "", ""), Error::NotFound(NotFound::Destroyed { .. }));
    assert_fails!(unlocked.release_project("acme", "settled", ""), Error::NotFound(NotFound::Destroyed { .. }));
    let again = unlocked.destroy_project(
        "acme",
        &password(PASSWORD),
        NextKit::None,
        SharedKeys::Refused,
        SecretsOfProject::Deleted,
    );
    assert_fails!(again, Error::NotFound(NotFound::Destroyed { .. }));
    let project = unlocked.project("acme").unwrap();
    assert!(project.destroyed.is_some());
    assert!(project.keys.iter().all(|key| key.state == KeyState::Destroyed));
    let payload = machine.payload();
    assert!(payload["projects"][0]["keys"].as_array().unwrap().iter().all(|key| key["wrapped"] == ""));
}

#[test]
fn older_copies_die_when_the_rotation_has_settled() {
    let machine = destroyed();
    machine.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    for copy in &life().files {
        machine.store.put(Some(copy.clone()), None);
        assert_fails!(machine.unlock(PASSWORD), Error::Item(ItemError::NotOurs { .. }));
    }
}

#[test]
fn a_keychain_that_fails_in_the_middle_of_destroying_does_not_bring_the_project_back() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    // The item is read before the vault is written, and written after.
    machine.keychain.inject_after(3, MemoryFault::FailWrites(|| KeychainError::Locked { provider: "m".into() }));
    let failed = unlocked.destroy_project(
        "acme",
        &password(PASSWORD),
        NextKit::None,
        SharedKeys::Refused,
        SecretsOfProject::Deleted,
    );
    assert_fails!(failed, Error::Unfinished { begun: Begun::Rotation, .. });
    drop(unlocked);
    machine.keychain.heal();
    let mut unlocked = machine.unlocked();
    assert!(unlocked.project("acme").unwrap().destroyed.is_some());
    assert!(unlocked.rotation().is_some());
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_fails!(unlocked.file_key("acme", None), Error::NotFound(NotFound::Destroyed { .. }));
}

#[test]
fn a_hold_refuses_it_until_the_project_is_released() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.hold_project("acme", "law suit", "").unwrap();
    let since = unlocked.project("acme").unwrap().hold.unwrap().since;
    unlocked.hold_project("acme", "two law suits", "").unwrap();
    let hold = unlocked.project("acme").unwrap().hold.unwrap();
    assert_eq!((hold.since, hold.reason.as_str()), (since, "two law suits"));
    let before = machine.file();
    assert_fails!(unlocked.check_destroyable("acme", SharedKeys::Refused), Error::Refused(Refused::Held { .. }));
    let held = unlocked.destroy_project(
        "acme",
        &password(PASSWORD),
        NextKit::None,
        SharedKeys::Refused,
        SecretsOfProject::Deleted,
    );
    assert_fails!(held, Error::Refused(Refused::Held { ref reason, .. }) if reason == "two law suits");
    assert_eq!(machine.file(), before);
    assert_eq!(unlocked.release_project("acme", "settled", "").unwrap(), Effect::Changed);
    assert_eq!(unlocked.release_project("acme", "settled", "").unwrap(), Effect::AlreadySo);
    unlocked.check_destroyable("acme", SharedKeys::Refused).unwrap();
    unlocked
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
}

/// A computer whose projects acme and beta hold one key: acme's version 1 is beta's version 2.
fn with_shared_key() -> Machine {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&named("beta")).unwrap();
    let key = unlocked.file_key("acme", Some(1)).unwrap().key;
    let refused = unlocked.import_file_key("beta", &key, SharedKeys::Refused);
    assert_fails!(refused, Error::Exists(Exists::KeyElsewhere { places }) if places == [place("acme", 1)]);
    assert_eq!(unlocked.project("beta").unwrap().keys.len(), 1);
    assert_eq!(unlocked.import_file_key("beta", &key, SharedKeys::Allowed).unwrap(), 2);
    drop(unlocked);
    machine
}

fn place(project: &str, version: u32) -> KeyPlace {
    KeyPlace { project: project.into(), version }
}

#[test]
fn a_key_that_another_project_holds_is_found_whatever_its_version_has_become() {
    let machine = with_shared_key();
    let mut unlocked = machine.unlocked();
    unlocked.rotate_file_key("beta").unwrap();
    unlocked.retire_file_key("beta", 2, true).unwrap();
    assert_eq!(unlocked.shared_keys("acme").unwrap(), [SharedKey { version: 1, elsewhere: place("beta", 2) }]);
    assert_eq!(unlocked.shared_keys("beta").unwrap(), [SharedKey { version: 2, elsewhere: place("acme", 1) }]);
}

#[test]
fn a_project_is_not_destroyed_while_another_holds_its_key_unless_that_is_allowed() {
    let machine = with_shared_key();
    let before = machine.file();
    let mut unlocked = machine.unlocked();
    for (project, other) in [("acme", place("beta", 2)), ("beta", place("acme", 1))] {
        let refused = unlocked.destroy_project(
            project,
            &password(PASSWORD),
            NextKit::None,
            SharedKeys::Refused,
            SecretsOfProject::Deleted,
        );
        assert_fails!(refused, Error::Exists(Exists::KeyElsewhere { places }) if places == [other]);
    }
    assert_eq!(machine.file(), before);
    unlocked
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Allowed, SecretsOfProject::Deleted)
        .unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    // That one no longer holds it, so the other is the last.
    assert_eq!(unlocked.shared_keys("beta").unwrap(), []);
    unlocked
        .destroy_project("beta", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
}

#[test]
fn a_key_that_another_project_was_given_meanwhile_is_seen_under_the_lock() {
    let machine = Machine::at(3);
    machine.unlocked().add_project(&named("beta")).unwrap();
    let mut destroying = machine.unlocked();
    let mut importing = machine.unlocked();
    let key = importing.file_key("acme", Some(2)).unwrap().key;
    importing.import_file_key("beta", &key, SharedKeys::Allowed).unwrap();
    let refused = destroying.destroy_project(
        "acme",
        &password(PASSWORD),
        NextKit::None,
        SharedKeys::Refused,
        SecretsOfProject::Deleted,
    );
    assert_fails!(refused, Error::Exists(Exists::KeyElsewhere { places }) if places == [place("beta", 2)]);
}
