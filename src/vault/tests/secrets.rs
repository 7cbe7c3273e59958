use super::*;
use crate::crypto::secret::SecretText;
use crate::error::{Exists, NotFound, Refused};
use crate::format::secret::{SecretField, VALUE_LIMIT};
use crate::vault::contents::secret_edits::HISTORY_LIMIT;

fn text(text: &str) -> Option<SecretText> {
    Some(SecretText::new(text.to_owned()))
}

fn with_password(password: &str) -> SecretEdit {
    SecretEdit { password: text(password), ..SecretEdit::default() }
}

fn in_project(project: &str, password: &str) -> SecretEdit {
    SecretEdit { project: Some(Some(project.to_owned())), ..with_password(password) }
}

fn set(unlocked: &mut Unlocked, name: &str, password: &str) -> Effect {
    unlocked.edit_secret(name, &with_password(password), Before::Any).unwrap()
}

fn password_of(unlocked: &Unlocked, name: &str, version: Option<usize>) -> String {
    unlocked.secret_value(name, version).unwrap().password.expose().to_owned()
}

fn names(unlocked: &Unlocked) -> Vec<String> {
    unlocked.secrets().into_iter().map(|secret| secret.name).collect()
}

/// Merges the vault of another computer, as it is, into this one's.
fn merge(here: &Machine, there: &Machine) -> crate::vault::Merged {
    here.unlocked().merge(&there.document()).unwrap()
}

fn destroy(machine: &Machine, secrets: SecretsOfProject) {
    machine
        .unlocked()
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, secrets)
        .unwrap();
}

#[test]
fn an_edit_changes_what_it_names_and_keeps_the_rest_and_the_version_before() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let edit = SecretEdit {
        user: Some("jo".into()),
        urls: Some(vec!["https://portal.example".into()]),
        tags: Some(vec!["sftp".into()]),
        note: text("two\nlines"),
        fields: vec![SecretField { name: "PIN".into(), value: text("12").unwrap(), hidden: true }],
        ..in_project("acme", "one")
    };
    assert_eq!(unlocked.edit_secret("portal", &edit, Before::None).unwrap(), Effect::Changed);
    assert_eq!(set(&mut unlocked, "portal", "two"), Effect::Changed);
    assert_eq!(set(&mut unlocked, "portal", "two"), Effect::AlreadySo);
    drop(unlocked);
    let unlocked = machine.unlocked();
    let secret = unlocked.secret("portal").unwrap();
    assert_eq!((&*secret.name, secret.project.as_deref(), &*secret.user), ("portal", Some("acme"), "jo"));
    assert_eq!((secret.urls, secret.tags), (vec!["https://portal.example".to_owned()], vec!["sftp".to_owned()]));
    let states: Vec<_> = secret.versions.iter().map(|version| (version.current, version.is_head)).collect();
    assert_eq!(states, [(false, false), (true, true)]);
    let value = unlocked.secret_value("portal", None).unwrap();
    assert_eq!((value.password.expose(), value.note.expose()), ("two", "two\nlines"));
    assert_eq!((value.fields[0].value.expose(), value.fields[0].hidden), ("12", true));
    assert_eq!([1, 2].map(|version| password_of(&unlocked, "portal", Some(version))), ["one", "two"]);
    assert_fails!(unlocked.secret_value("portal", Some(3)), Error::NotFound(NotFound::SecretVersion { .. }));
    assert_fails!(unlocked.secret_value("portal", Some(0)), Error::NotFound(NotFound::SecretVersion { .. }));
}

#[test]
fn what_is_stored_is_nowhere_in_the_payload_and_its_length_is_padded() {
    let machine = Machine::at(3);
    set(&mut machine.unlocked(), "portal", "hunter2-hunter2");
    set(&mut machine.unlocked(), "other", "h");
    let payload = machine.payload();
    assert!(!payload.to_string().contains("hunter2"));
    let lengths: Vec<_> =
        payload["secrets"].as_array().unwrap().iter().map(|s| s["wrapped"].as_str().unwrap().len()).collect();
    assert_eq!(lengths[0], lengths[1]);
}

#[test]
fn a_field_is_replaced_by_its_name_and_an_empty_one_is_taken_out() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let field = |name: &str, value: &str| SecretEdit {
        fields: vec![SecretField { name: name.into(), value: text(value).unwrap(), hidden: false }],
        ..SecretEdit::default()
    };
    for edit in [field("PIN", "1"), field("PUK", "2"), field("PIN", "3"), field("PUK", ""), field("none", "")] {
        unlocked.edit_secret("card", &edit, Before::Any).unwrap();
    }
    let value = unlocked.secret_value("card", None).unwrap();
    let fields: Vec<_> = value.fields.iter().map(|field| (&*field.name, field.value.expose())).collect();
    assert_eq!(fields, [("PIN", "3")]);
}

#[test]
fn a_secret_has_ten_versions_and_can_be_left_with_fewer() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    for number in 1..=HISTORY_LIMIT + 3 {
        set(&mut unlocked, "portal", &number.to_string());
    }
    set(&mut unlocked, "other", "1");
    set(&mut unlocked, "other", "2");
    let passwords = |unlocked: &Unlocked| {
        let count = unlocked.secret("portal").unwrap().versions.len();
        (1..=count).map(|version| password_of(unlocked, "portal", Some(version))).collect::<Vec<_>>()
    };
    assert_eq!(passwords(&unlocked), (4..=13).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(unlocked.prune_secrets(Some("portal"), 2).unwrap(), Effect::Changed);
    assert_eq!(passwords(&unlocked), ["12", "13"]);
    assert_eq!(unlocked.secret("other").unwrap().versions.len(), 2);
    assert_eq!(unlocked.prune_secrets(None, 1).unwrap(), Effect::Changed);
    assert_eq!(passwords(&unlocked), ["13"]);
    assert_eq!(unlocked.secret("other").unwrap().versions.len(), 1);
    assert_eq!(unlocked.prune_secrets(None, 1).unwrap(), Effect::AlreadySo);
}

#[test]
fn names_are_found_as_they_are_typed_and_no_two_secrets_get_one() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    set(&mut unlocked, "caf\u{e9}", "1");
    assert_eq!(password_of(&unlocked, "cafe\u{301}", None), "1");
    set(&mut unlocked, "portal", "2");
    let rename = |new: &str| SecretEdit { name: Some(new.into()), ..SecretEdit::default() };
    assert_fails!(
        unlocked.edit_secret("portal", &rename("caf\u{e9}"), Before::Some),
        Error::Exists(Exists::Secret { .. })
    );
    assert_eq!(unlocked.edit_secret("portal", &rename("portal"), Before::Some).unwrap(), Effect::AlreadySo);
    assert_eq!(unlocked.edit_secret("portal", &rename("sftp"), Before::Some).unwrap(), Effect::Changed);
    assert_eq!(
        (names(&unlocked), password_of(&unlocked, "sftp", None)),
        (vec!["caf\u{e9}".into(), "sftp".into()], "2".into())
    );
    assert_fails!(unlocked.secret("portal"), Error::NotFound(NotFound::Secret { similar: None, .. }));
    assert_fails!(
        unlocked.secret("stfp"),
        Error::NotFound(NotFound::Secret { similar: Some(name), .. }) if name == "sftp"
    );
    assert_fails!(
        unlocked.edit_secret("sftp", &with_password("3"), Before::None),
        Error::Exists(Exists::Secret { .. })
    );
    assert_fails!(
        unlocked.edit_secret("ftp", &with_password("3"), Before::Some),
        Error::NotFound(NotFound::Secret { .. })
    );
    assert_fails!(unlocked.edit_secret("-x", &with_password("3"), Before::Any), Error::Refused(Refused::SecretName(_)));
    // The name that it had is free again.
    set(&mut unlocked, "portal", "4");
    assert_eq!(names(&unlocked), ["caf\u{e9}", "portal", "sftp"]);
}

#[test]
fn what_is_too_long_or_has_no_place_is_refused_and_nothing_changes() {
    let machine = Machine::at(3);
    let before = machine.file();
    let mut unlocked = machine.unlocked();
    let long = with_password(&"x".repeat(VALUE_LIMIT));
    assert_fails!(unlocked.edit_secret("a", &long, Before::Any), Error::Refused(Refused::SecretTooLong));
    let many = SecretEdit { urls: Some(vec!["u".into(); 101]), ..SecretEdit::default() };
    assert_fails!(unlocked.edit_secret("a", &many, Before::Any), Error::Refused(Refused::SecretTooLong));
    let line = SecretEdit { user: Some("a\nb".into()), ..SecretEdit::default() };
    assert_fails!(
        unlocked.edit_secret("a", &line, Before::Any),
        Error::Refused(Refused::Text { what: "the user", .. })
    );
    let nowhere = in_project("nowhere", "x");
    assert_fails!(unlocked.edit_secret("a", &nowhere, Before::Any), Error::NotFound(NotFound::Project { .. }));
    assert_eq!(machine.file(), before);
}

#[test]
fn many_are_added_in_one_write_or_none() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let generation = unlocked.document.header.generation;
    let new = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), with_password(name))).collect::<Vec<_>>();
    unlocked.add_secrets(&new(&["a", "b", "c"])).unwrap();
    assert_eq!(
        (unlocked.document.header.generation, names(&unlocked)),
        (generation + 1, vec!["a".into(), "b".into(), "c".into()])
    );
    assert_fails!(unlocked.add_secrets(&new(&["d", "a"])), Error::Exists(Exists::Secret { name }) if name == "a");
    assert_fails!(unlocked.add_secrets(&new(&["d", "d"])), Error::Exists(Exists::Secret { .. }));
    assert_eq!(machine.unlocked().secrets().len(), 3);
}

#[test]
fn a_removed_secret_leaves_its_name_alone_and_a_merge_does_not_bring_it_back() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    set(&mut here.unlocked(), "portal", "one");
    set(&mut here.unlocked(), "portal", "two");
    there.store.put(Some(here.file()), None);
    here.unlocked().remove_secret("portal").unwrap();
    let unlocked = here.unlocked();
    assert_eq!(unlocked.secrets(), []);
    assert_fails!(unlocked.secret_value("portal", Some(1)), Error::NotFound(NotFound::Secret { .. }));
    let left = here.payload()["secrets"].as_array().unwrap().clone();
    assert_eq!((left.len(), &left[0]["removed"], &left[0]["name"]), (1, &true.into(), &"portal".into()));
    drop(unlocked);
    let merged = merge(&here, &there);
    assert_eq!((merged.came.secrets, merged.effect), (vec![], Effect::AlreadySo));
    assert_eq!(here.unlocked().secrets(), []);
    assert_eq!(here.payload()["secrets"].as_array().unwrap().len(), 1);
    // Nor does it stay where it was not removed.
    let merged = merge(&there, &here);
    assert_eq!(merged.effect, Effect::Changed);
    assert_eq!(there.unlocked().secrets(), []);
    // Another one may have the name.
    set(&mut here.unlocked(), "portal", "three");
    assert_eq!(password_of(&here.unlocked(), "portal", None), "three");
}

#[test]
fn edits_of_two_computers_both_survive_and_the_later_one_is_shown_until_one_replaces_both() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    set(&mut here.unlocked(), "portal", "first");
    there.store.put(Some(here.file()), None);
    set(&mut there.unlocked(), "portal", "theirs");
    set(&mut here.unlocked(), "portal", "ours");
    set(&mut here.unlocked(), "portal", "ours again");
    let merged = merge(&here, &there);
    assert_eq!(
        (merged.came.secrets, merged.came.secrets_apart),
        (vec!["portal".to_owned()], vec!["portal".to_owned()])
    );
    let unlocked = here.unlocked();
    let secret = unlocked.secret("portal").unwrap();
    assert!(secret.is_changed_apart());
    let all: std::collections::BTreeSet<_> =
        (1..=4).map(|version| password_of(&unlocked, "portal", Some(version))).collect();
    assert_eq!(all, ["first", "ours", "ours again", "theirs"].map(str::to_owned).into());
    let latest = secret.versions.iter().filter(|version| version.is_head).max_by_key(|version| version.made).unwrap();
    assert!(latest.current);
    drop(unlocked);
    set(&mut here.unlocked(), "portal", "both");
    let secret = here.unlocked().secret("portal").unwrap();
    assert!(!secret.is_changed_apart());
    assert_eq!(secret.versions.len(), 5);
    // The other computer's file has nothing more to add.
    assert_eq!(merge(&here, &there).effect, Effect::AlreadySo);
}

#[test]
fn an_edit_counts_more_than_a_removal_on_another_computer() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    set(&mut here.unlocked(), "portal", "one");
    there.store.put(Some(here.file()), None);
    here.unlocked().remove_secret("portal").unwrap();
    set(&mut there.unlocked(), "portal", "two");
    merge(&here, &there);
    assert_eq!(password_of(&here.unlocked(), "portal", None), "two");
}

#[test]
fn two_secrets_of_one_name_are_told_apart_by_a_number() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    set(&mut here.unlocked(), "portal", "ours");
    let later = there.host.now();
    assert!(later < Timestamp::from_unix(later.as_unix() + 100));
    for _ in 0..50 {
        there.host.now();
    }
    set(&mut there.unlocked(), "portal", "theirs");
    set(&mut there.unlocked(), "portal (2)", "taken");
    merge(&here, &there);
    let unlocked = here.unlocked();
    assert_eq!(names(&unlocked), ["portal", "portal (2)", "portal (3)"]);
    let passwords = ["portal", "portal (2)", "portal (3)"].map(|name| password_of(&unlocked, name, None));
    assert_eq!(passwords, ["ours", "taken", "theirs"]);
    drop(unlocked);
    let mut unlocked = here.unlocked();
    let edit = SecretEdit { name: Some("sftp".into()), ..SecretEdit::default() };
    unlocked.edit_secret("portal (3)", &edit, Before::Some).unwrap();
    assert_eq!(names(&unlocked), ["portal", "portal (2)", "sftp"]);
    assert_eq!(password_of(&unlocked, "sftp", None), "theirs");
}

#[test]
fn a_destroyed_project_takes_its_secrets_along() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.edit_secret("portal", &in_project("acme", "one"), Before::Any).unwrap();
    unlocked.edit_secret("portal", &in_project("acme", "two"), Before::Any).unwrap();
    set(&mut unlocked, "own", "kept");
    assert_eq!(unlocked.secrets_of("acme").unwrap(), ["portal"]);
    drop(unlocked);
    let before = machine.file();
    destroy(&machine, SecretsOfProject::Deleted);
    assert_eq!(names(&machine.unlocked()), ["own"]);
    let left = machine.payload()["secrets"].as_array().unwrap().clone();
    assert_eq!(left.iter().filter(|version| version["removed"] == true).count(), 1);
    assert_eq!(left.len(), 2);
    // A copy from before brings nothing back.
    let copy = Machine::at(3);
    copy.store.put(Some(before), None);
    merge(&machine, &copy);
    assert_eq!(names(&machine.unlocked()), ["own"]);
    assert_eq!(machine.payload()["secrets"].as_array().unwrap().len(), 2);
}

#[test]
fn secrets_that_are_kept_belong_to_no_project_and_have_no_earlier_versions() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.edit_secret("portal", &in_project("acme", "one"), Before::Any).unwrap();
    unlocked.edit_secret("portal", &in_project("acme", "two"), Before::Any).unwrap();
    drop(unlocked);
    destroy(&machine, SecretsOfProject::Kept);
    let unlocked = machine.unlocked();
    let secret = unlocked.secret("portal").unwrap();
    assert_eq!((secret.project, secret.versions.len()), (None, 1));
    assert_eq!(password_of(&unlocked, "portal", None), "two");
}

#[test]
fn a_hold_keeps_every_version_of_a_projects_secrets() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    unlocked.edit_secret("portal", &in_project("acme", "0"), Before::Any).unwrap();
    unlocked.hold_project("acme", "law suit", "").unwrap();
    for number in 1..=HISTORY_LIMIT + 2 {
        set(&mut unlocked, "portal", &number.to_string());
    }
    assert_eq!(unlocked.secret("portal").unwrap().versions.len(), HISTORY_LIMIT + 3);
    assert_fails!(unlocked.remove_secret("portal"), Error::Refused(Refused::Held { .. }));
    let away = SecretEdit { project: Some(None), ..SecretEdit::default() };
    assert_fails!(unlocked.edit_secret("portal", &away, Before::Some), Error::Refused(Refused::Held { .. }));
    assert_fails!(unlocked.prune_secrets(Some("portal"), 1), Error::Refused(Refused::Held { .. }));
    assert_eq!(unlocked.prune_secrets(None, 1).unwrap(), Effect::AlreadySo);
    unlocked.release_project("acme", "settled", "").unwrap();
    assert_eq!(unlocked.prune_secrets(Some("portal"), 1).unwrap(), Effect::Changed);
    assert_eq!(unlocked.secret("portal").unwrap().versions.len(), 1);
}

#[test]
fn secrets_open_after_a_rotation_and_not_with_the_key_from_before() {
    let machine = Machine::at(3);
    set(&mut machine.unlocked(), "portal", "one");
    set(&mut machine.unlocked(), "portal", "two");
    let before = machine.file();
    rotate_now(&mut machine.unlocked());
    let unlocked = machine.unlocked();
    assert_eq!([1, 2].map(|version| password_of(&unlocked, "portal", Some(version))), ["one", "two"]);
    drop(unlocked);
    machine.store.put(Some(before), None);
    assert!(machine.unlock(PASSWORD).is_err());
}

#[test]
fn an_altered_value_is_refused_by_the_name_of_its_version() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    set(&mut unlocked, "a", "one");
    set(&mut unlocked, "b", "two");
    let other = unlocked.payload.secrets[1].wrapped.clone();
    unlocked.payload.secrets[0].wrapped = other;
    assert_fails!(unlocked.secret_value("a", None), Error::Damaged { what: Subject::Secret(_), .. });
    assert_eq!(password_of(&unlocked, "b", None), "two");
}

#[test]
fn versions_of_one_second_come_in_the_order_of_their_edits_and_a_circle_does_not_hang() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    for number in 1..=6 {
        set(&mut unlocked, "portal", &number.to_string());
    }
    let made = unlocked.payload.secrets[0].made;
    for version in &mut unlocked.payload.secrets {
        version.made = made;
    }
    let texts =
        |unlocked: &Unlocked| (1..=6).map(|version| password_of(unlocked, "portal", Some(version))).collect::<String>();
    assert_eq!((texts(&unlocked), password_of(&unlocked, "portal", None)), ("123456".into(), "6".into()));
    // A computer whose clock is behind.
    let earlier = Timestamp::from_unix(made.as_unix() - 100);
    unlocked.payload.secrets[5].made = earlier;
    assert_eq!((texts(&unlocked), password_of(&unlocked, "portal", None)), ("123456".into(), "6".into()));
    let last = unlocked.payload.secrets[5].id;
    unlocked.payload.secrets[0].after.push(last);
    assert_fails!(unlocked.secret("portal"), Error::NotFound(NotFound::Secret { .. }));
    assert_eq!(unlocked.secrets(), []);
}

#[test]
fn a_removal_on_a_computer_that_knew_of_no_hold_waits_for_its_end() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    here.unlocked().edit_secret("portal", &in_project("acme", "one"), Before::Any).unwrap();
    there.store.put(Some(here.file()), None);
    here.unlocked().hold_project("acme", "law suit", "").unwrap();
    there.unlocked().remove_secret("portal").unwrap();
    merge(&here, &there);
    let versions = |machine: &Machine| machine.payload()["secrets"].as_array().unwrap().len();
    assert_eq!((versions(&here), here.unlocked().secrets()), (2, vec![]));
    here.unlocked().release_project("acme", "settled", "").unwrap();
    assert_eq!(versions(&here), 1);
}
