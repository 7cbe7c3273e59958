//! Walks through every state that users, kills and power cuts can reach, breadth first, and holds each of them against
//! the invariants.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::events::{Event, successors};
use super::invariants::check;
use super::state::{MACHINES, State};
use super::variant::Variant;

/// An invariant that does not hold.
pub struct Breach {
    pub what: &'static str,
    /// The shortest way there.
    pub events: Vec<Event>,
    /// Where it does not, or whence the last event leads there.
    pub at: State,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.what)?;
        self.events.iter().try_for_each(|event| writeln!(f, "    {event:?}"))?;
        write!(f, "{:#?}", self.at)
    }
}

/// What the walk came to.
pub struct Outcome {
    pub states: usize,
    /// Transitions, those to known states among them.
    pub transitions: usize,
    /// The first invariant that did not hold.
    pub broken: Option<Breach>,
    /// Whether there was nothing left to visit.
    pub complete: bool,
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64")
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Two multiplications a word (as in wyhash), so that 64 bits tell some ten million states apart: the chance that any
/// two of 2^24 collide, and one is skipped, is 2^-17.
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        let wide = u128::from(self.0 ^ 0xa076_1d64_78bd_642f) * 0xe703_7ed1_a0b4_28db;
        (wide as u64) ^ (wide >> 64) as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(value.into());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        let wide = u128::from(self.0 ^ value ^ 0x8ebc_6af0_9c88_c6e3) * 0x5899_65cc_7537_4cc3;
        self.0 = (wide as u64) ^ (wide >> 64) as u64 ^ value.rotate_left(32);
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut mixer = Mixer(0x1d8e_4e27_c47d_124f);
    state.hash(&mut mixer);
    mixer.finish()
}

/// Walks from `start` until `limit` states were reached or an invariant does not hold.
pub fn walk(start: State, variant: Variant, limit: usize) -> Outcome {
    let mut seen: HashSet<u64, BuildHasherDefault<Identity>> = HashSet::default();
    let mut ways: Vec<(u32, Event)> = vec![(0, Event::Start)];
    let mut queue = VecDeque::new();
    let start = start.canonical();
    seen.insert(fingerprint(&start));
    queue.push_back((start, 0_u32));
    let mut outcome = Outcome { states: 1, transitions: 0, broken: None, complete: false };
    let mut reached = Vec::new();
    while let Some((state, way)) = queue.pop_front() {
        reached.clear();
        let mut broken = successors(&state, variant, &mut reached).err();
        for (next, event) in reached.drain(..) {
            outcome.transitions += 1;
            let mut next = next;
            (0..MACHINES).for_each(|machine| next.enroll(machine, variant.at_once[machine]));
            let next = next.canonical();
            if !seen.insert(fingerprint(&next)) {
                continue;
            }
            ways.push((way, event));
            let own_way = (ways.len() - 1) as u32;
            if let Err(what) = check(&next, variant) {
                outcome.broken = Some(Breach { what, events: way_to(&ways, own_way), at: next });
                return outcome;
            }
            queue.push_back((next, own_way));
        }
        outcome.states = seen.len();
        if let Some((what, event)) = broken.take() {
            let mut events = way_to(&ways, way);
            events.push(event);
            outcome.broken = Some(Breach { what, events, at: state });
            return outcome;
        }
        if seen.len() >= limit {
            return outcome;
        }
    }
    outcome.complete = true;
    outcome
}

fn way_to(ways: &[(u32, Event)], mut place: u32) -> Vec<Event> {
    let mut events = Vec::new();
    while place != 0 {
        let (before, event) = ways[place as usize];
        events.push(event);
        place = before;
    }
    events.reverse();
    events
}
