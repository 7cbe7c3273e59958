//! Rotating the data key, so that older copies of the vault no longer open with today's keychain and password.
//!
//! The steps are those of docs/format.md, "Rotating the data key": the vault says that a rotation is under way, the
//! item gets a second wrap, and only when that has settled does the vault move, and the item after it. Whatever is
//! cut short, an unlock goes on with.

use super::anchor::Memory;
use super::wraps::{WrapNames, Wraps, new_wrap, unwrap_data_key};
use crate::crypto::kdf::{PEPPER_LEN, derive_kek};
use crate::crypto::secret::{DataKey, Kek, KitSecret, Password};
use crate::error::{Begun, Error, Refused, Subject};
use crate::format::item::Wrap;
use crate::format::scalar::FixedBase64;
use crate::format::vault::{self, Header, Moment, Part, Slot, UnderWay};
use crate::format::{DataKeyId, EnrolmentId};
use crate::store::{LockedStore, Replaced};
use crate::vault::contents::change::{Change, NextDataKey, apply};
use crate::vault::contents::keys::renew_keys;
use crate::vault::contents::kits::{self, NewKit};
use crate::vault::contents::logs;
use crate::vault::contents::unread::{check_renewable, check_slots};
use crate::vault::{CancelReason, Edges, Notice, Unlocked};

/// How long the keychain's item is given to reach the disk within one boot, in seconds.
pub const SETTLING_SECONDS: u64 = 20 * 60;

/// What becomes of the recovery kits when the data key rotates: every other one ends.
#[derive(Debug, Clone, Copy)]
pub enum NextKit<'k> {
    /// No kit opens the vault afterwards.
    None,
    /// This new one does, at once and afterwards.
    New(&'k NewKit),
    /// The kit of this code goes on.
    Keep(&'k KitSecret),
}

/// Whether a rotation may finish before the keychain's item has had its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// No: a power cut could bring the item's earlier value back, and the vault would have no key.
    InTime,
    /// Yes: the user takes that risk.
    Now,
}

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The vault is under the new data key, and the earlier one is gone from this computer.
    Settled,
    /// The keychain's item is given time; a later unlock finishes the rotation.
    Waits {
        /// How many seconds of the boot-time clock are left; `None` where the computer has to be restarted, or
        /// [`Settle::Now`] be given.
        left: Option<u64>,
    },
    /// Another computer is at it, or it was begun anew elsewhere: this computer has no part in it.
    Elsewhere,
}

/// The next data key, opened while a rotation is under way.
pub(in crate::vault) struct OpenedPending {
    pub(in crate::vault) id: DataKeyId,
    pub(in crate::vault) key: DataKey,
}

/// What is next in a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Step d: the vault has moved, and the item still holds earlier wraps.
    Finish,
    /// Step b': the item holds the next data key, and nobody has noted since when.
    NoteTime,
    Wait,
    /// Steps c and d.
    Move,
    /// Step a, with another data key: the keychain has lost this one.
    Restart,
    /// The same, but another rotation would end recovery kits.
    Cancel,
    /// Another computer's.
    Elsewhere,
}

impl Unlocked {
    /// Tells how far a rotation of the data key is; `None` where none is under way.
    #[must_use]
    pub fn rotation(&self) -> Option<Rotation> {
        let under_way = self.payload.under_way()?;
        match self.next_step() {
            Step::Elsewhere | Step::Restart | Step::Cancel => Some(Rotation::Elsewhere),
            _ => Some(Rotation::Waits { left: self.own_time(under_way).and_then(|since| self.left(since)) }),
        }
    }

    /// Tells whether this very unlock finished a rotation that was under way.
    #[must_use]
    pub fn finished_rotation(&self) -> bool {
        self.finished_rotation
    }

    /// Rotates the data key. `password` is the one that opened the vault, and stays the password.
    ///
    /// # Errors
    /// Those of a vault write; [`Unsupported::ReadOnly`](crate::error::Unsupported) also if the vault holds what this
    /// program cannot wrap anew; [`Error::WrongKit`] where a kit to keep is none; [`Refused::RotationUnderWay`] where
    /// another one has begun since this vault was unlocked; [`Begun::Rotation`] where the rotation is in the vault and
    /// goes on at a later unlock.
    pub fn rotate_data_key(&mut self, password: &Password, kit: NextKit<'_>) -> Result<Rotation, Error> {
        self.begin(password, kit, None)
    }

    /// Goes on with a rotation under way as far as `settle` allows.
    ///
    /// # Errors
    /// Those of a vault write and of the keychain; [`Error::WrongPassword`] where the next data key is under another
    /// password.
    pub fn settle_rotation(&mut self, password: &Password, settle: Settle) -> Result<Rotation, Error> {
        self.check_writable()?;
        match self.next_step() {
            Step::Nothing => return Ok(Rotation::Settled),
            Step::Finish => {
                self.finish_anew()?;
                return Ok(Rotation::Settled);
            }
            Step::Restart | Step::Cancel | Step::Elsewhere => return Ok(Rotation::Elsewhere),
            Step::NoteTime => self.note_time()?,
            Step::Wait | Step::Move => {}
        }
        if settle == Settle::InTime && !matches!(self.next_step(), Step::Move) {
            return Ok(self.rotation().unwrap_or(Rotation::Settled));
        }
        let pending = self.open_pending(password)?;
        let next = pending.ok_or(Error::WrongPassword { earlier_boot: false, vault_may_be_damaged: false })?;
        self.move_to(next)?;
        Ok(Rotation::Settled)
    }

    /// Tells whether this program can rotate the data key: wrap all of the payload anew, and every way in.
    ///
    /// # Errors
    /// [`Unsupported::ReadOnly`](crate::error::Unsupported).
    pub(in crate::vault) fn check_rotatable(&self) -> Result<(), Error> {
        check_renewable(&self.payload)?;
        check_slots(&self.header().slots)
    }

    /// Begins a rotation, with another change in the same write.
    pub(in crate::vault) fn begin(
        &mut self,
        password: &Password,
        kit: NextKit<'_>,
        change: Option<&Change<'_>>,
    ) -> Result<Rotation, Error> {
        self.check_writable()?;
        self.check_rotatable()?;
        let vault = self.id();
        let under_way = self.payload.next_data_key();
        let known = self.header().slots.clone();
        let mut pepper = [0; PEPPER_LEN];
        crate::crypto::random(&mut pepper)?;
        let (id, key) = (DataKeyId::generate()?, DataKey::generate()?);
        // Before the lock: Argon2 never runs under it.
        let names = WrapNames { vault, data_key: id, enrolment: self.enrolment() };
        let (wrap, kek) = new_wrap(&self.edges, names, &key, password, &pepper, self.kdf_cost())?;
        let slots = match kit {
            NextKit::None | NextKit::New(_) => Vec::new(),
            NextKit::Keep(secret) => {
                let header = self.header();
                let (slot, _) = kits::unwrap(&header.slots, vault, header.data_key, secret).ok_or(Error::WrongKit)?;
                vec![kits::wrap_for(&key, vault, id, slot.name(), slot.created, secret)?]
            }
        };
        let own = Part { id: self.enrolment(), since: None, others: Default::default() };
        let rotation = UnderWay {
            data_key: id,
            pepper: FixedBase64(pepper),
            slots,
            enrolments: vec![own],
            others: Default::default(),
        };
        let mut lock = self.lock()?;
        self.check_item_unchanged()?;
        self.revise(&mut *lock, |contents, editing| {
            check_renewable(&contents.payload)?;
            check_slots(&contents.slots)?;
            // One that began meanwhile has kits that somebody was told are good.
            if contents.payload.next_data_key() != under_way {
                return Err(Error::Refused(Refused::RotationUnderWay));
            }
            // Nor was anybody asked about a kit that was made meanwhile.
            if contents.slots.iter().any(|slot| !known.contains(slot)) {
                return Err(Error::Changed { what: Subject::Content("the list of recovery kits") });
            }
            change.map_or(Ok(()), |change| apply(contents, change, editing))?;
            apply(contents, &Change::RotationBegun(&rotation), editing)?;
            match kit {
                NextKit::None => Ok(()),
                // Good from now on, not only once the vault has moved.
                NextKit::New(kit) => {
                    let next = Some(NextDataKey { id, key: &key });
                    apply(contents, &Change::KitMade { kit, next }, editing)
                }
                // It may have been revoked while its code was typed.
                NextKit::Keep(secret) => {
                    let opened = kits::unwrap(&contents.slots, editing.vault, editing.data_key_id, secret);
                    opened.map(drop).ok_or(Error::WrongKit)
                }
            }
        })?;
        self.carry_on(&mut *lock, wrap, &kek).map_err(begun)?;
        drop(lock);
        if self.edges.keychain.settles_at_once() {
            return self.settle_rotation(password, Settle::InTime).map_err(begun);
        }
        Ok(self.rotation().unwrap_or(Rotation::Settled))
    }

    /// Steps b and b', once the vault names the next data key.
    fn carry_on(&mut self, lock: &mut dyn LockedStore, next: Wrap, kek: &Kek) -> Result<(), Error> {
        let vault = self.id();
        let items = self.edges.lock_items(vault)?;
        self.check_item_unchanged()?;
        self.put_item(Wraps::rotating(self.wrap().clone(), next), Some(kek))?;
        drop(items);
        self.edges.host.sync_disks();
        self.note_time_under(lock)
    }

    /// Goes on with whatever rotation an unlock finds. What cannot be done now is told, not failed with.
    pub(in crate::vault) fn go_on(&mut self, password: &Password) {
        // An item beside another cannot be written, and a vault that is not the one last seen must not be.
        if !self.alone || self.memory != Memory::Current || self.check_writable().is_err() {
            return;
        }
        let done = match self.next_step() {
            Step::Wait => return,
            Step::Nothing => {
                let own = self.document.header.data_key;
                if self.wraps.has_others(own) {
                    self.notices.push(Notice::OtherDataKey);
                }
                if let Some(vault::Rotation::Cancelled(cancelled)) = &self.payload.rotation {
                    self.notices.push(Notice::RotationCancelled(CancelReason::Earlier { since: cancelled.since }));
                }
                return;
            }
            Step::Elsewhere => {
                self.notices.push(Notice::RotationElsewhere);
                return;
            }
            Step::Finish => self.finish_anew().map(|()| true),
            Step::NoteTime => self.note_time().map(|()| false),
            Step::Move => match self.open_pending(password) {
                Ok(Some(next)) => self.move_to(next).map(|()| true),
                Ok(None) => Err(Error::WrongPassword { earlier_boot: false, vault_may_be_damaged: false }),
                Err(error) => Err(error),
            },
            Step::Cancel => self.give_up().map(|()| {
                self.notices.push(Notice::RotationCancelled(CancelReason::KeyLost));
                false
            }),
            Step::Restart => self.begin(password, NextKit::None, None).map(|rotation| {
                self.notices.push(Notice::RotationRestarted);
                rotation == Rotation::Settled
            }),
        };
        match done {
            Ok(finished) => {
                self.finished_rotation = finished;
                if finished {
                    self.notices.push(Notice::RotationFinished);
                }
            }
            Err(error) => self.notices.push(Notice::RotationStuck { reason: error.to_string() }),
        }
    }

    /// Takes away what the payload says of a rotation.
    fn give_up(&mut self) -> Result<(), Error> {
        let mut lock = self.lock()?;
        self.change_under(&mut *lock, &Change::RotationCancelled)?;
        // The keychain may have brought wraps of an earlier rotation back as well.
        if matches!(self.next_step(), Step::Finish) { self.finish(&mut *lock) } else { Ok(()) }
    }

    /// Opens the next data key with the password; `None` where no rotation is under way or no wrap of it opens.
    pub(in crate::vault) fn open_pending(&self, password: &Password) -> Result<Option<OpenedPending>, Error> {
        let Some(rotation) = self.payload.under_way() else { return Ok(None) };
        for wrap in self.wraps.of_key(rotation.data_key).rev() {
            let available = self.edges.host.available_memory();
            let kek = derive_kek(password, &rotation.pepper.0, &wrap.header.kdf, available)?;
            if let Some(key) = unwrap_data_key(wrap, &kek) {
                return Ok(Some(OpenedPending { id: rotation.data_key, key }));
            }
        }
        Ok(None)
    }

    /// Tells which step is next: the table of docs/format.md, section 8.1, row by row.
    fn next_step(&self) -> Step {
        let own = self.document.header.data_key;
        let Some(rotation) = self.payload.under_way() else {
            return match (self.wraps.has_others(own), self.wraps.newest_key() == Some(own)) {
                (true, true) => Step::Finish,
                // An older copy may stand here for a moment, and its user still needs the other wrap.
                (true, false) | (false, _) => Step::Nothing,
            };
        };
        let holds_next = self.wraps.of_key(rotation.data_key).next().is_some();
        let has_part = rotation.part(self.enrolment()).is_some();
        let left = self.own_time(rotation).map(|since| self.left(since));
        // A kit's secret is on paper alone: another rotation, without asking for it, would end the kit.
        let would_end_kits = !self.document.header.slots.is_empty();
        match (holds_next, has_part, left) {
            (true, _, None) => Step::NoteTime,
            (true, _, Some(Some(0))) => Step::Move,
            (true, _, Some(_)) => Step::Wait,
            (false, true, _) if would_end_kits => Step::Cancel,
            (false, true, _) => Step::Restart,
            (false, false, _) => Step::Elsewhere,
        }
    }

    /// Returns what gave this computer the wrap that opened the vault.
    pub(in crate::vault) fn enrolment(&self) -> EnrolmentId {
        self.wrap().header.enrolment
    }

    /// Returns since when this computer's item has been given time. Another computer's time says nothing of this one's
    /// keychain.
    fn own_time<'p>(&self, rotation: &'p UnderWay) -> Option<&'p Moment> {
        rotation.part(self.enrolment())?.since.as_ref()
    }

    /// Returns how many seconds are left until the item counts as settled; `None` where only another boot shows.
    fn left(&self, since: &Moment) -> Option<u64> {
        let Edges { keychain, host, .. } = &self.edges;
        if keychain.settles_at_once() {
            return Some(0);
        }
        let boot = host.boot();
        if boot.is_empty() || since.boot.is_empty() {
            return None;
        }
        if boot != since.boot {
            return Some(0);
        }
        let passed = host.boot_seconds()?.checked_sub(since.seconds)?;
        Some(SETTLING_SECONDS.saturating_sub(passed))
    }

    /// Notes since when the item is given time. The caller has seen the item as it was written.
    fn note_time(&mut self) -> Result<(), Error> {
        let mut lock = self.lock()?;
        self.check_item_unchanged()?;
        self.edges.host.sync_disks();
        self.note_time_under(&mut *lock)
    }

    pub(in crate::vault) fn note_time_under(&mut self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        let (boot, seconds) = (self.edges.host.boot(), self.edges.host.boot_seconds().unwrap_or_default());
        let since = Moment { boot, seconds, others: Default::default() };
        let changed = Error::Changed { what: Subject::Content("the rotation of the data key") };
        let data_key = self.payload.next_data_key().ok_or(changed)?;
        let enrolment = self.enrolment();
        self.change_under(lock, &Change::RotationTimed { data_key, enrolment, since: Some(&since) }).map(drop)
    }

    /// Takes this computer's note away, before its item is written anew: it must not move the vault on the strength of
    /// an item that is younger than the note.
    pub(in crate::vault) fn forget_time_under(&mut self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        let timed = self.payload.under_way().filter(|rotation| self.own_time(rotation).is_some());
        let Some(data_key) = timed.map(|rotation| rotation.data_key) else { return Ok(()) };
        let enrolment = self.enrolment();
        self.change_under(lock, &Change::RotationTimed { data_key, enrolment, since: None }).map(drop)
    }

    /// Writes the vault under the next data key, then drops the earlier wraps.
    fn move_to(&mut self, next: OpenedPending) -> Result<(), Error> {
        let mut lock = self.lock()?;
        self.reload()?;
        self.check_writable()?;
        // What settled is what was read when this vault was unlocked: it must still stand, note and all.
        self.check_item_unchanged()?;
        let still = !matches!(self.next_step(), Step::NoteTime);
        let rotation = self.payload.under_way().filter(|rotation| still && rotation.data_key == next.id);
        let rotation =
            rotation.cloned().ok_or(Error::Changed { what: Subject::Content("the rotation of the data key") })?;
        // A slot that a newer program has added since, without a part in the rotation, would end with it.
        let added = self.document.header.slots.iter().filter(|slot| {
            let kind = slot.kind();
            slot.as_kit().is_none() && !rotation.slots.iter().any(|next| next.kind() == kind)
        });
        check_slots(&added.cloned().collect::<Vec<_>>())?;
        let mut payload = self.payload.clone();
        payload.rotation = None;
        let vault = self.id();
        renew_keys(&mut payload, (vault, &self.data_key), (vault, &next.key))?;
        let now = self.edges.host.now();
        // Whoever had the earlier data key reads no entry that is written from now on.
        logs::push_key(&mut payload, vault, &next.key, now)?;
        let goes_on = |id| rotation.slots.iter().filter_map(Slot::as_kit).any(|kit| kit.id == id);
        for kit in payload.kits.iter_mut().filter(|kit| kit.ended.is_none() && !goes_on(kit.id)) {
            kit.ended = Some(now);
        }
        let old = &self.document.header;
        let header = Header {
            generation: self.generation_after(old.generation)?,
            data_key: next.id,
            pepper: rotation.pepper,
            slots: rotation.slots,
            ..old.clone()
        };
        // A vault under a key that the keychain may still lose would be a lost one; so this comes after the waiting,
        // and only after it may the earlier wraps go.
        self.commit(&mut *lock, header, payload, Some(next.key), &Replaced::BecomesPrevious)?;
        self.finish(&mut *lock)
    }

    /// Step d of a later run. Another process may have put another vault file in place since this one was read.
    fn finish_anew(&mut self) -> Result<(), Error> {
        let mut lock = self.lock()?;
        self.reload()?;
        self.check_writable()?;
        self.finish(&mut *lock)
    }

    /// Drops what belongs to an earlier data key: its wraps, and the previous vault file, in whose place a second copy
    /// of the vault file goes.
    fn finish(&mut self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        let failed = |error| Error::from_store(&self.edges.store.place(), error);
        lock.sync().map_err(failed)?;
        self.check_item_unchanged()?;
        // Both before the item: as long as that holds earlier wraps, a crash here is gone on from.
        self.remember_written();
        self.write_second_copy(lock)?;
        let own = self.document.header.data_key;
        let vault = self.id();
        let _items = self.edges.lock_items(vault)?;
        self.check_item_unchanged()?;
        self.put_item(self.wraps.rotated(own), None)
    }
}

fn begun(cause: Error) -> Error {
    cause.after(Begun::Rotation)
}
