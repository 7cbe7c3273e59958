//! A model of the protocol of docs/format.md, sections 7 and 8: rotations, password changes, kits, recoveries,
//! restored and put-back copies, on one machine or two that share a vault file; a kill and a power cut after every
//! single write, and a process that is halted before any of them for longer than the waiting takes.
//!
//! Cryptography is symbols here: a wrap opens with its password, a kit with its number, an anchor verifies under its
//! data key. What one process holds the lock for is one run, so two machines interleave at the lock; that what was read
//! before the lock is read again under it is for `src/vault/tests` to show. An OS keychain may bring back any value an
//! item had since it settled, and a vault's rename that was not synced may be undone.
//!
//! What must hold is in `checker.rs`: I1 nothing is lost, I2 every valid kit opens, I3 nothing of an earlier data key
//! is left, I4 no machine shuts everybody out, I5 every rotation ends, I6 an older vault is not changed.

#[path = "../proof/mod.rs"]
mod proof;

mod checker;
mod protocol;
mod state;

use checker::walk;
use protocol::Flaw;
use state::{Budget, State};

const NOTHING: Budget =
    Budget { rotations: 0, passwords: 0, changes: 0, kits: 0, recoveries: 0, copies: 0, kills: 0, cuts: 0, waits: 0 };

fn holds(name: &str, machines: usize, at_once: bool, budget: Budget, limit: usize) -> usize {
    let outcome = walk(State::new(machines, at_once, budget), Flaw::None, limit);
    if let Some((broken, events, state)) = outcome.broken {
        panic!("{name}: {broken}, after {events} events: {state:#?}");
    }
    println!("{name}: {} states, {} faults, complete: {}", outcome.states, outcome.faults, outcome.complete);
    outcome.states
}

/// The shapes of use that every mode walks through, each as far as its budget goes.
fn shapes(scale: u8, limit: usize) -> usize {
    let two = 1 + scale;
    let shapes = [
        (
            "one machine",
            1,
            false,
            Budget { rotations: two, passwords: two, changes: 1, kills: two, cuts: two, waits: 2, ..NOTHING },
        ),
        (
            "kits",
            1,
            false,
            Budget { rotations: two, kits: 1, recoveries: two, kills: 1, cuts: two, waits: 2, ..NOTHING },
        ),
        (
            "two machines",
            2,
            false,
            Budget {
                rotations: two,
                passwords: 1,
                changes: 1,
                kits: 1,
                recoveries: two,
                kills: 1,
                cuts: 1,
                waits: 2,
                ..NOTHING
            },
        ),
        (
            "copies",
            1,
            false,
            Budget { rotations: two, changes: two, copies: 3, kills: 1, cuts: 1, waits: 1, ..NOTHING },
        ),
        (
            "a keychain file",
            2,
            true,
            Budget {
                rotations: two,
                passwords: two,
                changes: 1,
                kits: 1,
                recoveries: two,
                kills: two,
                cuts: two,
                ..NOTHING
            },
        ),
    ];
    let each = limit / shapes.len();
    shapes.into_iter().map(|(name, machines, at_once, budget)| holds(name, machines, at_once, budget, each)).sum()
}

#[test]
fn nothing_is_lost_whatever_is_cut_off_where() {
    let states = shapes(0, 150_000);
    assert!(states > 50_000, "{states}");
    proof::record("protocol-model", "protocol model: states reached, invariants broken", &format!("{states}, 0"));
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_nothing_is_lost_in_ten_million_states() {
    let states = shapes(1, 12_500_000);
    assert!(states >= 10_000_000, "{states}");
    proof::record(
        "protocol-model-long",
        "protocol model, long: states reached, invariants broken",
        &format!("{states}, 0"),
    );
}

#[test]
fn every_flawed_protocol_is_found() {
    let budget = Budget {
        rotations: 1,
        passwords: 1,
        changes: 1,
        kits: 1,
        recoveries: 1,
        copies: 0,
        kills: 1,
        cuts: 1,
        waits: 2,
    };
    let mut lengths = Vec::new();
    for (flaw, machines, budget) in [
        (Flaw::NoWait, 1, budget),
        (Flaw::KeychainFirst, 1, budget),
        (Flaw::NewWrapAlone, 1, budget),
        (Flaw::MarkFirst, 1, budget),
        (Flaw::OldPasswordStays, 1, budget),
        (Flaw::TakesOver, 2, Budget { rotations: 2, cuts: 0, ..budget }),
        (Flaw::NoAnchor, 1, Budget { copies: 2, ..budget }),
    ] {
        let outcome = walk(State::new(machines, false, budget), flaw, 400_000);
        let Some((broken, events, _)) = outcome.broken else {
            panic!("{flaw:?} was not found in {} states", outcome.states);
        };
        println!("{flaw:?}: {broken}, after {events} events ({} states)", outcome.states);
        lengths.push(format!("{flaw:?} {events}"));
    }
    proof::record(
        "protocol-model-flaws",
        "protocol model: flawed protocols found, of 7 (events to the loss)",
        &format!("7 ({})", lengths.join(", ")),
    );
}
