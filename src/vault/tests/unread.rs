use serde_json::json;

use super::*;
use crate::error::{Refused, Unsupported};
use crate::format::json::Others;
use crate::vault::protocol::rotation::{NextKit, Settle};

/// Two computers whose vaults differ in what they hold unread.
fn apart(here: impl Fn(&mut Value), there: impl Fn(&mut Value)) -> (Machine, Machine) {
    let machines = (Machine::at(3), Machine::at(3));
    machines.0.plant(|_, payload| here(payload));
    machines.1.plant(|_, payload| there(payload));
    (machines.0, machines.1)
}

/// Returns a revision of an engagement as a later program may write it.
fn revision(id: u8, set: &Value) -> Value {
    let id = crate::format::RevisionId::from_bytes([id; 16]);
    json!({"id": id, "at": "2026-11-21T08:30:00Z", "signed": [id], "set": set})
}

fn merge(machine: &Machine, other: &Machine) -> Result<crate::vault::Merged, Error> {
    machine.unlocked().merge(&other.document())
}

#[test]
fn what_only_the_other_file_holds_unread_comes_with_it_at_every_depth() {
    let (here, there) = apart(
        |payload| {
            payload["shares"] = json!([1]);
            payload["projects"][0]["hold"] = json!({"since": "2026-11-21T08:30:00Z", "by": "court"});
        },
        |payload| {
            payload["shares"] = json!([1]);
            payload["identities"] = json!([{"id": 1, "wrapped": "AAAA"}]);
            payload["needs"] = json!(["renew:identities"]);
            payload["policy"]["later"] = true.into();
            payload["projects"][0]["engagement"] = json!({"ends": "2027-03-31"});
            payload["projects"][0]["hold"] = json!({"since": "2026-11-21T08:30:00Z", "letter": 7});
            payload["projects"][0]["keys"][1]["later"] = 2.into();
        },
    );
    merge(&here, &there).unwrap();
    let payload = here.payload();
    assert_eq!(payload["shares"], json!([1]));
    assert_eq!(payload["identities"], json!([{"id": 1, "wrapped": "AAAA"}]));
    let needs = payload["needs"].as_array().unwrap();
    assert!(needs.contains(&json!("renew:identities")), "it must be known what a rotation would lose: {needs:?}");
    assert_eq!(payload["policy"]["later"], true);
    let project = &payload["projects"][0];
    assert_eq!(project["engagement"], json!({"ends": "2027-03-31"}));
    assert_eq!((&project["hold"]["by"], &project["hold"]["letter"]), (&json!("court"), &json!(7)));
    assert_eq!(project["keys"][1]["later"], 2);
}

#[test]
fn revisions_of_both_files_are_united_with_what_they_hold_unread() {
    let engagement = |revisions: &[Value]| json!({"revisions": revisions});
    let [a, b, c] = [
        revision(1, &json!({"purpose": "a survey", "basis_sha256": null})),
        revision(2, &json!({"ends": "2027-03-31", "later": [1, 2.5]})),
        revision(3, &json!({"declared": {"backups": "none", "swap": null}})),
    ];
    let (here, there) = apart(
        |payload| payload["projects"][0]["engagement"] = engagement(&[a.clone(), c.clone()]),
        |payload| payload["projects"][0]["engagement"] = engagement(&[a.clone(), b.clone()]),
    );
    let merged = merge(&here, &there).unwrap();
    assert_eq!(merged.came.engagements, ["acme"]);
    assert_eq!(here.payload()["projects"][0]["engagement"], engagement(&[a.clone(), b.clone(), c.clone()]));
    assert_eq!(merge(&here, &there).unwrap().came.engagements, [""; 0]);
    // A change of one's own adds a revision and leaves the others as they are.
    let set = Terms { purpose: Setting::Given("another".into()), ..Terms::default() };
    here.unlocked().set_engagement("acme", &set, "Ada").unwrap();
    let revisions = here.payload()["projects"][0]["engagement"]["revisions"].as_array().unwrap().clone();
    assert_eq!((&revisions[..3], revisions.len()), (&[a, b, c][..], 4));
    assert_eq!((&revisions[3]["by"], &revisions[3]["set"]), (&json!("Ada"), &json!({"purpose": "another"})));
}

#[test]
fn an_engagement_that_breaks_the_format_is_no_vault() {
    let twice = json!({"revisions": [revision(1, &json!({})), revision(1, &json!({"ends": "2027-03-31"}))]});
    let no_day = json!({"revisions": [revision(1, &json!({"ends": "2027-02-30"}))]});
    let no_text = json!({"revisions": [revision(1, &json!({"client": 7}))]});
    for engagement in [twice, no_day, no_text, json!([]), json!({"revisions": [{"id": 1}]})] {
        let machine = Machine::at(3);
        machine.plant(|_, payload| payload["projects"][0]["engagement"] = engagement.clone());
        assert!(machine.unlock(PASSWORD).is_err(), "{engagement}");
    }
}

#[test]
fn what_both_files_hold_unread_and_not_the_same_is_not_united_by_halves() {
    type Edit = fn(&mut Value, u32);
    let edits: [(Edit, &str); 6] = [
        (|payload, n| payload["identities"] = json!([{"count": n}]), "\"identities\" of the vault"),
        (|payload, n| payload["policy"]["later"] = n.into(), "\"later\" of the policy"),
        (|payload, n| payload["projects"][0]["shares"] = json!([n]), "\"shares\" of project \"acme\""),
        (
            |payload, n| payload["projects"][0]["engagement"] = json!({"later": n}),
            "\"later\" of the engagement of project \"acme\"",
        ),
        (
            |payload, n| {
                payload["projects"][0]["engagement"] = json!({"revisions": [revision(1, &json!({"later": n}))]})
            },
            "revision 01010101-0101-0101-0101-010101010101 of the engagement of project \"acme\"",
        ),
        (
            |payload, n| payload["projects"][0]["keys"][0]["later"] = n.into(),
            "\"later\" of key version 1 of project \"acme\"",
        ),
    ];
    for (edit, member) in edits {
        let (here, there) = apart(|payload| edit(payload, 1), |payload| edit(payload, 2));
        there.unlocked().add_project(&named("beta")).unwrap();
        let standing = here.file();
        assert_fails!(merge(&here, &there), Error::Refused(Refused::NotUnited { members }) if members == [member]);
        assert_eq!(here.file(), standing);
    }
}

/// Returns what an opened vault holds unread.
fn unread(unlocked: &Unlocked) -> (Others, Others, Others) {
    let project = unlocked.payload.projects.iter().find(|project| project.name == "acme").unwrap();
    let engagement = project.engagement.as_ref().unwrap();
    let mut of_project = project.others.clone();
    of_project.extend(project.destruction.iter().flat_map(|record| record.others.clone()));
    (unlocked.payload.others.clone(), of_project, engagement.others.clone())
}

#[test]
fn what_is_not_read_survives_a_rotation_a_fork_and_the_destruction_of_its_project() {
    let machine = Machine::at(3);
    machine.plant(|_, payload| {
        payload["identities"] = json!([{"count": 318}]);
        for name in ["engagement", "destruction", "shares"] {
            payload["projects"][0][name] = json!({name: [1, 2.5, null]});
        }
    });
    let mut unlocked = machine.unlocked();
    let held = unread(&unlocked);
    assert_eq!((held.0.len(), held.1.len(), held.2.len()), (1, 2, 1));
    rotate_now(&mut unlocked);
    assert_eq!(unread(&unlocked), held);
    let elsewhere = Machine::empty();
    let id = VaultId::from_bytes([9; 16]);
    let fork = unlocked.fork(elsewhere.edges(), id, &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert_eq!(unread(&fork), held);
    unlocked
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    assert_eq!(unread(&machine.unlocked()), held);
}

#[test]
fn a_restore_keeps_what_the_copy_lacks_and_otherwise_what_the_copy_holds() {
    let (copy, machine) = apart(
        |payload| payload["projects"][0]["shares"] = json!(["then"]),
        |payload| {
            payload["identities"] = json!([1]);
            payload["projects"][0]["shares"] = json!(["now"]);
            payload["projects"][0]["engagement"] = json!({});
        },
    );
    let copy = copy.file();
    let mut unlocked = Vault::open_copy(machine.store.clone(), &copy)
        .unwrap()
        .unlock(&password(PASSWORD), machine.keychain.clone(), machine.host.clone())
        .unwrap();
    unlocked.restore().unwrap();
    let payload = machine.payload();
    assert_eq!((&payload["identities"], &payload["projects"][0]["engagement"]), (&json!([1]), &json!({})));
    assert_eq!(payload["projects"][0]["shares"], json!(["then"]));
}

#[test]
fn what_cannot_be_wrapped_anew_keeps_the_data_key_whether_it_is_named_or_not() {
    let plants: [fn(&mut Value); 4] = [
        |payload| {
            let later = revision(1, &json!({"later": {"wrapped": ""}}));
            payload["projects"][0]["engagement"] = json!({"revisions": [later]});
        },
        |payload| payload["needs"] = json!(["renew:identities"]),
        |payload| payload["later"] = json!([{"deep": {"wrapped": ""}}]),
        |payload| payload["projects"][0]["later"] = json!({"wrapped": ""}),
    ];
    for plant in plants {
        let machine = Machine::at(3);
        machine.plant(|_, payload| plant(payload));
        let mut unlocked = machine.unlocked();
        unlocked.add_project(&named("beta")).unwrap();
        let standing = machine.file();
        assert_fails!(
            unlocked.check_destroyable("acme", SharedKeys::Refused),
            Error::Unsupported(Unsupported::ReadOnly { .. })
        );
        let destroyed = unlocked.destroy_project(
            "acme",
            &password(PASSWORD),
            NextKit::None,
            SharedKeys::Refused,
            SecretsOfProject::Deleted,
        );
        assert_fails!(destroyed, Error::Unsupported(Unsupported::ReadOnly { .. }));
        let rotated = unlocked.rotate_data_key(&password(PASSWORD), NextKit::None);
        assert_fails!(rotated, Error::Unsupported(Unsupported::ReadOnly { features }) if features[0].starts_with("renew:"));
        let elsewhere = Machine::empty();
        let id = VaultId::from_bytes([9; 16]);
        let forked = unlocked.fork(elsewhere.edges(), id, &password(PASSWORD), KdfCost::FLOOR);
        assert_fails!(forked, Error::Unsupported(Unsupported::ReadOnly { .. }));
        assert_eq!((machine.file(), elsewhere.store.load().unwrap()), (standing, None));
    }
}

#[test]
fn a_rotation_under_way_waits_for_a_program_that_can_wrap_what_came_meanwhile() {
    let machine = Machine::at(3);
    machine.unlocked().rotate_data_key(&password(PASSWORD), NextKit::None).unwrap();
    machine.plant(|_, payload| payload["needs"] = json!(["renew:identities"]));
    machine.host.set_boot("another");
    let before = machine.document().header.data_key;
    assert!(
        matches!(&machine.notices()[..], [Notice::RotationStuck { reason }] if reason.contains("renew:identities"))
    );
    assert_eq!(machine.document().header.data_key, before);
}

/// Puts two versions of a secret into the vault, as a later program would.
fn with_secret(machine: &Machine, value: &[u8]) {
    let id = [3; 16];
    let context: [&[u8]; 3] = [label::SECRET, VAULT.as_bytes(), &id];
    let wrapped = cobblestone::seal(data_key().expose(), &context, value).unwrap();
    let wrapped = serde_json::to_value(crate::format::scalar::Base64(wrapped)).unwrap();
    let id = crate::format::SecretId::from_bytes(id);
    let made = "2026-11-21T08:30:00Z";
    machine.plant(|_, payload| {
        payload["secrets"] =
            json!([{"id": id, "wrapped": wrapped, "of": id, "name": "portal", "made": made, "removed": true}]);
    });
}

#[test]
fn a_secret_is_wrapped_anew_by_a_rotation_and_united_by_its_version() {
    let machine = Machine::at(3);
    with_secret(&machine, b"{}");
    let secret = machine.payload()["secrets"][0].clone();
    assert_eq!((&secret["name"], &secret["removed"]), (&json!("portal"), &json!(true)));
    let mut unlocked = machine.unlocked();
    // The same version is the same, so that there is nothing to write; and another of its id is not united.
    assert_eq!(unlocked.merge(&machine.document()).unwrap().generation, 3);
    let there = Machine::at(3);
    with_secret(&there, b"{\"password\":1}");
    assert_fails!(unlocked.merge(&there.document()), Error::Refused(Refused::NotUnited { members }) if members[0].starts_with("secret "));
    let other = Machine::at(3);
    other.unlocked().merge(&machine.document()).unwrap();
    assert_eq!(other.payload()["secrets"][0]["wrapped"], secret["wrapped"]);
    rotate_now(&mut unlocked);
    let renewed = &unlocked.payload.secrets[0];
    let context: [&[u8]; 3] = [label::SECRET, VAULT.as_bytes(), renewed.id.as_bytes()];
    assert_eq!(&*cobblestone::open(unlocked.data_key().expose(), &context, &renewed.wrapped.0).unwrap(), b"{}");
}
