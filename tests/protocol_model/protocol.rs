//! The steps of docs/format.md, sections 7 and 8, each write a step after which the run may be cut off.

use crate::state::{Anchor, DataKey, Document, Mark, Password, Pending, State, Wrap};

/// A protocol that is wrong in one point, which the checker must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// None: the protocol as it is.
    None,
    /// The vault moves without waiting for the item to settle.
    NoWait,
    /// The item's earlier wraps go before the vault moves.
    KeychainFirst,
    /// The item is written with the new wrap alone when the rotation begins.
    NewWrapAlone,
    /// The time is noted before the item is written.
    MarkFirst,
    /// A password change leaves the next data key under the old password.
    OldPasswordStays,
    /// A machine begins another's rotation anew.
    TakesOver,
    /// An unverifiable anchor is no reason to look, and an older vault is taken as it is.
    NoAnchor,
}

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Unlock,
    /// A change of the payload: a project, a key.
    Change,
    ChangePassword(Password),
    /// With a new kit, or none; `true`: settle now.
    Rotate {
        kit: bool,
        now: bool,
    },
    NewKit,
    /// With the paper of this number.
    Recover {
        kit: u8,
        password: Password,
    },
    /// Put the copy back by command.
    Restore,
    /// Take an older or forked vault as it is.
    Accept,
}

/// How a vault compares with a machine's memory of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Current,
    Behind,
    Missing,
    RolledBack,
}

/// A run of one action: the state as it changes, and what it was after each write.
pub struct Run {
    pub state: State,
    pub cuts: Vec<State>,
    machine: usize,
    flaw: Flaw,
    /// Before this write, twenty minutes pass: the process was halted.
    halt: Option<usize>,
}

/// An invariant that an action itself breaks.
pub type Broken = &'static str;

impl Run {
    pub fn new(state: &State, machine: usize, flaw: Flaw, halt: Option<usize>) -> Self {
        Self { state: state.clone(), cuts: Vec::new(), machine, flaw, halt }
    }

    /// Carries the action out; `false` where it is refused, which is no failure.
    pub fn act(&mut self, action: Action) -> Result<bool, Broken> {
        if let Action::Recover { kit, password } = action {
            return Ok(self.recover(kit, password));
        }
        let rolled_back = self.compared() == Memory::RolledBack;
        let Some((memory, password)) = self.unlock(action == Action::Accept) else { return Ok(false) };
        if action == Action::Accept {
            if memory != Memory::RolledBack {
                return Ok(false);
            }
            self.accept();
            return Ok(true);
        }
        if action == Action::Restore {
            return Ok(self.restore());
        }
        if memory == Memory::RolledBack {
            return Ok(action == Action::Unlock);
        }
        if rolled_back && action != Action::Unlock {
            return Err("I6: an older vault is changed unasked");
        }
        match action {
            Action::Change => {
                let change = self.state.next.change;
                self.state.next.change += 1;
                self.write_vault(|document| document.content |= 1 << change);
                self.state.acknowledged |= 1 << change;
            }
            Action::ChangePassword(new) => self.change_password(password, new),
            Action::Rotate { kit, now } => {
                if self.state.vault.pending.is_some() {
                    if now && self.holds_pending() {
                        self.finish_waiting(password);
                        return Ok(true);
                    }
                    return Ok(false);
                }
                self.begin(password, kit);
                if now || self.own().settles_at_once {
                    self.finish_waiting(password);
                }
            }
            Action::NewKit => {
                let kit = self.state.next.kit;
                self.state.next.kit += 1;
                let opened = self.holds_pending();
                self.write_vault(|document| {
                    document.kits |= 1 << kit;
                    if let (Some(pending), true) = (&mut document.pending, opened) {
                        pending.kits |= 1 << kit;
                    }
                });
                self.state.papers |= 1 << kit;
            }
            Action::Unlock | Action::Recover { .. } | Action::Restore | Action::Accept => {}
        }
        Ok(true)
    }

    fn own(&self) -> &crate::state::Machine {
        &self.state.machines[self.machine]
    }

    /// Before a write: the process may have been halted for long.
    fn before(&mut self) {
        if self.halt == Some(self.cuts.len()) {
            self.state.settle();
        }
    }

    fn after(&mut self) {
        self.cuts.push(self.state.clone());
    }

    fn write_item(&mut self, item: Vec<Wrap>) {
        self.before();
        let machine = &mut self.state.machines[self.machine];
        let at_once = machine.settles_at_once;
        machine.item.set(item, at_once);
        self.after();
    }

    fn write_anchor(&mut self) {
        self.before();
        let document = &self.state.vault;
        let anchor = Anchor { data_key: document.data_key, generation: document.generation, id: document.id };
        let machine = &mut self.state.machines[self.machine];
        let at_once = machine.settles_at_once;
        machine.anchor.set(Some(anchor), at_once);
        self.after();
    }

    /// A vault write under the same data key, with its anchor.
    fn write_vault(&mut self, edit: impl FnOnce(&mut Document)) {
        let generation = self.state.vault.generation + 1;
        self.put_vault(generation, edit);
        self.write_anchor();
    }

    /// Steps 5 to 7 of a vault write.
    fn put_vault(&mut self, generation: u8, edit: impl FnOnce(&mut Document)) {
        let old = self.state.vault.clone();
        let mut document = old.clone();
        document.ancestors |= 1 << old.id;
        document.generation = generation;
        document.id = self.state.next.document;
        self.state.next.document += 1;
        edit(&mut document);
        self.before();
        self.state.previous = Some(old.clone());
        self.after();
        self.before();
        self.state.vault = document;
        self.state.unsynced.get_or_insert(old);
        self.state.alarm_due = false;
        self.after();
        self.sync();
    }

    fn sync(&mut self) {
        self.before();
        self.state.unsynced = None;
        self.after();
    }

    fn fresh_wrap(&mut self, data_key: DataKey, password: Password) -> Wrap {
        let id = self.state.next.wrap;
        self.state.next.wrap += 1;
        Wrap { data_key, password, id }
    }

    fn memory(&self) -> Memory {
        if self.flaw == Flaw::NoAnchor { Memory::Missing } else { self.compared() }
    }

    fn compared(&self) -> Memory {
        let vault = &self.state.vault;
        // An anchor under another data key does not verify, and is none.
        let anchor = self.own().anchor.value.filter(|anchor| anchor.data_key == vault.data_key);
        match anchor {
            None => Memory::Missing,
            Some(anchor) if vault.generation < anchor.generation => Memory::RolledBack,
            Some(anchor) if vault.generation == anchor.generation && vault.id == anchor.id => Memory::Current,
            Some(anchor) if vault.generation == anchor.generation => Memory::RolledBack,
            Some(anchor) if vault.ancestors & (1 << anchor.id) != 0 => Memory::Behind,
            Some(_) => Memory::RolledBack,
        }
    }

    /// Unlocks with the first password of the user's that opens, and goes on with a rotation.
    fn unlock(&mut self, accepts: bool) -> Option<(Memory, Password)> {
        let vault = &self.state.vault;
        let own = self.own();
        let opening = own
            .item
            .value
            .iter()
            .rev()
            .find(|wrap| wrap.data_key == vault.data_key && own.passwords & (1 << wrap.password) != 0);
        let opened = *opening?;
        let memory = self.memory();
        match memory {
            Memory::RolledBack => return Some((memory, opened.password)),
            _ if accepts => return Some((memory, opened.password)),
            Memory::Current => {}
            Memory::Behind => {
                self.sync();
                self.write_anchor();
            }
            Memory::Missing => {
                self.sync();
                self.write_anchor();
            }
        }
        self.go_on(opened);
        Some((Memory::Current, opened.password))
    }

    fn holds_pending(&self) -> bool {
        let pending = self.state.vault.pending.as_ref();
        pending.is_some_and(|pending| self.own().item.value.iter().any(|wrap| wrap.data_key == pending.data_key))
    }

    /// What an unlock finds of a rotation, by the table of section 8.1.
    fn go_on(&mut self, opened: Wrap) {
        let vault_key = self.state.vault.data_key;
        let item = &self.own().item.value;
        match self.state.vault.pending.clone() {
            None => {
                let others = item.iter().any(|wrap| wrap.data_key != vault_key);
                let last = item.last().is_some_and(|wrap| wrap.data_key == vault_key);
                if others && last {
                    self.finish();
                }
            }
            Some(pending) if self.holds_pending() => match pending.mark {
                Mark::None => self.note_time(),
                Mark::Over => self.move_vault(opened.password),
                Mark::Running if self.own().settles_at_once || self.flaw == Flaw::NoWait => {
                    self.move_vault(opened.password);
                }
                Mark::Running => {}
            },
            Some(pending) if pending.origins & (1 << self.machine) != 0 || self.flaw == Flaw::TakesOver => {
                if self.state.vault.kits != 0 && self.flaw != Flaw::TakesOver {
                    self.write_vault(|document| document.pending = None);
                    self.go_on(opened);
                    return;
                }
                self.begin(opened.password, false);
                if self.own().settles_at_once {
                    self.finish_waiting(opened.password);
                }
            }
            Some(_) => {}
        }
    }

    fn opened(&self, password: Password) -> Option<Wrap> {
        let key = self.state.vault.data_key;
        let mut wraps = self.own().item.value.iter().rev();
        wraps.find(|wrap| wrap.data_key == key && wrap.password == password).copied()
    }

    /// Steps a, b and b'.
    fn begin(&mut self, password: Password, with_kit: bool) {
        let data_key = self.state.next.data_key;
        self.state.next.data_key += 1;
        let wrap = self.fresh_wrap(data_key, password);
        let kit = with_kit.then(|| {
            self.state.next.kit += 1;
            self.state.next.kit - 1
        });
        let kits = kit.map_or(0, |kit| 1 << kit);
        let mark = if self.flaw == Flaw::MarkFirst { Mark::Running } else { Mark::None };
        let pending = Pending { data_key, kits, origins: 1 << self.machine, mark };
        self.write_vault(|document| {
            document.kits |= kits;
            document.pending = Some(pending);
        });
        let vault_key = self.state.vault.data_key;
        let mut item: Vec<Wrap> = match self.flaw {
            Flaw::NewWrapAlone => Vec::new(),
            _ => self.own().item.value.iter().copied().filter(|wrap| wrap.data_key == vault_key).collect(),
        };
        item.push(wrap);
        self.write_item(item);
        if self.flaw != Flaw::MarkFirst {
            self.note_time();
        }
        self.state.papers |= kits;
    }

    fn note_time(&mut self) {
        let machine = self.machine;
        self.write_vault(|document| {
            if let Some(pending) = &mut document.pending {
                pending.origins |= 1 << machine;
                pending.mark = Mark::Running;
            }
        });
    }

    /// A user who takes the risk, or a keychain that settles at once.
    fn finish_waiting(&mut self, password: Password) {
        if self.state.vault.pending.is_some() && self.holds_pending() {
            // Whoever takes the risk is not cut off in the same minutes: that is what the risk is.
            self.state.machines[self.machine].item.earlier.clear();
            self.move_vault(password);
        }
    }

    /// Steps c and d.
    fn move_vault(&mut self, password: Password) {
        let Some(pending) = self.state.vault.pending.clone() else { return };
        let opens = |wrap: &&Wrap| wrap.data_key == pending.data_key && wrap.password == password;
        if !self.own().item.value.iter().any(|wrap| opens(&wrap)) {
            // Under another password: left alone.
            return;
        }
        if self.flaw == Flaw::KeychainFirst {
            let kept = self.own().item.value.iter().copied().filter(|wrap| wrap.data_key == pending.data_key);
            let kept = kept.collect();
            self.write_item(kept);
        }
        // Every other kit ends with the write that follows, and the other machines need one from there on; both is
        // documented.
        self.state.papers &= pending.kits;
        for (index, machine) in self.state.machines.iter_mut().enumerate() {
            machine.enrolled &= index == self.machine;
        }
        let generation = self.state.vault.generation + 1;
        self.put_vault(generation, |document| {
            document.data_key = pending.data_key;
            document.kits = pending.kits;
            document.pending = None;
        });
        self.finish();
    }

    fn finish(&mut self) {
        self.sync();
        let key = self.state.vault.data_key;
        self.before();
        self.state.previous = None;
        self.after();
        let item = self.own().item.value.iter().copied().filter(|wrap| wrap.data_key == key).collect();
        self.write_item(item);
        self.write_anchor();
    }

    fn change_password(&mut self, old: Password, new: Password) {
        let Some(opened) = self.opened(old) else { return };
        let vault_key = self.state.vault.data_key;
        let pending = self.state.vault.pending.as_ref().map(|pending| pending.data_key);
        let before = pending.and_then(|key| {
            let mut wraps = self.own().item.value.iter().rev();
            wraps.find(|wrap| wrap.data_key == key && wrap.password == old).copied()
        });
        let wrap = self.fresh_wrap(vault_key, new);
        let next = before.map(|before| match self.flaw {
            Flaw::OldPasswordStays => before,
            _ => self.fresh_wrap(before.data_key, new),
        });
        let others: Vec<Wrap> = match before {
            Some(_) => Vec::new(),
            None => self.own().item.value.iter().copied().filter(|wrap| wrap.data_key != vault_key).collect(),
        };
        self.state.machines[self.machine].passwords |= 1 << new;
        if next.is_some() {
            let runs = self.state.vault.pending.as_ref().is_some_and(|pending| pending.mark != Mark::None);
            if runs {
                self.write_vault(|document| {
                    if let Some(pending) = &mut document.pending {
                        pending.mark = Mark::None;
                    }
                });
            }
        }
        let mut both = vec![opened, wrap];
        both.extend(&others);
        both.extend(before);
        both.extend(next.filter(|next| Some(*next) != before));
        self.write_item(both);
        let mut settled = vec![wrap];
        settled.extend(&others);
        settled.extend(next);
        self.write_item(settled);
        // Acknowledged: from here the new password must do, unless a power cut brings an earlier item back.
        self.state.machines[self.machine].passwords = 1 << new;
        if next.is_some() {
            self.note_time();
        }
    }

    fn recover(&mut self, kit: u8, password: Password) -> bool {
        if self.state.vault.kits & (1 << kit) == 0 || self.memory() == Memory::RolledBack {
            return false;
        }
        self.sync();
        let vault_key = self.state.vault.data_key;
        let wrap = self.fresh_wrap(vault_key, password);
        let pending = self.state.vault.pending.clone();
        let follows = pending.as_ref().is_some_and(|pending| pending.kits & (1 << kit) != 0);
        let next = match &pending {
            Some(pending) if follows => Some(self.fresh_wrap(pending.data_key, password)),
            _ => None,
        };
        match &pending {
            Some(_) if !follows => {
                self.write_vault(|document| document.pending = None);
            }
            Some(pending) if pending.mark != Mark::None => self.write_vault(|document| {
                if let Some(pending) = &mut document.pending {
                    pending.mark = Mark::None;
                }
            }),
            _ => {}
        }
        let goes = |key: DataKey| key == vault_key || pending.as_ref().is_some_and(|pending| pending.data_key == key);
        let mut item = vec![wrap];
        item.extend(self.own().item.value.iter().copied().filter(|wrap| !goes(wrap.data_key)));
        item.extend(next);
        self.state.machines[self.machine].passwords |= 1 << password;
        // From the item's write on; before it, this machine has what it had.
        self.state.machines[self.machine].enrolled = true;
        self.write_item(item);
        self.state.machines[self.machine].passwords = 1 << password;
        if next.is_some() {
            self.note_time();
        }
        self.write_anchor();
        true
    }

    fn accept(&mut self) {
        let anchor = self.own().anchor.value;
        let seen = anchor.filter(|anchor| anchor.data_key == self.state.vault.data_key);
        let generation = self.state.vault.generation.max(seen.map_or(0, |anchor| anchor.generation)) + 1;
        // `.prev` stays: what stood is set aside.
        let previous = self.state.previous.clone();
        self.put_vault(generation, |_| {});
        self.state.previous = previous;
        self.write_anchor();
        self.state.put_back = true;
    }

    fn restore(&mut self) -> bool {
        let Some(copy) = self.state.copy.clone() else { return false };
        let own = self.own();
        let opens = own
            .item
            .value
            .iter()
            .any(|wrap| wrap.data_key == copy.data_key && own.passwords & (1 << wrap.password) != 0);
        if !opens {
            return false;
        }
        let anchor = own.anchor.value.filter(|anchor| anchor.data_key == copy.data_key);
        let highest = self.state.vault.generation.max(anchor.map_or(0, |anchor| anchor.generation));
        let generation = highest.max(copy.generation) + 1;
        let previous = self.state.previous.clone();
        self.state.put_back = true;
        self.put_vault(generation, |document| {
            document.ancestors = copy.ancestors | (1 << copy.id);
            document.data_key = copy.data_key;
            document.content = copy.content;
            document.kits = copy.kits;
            document.pending = None;
        });
        self.state.previous = previous;
        self.write_anchor();
        true
    }
}
