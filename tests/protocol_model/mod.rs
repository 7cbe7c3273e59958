//! A model of the protocol of docs/format.md, sections 6 to 8: rotations of the data key, password changes, kits,
//! recoveries, destroyed projects, copies that are put back, restored, merged or accepted, on two computers that share a
//! vault file; a kill and a power cut after every single write, a process that is halted before any of them for longer
//! than the waiting takes, an agent that keeps the vault open while others change it, and another process that comes,
//! whole or cut short, before any taking of the lock.
//!
//! What a change is of - a project, a key, a secret that is stored, edited or removed - is all one to the protocol, so
//! it is one action here; what becomes of two changes that meet is checked by the properties of the union, with secrets
//! among them.
//!
//! Cryptography is symbols here: a wrap opens with its data key's number and its password, a kit with its number. A
//! power cut may bring back any value that an item of an OS keychain had since it settled, and undo renames of the
//! vault file that were not synced. States that nobody could tell apart count once (`State::canonical`).
//!
//! What must hold of every state stands in `invariants.rs`, and is judged by what users were told and by where
//! documents descend from, not by what the protocol compares:
//!
//! - I1: no acknowledged change is missing, and every computer that nobody has shut out opens the vault.
//! - I2: every kit that was reported good opens the vault, until its user is asked.
//! - I3: after a rotation, nothing of this computer opens an older copy: no wrap, no previous file.
//! - I4: no write takes a computer's only way in away, nor everybody's.
//! - I5: whichever password opens the vault, unlocking and waiting ends every rotation.
//! - I6: a vault that does not descend from the one this computer worked with last is not gone on from unasked, and
//!   there is no alarm about one that does.
//! - I7: a second file is beside the vault file, whatever has just been done.
//!
//! What is excepted: a power cut that takes an item back may put an older password in force, one that takes the anchor
//! back takes the memory of later vaults with it, and one that takes back an item that has not settled since a recovery
//! leaves the computer as it was before that. What a user has put in the vault's place by hand lacks what it lacks,
//! until a computer goes on from it or the other file is put back.

mod checker;
mod commands;
mod events;
mod flaws;
mod invariants;
mod keychain;
mod rotation;
mod run;
mod shapes;
mod state;
mod variant;

use crate::support::proof;
use flaws::FLAWS;
use shapes::{LONG, SHORT, walk_through};

#[test]
fn nothing_is_lost_whatever_is_cut_off_where() {
    let (states, transitions) = walk_through(SHORT, 60_000);
    assert!(states > 500_000, "{states}");
    let figure = format!("{states} states, {transitions} transitions, 0 failures");
    proof::record("protocol-model", "protocol model: states of the crash protocol", &figure);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_nothing_is_lost_in_ten_million_states() {
    let (states, transitions) = walk_through(LONG, 1_500_000);
    assert!(states >= 10_000_000, "{states}");
    let figure = format!("{states} states, {transitions} transitions, 0 failures");
    proof::record("protocol-model-long", "protocol model, long: states of the crash protocol", &figure);
}

#[test]
fn every_flawed_protocol_is_found() {
    let found = FLAWS.iter().filter(|flaw| flaw.is_found(400_000)).count();
    assert_eq!(found, FLAWS.len());
    let figure = format!("{found} of {}", FLAWS.len());
    proof::record("protocol-model-flaws", "protocol model: flawed protocols found", &figure);
}
