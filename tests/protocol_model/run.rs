//! One process: what it has read, the lock it takes, and its writes. After every write it may be cut off.

use super::keychain::{Anchor, Item, Wrap};
use super::state::{Agent, Doc, ENROLMENTS, Mark, NONE, State};
use super::variant::Variant;

/// What becomes of the kits when the data key rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kits {
    None,
    New,
    Keep(u8),
}

/// What a user does, with the password typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Unlock,
    /// A change of the payload: a project, a key.
    Change,
    ChangePassword(u8),
    /// `true`: settle now.
    Rotate(Kits, bool),
    /// Takes a project's keys away, and rotates.
    Destroy,
    NewKit,
    /// With the paper of this number, to this password.
    Recover(u8, u8),
    /// Puts the copy back by command.
    Restore,
    /// Takes an older or diverged vault as it is.
    Accept,
    /// Unites the vault with the copy.
    Merge,
    /// Has an agent keep the vault unlocked.
    Keep,
    /// Asks the agent for what is in the vault, or for a key of it.
    AskAgent,
    /// A change of the payload through the agent, without the password.
    AgentChange,
}

/// Another process that comes between: before which taking of the lock it comes, and after which of its writes it is
/// killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Race {
    pub at: u8,
    pub machine: u8,
    pub password: u8,
    pub action: Action,
    pub killed_after: Option<u8>,
}

/// Why a run ends before it is done.
#[derive(Debug)]
pub enum Stop {
    /// Refused, which is no failure.
    Refused,
    /// The other process never comes as far as it was to be killed: no run of its own.
    Void,
    /// An invariant does not hold.
    Broken(&'static str),
}

/// How a vault compares with what the computer remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Current,
    Behind,
    Missing,
    RolledBack,
}

pub struct Run {
    pub state: State,
    /// What stood after each write.
    pub cuts: Vec<State>,
    /// How often the lock was taken.
    pub locks: u8,
    pub variant: Variant,
    pub m: usize,
    pub password: u8,
    pub halt: Option<u8>,
    pub race: Option<Race>,
    /// How many writes it had made when the other process came, or when it was halted.
    pub disturbed_at: usize,
    /// A password that is being set: from the item's write on, it is one that may have to be typed.
    pub setting: Option<u8>,
    // What the process holds in its memory.
    pub doc: Doc,
    pub item: Item,
    pub memory: Memory,
    /// Whether it has looked for a rotation to go on with, and was not stuck.
    pub went_on: bool,
    /// Data keys that another process has in its memory, as bits.
    pub held: u16,
}

pub type Done = Result<(), Stop>;

impl Run {
    pub fn new(state: &State, machine: usize, password: u8, variant: Variant) -> Self {
        Self {
            state: *state,
            cuts: Vec::new(),
            locks: 0,
            variant,
            m: machine,
            password,
            halt: None,
            race: None,
            disturbed_at: 0,
            setting: None,
            doc: state.vault,
            item: state.machines[machine].item.value,
            memory: Memory::Current,
            went_on: false,
            held: 0,
        }
    }

    pub fn at_once(&self) -> bool {
        self.variant.at_once[self.m]
    }

    /// The process may be halted here.
    fn before(&mut self) {
        if self.halt.is_some_and(|halt| usize::from(halt) == self.cuts.len()) {
            self.state.settle();
            self.disturbed_at = self.cuts.len();
        }
    }

    /// The process may be cut off here.
    fn after(&mut self) {
        self.cuts.push(self.state);
    }

    /// Takes the lock. Who had it before may have changed everything.
    pub fn lock(&mut self) -> Done {
        if let Some(race) = self.race.filter(|race| race.at == self.locks) {
            self.disturbed_at = self.cuts.len();
            let mut other = Run::new(&self.state, race.machine.into(), race.password, self.variant);
            let own = [self.doc.key, self.doc.pending.key].into_iter().chain(self.item.wraps().map(|wrap| wrap.key));
            other.held = own.filter(|key| *key != NONE).fold(0, |all, key| all | 1 << key);
            match (other.act(race.action), race.killed_after) {
                (Err(Stop::Broken(broken)), _) => return Err(Stop::Broken(broken)),
                (_, Some(write)) => {
                    let Some(cut) = other.cuts.get(usize::from(write)) else { return Err(Stop::Void) };
                    self.state = *cut;
                }
                (_, None) => self.state = other.state,
            }
        }
        self.locks += 1;
        Ok(())
    }

    /// Compares a document with what this computer remembers.
    pub fn compare(&self, doc: &Doc) -> Memory {
        let anchor = self.state.machines[self.m].anchor.value;
        if anchor.id == NONE || anchor.key != doc.key && self.variant.foreign_anchor_is_none {
            return Memory::Missing;
        }
        // One key verifies the anchors of a vault, whichever data key it has.
        match anchor.id {
            id if !doc.knows(id) && !self.variant.no_anchor => Memory::RolledBack,
            id if id == doc.id => Memory::Current,
            id if doc.knows(id) => Memory::Behind,
            _ => Memory::Missing,
        }
    }

    /// Reads vault and anchor again, under the data key in memory.
    pub fn reload(&mut self) -> Done {
        if self.state.vault.key != self.doc.key {
            return Err(Stop::Refused);
        }
        if !self.variant.no_reload {
            self.doc = self.state.vault;
        }
        self.memory = self.compare(&self.doc);
        Ok(())
    }

    /// What an agent does at each question: it takes a vault file that descends from the one it knows, and ends if
    /// another is there.
    pub fn follow(&mut self) -> Done {
        let Some(agent) = self.state.machines[self.m].agent else { return Err(Stop::Refused) };
        let vault = self.state.vault;
        if !self.variant.agent_takes_anything && (vault.key != agent.key || !vault.knows(agent.id)) {
            return self.end_agent();
        }
        if vault.key != agent.key {
            return self.end_agent();
        }
        self.doc = vault;
        self.state.machines[self.m].agent = Some(Agent { id: vault.id, key: vault.key });
        Ok(())
    }

    /// The agent wipes what it has.
    pub fn end_agent(&mut self) -> Done {
        self.state.machines[self.m].agent = None;
        Err(Stop::Refused)
    }

    /// Refuses to change a vault that is not the one last seen.
    pub fn check_writable(&self) -> Done {
        if self.memory == Memory::RolledBack { Err(Stop::Refused) } else { Ok(()) }
    }

    /// Sees to it that the item is the one this process has read.
    pub fn check_item(&self) -> Done {
        let same = self.state.machines[self.m].item.value == self.item || self.variant.item_not_compared;
        if same { Ok(()) } else { Err(Stop::Refused) }
    }

    /// Syncs file and folder.
    pub fn sync(&mut self) {
        self.before();
        self.state.sync();
        self.after();
    }

    /// Writes the item. Whoever could open the vault that stands must still be able to: I4.
    pub fn write_item(&mut self, wraps: impl IntoIterator<Item = Wrap>) -> Done {
        let item = Item::of(wraps).ok_or(Stop::Refused)?;
        self.before();
        // A wrap of an earlier data key is what step d is to drop; the last is of the newest.
        let drops = |key| key != NONE && key != self.doc.key && self.item.last_key() == key && !item.holds(key);
        if drops(self.state.aside) {
            return Err(Stop::Broken("I4: a computer drops its only way into a vault that was set aside"));
        }
        let opened = self.state.opens(self.m);
        let at_once = self.at_once();
        let key = self.doc.key;
        self.state.machines[self.m].item.set(item, at_once);
        // Whoever is cut off now has both to try: the password in force, and the one being set.
        if let Some(new) = self.setting.filter(|new| item.opens(key, *new)) {
            self.state.machines[self.m].passwords |= 1 << new;
        }
        self.state.enroll(self.m, at_once);
        if opened && !self.state.opens(self.m) {
            return Err(Stop::Broken("I4: a computer drops its only way into the vault"));
        }
        self.item = item;
        self.after();
        Ok(())
    }

    /// Remembers the vault as the one seen last.
    pub fn write_anchor(&mut self) {
        self.before();
        let at_once = self.at_once();
        let machine = &mut self.state.machines[self.m];
        machine.anchor.set(Anchor { key: self.doc.key, id: self.doc.id }, at_once);
        machine.seen = self.doc.id;
        self.after();
    }

    /// Writes the vault, and leaves the anchor to the caller. `asked`: the user takes an older vault for good.
    pub fn commit(&mut self, mut doc: Doc, becomes_previous: bool, asked: bool) -> Done {
        doc.ancestors |= 1 << self.doc.id;
        doc.id = self.state.next_id;
        self.state.next_id += 1;
        if !asked {
            self.no_older(&doc)?;
        }
        if becomes_previous {
            self.before();
            let gone = std::mem::replace(&mut self.state.previous, self.state.vault.key);
            self.state.previous_undone |= 1 << gone;
            self.after();
        }
        self.before();
        for (machine, own) in self.state.machines.iter_mut().enumerate() {
            if self.state.vault.enrolled >> machine & 1 == 1 {
                own.since |= 1 << doc.key;
            }
        }
        doc.by_hand = false;
        doc.enrolled = self.state.vault.enrolled;
        let old = std::mem::replace(&mut self.state.vault, doc);
        if !self.state.undone.contains(&Some(old)) {
            let free = self.state.undone.iter().position(Option::is_none).expect("room for every rename not synced");
            self.state.undone[free] = Some(old);
        }
        if old.by_hand {
            self.taken_for_true();
        } else if doc.key != old.key {
            self.take_over();
        }
        let at_once = self.at_once();
        self.state.enroll(self.m, at_once);
        self.after();
        if !self.variant.rename_not_synced {
            self.sync();
        }
        self.doc = doc;
        self.memory = Memory::Current;
        Ok(())
    }

    /// Ghost, I6: this computer may go on from a vault without asking where that descends from the one it worked with
    /// last.
    pub fn no_older(&self, doc: &Doc) -> Done {
        let seen = self.state.machines[self.m].seen;
        if seen == NONE || doc.knows(seen) {
            return Ok(());
        }
        Err(Stop::Broken("I6: an older or diverged vault is gone on from unasked"))
    }

    /// Ghost: what a computer goes on from is the vault, for its user, whoever put it there.
    pub fn taken_for_true(&mut self) {
        self.state.vault.by_hand = false;
        self.doc.by_hand = false;
        self.state.copy_is_truth = false;
        self.take_over();
    }

    /// A change of the payload or the kits over what stands now. The caller holds the lock.
    pub fn revise(&mut self, edit: impl FnOnce(&mut Doc)) -> Done {
        self.reload()?;
        self.check_writable()?;
        let mut doc = self.doc;
        edit(&mut doc);
        self.commit(doc, true, false)?;
        self.write_anchor();
        Ok(())
    }

    /// Makes the previous file a second copy of the vault file.
    pub fn write_second_copy(&mut self) {
        let next = if self.variant.second_copy_left_out { NONE } else { self.state.vault.key };
        if self.state.previous != next {
            self.before();
            let gone = std::mem::replace(&mut self.state.previous, next);
            self.state.previous_undone |= 1 << gone;
            self.after();
        }
        self.sync();
    }

    /// Shuts the other computers out: the vault moves to a data key that this one has.
    pub fn take_over(&mut self) {
        self.state.vault.enrolled &= 1 << self.m;
    }

    /// What gave this computer the wrap that opens the vault, as a place in `Pending`.
    pub fn enrolment(&self) -> usize {
        let own = self.item.wraps().rfind(|wrap| (wrap.key, wrap.password) == (self.doc.key, self.password));
        self.m * 4 + own.map_or(0, |wrap| usize::from(wrap.enrolment))
    }

    /// What this computer has noted of its own item.
    pub fn mark(&self) -> Mark {
        let marks = self.doc.pending.marks;
        let others = (0..ENROLMENTS).any(|other| other / 4 != self.m && marks[other] != Mark::None);
        // Another computer's boot is another boot.
        if others && self.variant.others_note_counts { Mark::Over } else { marks[self.enrolment()] }
    }

    /// Tells whether this computer's item has settled.
    pub fn settled(&self) -> bool {
        match self.mark() {
            Mark::None => false,
            Mark::Over => true,
            Mark::Running => self.at_once() || self.variant.no_wait,
        }
    }
}
