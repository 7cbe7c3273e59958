//! What this version does not read in a payload, as the vectors hold it, is there after what changes the vault under
//! its data key. What changes the data key is tried in src/vault/tests/unread.rs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong fails its test")]

use std::sync::Arc;
use strongroom::error::Unsupported;

use serde_json::Value;
use strongroom::Error;
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::sha512;
use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::item::AnchorItem;
use strongroom::format::vault::{Document, Slot};
use strongroom::format::{VaultId, label};
use strongroom::host::ThisHost;
use strongroom::keychain::{ItemKind, Keychain, MemoryKeychain};
use strongroom::store::{MemoryStore, Store};
use strongroom::vault::{Edges, NewProject, NextKit, SecretsOfProject, Settle, SharedKeys, Unlocked, Vault};

use crate::hostile::vectors::Vector;

const PROJECT: &str = "acme-2026";
/// What no operation may lose or change.
const MEMBERS: [&str; 3] = ["signing", "identities", "later"];
const PROJECT_MEMBERS: [&str; 4] = ["engagement", "destruction", "shares", "colour"];
/// The id of the revision of the engagement that the vectors hold.
const REVISION: &str = "7d2aa927-60bd-416a-9d7d-75bfb03365c6";

/// A computer with the vault of a vector.
struct Machine {
    store: Arc<MemoryStore>,
    keychain: Arc<MemoryKeychain>,
}

fn vector(name: &str) -> Vector {
    Vector::all("vault").into_iter().find(|vector| vector.name == name).unwrap()
}

fn password() -> Password {
    Password::new(vector("opens").get("password").unwrap().as_bytes()).unwrap()
}

impl Machine {
    fn empty() -> Self {
        Self { store: Arc::new(MemoryStore::new()), keychain: Arc::new(MemoryKeychain::new()) }
    }

    fn of(name: &str) -> Self {
        let (machine, vector) = (Self::empty(), vector(name));
        let file = vector.section("vault").or_else(|| self::vector("opens").section("vault")).unwrap();
        let vault = Document::parse(&file).unwrap().header.vault.to_string();
        machine.store.put(Some(file), None);
        for kind in [ItemKind::DataKey, ItemKind::Anchor] {
            machine.keychain.set(&vault, kind, &vector.section(kind.name()).unwrap()).unwrap();
        }
        machine
    }

    fn edges(&self) -> Edges {
        Edges { store: self.store.clone(), keychain: self.keychain.clone(), host: Arc::new(ThisHost) }
    }

    fn unlocked(&self) -> Unlocked {
        let vault = Vault::open(self.store.clone()).unwrap();
        let mut unlocked = vault.unlock(&password(), self.keychain.clone(), Arc::new(ThisHost)).unwrap();
        unlocked.tend(&password()).unwrap();
        unlocked
    }

    fn document(&self) -> Document {
        Document::parse(&self.store.load().unwrap().unwrap()).unwrap()
    }
}

/// Returns what a vault file under the vectors' data key holds unread.
fn unread(document: &Document) -> (Vec<Value>, Vec<Value>) {
    let context: [&[u8]; 2] = [label::VAULT, &sha512(&document.protected)];
    let data_key = vector("opens").bytes32("data-key").unwrap();
    let payload = cobblestone::open(&data_key, &context, &document.payload).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let project = payload["projects"].as_array().unwrap().iter().find(|project| project["name"] == PROJECT).unwrap();
    let mut project = project.clone();
    // Operations add revisions; those that were there stay as they are.
    if let Some(revisions) = project["engagement"]["revisions"].as_array_mut() {
        revisions.retain(|revision| revision["id"] == REVISION);
    }
    let mut all: Vec<Value> = MEMBERS.map(|name| payload[name].clone()).into();
    // The key of the access log is made, and renewed, by this version.
    let needs = payload["needs"].as_array().unwrap().iter().filter(|need| **need != "renew:log_keys");
    all.extend(needs.cloned());
    (all, PROJECT_MEMBERS.map(|name| project[name].clone()).into())
}

#[test]
fn what_is_not_read_survives_changes_merges_and_restores() {
    for name in ["kept-unread", "not-renewable"] {
        let machine = Machine::of(name);
        let held = unread(&machine.document());
        assert!(held.1.iter().all(|value| !value.is_null()));
        let mut unlocked = machine.unlocked();
        unlocked.add_project(&NewProject { name: "another".into(), ..NewProject::default() }).unwrap();
        unlocked.hold_project(PROJECT, "law suit", "").unwrap();
        unlocked.rotate_file_key(PROJECT).unwrap();
        let kit = unlocked.make_kit().unwrap();
        unlocked.add_kit(&kit, &password()).unwrap();
        assert_eq!(unread(&machine.document()), held, "{name}");
        // Both ways: a file that has it with one that has it not.
        let plain = Machine::of("opens");
        unlocked.merge(&plain.document()).unwrap();
        assert_eq!(unread(&machine.document()), held, "{name}");
        plain.unlocked().merge(&machine.document()).unwrap();
        assert_eq!(unread(&plain.document()), held, "{name}");
        let plain = Machine::of("opens");
        let copy = vector(name).section("vault").unwrap();
        let opened = Vault::open_copy(plain.store.clone(), &copy).unwrap();
        opened.unlock(&password(), plain.keychain.clone(), Arc::new(ThisHost)).unwrap().restore().unwrap();
        assert_eq!(unread(&plain.document()), held, "{name}");
        let copy = vector("opens").section("vault").unwrap();
        let opened = Vault::open_copy(machine.store.clone(), &copy).unwrap();
        opened.unlock(&password(), machine.keychain.clone(), Arc::new(ThisHost)).unwrap().restore().unwrap();
        assert_eq!(unread(&machine.document()), held, "{name}");
    }
}

#[test]
fn what_this_version_cannot_wrap_anew_is_neither_rotated_nor_forked() {
    let machine = Machine::of("not-renewable");
    let mut unlocked = machine.unlocked();
    let standing = machine.store.load().unwrap();
    let refused = unlocked.rotate_data_key(&password(), NextKit::None).unwrap_err();
    assert!(
        matches!(&refused, Error::Unsupported(Unsupported::ReadOnly { features }) if features.len() == 1),
        "{refused}"
    );
    let destroyed =
        unlocked.destroy_project(PROJECT, &password(), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted);
    assert!(matches!(destroyed, Err(Error::Unsupported(Unsupported::ReadOnly { .. }))));
    let elsewhere = Machine::empty();
    let fork = unlocked.fork(elsewhere.edges(), VaultId::generate().unwrap(), &password(), KdfCost::FLOOR);
    assert!(matches!(fork, Err(Error::Unsupported(Unsupported::ReadOnly { .. }))));
    assert_eq!(machine.store.load().unwrap(), standing);
}

#[test]
fn the_end_of_a_log_stays_in_the_anchor() {
    let machine = Machine::of("anchor-with-log");
    let log = || {
        let id = machine.document().header.vault.to_string();
        let item = machine.keychain.get(&id, ItemKind::Anchor).unwrap().remove(0);
        AnchorItem::parse(&item.bytes).unwrap().anchor.log
    };
    let held = log();
    assert_eq!(held.as_ref().map(|log| log.count), Some(318));
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&NewProject { name: "another".into(), ..NewProject::default() }).unwrap();
    assert_eq!(log(), held);
    unlocked.rotate_data_key(&password(), NextKit::None).unwrap();
    unlocked.settle_rotation(&password(), Settle::Now).unwrap();
    assert_eq!(log(), held);
    let kit = unlocked.make_kit().unwrap();
    unlocked.add_kit(&kit, &password()).unwrap();
    drop(unlocked);
    let opened = Vault::open(machine.store.clone()).unwrap().open_with_kit(kit.secret()).unwrap();
    drop(opened.enroll(machine.keychain.clone(), Arc::new(ThisHost), &password(), None, false).unwrap());
    assert_eq!(log(), held);
}

#[test]
fn a_way_in_of_an_unknown_kind_is_kept_and_not_left_behind() {
    let machine = Machine::of("slots");
    let slots = || machine.document().header.slots;
    let held = slots();
    assert_eq!(held.iter().map(Slot::kind).collect::<Vec<_>>(), ["member", "kit"]);
    let mut unlocked = machine.unlocked();
    unlocked.add_project(&NewProject { name: "another".into(), ..NewProject::default() }).unwrap();
    assert_eq!(slots(), held);
    unlocked.merge(&machine.document()).unwrap();
    assert_eq!(slots(), held);
    let refused = unlocked.rotate_data_key(&password(), NextKit::None).unwrap_err();
    assert!(
        matches!(&refused, Error::Unsupported(Unsupported::ReadOnly { features }) if features == &["slot:member"]),
        "{refused}"
    );
    let copy = vector("opens").section("vault").unwrap();
    let opened = Vault::open_copy(machine.store.clone(), &copy).unwrap();
    opened.unlock(&password(), machine.keychain.clone(), Arc::new(ThisHost)).unwrap().restore().unwrap();
    assert_eq!(slots(), held, "who has a way in is an order that stays in force");
}
