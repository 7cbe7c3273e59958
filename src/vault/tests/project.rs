//! Projects and their keys, and what a payload holds that this version does not know.

use serde_json::json;

use super::*;
use crate::crypto::secret::FileKey;
use crate::error::{Difference, Exists, KeyPlace, NotFound, Refused, Unsupported};
use crate::format::name::NameError;
use crate::format::vault::{ANCESTOR_LIMIT, KeyState};

#[test]
fn versions_count_from_one_and_earlier_ones_still_open() {
    let machine = Machine::at(1);
    let mut unlocked = machine.unlocked();
    let added = unlocked.add_project(&NewProject {
        name: "plans".into(),
        client: "Acme & Sons".into(),
        note: "until May".into(),
        ..NewProject::default()
    });
    let added = added.unwrap();
    assert_eq!((added.client.as_str(), added.note.as_str()), ("Acme & Sons", "until May"));
    let mut keys = vec![exposed(&unlocked, "plans", None)];
    for version in 2..=4 {
        assert_eq!(unlocked.rotate_file_key("plans").unwrap(), version);
        keys.push(exposed(&unlocked, "plans", None));
    }
    let imported = FileKey::from_slice(&[0x5a; 32]).unwrap();
    assert_eq!(unlocked.import_file_key("plans", &imported, SharedKeys::Refused).unwrap(), 5);
    keys.push([0x5a; 32]);
    unlocked.rename_project("plans", "drawings").unwrap();

    for unlocked in [&unlocked, &machine.unlocked()] {
        let info = unlocked.project("drawings").unwrap();
        assert_eq!(info.id, added.id);
        assert_eq!(info.keys.iter().map(|key| (key.version, key.current)).collect::<Vec<_>>(), {
            [(1, false), (2, false), (3, false), (4, false), (5, true)]
        });
        for (version, key) in (1..).zip(&keys) {
            assert_eq!(&exposed(unlocked, "drawings", version), key);
        }
        assert!(keys.iter().all(|key| keys.iter().filter(|other| *other == key).count() == 1));
        assert_fails!(
            unlocked.file_key("drawings", Some(6)),
            Error::NotFound(NotFound::Key(KeyPlace { version: 6, .. }))
        );
        assert_fails!(
            unlocked.file_key("drawings", Some(0)),
            Error::NotFound(NotFound::Key(KeyPlace { version: 0, .. }))
        );
        assert_fails!(unlocked.file_key("plans", None), Error::NotFound(NotFound::Project { .. }));
    }
}

#[test]
fn a_change_that_is_refused_writes_nothing() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&named("bistro")).unwrap();
    let before = machine.file();
    assert_fails!(unlocked.add_project(&named("acme")), Error::Exists(Exists::Project { .. }));
    assert_fails!(unlocked.rename_project("acme", "bistro"), Error::Exists(Exists::Project { .. }));
    assert_fails!(unlocked.rename_project("nobody", "somebody"), Error::NotFound(NotFound::Project { .. }));
    assert_fails!(unlocked.rotate_file_key("nobody"), Error::NotFound(NotFound::Project { .. }));
    for version in [1, 2] {
        let held = unlocked.file_key("acme", Some(version)).unwrap().key;
        assert_fails!(
            unlocked.import_file_key("acme", &held, SharedKeys::Refused),
            Error::Exists(Exists::Key(KeyPlace { version: found, .. })) if found == version
        );
    }
    for (name, reason) in [
        ("", NameError::Empty),
        (" \t", NameError::Empty),
        (" acme", NameError::Space),
        ("-rf", NameError::Hyphen),
        ("ac\u{202e}me", NameError::Control),
        ("ac\nme", NameError::Control),
        ("ac\0me", NameError::Control),
        (&"a".repeat(129), NameError::TooLong(128)),
    ] {
        assert_fails!(unlocked.add_project(&named(name)), Error::Refused(Refused::ProjectName(found)) if found == reason);
        assert_fails!(
            unlocked.rename_project("acme", name),
            Error::Refused(Refused::ProjectName(found)) if found == reason
        );
    }
    let noted = NewProject { note: "a\u{1b}[2J".into(), ..named("cafe") };
    assert_fails!(unlocked.add_project(&noted), Error::Refused(Refused::Text { what: "the note", .. }));
    assert_eq!(machine.file(), before);
    assert_eq!(unlocked.header().generation, 4);
}

#[test]
fn many_projects_are_added_in_one_write_or_not_at_all() {
    let machine = Machine::at(1);
    let mut unlocked = machine.unlocked();
    let mut many: Vec<NewProject> = (0..50).map(|number| named(&format!("p{number}"))).collect();
    many.push(named("p7"));
    assert_fails!(unlocked.add_projects(&many), Error::Exists(Exists::Project { .. }));
    assert_eq!(unlocked.projects(), []);
    many.pop();
    unlocked.add_projects(&many).unwrap();
    assert_eq!((unlocked.header().generation, unlocked.projects().len()), (2, 50));
}

#[test]
fn a_name_is_found_however_it_was_typed() {
    let machine = Machine::at(1);
    let mut unlocked = machine.unlocked();
    let (composed, decomposed) = ("Caf\u{e9}", "Cafe\u{301}");
    assert_eq!(unlocked.add_project(&named(decomposed)).unwrap().name, composed);
    assert_fails!(unlocked.add_project(&named(composed)), Error::Exists(Exists::Project { .. }));
    assert_eq!(exposed(&unlocked, composed, None), exposed(&unlocked, decomposed, None));
    assert_eq!(unlocked.rotate_file_key(decomposed).unwrap(), 2);
    // The same name in another form is no other name.
    unlocked.rename_project(composed, decomposed).unwrap();
    assert_eq!(unlocked.candidate_keys(Some(decomposed)).next().unwrap().unwrap().version, 2);
    assert_eq!(machine.unlocked().projects()[0].name, composed);
}

#[test]
fn candidates_come_named_first_and_current_first_and_each_once() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.add_projects(&[named("bistro"), named("cafe")]).unwrap();
    unlocked.rotate_file_key("bistro").unwrap();
    let order = |first: Option<&str>| -> Vec<(String, u32)> {
        unlocked.candidate_keys(first).map(|key| key.map(|key| (key.project, key.version)).unwrap()).collect()
    };
    let named_first = order(Some("bistro"));
    assert_eq!(named_first[..2], [("bistro".to_owned(), 2), ("bistro".to_owned(), 1)]);
    for (first, mut keys) in [(Some("bistro"), named_first), (None, order(None)), (Some("x"), order(Some("x")))] {
        let currents = &keys[if first == Some("bistro") { 2..4 } else { 0..3 }];
        assert!(currents.iter().all(|(project, version)| *version == if project == "cafe" { 1 } else { 2 }));
        keys.sort();
        let all = [("acme", 1), ("acme", 2), ("bistro", 1), ("bistro", 2), ("cafe", 1)];
        assert_eq!(keys, all.map(|(project, version)| (project.to_owned(), version)));
    }
}

#[test]
fn a_file_key_opens_only_in_its_own_place() {
    let machine = Machine::at(3);
    machine.unlocked().add_project(&named("bistro")).unwrap();
    machine.plant(|_, payload| {
        let wrapped = |project: usize, key: usize| payload["projects"][project]["keys"][key]["wrapped"].clone();
        let (first, second, other) = (wrapped(0, 0), wrapped(0, 1), wrapped(1, 0));
        payload["projects"][0]["keys"][0]["wrapped"] = second;
        payload["projects"][0]["keys"][1]["wrapped"] = other;
        payload["projects"][1]["keys"][0]["wrapped"] = first;
    });
    let mut unlocked = machine.unlocked();
    for (project, version) in [("acme", 1), ("acme", 2), ("bistro", 1)] {
        assert_fails!(unlocked.file_key(project, Some(version)), Error::Damaged { .. });
    }
    assert_eq!(unlocked.candidate_keys(None).filter(Result::is_ok).count(), 0);
    // A damaged key stops neither the others nor a new one.
    unlocked.rotate_file_key("bistro").unwrap();
    assert_eq!(unlocked.file_key("bistro", None).unwrap().version, 2);
}

#[test]
fn retired_keys_open_but_do_not_encrypt_and_destroyed_ones_are_gone() {
    let machine = Machine::at(3);
    machine.plant(|_, payload| {
        payload["projects"][0]["keys"][1]["state"] = "retired".into();
    });
    let unlocked = machine.unlocked();
    assert_eq!(unlocked.file_key("acme", None).unwrap().version, 1);
    assert_eq!(unlocked.file_key("acme", Some(2)).unwrap().version, 2);
    machine.plant(|_, payload| {
        payload["projects"][0]["keys"][0]["state"] = "retired".into();
        payload["projects"][0]["keys"][1]["state"] = "destroyed".into();
        payload["projects"][0]["keys"][1]["wrapped"] = "".into();
    });
    let mut unlocked = machine.unlocked();
    assert_fails!(unlocked.file_key("acme", None), Error::NotFound(NotFound::Key(KeyPlace { .. })));
    assert_fails!(unlocked.file_key("acme", Some(2)), Error::NotFound(NotFound::Key(KeyPlace { version: 2, .. })));
    assert_eq!(unlocked.candidate_keys(None).count(), 1);
    // A destroyed version's number is never given again.
    assert_eq!(unlocked.rotate_file_key("acme").unwrap(), 3);
}

#[test]
fn the_last_version_number_is_refused_and_not_passed() {
    let machine = Machine::at(2);
    machine.plant(|_, payload| {
        payload["projects"][0]["keys"] = json!([{
            "version": u32::MAX, "state": "destroyed", "created": "2026-11-21T08:30:00Z", "wrapped": "",
        }]);
    });
    assert!(machine.unlocked().rotate_file_key("acme").is_err());
}

#[test]
fn the_last_generation_is_refused_and_not_passed() {
    let machine = Machine::at(2);
    machine.plant(|header, _| header["generation"] = u64::MAX.into());
    let mut unlocked = machine.unlocked();
    assert!(unlocked.add_project(&named("bistro")).is_err());
}

#[test]
fn members_of_a_later_version_survive_a_rewrite_at_every_depth() {
    let machine = Machine::at(3);
    let later = json!({ "deep": [1, { "x": null, "y": 0.1 }], "text": "\u{1f512}" });
    machine.plant(|_, payload| {
        let (id, made) = ("00000000-0000-4000-8000-000000000001", "2026-11-21T08:30:00Z");
        let secret = json!({ "id": id, "wrapped": "AAAA", "of": id, "name": "s", "made": made, "later": later });
        payload["secrets"] = json!([secret]);
        for place in ["", "/policy", "/projects/0", "/projects/0/keys/0", "/projects/0/keys/1"] {
            payload.pointer_mut(place).unwrap()["later"] = later.clone();
        }
    });
    let mut unlocked = machine.unlocked();
    unlocked.rotate_file_key("acme").unwrap();
    unlocked.rename_project("acme", "bistro").unwrap();
    unlocked.add_project(&named("cafe")).unwrap();
    let payload = machine.payload();
    for place in ["", "/policy", "/projects/0", "/projects/0/keys/0", "/projects/0/keys/1", "/secrets/0"] {
        assert_eq!(payload.pointer(place).unwrap()["later"], later, "at {place:?}");
    }
    assert_eq!(payload["secrets"][0]["wrapped"], "AAAA");
    assert_eq!(payload["projects"][0]["name"], "bistro");
}

#[test]
fn members_that_are_unknown_in_the_protected_part_are_refused() {
    let machine = Machine::at(3);
    machine.plant(|header, _| header["later"] = true.into());
    assert_fails!(Vault::open(machine.store.clone()), Error::Damaged { .. });
}

#[test]
fn a_vault_that_needs_a_feature_this_program_lacks_opens_read_only() {
    let machine = Machine::at(3);
    machine.plant(|_, payload| payload["needs"] = json!(["x"]));
    let before = machine.file();
    let mut unlocked = machine.unlocked();
    assert_eq!(unlocked.take_notices(), []);
    assert!(unlocked.file_key("acme", None).is_ok());
    let read_only =
        |error: Error| matches!(error, Error::Unsupported(Unsupported::ReadOnly { features }) if features == ["x"]);
    assert!(unlocked.check_writable().is_err_and(read_only));
    assert!(unlocked.add_project(&named("bistro")).is_err_and(read_only));
    assert!(unlocked.rotate_file_key("acme").is_err_and(read_only));
    assert!(unlocked.accept_rollback().is_err_and(read_only));
    assert_eq!(machine.file(), before);
}

#[test]
fn a_feature_that_appears_between_unlock_and_change_is_respected() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    machine.plant(|header, payload| {
        header["generation"] = 4.into();
        payload["needs"] = json!(["x"]);
    });
    let planted = machine.file();
    assert_fails!(unlocked.add_project(&named("bistro")), Error::Unsupported(Unsupported::ReadOnly { .. }));
    assert_eq!(machine.file(), planted);
}

#[test]
fn a_vault_remembers_its_last_256_writes_in_order() {
    let machine = Machine::at(1);
    let mut unlocked = machine.unlocked();
    let mut digests = Vec::new();
    for number in 0..ANCESTOR_LIMIT + 4 {
        digests.push(digest(&machine.document())[..16].to_vec());
        let mut lock = unlocked.lock().unwrap();
        unlocked
            .revise(&mut *lock, |contents, _| {
                contents.payload.policy.t = 3 + u32::try_from(number % 2).unwrap();
                Ok(())
            })
            .unwrap();
    }
    let ancestors: Vec<Vec<u8>> = unlocked.payload.ancestors.iter().map(|ancestor| ancestor.0.to_vec()).collect();
    assert_eq!(ancestors, digests[4..]);
    // One that has seen only what is older than that cannot tell this file's descent, and blames no second machine.
    machine.keychain.set(&VAULT.to_string(), ItemKind::Anchor, &life().anchors[0]).unwrap();
    let mut unlocked = machine.unlocked();
    assert_eq!(unlocked.rolled_back().unwrap().difference, Difference::TooFarAhead);
    assert_fails!(unlocked.add_project(&named("bistro")), Error::RolledBack(_));
    unlocked.accept_rollback().unwrap();
    assert!(machine.store.set_aside()[0].0.starts_with("replaced-"));
}

#[test]
fn texts_are_checked_before_a_vault_is_opened_as_they_are_when_the_project_is_added() {
    named("acme").check().unwrap();
    for bad in [
        named("-rf"),
        NewProject { client: "a\nb".into(), ..named("acme") },
        NewProject { note: "a\u{1b}[2J".into(), ..named("acme") },
    ] {
        assert_fails!(bad.check(), Error::Refused(Refused::ProjectName(_) | Refused::Text { .. }));
    }
}

#[test]
fn only_versions_before_the_current_one_are_retired_and_taken_back() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.rotate_file_key("acme").unwrap();
    for version in [3, 4, 0] {
        for retired in [true, false] {
            let refused = unlocked.retire_file_key("acme", version, retired);
            if version == 3 {
                assert_fails!(refused, Error::Refused(Refused::KeyInUse(KeyPlace { version: 3, .. })));
            } else {
                assert_fails!(refused, Error::NotFound(NotFound::Key(KeyPlace { .. })));
            }
        }
    }
    unlocked.retire_file_key("acme", 1, true).unwrap();
    let states = |unlocked: &Unlocked| -> Vec<KeyState> {
        unlocked.project("acme").unwrap().keys.iter().map(|key| key.state).collect()
    };
    assert_eq!(states(&machine.unlocked()), [KeyState::Retired, KeyState::Active, KeyState::Active]);
    unlocked.retire_file_key("acme", 1, false).unwrap();
    assert_eq!(states(&machine.unlocked()), [KeyState::Active; 3]);
}

#[test]
fn a_destroyed_version_is_not_retired_and_the_one_that_would_encrypt_is_not_taken_back() {
    let machine = Machine::at(3);
    machine.plant(|_, payload| {
        payload["projects"][0]["keys"][0]["state"] = "destroyed".into();
        payload["projects"][0]["keys"][0]["wrapped"] = "".into();
    });
    assert_fails!(
        machine.unlocked().retire_file_key("acme", 1, true),
        Error::NotFound(NotFound::Key(KeyPlace { version: 1, .. }))
    );
    let machine = Machine::at(3);
    machine.plant(|_, payload| payload["projects"][0]["keys"][1]["state"] = "retired".into());
    assert_fails!(
        machine.unlocked().retire_file_key("acme", 2, false),
        Error::Refused(Refused::KeyInUse(KeyPlace { version: 2, .. }))
    );
}

#[test]
fn what_a_scan_found_is_remembered_for_each_version_of_its_project() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&named("bistro")).unwrap();
    unlocked.remember_scan("acme", &[(2, 7), (9, 1)].into()).unwrap();
    let found = |project: &str| -> Vec<Option<u64>> {
        let keys = machine.unlocked().project(project).unwrap().keys;
        keys.iter().map(|key| key.seen.map(|(files, _)| files)).collect()
    };
    assert_eq!((found("acme"), found("bistro")), (vec![Some(0), Some(7)], vec![None]));
}

#[test]
fn the_keys_of_one_project_come_current_first_and_then_the_newest() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&named("bistro")).unwrap();
    unlocked.rotate_file_key("acme").unwrap();
    let order = |project: &str| -> Vec<(String, u32)> {
        unlocked.project_keys(project).map(|key| key.map(|key| (key.project, key.version)).unwrap()).collect()
    };
    assert_eq!(order("acme"), [3, 2, 1].map(|version| ("acme".to_owned(), version)));
    assert_eq!(order("bistro"), [("bistro".to_owned(), 1)]);
    assert_eq!(order("nobody"), []);
}

#[test]
fn a_key_is_still_held_whatever_its_project_is_called_and_whichever_version_encrypts() {
    let machine = Machine::at(3);
    let mut sealing = machine.unlocked();
    let key = sealing.sealing_key("acme").unwrap();
    sealing.check_still_holds(&key).unwrap();
    let mut other = machine.unlocked();
    other.rename_project("acme", "bistro").unwrap();
    other.rotate_file_key("bistro").unwrap();
    other.add_project(&named("acme")).unwrap();
    sealing.check_still_holds(&key).unwrap();
    other
        .destroy_project("bistro", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
    assert_fails!(sealing.check_still_holds(&key), Error::NotFound(NotFound::Key(KeyPlace { version: 2, .. })));
}

#[test]
fn a_key_is_not_held_by_a_vault_that_was_destroyed_rotated_replaced_or_put_back_meanwhile() {
    let refused = |meanwhile: &dyn Fn(&Machine)| {
        let machine = Machine::at(3);
        let mut sealing = machine.unlocked();
        let key = sealing.sealing_key("acme").unwrap();
        meanwhile(&machine);
        sealing.check_still_holds(&key).unwrap_err()
    };
    let destroy = |machine: &Machine| {
        let mut other = machine.unlocked();
        other
            .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
            .unwrap();
    };
    assert!(matches!(refused(&destroy), Error::NotFound(NotFound::Destroyed { .. })));
    let rotate = |machine: &Machine| rotate_now(&mut machine.unlocked());
    assert!(matches!(refused(&rotate), Error::Refused(Refused::Unchecked { .. })));
    let another = |machine: &Machine| {
        let mut other = machine.document();
        other.header.vault = VaultId::from_bytes([8; 16]);
        other.protected = other.header.to_protected().unwrap();
        machine.store.put(Some(other.to_bytes().unwrap()), None);
    };
    assert!(matches!(refused(&another), Error::Refused(Refused::Unchecked { .. })));
    let older = |machine: &Machine| machine.store.put(Some(life().files[1].clone()), None);
    assert!(matches!(refused(&older), Error::RolledBack(_)));
    let gone = |machine: &Machine| machine.store.put(None, None);
    assert!(matches!(refused(&gone), Error::NotFound(NotFound::Vault { .. })));
    let damaged = |machine: &Machine| machine.store.put(Some(b"garbage".to_vec()), None);
    assert!(matches!(refused(&damaged), Error::Damaged { .. }));
}
