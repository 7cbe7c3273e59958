//! The shapes of use that are walked through, each as far as its budget goes.

use std::time::Instant;

use super::checker::walk;
use super::state::{Budget, MACHINES, State};
use super::variant::Variant;

pub struct Shape {
    name: &'static str,
    /// Whether each computer's keychain is a file.
    at_once: [bool; MACHINES],
    budget: Budget,
}

const NOTHING: Budget = Budget::NOTHING;
const OS: [bool; MACHINES] = [false; MACHINES];
const FILES: [bool; MACHINES] = [true; MACHINES];
const MIXED: [bool; MACHINES] = [false, true];

/// A rotation and a password change, and one of every fault.
const FAULTS: Budget = Budget { rotations: 1, passwords: 1, kills: 1, cuts: 1, halts: 1, ..NOTHING };
const KITS: Budget = Budget { kits: 1, recoveries: 1, ..FAULTS };
const COPIES: Budget = Budget { passwords: 0, changes: 1, copies: 3, halts: 0, ..FAULTS };
const RACES: Budget = Budget { changes: 1, races: 1, halts: 0, ..KITS };

const AGENT: Budget = Budget { agents: 1, changes: 2, copies: 2, ..COPIES };

const fn shape(name: &'static str, at_once: [bool; MACHINES], budget: Budget) -> Shape {
    Shape { name, at_once, budget }
}

pub const SHORT: &[Shape] = &[
    shape("faults", OS, FAULTS),
    shape("two rotations", OS, Budget { rotations: 2, passwords: 0, kills: 2, ..FAULTS }),
    shape("two passwords", OS, Budget { passwords: 2, ..FAULTS }),
    shape("kits", OS, KITS),
    shape("two recoveries", OS, Budget { recoveries: 2, passwords: 0, halts: 0, ..KITS }),
    shape("copies", OS, COPIES),
    shape("copies and kits", OS, Budget { kits: 1, recoveries: 1, ..COPIES }),
    shape("an agent", OS, AGENT),
    shape("an agent and races", OS, Budget { races: 1, kills: 1, cuts: 0, ..AGENT }),
    shape("races", OS, RACES),
    shape("races and copies", OS, Budget { copies: 2, races: 1, ..COPIES }),
    shape("keychain files", FILES, Budget { rotations: 2, kills: 2, halts: 0, ..KITS }),
    shape("races of keychain files", FILES, RACES),
    shape("one keychain file", MIXED, Budget { recoveries: 2, ..KITS }),
];

pub const LONG: &[Shape] = &[
    shape("agents", OS, Budget { agents: 2, races: 1, kits: 1, recoveries: 1, ..AGENT }),
    shape("races and copies", OS, Budget { copies: 3, races: 1, kits: 1, recoveries: 1, ..COPIES }),
    shape("keychain files", FILES, Budget { rotations: 2, passwords: 2, recoveries: 2, copies: 2, halts: 0, ..KITS }),
    shape("one keychain file", MIXED, Budget { rotations: 2, recoveries: 2, changes: 1, copies: 2, ..KITS }),
    shape("races", OS, RACES),
    shape("two recoveries", OS, Budget { rotations: 2, recoveries: 2, ..KITS }),
    shape("two kits", OS, Budget { kits: 2, recoveries: 2, passwords: 0, ..KITS }),
    shape("copies", OS, Budget { changes: 2, copies: 4, halts: 1, ..COPIES }),
    shape("copies and kits", OS, Budget { kits: 1, recoveries: 1, copies: 4, ..COPIES }),
    shape("two power cuts", OS, Budget { rotations: 2, kills: 2, cuts: 2, ..FAULTS }),
    shape("two passwords", OS, Budget { rotations: 2, passwords: 2, kills: 2, ..FAULTS }),
];

/// Walks through each shape until `each` states were reached; returns how many states and transitions in all.
///
/// # Panics
/// Where an invariant does not hold, with the events that lead there.
pub fn walk_through(shapes: &[Shape], each: usize) -> (usize, usize) {
    let (mut states, mut transitions) = (0, 0);
    for Shape { name, at_once, budget } in shapes {
        let begin = Instant::now();
        let variant = Variant { at_once: *at_once, ..Variant::TRUE };
        let outcome = walk(State::new(*budget), variant, each);
        if let Some(breach) = outcome.broken {
            panic!("{name}: {breach}");
        }
        let complete = if outcome.complete { "all" } else { "the first" };
        println!("{name}: {complete} {} states, {:?}", outcome.states, begin.elapsed());
        states += outcome.states;
        transitions += outcome.transitions;
    }
    (states, transitions)
}
