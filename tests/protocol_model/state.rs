//! What a vault and two machines are made of here: documents, wraps, items and anchors, with cryptography as symbols.

/// A data key, by number.
pub type DataKey = u8;
/// A password, by number.
pub type Password = u8;

/// A wrap in a data-key item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wrap {
    pub data_key: DataKey,
    pub password: Password,
    /// Tells it from every other wrap: its salt.
    pub id: u8,
}

/// Whether a rotation's item has been given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    None,
    Running,
    /// Another boot, or twenty minutes, since the mark was made.
    Over,
}

/// What the payload says of a rotation under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pending {
    pub data_key: DataKey,
    /// The kits the next data key is wrapped for, as bits.
    pub kits: u8,
    /// The machines that carried it, as bits.
    pub origins: u8,
    pub mark: Mark,
}

/// A vault file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Document {
    /// Its digest.
    pub id: u8,
    pub generation: u8,
    pub data_key: DataKey,
    /// The digests of the writes it descends from, as bits.
    pub ancestors: u64,
    /// What the user changed, as bits.
    pub content: u8,
    /// The kits its data key is wrapped for, as bits.
    pub kits: u8,
    pub pending: Option<Pending>,
}

/// A machine's memory of the last write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Anchor {
    pub data_key: DataKey,
    pub generation: u8,
    pub id: u8,
}

/// A keychain item's value, and those that a power cut may bring back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slot<T> {
    pub value: T,
    pub earlier: Vec<T>,
}

impl<T: Clone + PartialEq> Slot<T> {
    pub fn new(value: T) -> Self {
        Self { value, earlier: Vec::new() }
    }

    pub fn set(&mut self, value: T, settles_at_once: bool) {
        if value == self.value {
            return;
        }
        let old = std::mem::replace(&mut self.value, value);
        if !settles_at_once && !self.earlier.contains(&old) {
            self.earlier.push(old);
        }
    }
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub item: Slot<Vec<Wrap>>,
    pub anchor: Slot<Option<Anchor>>,
    /// Its keychain is a file.
    pub settles_at_once: bool,
    /// The passwords that its user may have to type, as bits.
    pub passwords: u8,
    /// It had a way into the vault, and no other machine has taken it away.
    pub enrolled: bool,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub vault: Document,
    pub previous: Option<Document>,
    /// What a power cut may bring back in the vault file's place: a rename that was not synced.
    pub unsynced: Option<Document>,
    pub machines: Vec<Machine>,
    /// A copy that somebody keeps.
    pub copy: Option<Document>,
    /// The changes that were acknowledged to a user, as bits.
    pub acknowledged: u8,
    /// The kits on paper that were reported good, as bits.
    pub papers: u8,
    /// Somebody put an older file in place, by command or by hand: what came after it may be missing.
    pub put_back: bool,
    /// The document that was put back by hand, until a user accepts it or it is replaced.
    pub alarm_due: bool,
    pub next: Next,
    pub budget: Budget,
}

/// The next unused numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Next {
    pub document: u8,
    pub wrap: u8,
    pub data_key: u8,
    pub kit: u8,
    pub change: u8,
}

/// How often each thing may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    pub rotations: u8,
    pub passwords: u8,
    pub changes: u8,
    pub kits: u8,
    pub recoveries: u8,
    pub copies: u8,
    pub kills: u8,
    pub cuts: u8,
    pub waits: u8,
}

impl State {
    /// A vault at generation 1 that the first machine has made.
    pub fn new(machines: usize, settles_at_once: bool, budget: Budget) -> Self {
        let vault = Document { id: 0, generation: 1, data_key: 0, ancestors: 0, content: 0, kits: 0, pending: None };
        let first = Machine {
            item: Slot::new(vec![Wrap { data_key: 0, password: 0, id: 0 }]),
            anchor: Slot::new(Some(Anchor { data_key: 0, generation: 1, id: 0 })),
            settles_at_once,
            passwords: 1,
            enrolled: true,
        };
        let other = Machine {
            item: Slot::new(Vec::new()),
            anchor: Slot::new(None),
            settles_at_once,
            passwords: 0,
            enrolled: false,
        };
        let machines = std::iter::once(first).chain(std::iter::repeat_n(other, machines - 1)).collect();
        let next = Next { document: 1, wrap: 1, data_key: 1, kit: 0, change: 0 };
        Self {
            vault,
            previous: None,
            unsynced: None,
            machines,
            copy: None,
            acknowledged: 0,
            papers: 0,
            put_back: false,
            alarm_due: false,
            next,
            budget,
        }
    }

    /// Every state that a power cut may leave: each item at any value it had since it settled, a rename undone.
    pub fn after_power_cut(&self) -> Vec<Self> {
        let mut states = vec![self.clone()];
        if let Some(old) = &self.unsynced {
            let mut undone = self.clone();
            undone.vault = old.clone();
            states.push(undone);
        }
        for machine in 0..self.machines.len() {
            let mut more = Vec::new();
            for state in &states {
                for earlier in &self.machines[machine].item.earlier {
                    let mut fallen = state.clone();
                    fallen.machines[machine].item.value.clone_from(earlier);
                    // It had no item before: whoever recovered it a moment ago does so again.
                    fallen.machines[machine].enrolled &= !earlier.is_empty();
                    // An older password may be in force then: the one the item of that time was made with.
                    for wrap in earlier {
                        fallen.machines[machine].passwords |= 1 << wrap.password;
                    }
                    more.push(fallen);
                }
            }
            states.extend(more);
            let mut more = Vec::new();
            for state in &states {
                for earlier in &self.machines[machine].anchor.earlier {
                    let mut fallen = state.clone();
                    fallen.machines[machine].anchor.value = *earlier;
                    more.push(fallen);
                }
            }
            states.extend(more);
        }
        for state in &mut states {
            state.settle();
        }
        states
    }

    /// Another boot, or twenty minutes: what stands, stands for good.
    pub fn settle(&mut self) {
        self.unsynced = None;
        for machine in &mut self.machines {
            machine.item.earlier.clear();
            machine.anchor.earlier.clear();
        }
        for document in [Some(&mut self.vault), self.previous.as_mut(), self.copy.as_mut()].into_iter().flatten() {
            if let Some(pending) = &mut document.pending
                && pending.mark == Mark::Running
            {
                pending.mark = Mark::Over;
            }
        }
    }

    /// Makes two states that differ in numbers nobody can tell apart one: wraps and documents are renumbered by where
    /// they stand.
    pub fn normal(mut self) -> Self {
        for machine in &mut self.machines {
            machine.item.earlier.sort_by_key(|item| item.iter().map(|wrap| wrap.id).collect::<Vec<_>>());
            machine.anchor.earlier.sort_by_key(|anchor| anchor.map(|anchor| anchor.id));
        }
        self
    }
}
