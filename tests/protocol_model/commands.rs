//! What users do: the writes of docs/format.md, sections 6 to 8, in their order.

use super::keychain::{Item, Wrap};
use super::run::{Action, Done, Kits, Memory, Run, Stop};
use super::state::{Agent, DESTROYED, MACHINES, NO_PENDING, NONE, Pending};

impl Run {
    /// Carries the action out.
    pub fn act(&mut self, action: Action) -> Done {
        match action {
            Action::Recover(kit, password) => self.recover(kit, password)?,
            Action::Restore => self.restore()?,
            Action::AskAgent => return self.ask_agent(),
            Action::AgentChange => return self.agent_change(),
            _ => {
                self.unlock()?;
                self.act_unlocked(action)?;
            }
        }
        self.report()
    }

    fn act_unlocked(&mut self, action: Action) -> Done {
        match action {
            Action::Unlock | Action::Recover(..) | Action::Restore | Action::AskAgent | Action::AgentChange => {}
            Action::Keep => {
                if self.memory != Memory::Current {
                    return Err(Stop::Refused);
                }
                self.state.machines[self.m].agent = Some(Agent { id: self.doc.id, key: self.doc.key });
            }
            Action::Accept => self.accept()?,
            Action::Merge => self.merge()?,
            Action::Change => {
                self.check_writable()?;
                self.lock()?;
                let change = 1 << self.state.next_change;
                self.state.next_change += 1;
                self.revise(|doc| doc.content |= change)?;
                self.state.acknowledged |= change;
            }
            Action::ChangePassword(new) => self.change_password(new)?,
            Action::Rotate(kits, now) => self.rotate(kits, now)?,
            Action::Destroy => {
                if self.doc.content & DESTROYED != 0 {
                    return Err(Stop::Refused);
                }
                self.begin(Kits::None, DESTROYED, false)?;
                self.state.acknowledged |= DESTROYED;
            }
            Action::NewKit => self.add_kit()?,
        }
        Ok(())
    }

    /// What is read through the agent, and sealed under its keys: the record of this computer is compared before that.
    fn ask_agent(&mut self) -> Done {
        self.follow()?;
        // Others may come.
        self.lock()?;
        self.follow()?;
        if self.compare(&self.doc) == Memory::RolledBack && !self.variant.agent_takes_anything {
            return self.end_agent();
        }
        self.no_older(&self.doc)
    }

    /// A write by the agent: the whole protocol, with the data key in memory and no password.
    fn agent_change(&mut self) -> Done {
        self.follow()?;
        self.item = self.state.machines[self.m].item.value;
        self.lock()?;
        self.follow()?;
        self.memory = self.compare(&self.doc);
        if self.memory == Memory::RolledBack {
            if !self.variant.agent_takes_anything {
                return self.end_agent();
            }
            self.memory = Memory::Current;
        }
        let change = 1 << self.state.next_change;
        self.state.next_change += 1;
        let mut doc = self.doc;
        doc.content |= change;
        self.commit(doc, true, false)?;
        self.write_anchor();
        self.state.machines[self.m].agent = Some(Agent { id: self.doc.id, key: self.doc.key });
        self.state.acknowledged |= change;
        Ok(())
    }

    /// Reads vault and item, opens the payload, compares it with the anchor, and goes on with a rotation.
    pub fn unlock(&mut self) -> Done {
        self.doc = self.state.vault;
        self.item = self.state.machines[self.m].item.value;
        if !self.item.opens(self.doc.key, self.password) {
            return Err(Stop::Refused);
        }
        // Argon2 comes here; others may come meanwhile.
        self.lock()?;
        self.memory = self.compare(&self.doc);
        if self.memory != Memory::Current {
            // The anchor before the vault.
            self.reload()?;
        }
        if matches!(self.memory, Memory::Behind | Memory::Missing) {
            self.lock()?;
            self.reload()?;
            if matches!(self.memory, Memory::Behind | Memory::Missing) {
                self.no_older(&self.doc)?;
                if !self.variant.adopts_unsynced {
                    self.sync();
                }
                if self.state.vault.by_hand {
                    self.taken_for_true();
                }
                self.write_anchor();
                self.memory = Memory::Current;
            }
        }
        let seen = self.state.machines[self.m].seen;
        if self.memory == Memory::RolledBack && self.doc.knows(seen) {
            return Err(Stop::Broken("I6: an alarm, though the vault descends from what was seen here"));
        }
        match self.go_on() {
            // What cannot be done now is told, not failed with.
            Err(Stop::Refused) => {
                self.went_on = false;
                Ok(())
            }
            other => other,
        }
    }

    /// What the user takes from a run that went well, held against what is there: I3.
    fn report(&mut self) -> Done {
        // Another process may have come since; what it did is its own report's.
        let untouched = self.state.vault.id == self.doc.id && self.state.machines[self.m].item.value == self.item;
        if self.memory != Memory::Current || !untouched {
            return Ok(());
        }
        let own = &mut self.state.machines[self.m];
        own.seen = self.doc.id;
        if !self.went_on || self.doc.pending.key != NONE || self.item.last_key() != self.doc.key {
            return Ok(());
        }
        self.state.machines[self.m].fell = false;
        if self.item.wraps().any(|wrap| wrap.key != self.doc.key) {
            return Err(Stop::Broken("I3: a wrap of an earlier data key is left by a run that reported no rotation"));
        }
        self.state.machines[self.m].retired = self.state.live_keys() & !(1 << self.doc.key);
        Ok(())
    }

    /// Both wraps, then the new one alone; with those of the next data key while a rotation is under way.
    pub fn change_password(&mut self, new: u8) -> Done {
        self.check_writable()?;
        let old = self.password;
        let (key, pending) = (self.doc.key, self.doc.pending.key);
        let follows = pending != NONE && self.item.opens(pending, old);
        self.lock()?;
        self.check_item()?;
        if !self.variant.password_of_unsynced {
            self.reload()?;
            self.check_writable()?;
            if self.doc.pending.key != pending {
                return Err(Stop::Refused);
            }
            self.sync();
        }
        let foreign = |wrap: &Wrap| wrap.key != key && !follows;
        let others: Vec<Wrap> = self.item.wraps().filter(foreign).collect();
        let enrolment = (self.enrolment() % 4) as u8;
        let wrap = |key, password| Wrap { key, password, enrolment };
        let next = follows.then(|| wrap(pending, if self.variant.old_password_stays { old } else { new }));
        let before = follows.then(|| wrap(pending, old)).filter(|before| Some(*before) != next);
        let both: Vec<Wrap> =
            [wrap(key, old), wrap(key, new)].into_iter().chain(others.clone()).chain(before).chain(next).collect();
        if Item::of(both.clone()).is_none() {
            return Err(Stop::Refused);
        }
        if follows {
            self.forget_time()?;
        }
        self.setting = Some(new);
        self.write_item(both)?;
        self.write_item(std::iter::once(wrap(key, new)).chain(others).chain(next))?;
        // Acknowledged: the new one must do from here on, unless a power cut brings an earlier item back.
        self.state.machines[self.m].passwords = 1 << new;
        self.password = new;
        if follows {
            self.sync();
            return self.note_time_under();
        }
        Ok(())
    }

    /// Makes a kit good: during a rotation, for both data keys.
    pub fn add_kit(&mut self) -> Done {
        self.check_writable()?;
        let pending = self.doc.pending.key;
        let opened = pending != NONE && self.item.opens(pending, self.password);
        self.lock()?;
        self.reload()?;
        if self.doc.pending.key != NONE
            && !(opened && self.doc.pending.key == pending)
            && !self.variant.adds_ending_kits
        {
            return Err(Stop::Refused);
        }
        let kit = 1 << self.state.next_kit;
        self.state.next_kit += 1;
        self.revise(|doc| {
            doc.kits |= kit;
            if opened && doc.pending.key == pending {
                doc.pending.kits |= kit;
            }
        })?;
        self.state.papers |= kit;
        Ok(())
    }

    /// Opens the vault with a kit, and gives this computer an item of its own.
    pub fn recover(&mut self, kit: u8, password: u8) -> Done {
        self.doc = self.state.vault;
        if self.doc.kits & !self.doc.stale & 1 << kit == 0 {
            return Err(Stop::Refused);
        }
        let pending = self.doc.pending;
        let next = (pending.key != NONE && pending.kits >> kit & 1 == 1).then_some(pending.key);
        self.password = password;
        self.lock()?;
        self.item = self.state.machines[self.m].item.value;
        self.reload()?;
        self.check_writable()?;
        self.no_older(&self.doc)?;
        if !self.variant.adopts_unsynced {
            self.sync();
        }
        let (key, under_way) = (self.doc.key, self.doc.pending.key);
        let next = next.filter(|next| *next == under_way || self.variant.recovers_stale_key);
        if under_way != NONE {
            match next {
                None if self.variant.recovers_over_pending => {}
                None => self.revise(|doc| doc.pending = NO_PENDING)?,
                Some(_) => {}
            }
        }
        let stays = self.variant.recovers_over_pending && next.is_none();
        let goes = |wrap: &Wrap| wrap.key == key || wrap.key == under_way && !stays;
        if self.state.aside == under_way {
            self.state.aside = NONE;
        }
        self.setting = Some(password);
        let others: Vec<Wrap> = self.item.wraps().filter(|wrap| !goes(wrap)).collect();
        let enrolment = self.state.fresh_enrolment(self.m);
        let wrap = |key| Wrap { key, password, enrolment };
        self.write_item([wrap(key)].into_iter().chain(others).chain(next.map(wrap)))?;
        let own = &mut self.state.machines[self.m];
        own.passwords = 1 << password;
        own.retired &= !(1 << key);
        if next.is_some() {
            self.sync();
            self.note_time_under()?;
        }
        self.write_anchor();
        self.memory = Memory::Current;
        Ok(())
    }

    /// Takes an older or diverged vault for good.
    pub fn accept(&mut self) -> Done {
        self.lock()?;
        self.reload()?;
        if self.memory != Memory::RolledBack {
            return Err(Stop::Refused);
        }
        self.taken_as_it_is(self.doc.content, self.doc.kits);
        let mut doc = self.doc;
        doc.pending = doc.pending.without_marks();
        self.commit(doc, false, true)?;
        self.write_anchor();
        Ok(())
    }

    /// Ghost: the user has chosen a vault that may lack things.
    fn taken_as_it_is(&mut self, content: u8, kits: u8) {
        self.state.acknowledged &= content;
        self.state.papers &= kits;
        self.state.clean = false;
        let key = self.doc.key;
        for machine in 0..MACHINES {
            self.state.machines[machine].retired &= !(1 << key);
        }
    }

    /// Puts the copy in the vault file's place; what stood is set aside.
    pub fn restore(&mut self) -> Done {
        let Some(copy) = self.state.copy else { return Err(Stop::Refused) };
        let standing = self.state.vault;
        self.doc = copy;
        self.item = self.state.machines[self.m].item.value;
        if !self.item.opens(copy.key, self.password) {
            return Err(Stop::Refused);
        }
        self.lock()?;
        if !self.variant.restores_unchecked {
            self.check_item()?;
        }
        if self.state.vault.id != standing.id {
            return Err(Stop::Refused);
        }
        let mut doc = copy;
        doc.pending = NO_PENDING;
        if copy.key == standing.key {
            // Orders once given stay in force.
            doc.content |= standing.content & DESTROYED;
            doc.kits |= standing.kits;
            doc.pending = standing.pending.without_marks();
        } else {
            self.state.aside = standing.key;
        }
        self.taken_as_it_is(doc.content, doc.kits);
        self.commit(doc, false, true)?;
        self.write_anchor();
        Ok(())
    }

    /// Unites the vault with the copy: two files of one vault that were changed apart.
    pub fn merge(&mut self) -> Done {
        self.lock()?;
        self.reload()?;
        let Some(other) = self.state.copy.filter(|other| other.key == self.doc.key) else {
            return Err(Stop::Refused);
        };
        if other.pending.key != NONE && other.pending.key != self.doc.pending.key {
            return Err(Stop::Refused);
        }
        let anchor = self.state.machines[self.m].anchor.value;
        if self.memory == Memory::RolledBack && !other.knows(anchor.id) {
            return Err(Stop::Refused);
        }
        let mut doc = self.doc;
        doc.content = if self.variant.merge_drops { other.content } else { doc.content | other.content };
        doc.kits |= other.kits;
        if doc.pending.key != NONE {
            // Whoever merges is told which kits it ends.
            doc.pending = Pending { asked: doc.kits, ..doc.pending.without_marks() };
            if other.pending.key != NONE {
                doc.pending.kits |= other.pending.kits;
                doc.pending.parts |= other.pending.parts;
                doc.pending.wraps |= other.pending.wraps;
            }
        }
        doc.ancestors |= other.ancestors | 1 << other.id;
        self.commit(doc, true, false)?;
        self.write_anchor();
        self.state.acknowledged |= self.doc.content | other.content;
        Ok(())
    }
}
