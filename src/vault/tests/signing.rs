//! The keys that sign reports, through all that happens to a vault.

use super::*;
use crate::format::signing::{REPORT, ReportRecord, STATEMENT, signer};
use crate::vault::protocol::rotation::{NextKit, Settle};

/// Sees to it that what the vault signs now is signed by this key.
fn assert_signs(unlocked: &Unlocked, key: &SigningInfo) {
    let signature = unlocked.sign_report(b"a report").unwrap();
    assert!(signer(&signature, REPORT, b"a report").unwrap() == key.public);
}

fn record(unlocked: &Unlocked, number: u32) -> ReportRecord {
    let project = unlocked.project("acme").unwrap().id;
    let (made, sha256) = (Timestamp::from_unix(1_795_300_000), format!("{number:064x}"));
    ReportRecord { project, number, made, sha256, others: Default::default() }
}

#[test]
fn the_key_is_made_once_and_outlives_the_data_key_and_its_project() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    assert!(unlocked.signing_keys().unwrap().is_empty());
    let key = unlocked.signing_key().unwrap();
    let generation = unlocked.header().generation;
    assert!(unlocked.signing_key().unwrap().public == key.public);
    assert_eq!(unlocked.header().generation, generation, "it is there already");
    assert!(machine.payload()["needs"].as_array().unwrap().contains(&"renew:signing".into()));
    rotate_now(&mut unlocked);
    assert_signs(&unlocked, &key);
    unlocked
        .destroy_project("acme", &password(PASSWORD), NextKit::None, SharedKeys::Refused, SecretsOfProject::Deleted)
        .unwrap();
    unlocked.settle_rotation(&password(PASSWORD), Settle::Now).unwrap();
    drop(unlocked);
    assert_signs(&machine.unlocked(), &key);
}

#[test]
fn a_fork_signs_for_itself_and_counts_its_reports_from_1() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let key = unlocked.signing_key().unwrap();
    unlocked.record_report(&record(&unlocked, 1)).unwrap();
    let elsewhere = Machine::empty();
    let mut fork =
        unlocked.fork(elsewhere.edges(), VaultId::from_bytes([9; 16]), &password(PASSWORD), KdfCost::FLOOR).unwrap();
    assert!(fork.signing_keys().unwrap().is_empty() && fork.last_report("acme").unwrap().is_none());
    assert!(fork.signing_key().unwrap().public != key.public);
    assert_signs(&unlocked, &key);
}

#[test]
fn a_successor_is_announced_by_the_key_before_it() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    let old = unlocked.signing_key().unwrap();
    let new = unlocked.rotate_signing_key("the laptop was lost").unwrap();
    assert!(new.public != old.public);
    let (text, signature) = new.statement.clone().unwrap();
    assert!(signer(&signature, STATEMENT, text.as_bytes()).unwrap() == old.public);
    assert!(signer(&signature, REPORT, text.as_bytes()).is_err(), "it is no report");
    for part in [new.public.text(), old.public.text(), "the laptop was lost".into(), VAULT.to_string()] {
        assert!(text.contains(&part), "{part} in {text}");
    }
    assert_signs(&unlocked, &new);
    let keys = unlocked.signing_keys().unwrap();
    assert!(keys.len() == 2 && keys[0].public == new.public && keys[1].ended.is_some());
    assert_fails!(unlocked.rotate_signing_key("a\nb"), Error::Refused(_));
}

#[test]
fn a_merge_keeps_every_key_and_the_first_of_two_goes_on_signing() {
    let (here, there) = (Machine::at(3), Machine::at(3));
    let first = here.unlocked().signing_key().unwrap();
    there.unlocked().signing_key().unwrap();
    there.unlocked().record_report(&record(&there.unlocked(), 1)).unwrap();
    let mut unlocked = here.unlocked();
    unlocked.merge(&there.document()).unwrap();
    assert_eq!(unlocked.signing_keys().unwrap().len(), 2);
    assert_eq!(unlocked.last_report("acme").unwrap(), Some(record(&unlocked, 1)));
    let signs = unlocked.signing_key().unwrap();
    // Both computers' clocks begin at the same second: then the ids decide, on both sides alike.
    let mut other = there.unlocked();
    other.merge(&here.document()).unwrap();
    assert!(other.signing_key().unwrap().public == signs.public);
    assert!(unlocked.signing_keys().unwrap().iter().any(|key| key.public == first.public));
    // One that has ended on one side has ended.
    let next = other.rotate_signing_key("").unwrap();
    unlocked.merge(&there.document()).unwrap();
    assert!(unlocked.signing_key().unwrap().public == next.public);
}

#[test]
fn a_copy_that_is_put_back_loses_no_key_and_no_report() {
    let machine = Machine::at(3);
    let copy = machine.file();
    let mut unlocked = machine.unlocked();
    let key = unlocked.signing_key().unwrap();
    unlocked.record_report(&record(&unlocked, 1)).unwrap();
    drop(unlocked);
    let opened = Vault::open_copy(machine.store.clone(), &copy).unwrap();
    let mut opened = opened.unlock(&password(PASSWORD), machine.keychain.clone(), machine.host.clone()).unwrap();
    opened.restore().unwrap();
    assert_signs(&opened, &key);
    assert_eq!(opened.last_report("acme").unwrap().map(|last| last.number), Some(1));
    rotate_now(&mut opened);
    assert_signs(&opened, &key);
}

#[test]
fn reports_are_numbered_without_a_gap() {
    let machine = Machine::at(3);
    let mut unlocked = machine.unlocked();
    assert_fails!(unlocked.record_report(&record(&unlocked, 2)), Error::Changed { .. });
    unlocked.record_report(&record(&unlocked, 1)).unwrap();
    assert_fails!(unlocked.record_report(&record(&unlocked, 1)), Error::Changed { .. });
    unlocked.record_report(&record(&unlocked, 2)).unwrap();
    assert_eq!(unlocked.last_report("acme").unwrap(), Some(record(&unlocked, 2)));
    let check = unlocked.key_check("acme", 1).unwrap();
    assert!(
        check != unlocked.key_check("acme", 2).unwrap() && check == machine.unlocked().key_check("acme", 1).unwrap()
    );
}
