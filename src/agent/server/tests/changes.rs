//! What changes behind the agent, and what it changes itself.

use std::time::Instant;

use super::*;
use crate::agent::protocol::Change;
use crate::error::Refused;
use crate::format::log::{Action, NewEntry, Who};
use crate::keychain::{KeychainError, MemoryFault, WithDeadline};
use crate::vault::{Effect, NextKit, Notice, Settle};

fn rotate(project: &str) -> Change {
    Change::RotateKey { project: project.into() }
}

#[test]
fn every_change_is_made_in_the_vault_file() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    let text = str::to_owned;
    let bistro = || text("bistro");
    let changes = [
        Change::AddProject {
            name: bistro(),
            client: text("Bistro Ltd"),
            note: text("a note"),
            terms: agreed("a survey"),
            by: text("Ada"),
        },
        Change::SetEngagement { project: bistro(), terms: agreed("another survey"), by: text("Bo") },
        Change::HoldProject { project: bistro(), reason: text("law suit"), by: text("Ada") },
        rotate("bistro"),
        Change::RetireKey { project: bistro(), version: 1, retired: true },
        Change::NoteSealed { project: bistro() },
        Change::RememberScan { project: bistro(), files: [(1, 3), (2, 4)].into() },
        Change::RenameProject { project: bistro(), name: text("cafe") },
    ];
    for change in changes {
        let name = if let Change::RenameProject { name, .. } = &change { name.clone() } else { bistro() };
        let changed = client.change(change.clone()).unwrap();
        assert_eq!(changed.effect, Effect::Changed, "{change:?}");
        assert_eq!(changed.project, home.unlocked().project(&name).unwrap(), "{change:?}");
        assert_eq!(changed.notices, []);
    }
    let again =
        client.change(Change::HoldProject { project: text("cafe"), reason: String::new(), by: String::new() }).unwrap();
    assert_eq!(again.effect, Effect::AlreadySo);
    let exists = client.change(Change::AddProject {
        name: text("acme"),
        client: String::new(),
        note: String::new(),
        terms: Box::default(),
        by: String::new(),
    });
    assert!(matches!(refused(exists), Error::Exists(_)));
    let in_use = client.change(Change::RetireKey { project: text("cafe"), version: 2, retired: true });
    assert!(matches!(refused(in_use), Error::Refused(Refused::KeyInUse(_))));
    let bad = client.change(Change::RenameProject { project: text("cafe"), name: text("-x") });
    assert!(matches!(refused(bad), Error::Refused(Refused::ProjectName(_))));
    // Refusals change nothing.
    assert_eq!(client.projects().unwrap(), home.unlocked().projects());
    assert_eq!(client.status().unwrap().adopted, 0);
}

#[test]
fn what_another_process_writes_is_answered_at_once() {
    let home = Home::new();
    let agent = home.agent();
    let (client, mut other) = (agent.client(), home.unlocked());
    other.add_project(&named("bistro")).unwrap();
    assert_eq!(client.names().unwrap(), ["acme", "bistro"]);
    other.rotate_file_key("acme").unwrap();
    assert_eq!(client.file_key("acme", None).unwrap().version, 2);
    assert_eq!(client.status().unwrap().adopted, 2);
    // Both write over what the other has written.
    for version in (3..9).step_by(2) {
        client.change(rotate("acme")).unwrap();
        assert_eq!(other.rotate_file_key("acme").unwrap(), version + 1);
    }
    assert_eq!(client.file_key("acme", None).unwrap().version, 8);
    assert!(agent.end().wiped);
}

#[test]
fn a_new_password_changes_nothing_for_the_agent() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    let other = Password::new(b"seven wet owls argue about tea").unwrap();
    home.unlocked().change_password(&password(), &other, None).unwrap();
    client.change(rotate("acme")).unwrap();
    assert_eq!(client.file_key("acme", None).unwrap().version, 2);
}

/// Puts another vault file in place, asks, and returns why the agent has locked.
fn locks_if(home: &Home, replace: impl FnOnce(&Home)) -> Ending {
    let agent = home.agent();
    let client = agent.client();
    client.names().unwrap();
    replace(home);
    let why = unanswered(client.names());
    assert!(
        matches!(&why, Unanswered::Refused(Refusal::Locked { reason }) if reason.contains("vault file")),
        "{why:?}"
    );
    let ended = agent.ended();
    assert!(ended.wiped);
    assert!(matches!(Client::at(&home.place()).err(), Some(Unanswered::NotRunning)));
    ended.why
}

fn is_replaced(why: Ending, detail: &str) {
    assert!(matches!(&why, Ending::VaultReplaced { reason } if reason.contains(detail)), "{why:?}");
}

#[test]
fn an_agent_locks_if_its_vault_file_is_put_back() {
    let home = Home::new();
    home.unlocked().add_project(&named("bistro")).unwrap();
    is_replaced(locks_if(&home, |home| fs::write(home.store.file(), &made().file).unwrap()), "changed");
}

#[test]
fn an_agent_locks_if_its_vault_file_is_missing_damaged_or_no_file() {
    let home = Home::new();
    // The previous file does not count.
    home.unlocked().add_project(&named("bistro")).unwrap();
    let file = fs::read(home.store.file()).unwrap();
    let restore = |home: &Home| {
        let _ = fs::remove_dir(home.store.file());
        fs::write(home.store.file(), &file).unwrap();
    };
    is_replaced(locks_if(&home, |home| fs::write(home.store.file(), b"{}").unwrap()), "damaged");
    restore(&home);
    is_replaced(locks_if(&home, |home| fs::remove_file(home.store.file()).unwrap()), "no vault");
    restore(&home);
    let folder = |home: &Home| {
        fs::remove_file(home.store.file()).unwrap();
        fs::create_dir(home.store.file()).unwrap();
    };
    is_replaced(locks_if(&home, folder), "not a regular file");
}

#[test]
fn an_agent_locks_if_the_data_key_was_rotated() {
    let home = Home::new();
    let rotate = |home: &Home| {
        let mut other = home.unlocked();
        other.rotate_data_key(&password(), NextKit::None).unwrap();
        other.settle_rotation(&password(), Settle::Now).unwrap();
    };
    is_replaced(locks_if(&home, rotate), "changed");
}

#[test]
fn an_agent_says_that_a_rotation_waits_for_the_next_unlock() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    assert!(!client.status().unwrap().rotation_waits);
    home.unlocked().rotate_data_key(&password(), NextKit::None).unwrap();
    assert!(client.status().unwrap().rotation_waits);
}

#[test]
fn an_agent_locks_if_a_write_finds_an_older_vault_file_than_this_computer_knows() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    // Between two questions a write was made and taken back, so that the file is the one that the agent knows.
    home.unlocked().add_project(&named("bistro")).unwrap();
    fs::write(home.store.file(), &made().file).unwrap();
    assert_eq!(client.names().unwrap(), ["acme"]);
    let why = unanswered(client.change(rotate("acme")));
    assert!(matches!(why, Unanswered::Refused(Refusal::Locked { .. })), "{why:?}");
    is_replaced(agent.ended().why, "older");
    assert_eq!(fs::read(home.store.file()).unwrap(), made().file);
}

fn entry() -> NewEntry {
    NewEntry::new(Action::KeyShow, Who::default())
}

#[test]
fn a_keychain_that_cannot_remember_a_write_is_told_to_the_client() {
    let home = Home::new();
    let agent = home.agent();
    let client = agent.client();
    home.keychain.inject(MemoryFault::FailWrites(|| KeychainError::Locked { provider: "memory".into() }));
    let changed = client.change(rotate("acme")).unwrap();
    assert_eq!(changed.notices, [Notice::AnchorNotWritten { reason: "memory is locked".into() }]);
    // Before a write the keychain is asked what this computer has seen.
    home.keychain.inject(MemoryFault::Fail(|| KeychainError::Locked { provider: "memory".into() }));
    let locked = refused(client.change(rotate("acme")));
    assert!(matches!(locked, Error::Keychain(KeychainError::Locked { .. })), "{locked:?}");
    // Nothing is handed out that cannot be recorded.
    let unrecorded = refused(client.file_key("acme", None));
    assert_eq!(unrecorded.to_string(), "the access log cannot be written: memory is locked");
    home.keychain.heal();
    // What is handed out under an entry that is there never asks it.
    client.log_begin(&entry()).unwrap();
    let calls = home.keychain.calls();
    assert_eq!(client.file_key("acme", None).unwrap().version, 2);
    assert_eq!(home.keychain.calls(), calls);
    assert_eq!(client.change(rotate("acme")).unwrap().project.keys.len(), 3);
}

#[test]
fn nobody_who_reads_waits_for_a_write_that_hangs() {
    let home = Home::new();
    let unlocked = {
        let keychain = Arc::new(WithDeadline::new(home.keychain.clone(), Duration::from_secs(2)));
        let vault = Vault::open(home.store.clone()).unwrap();
        vault.unlock(&password(), keychain, Arc::new(ThisHost)).unwrap()
    };
    let taken = home.place().take().unwrap();
    let server = Server::new(unlocked, Terms::default(), taken).unwrap();
    let (place, bell) = (home.place(), server.bell());
    let agent = Running { place, bell, thread: std::thread::spawn(move || server.run(None).unwrap()) };
    let client = agent.client();
    client.log_begin(&entry()).unwrap();
    home.keychain.inject(MemoryFault::Hang);
    std::thread::scope(|scope| {
        let started = Instant::now();
        let writer = scope.spawn(|| refused(client.change(rotate("acme"))));
        std::thread::sleep(Duration::from_millis(100));
        let mut reads = 0;
        while !writer.is_finished() {
            let read = Instant::now();
            client.file_key("acme", None).unwrap();
            // It takes microseconds; the computer of a test may be busy.
            assert!(read.elapsed() < Duration::from_secs(1), "{:?}", read.elapsed());
            reads += 1;
        }
        let error = writer.join().unwrap();
        assert!(matches!(error, Error::Keychain(KeychainError::Unresponsive { .. })), "{error:?}");
        assert!(started.elapsed() >= Duration::from_secs(2));
        assert!(reads > 10, "{reads}");
    });
    home.keychain.heal();
    assert!(agent.end().wiped);
}
