//! What the world is made of: one vault file, two computers with two keychain items each, and what their users were
//! told.
//!
//! Everything is small and of fixed size, so that millions of states fit into memory; `canonical` gives states that
//! nobody could tell apart the same numbers.

use super::keychain::{Anchor, Item, NO_ANCHOR, Slot, Wrap};

pub const MACHINES: usize = 2;
/// Machines and what gave them their items: each computer has four numbers in a row for that.
pub const ENROLMENTS: usize = 4 * MACHINES;
/// No data key, no document.
pub const NONE: u8 = 15;
/// In `Machine::since`: whatever the keychain brings back has to open the vault.
pub const SETTLED: u16 = u16::MAX;
/// In `Doc::content`: the project was destroyed.
pub const DESTROYED: u8 = 0x80;

/// How long a computer's keychain was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// It has not noted since when.
    None,
    /// Since a moment ago, on this computer's clock and in its boot.
    Running,
    /// Twenty minutes, or another boot.
    Over,
}

/// What the payload says of a rotation under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pending {
    /// The next data key; `NONE` where no rotation is under way.
    pub key: u8,
    /// The kits it is wrapped for, as bits.
    pub kits: u8,
    /// The enrolments that have a part in it, as bits.
    pub parts: u8,
    /// The wraps that opened the vault where it was begun: a bit for each computer and password.
    pub wraps: u8,
    /// What has been noted for each enrolment.
    pub marks: [Mark; ENROLMENTS],
    /// Ghost: the kits whose users were asked whether they may end, as bits.
    pub asked: u8,
}

impl Pending {
    /// The same rotation, for which every computer waits anew.
    pub fn without_marks(self) -> Self {
        Self { marks: [Mark::None; ENROLMENTS], ..self }
    }
}

pub const NO_PENDING: Pending =
    Pending { key: NONE, kits: 0, parts: 0, wraps: 0, marks: [Mark::None; ENROLMENTS], asked: 0 };

/// A vault file. Its generation is left out: it grows along every line of descent, so `id` and `ancestors` decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Doc {
    pub id: u8,
    pub key: u8,
    pub ancestors: u64,
    /// Changes of the payload, as bits, and `DESTROYED`.
    pub content: u8,
    /// The kits listed as valid, as bits, and those of them whose wrap is of another data key.
    pub kits: u8,
    pub stale: u8,
    pub pending: Pending,
    /// Ghost: somebody put it in the vault's place by hand.
    pub by_hand: bool,
    /// Ghost: the computers that have a way into it which no other computer has taken away, as bits.
    pub enrolled: u8,
}

impl Doc {
    /// Tells whether this document is, or descends from, that one.
    pub fn knows(&self, id: u8) -> bool {
        self.id == id || self.ancestors >> id & 1 == 1
    }
}

/// One machine and its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Machine {
    pub item: Slot<Item, 10>,
    pub anchor: Slot<Anchor, 10>,
    /// What the agent of its user has in memory, if one is running.
    pub agent: Option<Agent>,
    /// Ghost: the passwords its user may have to type, as bits.
    pub passwords: u8,
    /// Ghost: the data keys the vault has had since its user got this way in, as bits; all, once the item has settled.
    /// A keychain that goes back to before that leaves the computer as it was: without one.
    pub since: u16,
    /// Ghost: the document its user worked with last.
    pub seen: u8,
    /// Ghost: data keys that a rotation reported as settled has left behind here, as bits.
    pub retired: u16,
    /// Ghost: a power cut brought an earlier item back, and nobody has unlocked since.
    pub fell: bool,
}

/// A process that keeps the vault unlocked: the vault write that it saw last, and the data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Agent {
    pub id: u8,
    pub key: u8,
}

/// How often each thing may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    pub rotations: u8,
    pub passwords: u8,
    pub changes: u8,
    pub kits: u8,
    pub recoveries: u8,
    /// Copies kept, put back by hand, restored, accepted or merged.
    pub copies: u8,
    /// Agents started.
    pub agents: u8,
    pub kills: u8,
    pub cuts: u8,
    /// Times that a process is halted for longer than the waiting takes.
    pub halts: u8,
    /// Times that another process comes between two takings of the lock.
    pub races: u8,
}

impl Budget {
    pub const NOTHING: Self = Self {
        rotations: 0,
        passwords: 0,
        changes: 0,
        kits: 0,
        recoveries: 0,
        copies: 0,
        agents: 0,
        kills: 0,
        cuts: 0,
        halts: 0,
        races: 0,
    };
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    pub vault: Doc,
    /// What a power cut may bring back in its place: renames that were not synced.
    pub undone: [Option<Doc>; 2],
    /// The data key of the previous file, or `NONE`; and, as bits, those a power cut may bring back.
    pub previous: u8,
    pub previous_undone: u16,
    /// The data key of the file that a restore has set aside, where that is not the vault's.
    pub aside: u8,
    /// A copy that somebody keeps.
    pub copy: Option<Doc>,
    /// Ghost: the copy is the vault, and what stands in its place was put there by hand.
    pub copy_is_truth: bool,
    pub machines: [Machine; MACHINES],
    /// Ghost: what users were told is done.
    pub acknowledged: u8,
    /// Ghost: the kits on paper that were reported good.
    pub papers: u8,
    /// Ghost: the vault's data key has changed by rotations alone since one was last finished.
    pub clean: bool,
    pub next_id: u8,
    pub next_kit: u8,
    pub next_change: u8,
    pub budget: Budget,
}

impl State {
    /// A vault that the first machine has made.
    pub fn new(budget: Budget) -> Self {
        let vault = Doc {
            id: 0,
            key: 0,
            ancestors: 0,
            content: 0,
            kits: 0,
            stale: 0,
            pending: NO_PENDING,
            by_hand: false,
            enrolled: 1,
        };
        let machine = |item, anchor, passwords, seen| Machine {
            item: Slot::new(item),
            anchor: Slot::new(anchor),
            agent: None,
            passwords,
            since: SETTLED,
            seen,
            retired: 0,
            fell: false,
        };
        let first = Item::of([Wrap { key: 0, password: 0, enrolment: 0 }]).expect("one wrap");
        Self {
            vault,
            undone: [None; 2],
            // A new vault has a second copy beside it.
            previous: 0,
            previous_undone: 0,
            aside: NONE,
            copy: None,
            copy_is_truth: false,
            machines: [machine(first, Anchor { key: 0, id: 0 }, 1, 0), machine(Item::default(), NO_ANCHOR, 0, NONE)],
            acknowledged: 0,
            papers: 0,
            clean: true,
            next_id: 1,
            next_kit: 0,
            next_change: 0,
            budget,
        }
    }

    pub fn docs_mut(&mut self) -> impl Iterator<Item = &mut Doc> {
        std::iter::once(&mut self.vault).chain(self.undone.iter_mut().flatten()).chain(&mut self.copy)
    }

    /// Every document there is, by the place it has.
    fn docs(&self) -> [Option<Doc>; 4] {
        [Some(self.vault), self.undone[0], self.undone[1], self.copy]
    }

    /// What was not on the disk is.
    pub fn sync(&mut self) {
        self.undone = [None; 2];
        self.previous_undone = 0;
    }

    /// Twenty minutes: what stands, stands for good.
    pub fn settle(&mut self) {
        self.sync();
        for machine in &mut self.machines {
            machine.item.settle();
            machine.anchor.settle();
            machine.since = SETTLED;
        }
        for doc in self.docs_mut() {
            for mark in doc.pending.marks.iter_mut().filter(|mark| **mark == Mark::Running) {
                *mark = Mark::Over;
            }
        }
    }

    /// Tells whether a password that may be in force opens the vault on this computer.
    pub fn opens(&self, machine: usize) -> bool {
        let own = &self.machines[machine];
        let allowed = |wrap: Wrap| wrap.key == self.vault.key && own.passwords >> wrap.password & 1 == 1;
        own.item.value.wraps().any(allowed)
    }

    /// Tells whether the rotation under way knows this computer by a wrap that opens the vault.
    pub fn has_part(&self, machine: usize) -> bool {
        let own = &self.machines[machine];
        let opens = |wrap: &Wrap| wrap.key == self.vault.key && own.passwords >> wrap.password & 1 == 1;
        let known = |wrap: Wrap| self.vault.pending.parts >> (machine * 4 + usize::from(wrap.enrolment)) & 1 == 1;
        own.item.value.wraps().filter(opens).any(known)
    }

    /// An enrolment that this computer has never had, as far as anything knows.
    pub fn fresh_enrolment(&self, machine: usize) -> u8 {
        let item = &self.machines[machine].item;
        let held = item.earlier().chain([item.value]).flat_map(|item| item.wraps().collect::<Vec<_>>());
        let parts = self.docs().into_iter().flatten().fold(0, |all, doc| all | doc.pending.parts);
        let used = held.fold(parts >> (machine * 4), |all, wrap| all | 1 << wrap.enrolment);
        (0..4).find(|enrolment| used >> enrolment & 1 == 0).expect("a free enrolment")
    }

    /// Ghost: whoever opens the vault that its users take for true has a way into it from then on.
    pub fn enroll(&mut self, machine: usize, at_once: bool) {
        let bit = 1 << machine;
        if !self.vault.by_hand && self.vault.enrolled & bit == 0 && self.opens(machine) {
            self.vault.enrolled |= bit;
            self.machines[machine].since = if at_once { SETTLED } else { 1 << self.vault.key };
        }
    }

    /// A power cut brings a value of a computer's item back.
    pub fn fall_back(&mut self, machine: usize, item: Item) {
        let own = &mut self.machines[machine];
        if item != own.item.value {
            own.fell = true;
            // An older password may be in force then: one that the item of that time was made with.
            own.passwords |= item.wraps().fold(0, |all, wrap| all | 1 << wrap.password);
            own.item.value = item;
            let since = own.since;
            if !item.wraps().any(|wrap| since >> wrap.key & 1 == 1) {
                self.docs_mut().for_each(|doc| doc.enrolled &= !(1 << machine));
            }
        }
        let own = &mut self.machines[machine];
        own.item.settle();
        own.since = SETTLED;
    }

    /// A data key that nobody has; `held`: those that a process has in its memory, as bits.
    pub fn fresh_key(&self, held: u16) -> u8 {
        let used = self.machines.iter().fold(self.live_keys() | held, |all, own| all | own.retired);
        (0..NONE).find(|key| used >> key & 1 == 0).expect("a free data key")
    }

    /// The data keys that something is under, as bits.
    pub fn live_keys(&self) -> u16 {
        let anchors = self.machines.iter().flat_map(|own| own.anchor.earlier().chain([own.anchor.value]));
        let keys = self.keys().chain(anchors.map(|anchor| anchor.key)).filter(|key| *key != NONE);
        keys.fold(0, |all, key| all | 1 << key)
    }

    /// Every data key that something is under, in an order that does not depend on their numbers.
    fn keys(&self) -> impl Iterator<Item = u8> + '_ {
        let docs = self.docs().into_iter().flatten().flat_map(|doc| [doc.key, doc.pending.key]);
        let items = self.machines.iter().flat_map(|own| {
            let values = std::iter::once(own.item.value).chain(own.item.earlier());
            values.flat_map(|item| item.wraps().map(|wrap| wrap.key))
        });
        let previous = (0..NONE).filter(|key| self.previous_undone >> key & 1 == 1);
        let agents = self.machines.iter().filter_map(|own| Some(own.agent?.key));
        docs.chain(items).chain(agents).chain([self.previous, self.aside]).chain(previous).filter(|key| *key != NONE)
    }

    /// Gives documents and data keys the numbers of their places.
    ///
    /// A document that stands nowhere any more matters by who descends from it alone: an anchor that remembers one
    /// compares alike with every file there is or will be, whichever of those with the same descendants it remembers.
    pub fn canonical(mut self) -> Self {
        let docs = self.docs();
        let live = |id| docs.iter().position(|doc| doc.is_some_and(|doc| doc.id == id));
        let number = |id: u8| match live(id) {
            _ if id == NONE => NONE,
            Some(place) => place as u8,
            None => {
                let descends = |doc: &Option<Doc>| doc.is_some_and(|doc| doc.ancestors >> id & 1 == 1);
                16 + docs.iter().enumerate().fold(0, |set, (place, doc)| set | u8::from(descends(doc)) << place)
            }
        };
        let ancestors: Vec<u64> = docs
            .iter()
            .map(|doc| {
                let Some(doc) = doc else { return 0 };
                let place = live(doc.id).expect("it stands there");
                let standing = docs.iter().flatten().filter(|other| doc.ancestors >> other.id & 1 == 1);
                let standing = standing.fold(0_u64, |set, other| set | 1 << number(other.id));
                (0..16).filter(|set| set >> place & 1 == 1).fold(standing, |all, set| all | 1 << (16 + set))
            })
            .collect();
        let mut keys = [NONE; 16];
        let mut next = 0;
        for key in self.keys() {
            if keys[key as usize] == NONE {
                keys[key as usize] = next;
                next += 1;
            }
        }
        let renamed = |set: u16| {
            let known = (0..15).filter(|key| set >> key & 1 == 1 && keys[*key as usize] != NONE);
            known.fold(set & 1 << NONE, |new, key| new | 1 << keys[key as usize])
        };
        for machine in &mut self.machines {
            machine.item.map(|item| {
                let wraps = item.wraps().map(|wrap| Wrap { key: keys[wrap.key as usize], ..wrap });
                Item::of(wraps).expect("as many as before")
            });
            // By an anchor's data key a flawed protocol alone goes, and only by whether it is the vault's.
            machine.anchor.map(|anchor| Anchor { key: keys[anchor.key as usize], id: number(anchor.id) });
            machine.agent = machine.agent.map(|agent| Agent { key: keys[agent.key as usize], id: number(agent.id) });
            machine.seen = number(machine.seen);
            machine.retired = renamed(machine.retired);
            if machine.since != SETTLED {
                machine.since = renamed(machine.since);
            }
        }
        self.previous = keys[self.previous as usize];
        self.aside = keys[self.aside as usize];
        self.previous_undone = renamed(self.previous_undone);
        let places = std::iter::once(Some(&mut self.vault))
            .chain(self.undone.iter_mut().map(Option::as_mut))
            .chain([self.copy.as_mut()]);
        for (doc, ancestors) in places.zip(ancestors) {
            if let Some(doc) = doc {
                doc.id = number(doc.id);
                doc.ancestors = ancestors;
                doc.key = keys[doc.key as usize];
                doc.pending.key = keys[doc.pending.key as usize];
            }
        }
        self.next_id = 32;
        self
    }
}
