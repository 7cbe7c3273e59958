//! The rotation of the data key: the steps of docs/format.md, section 8.1, in the order in which they are written.

use super::keychain::Wrap;
use super::run::{Done, Kits, Memory, Run, Stop};
use super::state::{ENROLMENTS, MACHINES, Mark, NO_PENDING, NONE, Pending};

/// What an unlock finds of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The vault has moved and the item still holds earlier wraps.
    Unfinished,
    /// The second wrap is there; this computer has not noted since when.
    NotTimed,
    Waiting,
    Settled,
    /// The second wrap is not there, though this computer has a part in the rotation.
    Lost,
    /// This computer has no part in it.
    Elsewhere,
}

impl Run {
    /// Tells what there is to go on with.
    fn find(&self) -> Found {
        let pending = self.doc.pending;
        let own = self.known_by();
        let known = if self.variant.known_by_wrap {
            pending.wraps & own.1 != 0
        } else {
            pending.parts & own.0 != 0 || self.variant.takes_over
        };
        if pending.key == NONE {
            let others = self.item.wraps().any(|wrap| wrap.key != self.doc.key);
            let last = self.item.last_key() == self.doc.key || self.variant.drops_strangers;
            return if others && last { Found::Unfinished } else { Found::Nothing };
        }
        if self.item.holds(pending.key) {
            return match self.mark() {
                Mark::None => Found::NotTimed,
                _ if self.settled() => Found::Settled,
                _ => Found::Waiting,
            };
        }
        if known { Found::Lost } else { Found::Elsewhere }
    }

    /// What a rotation may remember this computer by: its enrolment, or the wrap that opened the vault.
    fn known_by(&self) -> (u8, u8) {
        (1 << self.enrolment(), 1 << (self.m * 4 + usize::from(self.password)))
    }

    /// Goes on with whatever rotation an unlock finds.
    pub fn go_on(&mut self) -> Done {
        if self.memory != Memory::Current || self.variant.never_goes_on {
            return Ok(());
        }
        self.went_on = true;
        let found = self.find();
        if found == Found::Lost && self.is_under_way_elsewhere() {
            return Err(Stop::Broken("I5: a rotation that another computer goes on with is taken away unasked"));
        }
        match found {
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

    /// Ghost: this computer never had a part in the rotation, and one that has can end it.
    fn is_under_way_elsewhere(&self) -> bool {
        let Pending { key, parts, .. } = self.doc.pending;
        let ends = |machine: usize| self.state.opens(machine) && self.state.machines[machine].item.value.holds(key);
        parts >> (self.m * 4) & 15 == 0 && (0..MACHINES).any(|machine| machine != self.m && ends(machine))
    }

    /// Begins a rotation, or goes on with it where the user takes the risk of not waiting.
    pub fn rotate(&mut self, kits: Kits, now: bool) -> Done {
        self.check_writable()?;
        // On another computer than the one that rotates, `--anew` begins anew.
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
        let (parts, wraps) = self.known_by();
        let (under_way, known) = (self.doc.pending.key, self.doc.kits);
        self.lock()?;
        self.check_item()?;
        self.reload()?;
        if self.doc.pending.key != under_way {
            return Err(Stop::Refused);
        }
        if self.doc.kits & !known != 0 && !self.variant.ends_unknown_kits {
            return Err(Stop::Refused);
        }
        let asked = if unasked { 0 } else { known };
        // Numbered here, where another process's data key is known; it was generated before the lock.
        let key = self.state.fresh_key(self.held);
        let mut marks = [Mark::None; ENROLMENTS];
        let own_place = self.enrolment();
        if self.variant.mark_first {
            marks[own_place] = Mark::Running;
        }
        self.revise(|doc| {
            doc.content |= edit;
            doc.kits |= kit;
            doc.pending = Pending { key, kits: kit, parts, wraps, marks, asked };
        })?;
        let own = self.doc.key;
        let typed = self.password;
        let keeps = |wrap: &Wrap| wrap.key == own && (wrap.password == typed || self.variant.keeps_both_passwords);
        let kept: Vec<Wrap> = self.item.wraps().filter(keeps).filter(|_| !self.variant.new_wrap_alone).collect();
        // Whoever rotates shuts other copies out.
        self.state.aside = NONE;
        self.write_item(kept.into_iter().chain([Wrap { key, password: typed, enrolment: (own_place % 4) as u8 }]))?;
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
            Found::Unfinished => return self.finish_anew(),
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

    /// Notes since when this computer's item is given time. The caller holds the lock.
    pub fn note_time_under(&mut self) -> Done {
        let (parts, wraps) = self.known_by();
        let key = self.doc.pending.key;
        self.reload()?;
        if self.doc.pending.key != key || key == NONE {
            return Err(Stop::Refused);
        }
        let (own, only_one) = (self.enrolment(), self.variant.others_note_counts);
        self.revise(|doc| {
            doc.pending.parts |= parts;
            doc.pending.wraps |= wraps;
            if only_one {
                doc.pending.marks = [Mark::None; ENROLMENTS];
            }
            doc.pending.marks[own] = Mark::Running;
        })
    }

    /// Takes the note away, before the item is written anew.
    pub fn forget_time(&mut self) -> Done {
        if self.mark() == Mark::None {
            return Ok(());
        }
        let (own, only_one) = (self.enrolment(), self.variant.others_note_counts);
        self.revise(|doc| {
            if only_one {
                doc.pending.marks = [Mark::None; ENROLMENTS];
            }
            doc.pending.marks[own] = Mark::None;
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
        let still = self.doc.pending.key == next && self.mark() != Mark::None;
        if !still {
            return Err(Stop::Refused);
        }
        if self.variant.keychain_first {
            let kept: Vec<Wrap> = self.item.wraps().filter(|wrap| wrap.key == next).collect();
            self.write_item(kept)?;
        }
        let mut doc = self.doc;
        let pending = doc.pending;
        // Every other kit ends here, and the other computers need one from here on; both are documented.
        self.state.papers &= pending.kits | !pending.asked;
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
        self.write_anchor();
        if !self.variant.previous_stays && !self.variant.previous_last {
            self.write_second_copy();
        }
        let key = self.doc.key;
        let kept: Vec<Wrap> = self.item.wraps().filter(|wrap| wrap.key == key).collect();
        self.write_item(kept)?;
        if self.variant.previous_last {
            self.write_second_copy();
        }
        self.state.clean = true;
        Ok(())
    }
}
