use serde_json::json;

use super::*;
use crate::error::{Difference, NotFound, Refused, Unsupported};
use crate::format::name::PROJECT_NAME_LIMIT;
use crate::format::vault::{ANCESTOR_LIMIT, KeyState};
use crate::vault::protocol::rotation::{NextKit, SETTLING_SECONDS};

/// Two computers that work on copies of one vault, apart from each other.
fn apart() -> (Machine, Machine) {
    (Machine::at(3), Machine::at(3))
}

/// Returns what the kit is called that this one opens the vault as.
fn opens_as(machine: &Machine, kit: &NewKit) -> crate::format::kit::KitName {
    Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap().kit()
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
    assert_eq!((merged.generation, merged.came.projects), (6, vec!["gamma".to_owned(), "beta (2)".to_owned()]));
    assert_eq!(merged.came.renamed, [("beta".to_owned(), "beta (2)".to_owned())]);
    assert_eq!((merged.came.ended_kits, merged.came.ending_kits), (vec![], vec![]));
    assert_eq!(here.notices(), []);
    let theirs = exposed(&there.unlocked(), "beta", 1);
    assert_eq!(exposed(&here.unlocked(), "beta (2)", 1), theirs);
    there.store.put(Some(here.file()), None);
    let mut unlocked = there.unlocked();
    assert_eq!(unlocked.take_notices(), [], "it descends from what this computer saw");
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
    assert_eq!(merged.came.keys, [("acme".to_owned(), 5), ("acme".to_owned(), 4)]);
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
    let mut diverged = here.unlocked();
    assert!(
        matches!(&diverged.take_notices()[..], [Notice::RolledBack(rolled_back)] if rolled_back.difference == Difference::Diverged)
    );
    assert_fails!(diverged.add_project(&named("epsilon")), Error::RolledBack(_));
    // Some other old file proves nothing.
    let old = Document::parse(&life().files[0]).unwrap();
    assert_fails!(diverged.merge(&old), Error::RolledBack(_));
    let old = Document::parse(&life().files[1]).unwrap();
    assert_fails!(diverged.merge(&old), Error::RolledBack(_));
    diverged.merge(&seen).unwrap();
    assert_eq!(diverged.projects().len(), 4);
    drop(diverged);
    assert_eq!(here.notices(), []);
    here.unlocked().add_project(&named("epsilon")).unwrap();
}

#[test]
fn kits_of_both_machines_open_the_merged_vault_even_with_the_same_number() {
    let (here, there) = apart();
    let kits = [&here, &there].map(|machine| new_kit(&mut machine.unlocked()));
    merge(&here, &there).unwrap();
    for kit in &kits {
        assert_eq!(opens_as(&here, kit), kit.name());
        assert_eq!(kit.name().number, 1);
    }
    assert_fails!(here.unlocked().find_kit("1"), Error::Refused(Refused::KitAmbiguous { kits }) if kits.len() == 2);
    for kit in &kits {
        let name = kit.name();
        for text in [name.to_string(), name.id.to_string()] {
            // Of 484 pairs of kits, one has the letters in common, too.
            let found = here.unlocked().find_kit(&text);
            assert!(
                found.is_ok_and(|found| found.name == name) || kits[0].name().to_string() == kits[1].name().to_string()
            );
        }
    }
    // A kit that one computer revoked does not come back with the other's file, and the other kit stays.
    there.unlocked().revoke_kit(kits[1].name().id, false).unwrap();
    assert_eq!(merge(&here, &there).unwrap().came.ended_kits, [kits[1].name()]);
    assert!(here.document().header.kits().map(|kit| kit.id).eq([kits[0].name().id]));
}

#[test]
fn another_vault_another_data_key_and_a_rotation_under_way_are_refused() {
    let (here, there) = apart();
    there.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    assert_fails!(merge(&here, &there), Error::Refused(Refused::RotationUnderWay));
    here.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    assert_fails!(merge(&here, &there), Error::Refused(Refused::RotationUnderWay));
    there.host.set_boot("another");
    there.unlocked();
    assert_fails!(merge(&here, &there), Error::Refused(Refused::OtherVault { .. }));
    let mut other = here.document();
    other.header.vault = VaultId::from_bytes([8; 16]);
    assert_fails!(here.unlocked().merge(&other), Error::Refused(Refused::OtherVault { .. }));
    let mut damaged = here.document();
    damaged.payload[100] ^= 1;
    assert_fails!(here.unlocked().merge(&damaged), Error::Damaged { .. });
}

#[test]
fn a_merge_with_an_older_file_of_ones_own_brings_nothing_and_loses_nothing() {
    let machine = Machine::at(3);
    let before = machine.file();
    let merged = machine.unlocked().merge(&Document::parse(&life().files[1]).unwrap()).unwrap();
    assert_eq!((merged.came.projects.len(), merged.came.keys.len(), merged.generation), (0, 0, 3));
    assert_eq!(machine.file(), before);
    assert_eq!(machine.unlocked().project("acme").unwrap().keys.len(), 2);
}

#[test]
fn a_long_name_that_is_taken_is_cut_so_that_its_number_fits() {
    let (here, there) = apart();
    let name = "a".repeat(PROJECT_NAME_LIMIT);
    for machine in [&here, &there] {
        machine.unlocked().add_project(&named(&name)).unwrap();
    }
    let merged = merge(&here, &there).unwrap();
    let cut = format!("{} (2)", "a".repeat(PROJECT_NAME_LIMIT - 8));
    assert_eq!(merged.came.renamed, [(name, cut.clone())]);
    assert_eq!(exposed(&here.unlocked(), &cut, 1).len(), KEY_LEN);
    // Of three of one name, each has its own.
    let third = Machine::at(3);
    let mut unlocked = third.unlocked();
    unlocked.add_project(&named(&"a".repeat(PROJECT_NAME_LIMIT))).unwrap();
    drop(unlocked);
    assert_eq!(merge(&here, &third).unwrap().came.projects, [cut.replace("(2)", "(3)")]);
}

#[test]
fn what_one_machine_retired_held_or_destroyed_stays_so_whichever_file_is_merged_into_the_other() {
    let time = "2026-11-21T08:30:00Z";
    for swapped in [false, true] {
        let (plain, marked) = apart();
        plain.plant(|header, _| header["generation"] = 4.into());
        marked.plant(|header, payload| {
            header["generation"] = 5.into();
            payload["projects"][0]["keys"][0]["state"] = "retired".into();
            payload["projects"][0]["hold"] = json!({ "since": time, "reason": "law suit" });
        });
        let (here, there) = if swapped { (&marked, &plain) } else { (&plain, &marked) };
        assert_eq!(merge(here, there).unwrap().came.keys, []);
        let project = here.unlocked().project("acme").unwrap();
        assert_eq!(project.keys.iter().map(|key| key.state).collect::<Vec<_>>(), [KeyState::Retired, KeyState::Active]);
        assert_eq!(project.hold.unwrap().reason, "law suit");

        let (whole, destroyed) = apart();
        whole.plant(|header, _| header["generation"] = 4.into());
        destroyed.plant(|header, payload| {
            header["generation"] = 5.into();
            payload["projects"][0]["destroyed"] = time.into();
            for key in [0, 1] {
                payload["projects"][0]["keys"][key]["state"] = "destroyed".into();
                payload["projects"][0]["keys"][key]["wrapped"] = "".into();
            }
        });
        let (here, there) = if swapped { (&destroyed, &whole) } else { (&whole, &destroyed) };
        merge(here, there).unwrap();
        assert_fails!(here.unlocked().file_key("acme", Some(1)), Error::NotFound(NotFound::Destroyed { .. }));
        let keys = here.payload()["projects"][0]["keys"].clone();
        assert_eq!(keys.as_array().unwrap().iter().filter(|key| key["wrapped"] == "").count(), 2);
    }
}

#[test]
fn a_version_that_is_destroyed_on_one_side_is_neither_opened_nor_brought_over() {
    for swapped in [false, true] {
        let (whole, without) = apart();
        whole.plant(|header, _| header["generation"] = 4.into());
        without.plant(|header, payload| {
            header["generation"] = 4.into();
            payload["projects"][0]["keys"][0]["state"] = "destroyed".into();
            payload["projects"][0]["keys"][0]["wrapped"] = "".into();
        });
        let (here, there) = if swapped { (&without, &whole) } else { (&whole, &without) };
        let merged = merge(here, there).unwrap();
        // The key that only the other file has comes under a number of its own, and stays the one it was.
        assert_eq!(merged.came.keys, if swapped { vec![("acme".to_owned(), 3)] } else { vec![] });
        let version = if swapped { 3 } else { 1 };
        assert_eq!(exposed(&here.unlocked(), "acme", version), exposed(&whole.unlocked(), "acme", 1));
    }
}

#[test]
fn kits_that_only_the_other_machine_made_or_ended_are_known_afterwards() {
    let (here, there) = apart();
    let mut unlocked = there.unlocked();
    let kits = [(); 2].map(|()| new_kit(&mut unlocked));
    drop(unlocked);
    merge(&here, &there).unwrap();
    // Once more: what is there already does not come twice.
    merge(&here, &there).unwrap();
    assert_eq!(here.document().header.slots.len(), 2);
    assert!(here.unlocked().kits().iter().map(|kit| (kit.name.number, kit.valid)).eq([(1, true), (2, true)]));
    there.unlocked().revoke_kit(kits[0].name().id, true).unwrap();
    merge(&here, &there).unwrap();
    let known = here.unlocked().kits();
    assert!(known[0].ended.is_some() && known[0].destroyed.is_some() && known[1].ended.is_none());
    assert_eq!(opens_as(&here, &kits[1]), kits[1].name());
    // A good one comes over though another has ended.
    let third = Machine::at(3);
    merge(&third, &there).unwrap();
    assert!(third.document().header.kits().map(|kit| kit.id).eq([kits[1].name().id]));
}

#[test]
fn a_kit_that_was_ended_here_does_not_come_back_with_the_other_file() {
    let (here, there) = apart();
    let kit = new_kit(&mut there.unlocked());
    merge(&here, &there).unwrap();
    here.unlocked().revoke_kit(kit.name().id, false).unwrap();
    merge(&here, &there).unwrap();
    assert!(here.document().header.slots.is_empty());
    assert!(here.unlocked().kits()[0].ended.is_some());
}

#[test]
fn a_merged_vault_remembers_the_youngest_writes_of_both_and_no_more_than_fit() {
    let (here, there) = apart();
    let ancestors = |first: usize| -> Vec<String> {
        let ancestor = |number: usize| {
            let mut bytes = vec![0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            serde_json::to_value(crate::format::scalar::Base64(bytes)).unwrap().as_str().unwrap().to_owned()
        };
        (first..first + ANCESTOR_LIMIT).map(ancestor).collect()
    };
    let (ours, theirs) = (ancestors(0), ancestors(1000));
    for (machine, ancestors) in [(&here, &ours), (&there, &theirs)] {
        machine.plant(|header, payload| {
            header["generation"] = 4.into();
            payload["ancestors"] = json!(ancestors);
        });
    }
    merge(&here, &there).unwrap();
    let joined = here.payload()["ancestors"].clone();
    let half = ANCESTOR_LIMIT / 2 - 1;
    let expected: Vec<&String> = ours[ANCESTOR_LIMIT - half..].iter().chain(&theirs[ANCESTOR_LIMIT - half..]).collect();
    assert_eq!(joined.as_array().unwrap()[..2 * half], json!(expected).as_array().unwrap()[..]);
    // Then the two files themselves.
    assert_eq!(joined.as_array().unwrap().len(), ANCESTOR_LIMIT);
    // What both remember stands there once.
    let (here, there) = apart();
    for machine in [&here, &there] {
        machine.unlocked().add_project(&named("gamma")).unwrap();
    }
    merge(&here, &there).unwrap();
    assert_eq!(here.payload()["ancestors"].as_array().unwrap().len(), 5);
}

#[test]
fn a_file_that_needs_a_feature_this_program_lacks_and_one_that_cannot_be_written_over_are_not_merged() {
    let (here, there) = apart();
    there.plant(|header, payload| {
        header["generation"] = 4.into();
        payload["needs"] = json!(["x"]);
    });
    assert_fails!(merge(&here, &there), Error::Unsupported(Unsupported::ReadOnly { features }) if features == ["x"]);
    // Only the previous file of this computer opens: that is to be accepted first.
    here.store.put(Some(b"damaged".to_vec()), Some(life().files[2].clone()));
    assert_fails!(here.unlocked().merge(&Document::parse(&life().files[1]).unwrap()), Error::OnlyPrevious { .. });
}

#[test]
fn a_fork_is_merged_with_what_descends_from_the_file_this_machine_saw() {
    let (here, there) = apart();
    let elsewhere = Machine::at(3);
    here.unlocked().add_project(&named("beta")).unwrap();
    elsewhere.store.put(Some(here.file()), None);
    elsewhere.unlocked().add_project(&named("delta")).unwrap();
    let mut unlocked = there.unlocked();
    unlocked.add_project(&named("gamma")).unwrap();
    unlocked.add_project(&named("epsilon")).unwrap();
    drop(unlocked);
    here.store.put(Some(there.file()), None);
    assert!(here.unlocked().rolled_back().is_some());
    merge(&here, &elsewhere).unwrap();
    assert_eq!((here.notices(), here.unlocked().projects().len()), (vec![], 5));
}

#[test]
fn a_rotation_goes_on_in_the_merged_file_and_waits_anew() {
    let (here, there) = apart();
    let mut unlocked = here.unlocked();
    let first = new_kit(&mut unlocked);
    there.store.put(Some(here.file()), None);
    let mut elsewhere = there.unlocked();
    elsewhere.add_project(&named("gamma")).unwrap();
    let second = new_kit(&mut elsewhere);
    unlocked.rotate_data_key(&password(PASSWORD), NextKit::Keep(first.secret())).unwrap();
    drop((unlocked, elsewhere));
    here.host.wait(SETTLING_SECONDS - 1);
    let merged = merge(&here, &there).unwrap();
    assert_eq!((merged.came.projects, merged.came.ending_kits), (vec!["gamma".to_owned()], vec![second.name()]));
    here.host.wait(1);
    assert!(!here.unlocked().finished_rotation(), "a note may be older than the item");
    here.host.wait(SETTLING_SECONDS);
    let unlocked = here.unlocked();
    assert!(unlocked.finished_rotation());
    assert_eq!([0, 1].map(|kit| unlocked.kits()[kit].valid), [true, false]);
    assert_eq!(exposed(&unlocked, "gamma", 1).len(), KEY_LEN);
}

#[test]
fn one_rotation_in_both_files_keeps_what_either_knows_of_it() {
    let (here, there) = (Machine::at(3), Machine::second());
    here.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    there.store.put(Some(here.file()), None);
    there.unlock(OTHER_PASSWORD).unwrap().add_project(&named("gamma")).unwrap();
    here.unlocked().add_project(&named("beta")).unwrap();
    assert_eq!(merge(&here, &there).unwrap().came.projects, ["gamma"]);
    assert!(here.unlocked().rotation().is_some());
    here.host.wait(SETTLING_SECONDS);
    assert!(here.unlocked().finished_rotation());
}

#[test]
fn ways_in_of_unknown_kinds_are_carried_and_not_united() {
    let member = |id: u32| json!({"kind": "member", "id": id, "wrapped": "AAAA"});
    let (here, there) = apart();
    for machine in [&here, &there] {
        machine.plant(|header, _| header["slots"] = json!([member(1)]));
    }
    let slots = || serde_json::to_value(&here.document().header.slots).unwrap();
    let kit = new_kit(&mut there.unlocked());
    merge(&here, &there).unwrap();
    assert_eq!((slots()[0].clone(), slots().as_array().unwrap().len()), (member(1), 2));
    assert_eq!(opens_as(&here, &kit), kit.name());
    // Added there, or taken away here: nobody can tell.
    there.plant(|header, _| header["slots"] = json!([member(1), member(2)]));
    assert_fails!(merge(&here, &there), Error::Refused(Refused::NotUnited { members }) if members == ["slots of kind \"member\""]);
    there.plant(|header, _| header["slots"] = json!([]));
    assert_fails!(merge(&here, &there), Error::Refused(Refused::NotUnited { .. }));
    // Nobody's way in ends with a rotation that this program begins.
    let mut unlocked = here.unlocked();
    let refused = |error: &Error| matches!(error, Error::Unsupported(Unsupported::ReadOnly { features }) if features == &["slot:member"]);
    let rotated = unlocked.rotate_data_key(&password(PASSWORD), NextKit::None);
    assert!(rotated.is_err_and(|error| refused(&error)));
    let revoked = unlocked.revoke_kit_and_rotate(kit.name().id, false, &password(PASSWORD), NextKit::None);
    assert!(revoked.is_err_and(|error| refused(&error)));
    assert!(unlocked.check_destroyable("acme", SharedKeys::Refused).is_err_and(|error| refused(&error)));
    unlocked.add_project(&named("beta")).unwrap();
    assert_eq!(slots()[0], member(1));
}

#[test]
fn a_rotation_of_a_newer_program_moves_the_ways_in_that_it_has_prepared() {
    let (here, member) = (Machine::at(3), |key: u32| json!({"kind": "member", "id": 1, "wrapped": key}));
    here.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    here.plant(|header, _| header["slots"] = json!([member(1)]));
    here.host.set_boot("another");
    assert!(matches!(&here.notices()[..], [Notice::RotationStuck { .. }]), "it would end");
    here.plant(|_, payload| payload["rotation"]["slots"] = json!([member(2)]));
    assert_eq!(here.notices(), [Notice::RotationFinished]);
    assert_eq!(serde_json::to_value(&here.document().header.slots).unwrap(), json!([member(2)]));
}

#[test]
fn a_merge_says_of_orders_and_names_of_the_other_file_what_becomes_of_them() {
    let (here, there) = apart();
    let shared = here.unlocked().projects()[0].name.clone();
    there.unlocked().hold_project(&shared, "lawsuit", "").unwrap();
    there.unlocked().rename_project(&shared, "another name").unwrap();
    let merged = merge(&here, &there).unwrap();
    assert_eq!((merged.came.held, merged.came.destroyed), (vec![shared.clone()], vec![]));
    assert_eq!(merged.came.renamed, [("another name".to_owned(), shared)]);
}

#[test]
fn two_kits_of_one_number_go_on_with_a_rotation_that_both_have_a_part_in_and_each_can_be_kept_alone() {
    let (here, there) = apart();
    let first = new_kit(&mut here.unlocked());
    here.unlocked().rotate_data_key(&password(PASSWORD), NextKit::Keep(first.secret())).unwrap();
    there.store.put(Some(here.file()), None);
    let opened = Vault::open(there.store.clone()).unwrap().open_with_kit(first.secret()).unwrap();
    drop(opened.enroll(there.keychain.clone(), there.host.clone(), &password(PASSWORD), None, false).unwrap());
    let kits = [&here, &there].map(|machine| new_kit(&mut machine.unlocked()));
    assert_eq!(merge(&here, &there).unwrap().came.ending_kits, []);
    here.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    for kit in &kits {
        assert_eq!((opens_as(&here, kit), kit.name().number), (kit.name(), 2));
    }
    here.unlocked().rotate_data_key(&password(PASSWORD), NextKit::Keep(kits[1].secret())).unwrap();
    here.unlocked().settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(opens_as(&here, &kits[1]), kits[1].name());
    assert_eq!(here.document().header.slots.len(), 1);
}
