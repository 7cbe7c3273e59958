//! Every flaw of `Variant`, with what it takes to find it.

use super::checker::walk;
use super::state::{Budget, State};
use super::variant::Variant;

/// A flawed protocol, the invariant that it breaks, and how often each thing may happen until it does.
pub struct Flaw {
    name: &'static str,
    breaks: &'static str,
    variant: Variant,
    budget: Budget,
}

const TRUE: Variant = Variant::TRUE;
const NOTHING: Budget = Budget::NOTHING;
const ROTATION: Budget = Budget { rotations: 1, kills: 1, cuts: 1, ..NOTHING };
const PASSWORD: Budget = Budget { passwords: 1, ..ROTATION };
const TWO: Budget = Budget { kits: 1, recoveries: 1, ..ROTATION };
const COPIES: Budget = Budget { copies: 2, changes: 1, ..ROTATION };
const RACES: Budget = Budget { races: 1, ..ROTATION };

macro_rules! flaw {
    ($name:ident, $breaks:literal, $budget:expr) => {
        Flaw { name: stringify!($name), breaks: $breaks, variant: Variant { $name: true, ..TRUE }, budget: $budget }
    };
}

pub const FLAWS: &[Flaw] = &[
    flaw!(no_wait, "I1", ROTATION),
    flaw!(keychain_first, "I4", ROTATION),
    flaw!(new_wrap_alone, "I4", ROTATION),
    flaw!(drops_strangers, "I4", COPIES),
    flaw!(mark_first, "I1", Budget { halts: 1, ..ROTATION }),
    flaw!(old_password_stays, "I5", PASSWORD),
    flaw!(password_of_unsynced, "I5", Budget { kits: 1, recoveries: 1, races: 1, ..PASSWORD }),
    flaw!(keeps_both_passwords, "I5", PASSWORD),
    flaw!(takes_over, "I5", TWO),
    flaw!(others_note_counts, "I1", TWO),
    flaw!(known_by_wrap, "I5", PASSWORD),
    flaw!(ends_kits_unasked, "I2", TWO),
    flaw!(stale_kits, "I2", TWO),
    flaw!(recovers_over_pending, "I5", TWO),
    flaw!(adds_ending_kits, "I2", Budget { races: 1, ..TWO }),
    flaw!(recovers_stale_key, "I3", Budget { races: 1, rotations: 2, ..TWO }),
    flaw!(ends_unknown_kits, "I2", Budget { kits: 1, ..RACES }),
    flaw!(no_anchor, "I6", COPIES),
    flaw!(foreign_anchor_is_none, "I6", COPIES),
    flaw!(no_reload, "I1", Budget { races: 1, changes: 2, kits: 1, recoveries: 1, ..NOTHING }),
    flaw!(item_not_compared, "I4", Budget { passwords: 1, ..RACES }),
    flaw!(restores_unchecked, "I1", Budget { races: 1, ..COPIES }),
    flaw!(finishes_unchecked, "I4", Budget { races: 1, ..COPIES }),
    flaw!(rename_not_synced, "I1", Budget { changes: 1, ..ROTATION }),
    flaw!(adopts_unsynced, "I5", TWO),
    flaw!(previous_stays, "I3", ROTATION),
    flaw!(second_copy_left_out, "I7", ROTATION),
    flaw!(previous_last, "I3", ROTATION),
    flaw!(merge_drops, "I1", Budget { copies: 4, changes: 2, ..NOTHING }),
    flaw!(never_goes_on, "I5", ROTATION),
    flaw!(agent_takes_anything, "I6", Budget { agents: 1, copies: 2, changes: 2, ..NOTHING }),
];

impl Flaw {
    /// Walks until an invariant does not hold, and tells whether it is the one this flaw is known to break.
    pub fn is_found(&self, limit: usize) -> bool {
        let outcome = walk(State::new(self.budget), self.variant, limit);
        match outcome.broken {
            Some(breach) => {
                println!("{}: {}, after {} events", self.name, breach.what, breach.events.len());
                breach.what.starts_with(self.breaks)
            }
            None => {
                println!("{}: not found in {} states, complete: {}", self.name, outcome.states, outcome.complete);
                false
            }
        }
    }
}
