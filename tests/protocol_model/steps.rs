//! The steps of docs/format.md sections 7 and 8, in the order in which the product takes them.

use crate::run::{Done, Kits, Memory, Run, Stop};
use crate::state::{Item, MACHINES, Mark, NO_PENDING, NONE, Pending, Wrap};

/// What an unlock finds of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Unfinished,
    NotTimed,
    Waiting,
    Settled,
    Lost,
    Elsewhere,
}

impl Run {
    fn find(&self) -> Found {
        let pending = self.doc.pending;
        let own = self.known_by();
        let known = if self.variant.known_by_wrap {
            pending.wraps & own.1 != 0
        } else {
            pending.origins & own.0 != 0 || self.variant.takes_over
        };
        if pending.key == NONE {
            let others = self.item.wraps().any(|wrap| wrap.key != self.doc.key);
            let last = self.item.last_key() == self.doc.key || self.variant.drops_strangers;
            return if others && last { Found::Unfinished } else { Found::Nothing };
        }
        if self.item.holds(pending.key) {
            if !known && !self.variant.others_note_counts {
                return Found::Elsewhere;
            }
            return match pending.mark {
                Mark::None => Found::NotTimed,
                mark if self.settled(mark) => Found::Settled,
                _ => Found::Waiting,
            };
        }
        if known { Found::Lost } else { Found::Elsewhere }
    }

    /// What a rotation remembers this machine by: itself, and the wrap that opened the vault.
    fn known_by(&self) -> (u8, u8) {
        (1 << self.m, 1 << (self.m * 4 + usize::from(self.password)))
    }

    /// Goes on with whatever rotation an unlock finds.
    pub fn go_on(&mut self) -> Done {
        if self.memory != Memory::Current || self.variant.never_goes_on {
            return Ok(());
        }
        self.went_on = true;
        match self.find() {
            Found::Nothing | Found::Waiting | Found::Elsewhere => Ok(()),
            Found::Unfinished => self.finish_anew(),
            Found::NotTimed => self.note_time(),
            Found::Settled => self.move_vault(),
            Found::Lost if self.doc.kits != 0 && !self.variant.ends_kits_unasked => {
                self.lock()?;
                self.revise(|doc| doc.pending = NO_PENDING)?;
                if self.find() == Found::Unfinished { self.finish() } else { Ok(()) }
            }
            Found::Lost => self.begin(Kits::None, 0, true),
        }
    }

    pub fn rotate(&mut self, kits: Kits, now: bool) -> Done {
        self.check_writable()?;
        // On another machine than the one that rotates, `--anew` begins anew.
        if self.doc.pending.key != NONE && self.find() != Found::Elsewhere {
            if now {
                return self.settle_rotation(true);
            }
            return Err(Stop::Refused);
        }
        self.begin(kits, 0, false)?;
        if now { self.settle_rotation(true) } else { Ok(()) }
    }

    /// Steps a, b and b'.
    pub fn begin(&mut self, kits: Kits, edit: u8, unasked: bool) -> Done {
        self.check_writable()?;
        let mut kit = 0;
        match kits {
            Kits::None => {}
            Kits::New => {
                kit = 1 << self.state.next_kit;
                self.state.next_kit += 1;
            }
            Kits::Keep(number) => kit = 1 << number,
        }
        let (origins, wraps) = self.known_by();
        self.lock()?;
        self.check_item()?;
        // Numbered here, where another process's data key is known; it was generated before the lock.
        let key = self.state.fresh_key(self.held);
        let mark = if self.variant.mark_first { Mark::Running(self.m as u8) } else { Mark::None };
        self.revise(|doc| {
            doc.content |= edit;
            doc.kits |= kit;
            doc.pending = Pending { key, kits: kit, origins, wraps, mark, unasked };
        })?;
        let own = self.doc.key;
        let typed = self.password;
        let keeps = |wrap: &Wrap| wrap.key == own && (wrap.password == typed || self.variant.keeps_both_passwords);
        let kept: Vec<Wrap> = self.item.wraps().filter(keeps).filter(|_| !self.variant.new_wrap_alone).collect();
        // Whoever rotates shuts other copies out.
        self.state.aside = NONE;
        self.write_item(kept.into_iter().chain([Wrap { key, password: typed }]))?;
        self.state.machines[self.m].passwords &= self.item.passwords(self.doc.key);
        if !self.variant.mark_first {
            self.sync();
            self.note_time_under()?;
        }
        self.state.papers |= kit;
        if self.at_once() { self.settle_rotation(false) } else { Ok(()) }
    }

    /// Goes on with a rotation under way; `now`: the user takes the risk of not waiting.
    fn settle_rotation(&mut self, now: bool) -> Done {
        self.check_writable()?;
        match self.find() {
            Found::Nothing | Found::Lost | Found::Elsewhere => return Ok(()),
            Found::Unfinished => {
                return self.finish_anew();
            }
            Found::NotTimed => self.note_time()?,
            Found::Waiting | Found::Settled => {}
        }
        if !now && self.find() != Found::Settled {
            return Ok(());
        }
        if now {
            // Whoever takes the risk is not cut off in the same minutes: that is what the risk is.
            self.state.machines[self.m].item.settle();
        }
        self.move_vault()
    }

    /// Step b' of a later unlock.
    fn note_time(&mut self) -> Done {
        self.lock()?;
        self.check_item()?;
        self.sync();
        self.note_time_under()
    }

    fn note_time_under(&mut self) -> Done {
        let (origins, wraps) = self.known_by();
        let (key, mark) = (self.doc.pending.key, Mark::Running(self.m as u8));
        self.reload()?;
        if self.doc.pending.key != key || key == NONE {
            return Err(Stop::Refused);
        }
        let joins = self.variant.others_note_counts;
        self.revise(|doc| {
            // Whoever notes the time waits for its own keychain: the rotation is its own from here on.
            doc.pending.origins = if joins { doc.pending.origins | origins } else { origins };
            doc.pending.wraps |= wraps;
            doc.pending.mark = mark;
        })
    }

    /// Steps c and d.
    fn move_vault(&mut self) -> Done {
        let next = self.doc.pending.key;
        if !self.item.opens(next, self.password) {
            return Err(Stop::Refused);
        }
        self.lock()?;
        self.reload()?;
        self.check_writable()?;
        self.check_item()?;
        let still = self.doc.pending.key == next && self.doc.pending.mark != Mark::None;
        if !still {
            return Err(Stop::Refused);
        }
        if self.variant.keychain_first {
            let kept: Vec<Wrap> = self.item.wraps().filter(|wrap| wrap.key == next).collect();
            self.write_item(kept)?;
        }
        let mut doc = self.doc;
        let pending = doc.pending;
        if !pending.unasked {
            // Every other kit ends here, and the other machines need one from here on; both are documented.
            self.state.papers &= pending.kits;
        }
        doc.key = next;
        doc.stale = if self.variant.stale_kits { doc.kits & !pending.kits } else { 0 };
        doc.kits = pending.kits | doc.stale;
        doc.pending = NO_PENDING;
        self.commit(doc, true, false)?;
        self.finish()
    }

    /// Step d of a later run.
    fn finish_anew(&mut self) -> Done {
        self.lock()?;
        if !self.variant.finishes_unchecked {
            self.reload()?;
            self.check_writable()?;
        }
        self.finish()
    }

    /// Step d. The caller holds the lock.
    fn finish(&mut self) -> Done {
        if !self.variant.rename_not_synced {
            self.sync();
        }
        self.check_item()?;
        if !self.variant.previous_stays && !self.variant.previous_last {
            self.remove_previous();
        }
        let key = self.doc.key;
        let kept: Vec<Wrap> = self.item.wraps().filter(|wrap| wrap.key == key).collect();
        self.write_item(kept)?;
        if self.variant.previous_last {
            self.remove_previous();
        }
        self.write_anchor();
        self.state.clean = true;
        Ok(())
    }

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
        let wrap = |key, password| Wrap { key, password };
        let next = follows.then(|| wrap(pending, if self.variant.old_password_stays { old } else { new }));
        let before = follows.then(|| wrap(pending, old)).filter(|before| Some(*before) != next);
        let both: Vec<Wrap> =
            [wrap(key, old), wrap(key, new)].into_iter().chain(others.clone()).chain(before).chain(next).collect();
        if Item::of(both.clone()).is_none() {
            return Err(Stop::Refused);
        }
        if follows && self.doc.pending.mark != Mark::None {
            self.revise(|doc| doc.pending.mark = Mark::None)?;
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

    /// Opens the vault with a kit, and gives this machine an item of its own.
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
                Some(_) if self.doc.pending.mark != Mark::None => {
                    self.revise(|doc| doc.pending.mark = Mark::None)?;
                }
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
        let wrap = |key| Wrap { key, password };
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

    /// Takes an older or forked vault for good.
    pub fn accept(&mut self) -> Done {
        self.lock()?;
        self.reload()?;
        if self.memory != Memory::RolledBack {
            return Err(Stop::Refused);
        }
        self.taken_as_it_is(self.doc.content, self.doc.kits);
        self.commit(self.doc, false, true)?;
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

    /// Puts the copy in the vault file's place.
    pub fn restore(&mut self) -> Done {
        let Some(copy) = self.state.copy else { return Err(Stop::Refused) };
        let standing = self.state.vault.id;
        self.doc = copy;
        self.item = self.state.machines[self.m].item.value;
        if !self.item.opens(copy.key, self.password) {
            return Err(Stop::Refused);
        }
        self.lock()?;
        if !self.variant.restores_unchecked {
            self.check_item()?;
        }
        if self.state.vault.id != standing {
            return Err(Stop::Refused);
        }
        self.taken_as_it_is(copy.content, copy.kits);
        if copy.key != self.state.vault.key {
            self.state.aside = self.state.vault.key;
        }
        let mut doc = copy;
        doc.pending = NO_PENDING;
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
        if self.doc.pending.key != NONE || other.pending.key != NONE {
            return Err(Stop::Refused);
        }
        let anchor = self.state.machines[self.m].anchor.value;
        if self.memory == Memory::RolledBack && !(anchor.key == other.key && other.knows(anchor.id)) {
            return Err(Stop::Refused);
        }
        let mut doc = self.doc;
        doc.content = if self.variant.merge_drops { other.content } else { doc.content | other.content };
        doc.kits |= other.kits;
        doc.ancestors |= other.ancestors | 1 << other.id;
        self.commit(doc, true, false)?;
        self.write_anchor();
        self.state.acknowledged |= self.doc.content | other.content;
        Ok(())
    }
}
