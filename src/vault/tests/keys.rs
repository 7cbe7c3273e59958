//! A vault as those see it who have a wrapped content key.

use super::*;
use crate::crypto::secret::ContentKey;
use crate::error::{KeyPlace, NotFound};
use crate::keys::{FileKeys, OpenedBy, WrappedKey, wrap_under};

const PRELUDE: [u8; 32] = [3; 32];

fn by(project: &str, version: u32) -> OpenedBy {
    OpenedBy { project: project.into(), version }
}

#[test]
fn a_content_key_is_unwrapped_by_the_key_that_wraps_it() {
    let machine = Machine::at(3);
    machine.unlocked().add_project(&named("bistro")).unwrap();
    let unlocked = machine.unlocked();
    for (project, version) in [("acme", 1), ("acme", 2), ("bistro", 1)] {
        let content_key = ContentKey::generate().unwrap();
        let file_key = unlocked.file_key(project, Some(version)).unwrap();
        let stanza = wrap_under(&file_key.key, &PRELUDE, &content_key).unwrap();
        let wrapped = WrappedKey { prelude: &PRELUDE, stanza: &stanza };
        let is_it = |unwrapped: Option<(ContentKey, OpenedBy)>| {
            let (key, opened_by) = unwrapped.unwrap();
            assert_eq!((key.expose(), opened_by), (content_key.expose(), by(project, version)));
        };
        is_it(unlocked.unwrap_content_key(wrapped).unwrap());
        is_it(file_key.unwrap_content_key(wrapped).unwrap());
        for first in [None, Some("acme"), Some("bistro"), Some("no such project")] {
            is_it(unlocked.unwrap_among(wrapped, Among::Vault { first }).unwrap());
        }
        for asked in ["acme", "bistro", "no such project"] {
            let unwrapped = unlocked.unwrap_among(wrapped, Among::Project(asked)).unwrap();
            assert_eq!(unwrapped.is_some(), asked == project, "{asked}");
        }
        // In another file it is another message.
        let elsewhere = WrappedKey { prelude: &[4; 32], stanza: &stanza };
        assert!(unlocked.unwrap_content_key(elsewhere).unwrap().is_none());
    }
}

#[test]
fn a_file_key_that_does_not_unwrap_is_the_answer_if_none_before_it_fits() {
    let machine = Machine::at(2);
    machine.unlocked().add_project(&named("bistro")).unwrap();
    machine.plant(|_, payload| {
        let wrapped = payload["projects"][0]["keys"][0]["wrapped"].clone();
        payload["projects"][1]["keys"][0]["wrapped"] = wrapped;
    });
    let unlocked = machine.unlocked();
    let content_key = ContentKey::generate().unwrap();
    let acme = unlocked.file_key("acme", None).unwrap();
    let stanza = wrap_under(&acme.key, &PRELUDE, &content_key).unwrap();
    let wrapped = WrappedKey { prelude: &PRELUDE, stanza: &stanza };
    let opened = unlocked.unwrap_among(wrapped, Among::Vault { first: Some("acme") }).unwrap();
    assert_eq!(opened.unwrap().1.project, "acme");
    assert_fails!(unlocked.unwrap_among(wrapped, Among::Vault { first: Some("bistro") }), Error::Damaged { .. });
}

#[test]
fn a_content_key_is_wrapped_under_the_key_that_is_named() {
    let machine = Machine::at(3);
    machine.unlocked().add_project(&named("bistro")).unwrap();
    let unlocked = machine.unlocked();
    let content_key = ContentKey::generate().unwrap();
    for (project, version) in [("acme", 1), ("acme", 2), ("bistro", 1)] {
        let stanza = unlocked.wrap_content_key(project, version, &PRELUDE, &content_key).unwrap();
        let wrapped = WrappedKey { prelude: &PRELUDE, stanza: &stanza };
        let (unwrapped, opened_by) = unlocked.unwrap_content_key(wrapped).unwrap().unwrap();
        assert_eq!((unwrapped.expose(), opened_by), (content_key.expose(), by(project, version)));
        let file_key = unlocked.file_key(project, Some(version)).unwrap();
        assert!(wrapped.unwrap_under(&file_key.key).is_some());
    }
    assert_fails!(
        unlocked.wrap_content_key("bistro", 2, &PRELUDE, &content_key),
        Error::NotFound(NotFound::Key(KeyPlace { version: 2, .. }))
    );
    assert_fails!(
        unlocked.wrap_content_key("cafe", 1, &PRELUDE, &content_key),
        Error::NotFound(NotFound::Project { .. })
    );
}
