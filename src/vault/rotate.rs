//! Rotating the data key, so that older copies of the vault no longer open with today's keychain and password.
//!
//! The steps are those of docs/format.md, "Rotating the data key": the vault says that a rotation is under way, the
//! item gets a second wrap, and only when that has settled does the vault move, and the item after it. Whatever is
//! cut short, an unlock goes on with.

use super::anchor::Memory;
use super::change::{Draft, Editing};
use super::create::{new_wrap, write_item, write_item_again};
use super::project::renew_keys;
use super::unlock::unwrap_data_key;
use super::unread::check_renewable;
use super::{Edges, Notice, Unlocked, kits};
use crate::crypto::hmac::sha256;
use crate::crypto::kdf::{PEPPER_LEN, derive_kek};
use crate::crypto::secret::{DataKey, Kek, KitSecret, Password};
use crate::error::Error;
use crate::format::item::{DataKeyItem, Wrap};
use crate::format::scalar::FixedBase64;
use crate::format::vault::{Header, Payload, Pending, RecoveryWrap, Settling};
use crate::format::{DataKeyId, Timestamp, label};
use crate::store::{LockedStore, Replaced};
use crate::vault::kits::NewKit;

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
    /// The vault is under the new data key, and the earlier one is gone from this machine.
    Settled,
    /// The keychain's item is given time; a later unlock finishes the rotation.
    Waits {
        /// How many seconds of the boot-time clock are left; `None` where the machine has to be restarted, or
        /// [`Settle::Now`] be given.
        left: Option<u64>,
    },
    /// Another machine is at it, or it was begun anew elsewhere: this machine has no part in it.
    Elsewhere,
}

/// The next data key, opened while a rotation is under way.
pub(super) struct OpenedPending {
    pub(super) id: DataKeyId,
    pub(super) key: DataKey,
}

/// What an unlock finds of a rotation.
enum Found {
    Nothing,
    /// The vault has moved and the item still holds earlier wraps.
    Unfinished,
    /// The second wrap is there; nobody has noted since when.
    NotTimed,
    Waiting,
    Settled,
    /// The second wrap is not there, though it was this machine that began.
    Lost,
    Elsewhere,
}

impl<'v> Unlocked<'v> {
    /// Tells how far a rotation of the data key is; `None` where none is under way.
    #[must_use]
    pub fn rotation(&self) -> Option<Rotation> {
        let pending = self.payload.pending.as_ref()?;
        match self.find_rotation() {
            Found::Elsewhere | Found::Lost => Some(Rotation::Elsewhere),
            _ => Some(Rotation::Waits { left: self.own_note(pending).and_then(|since| self.left(since)) }),
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
    /// Those of a vault write; [`Error::ReadOnly`] also if the vault holds what this program cannot wrap anew;
    /// [`Error::WrongKit`] where a kit to keep is none, [`Error::KitDoubled`] where
    /// another has its number; [`Error::RotationUnderWay`] where
    /// another one has begun since this vault was unlocked; [`Error::RotationBegun`] where the rotation is in the vault
    /// and goes on at a later unlock.
    pub fn rotate_data_key(&mut self, password: &Password, kit: NextKit<'_>) -> Result<Rotation, Error> {
        self.begin(password, kit, |_, _| Ok(()))
    }

    /// Goes on with a rotation under way as far as `settle` allows.
    ///
    /// # Errors
    /// Those of a vault write and of the keychain; [`Error::WrongPassword`] where the next data key is under another
    /// password.
    pub fn settle_rotation(&mut self, password: &Password, settle: Settle) -> Result<Rotation, Error> {
        self.check_writable()?;
        match self.find_rotation() {
            Found::Nothing => return Ok(Rotation::Settled),
            Found::Unfinished => {
                self.finish_anew()?;
                return Ok(Rotation::Settled);
            }
            Found::Lost | Found::Elsewhere => return Ok(Rotation::Elsewhere),
            Found::NotTimed => self.note_time()?,
            Found::Waiting | Found::Settled => {}
        }
        if settle == Settle::InTime && !matches!(self.find_rotation(), Found::Settled) {
            return Ok(self.rotation().unwrap_or(Rotation::Settled));
        }
        let pending = self.open_pending(password)?;
        let next = pending.ok_or(Error::WrongPassword { earlier_boot: false, vault_may_be_damaged: false })?;
        self.move_to(next)?;
        Ok(Rotation::Settled)
    }

    /// Begins a rotation, with an edit of the payload in the same write.
    pub(super) fn begin(
        &mut self,
        password: &Password,
        kit: NextKit<'_>,
        edit: impl FnOnce(&mut Draft, &Editing<'_>) -> Result<(), Error>,
    ) -> Result<Rotation, Error> {
        self.check_writable()?;
        self.check_renewable()?;
        let vault = self.id();
        let under_way = self.payload.pending.as_ref().map(|pending| pending.data_key);
        let known = self.header().recovery.clone();
        let mut pepper = [0; PEPPER_LEN];
        crate::crypto::random(&mut pepper)?;
        let (id, key) = (DataKeyId::generate()?, DataKey::generate()?);
        // Before the lock: Argon2 never runs under it.
        let (wrap, kek) = new_wrap(&self.edges, vault, id, &key, password, &pepper, self.kdf_cost())?;
        let recovery: Vec<RecoveryWrap> = match kit {
            NextKit::None => Vec::new(),
            NextKit::New(kit) => vec![kits::wrap(&key, vault, id, kit)?],
            NextKit::Keep(secret) => {
                let header = self.header();
                let (number, _) =
                    kits::unwrap(&header.recovery, vault, header.data_key, secret).ok_or(Error::WrongKit)?;
                let mut papers = header.recovery.iter().filter(|wrap| wrap.kit == number);
                let kept = papers.next().ok_or(Error::WrongKit)?;
                if papers.next().is_some() {
                    return Err(Error::KitDoubled { number });
                }
                vec![kits::wrap_for(&key, vault, id, number, kept.created, secret)?]
            }
        };
        let origins = self.origins();
        let mut lock = self.lock()?;
        self.check_item_unchanged()?;
        self.revise(&mut *lock, |draft, editing| {
            check_renewable(&draft.payload)?;
            // One that began meanwhile has kits that somebody was told are good.
            if draft.payload.pending.as_ref().map(|pending| pending.data_key) != under_way {
                return Err(Error::RotationUnderWay);
            }
            // Nor was anybody asked about a kit that was made meanwhile.
            if draft.recovery.iter().any(|wrap| !known.contains(wrap)) {
                return Err(Error::Changed { what: "the list of recovery kits".into() });
            }
            edit(draft, editing)?;
            match kit {
                NextKit::None => {}
                // Good from now on, not only once the vault has moved.
                NextKit::New(kit) => kits::add(draft, kit, editing.vault, editing.data_key_id, editing.data_key)?,
                // It may have been revoked while its code was typed.
                NextKit::Keep(secret) => {
                    kits::unwrap(&draft.recovery, editing.vault, editing.data_key_id, secret).ok_or(Error::WrongKit)?;
                }
            }
            draft.payload.lapsed = None;
            draft.payload.pending = Some(Pending {
                data_key: id,
                pepper: FixedBase64(pepper),
                recovery,
                origins,
                settling: Vec::new(),
                others: Default::default(),
            });
            Ok(())
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
        // Where a password change was cut short, the password that was typed now is the one that stays: another would
        // open the vault and not its next data key.
        let wraps = vec![self.wrap().clone(), next];
        self.put_item(DataKeyItem { wraps }, |edges, item| write_item(edges, vault, item, kek))?;
        self.edges.host.sync_disks();
        self.note_time_under(lock)
    }

    /// Goes on with whatever rotation an unlock finds. What cannot be done now is told, not failed with.
    pub(super) fn go_on(&mut self, password: &Password, alone: bool) {
        // An item beside another cannot be written, and a vault that is not the one last seen must not be.
        if !alone || self.memory != Memory::Current || self.check_writable().is_err() {
            return;
        }
        let found = self.find_rotation();
        let done = match found {
            Found::Waiting => return,
            Found::Nothing => {
                let own = self.document.header.data_key;
                if self.item.wraps.iter().any(|wrap| wrap.header.data_key != own) {
                    self.notices.push(Notice::OtherDataKey);
                }
                if let Some(since) = self.payload.lapsed {
                    self.notices.push(Notice::RotationLapsed { since });
                }
                return;
            }
            Found::Elsewhere => {
                self.notices.push(Notice::RotationElsewhere);
                return;
            }
            Found::Unfinished => self.finish_anew().map(|()| true),
            Found::NotTimed => self.note_time().map(|()| false),
            Found::Settled => match self.open_pending(password) {
                Ok(Some(next)) => self.move_to(next).map(|()| true),
                Ok(None) => Err(Error::WrongPassword { earlier_boot: false, vault_may_be_damaged: false }),
                Err(error) => Err(error),
            },
            // A kit's secret is on paper alone: beginning anew without asking for it would end the kit.
            Found::Lost if !self.document.header.recovery.is_empty() => self.give_up().map(|()| {
                self.notices.push(Notice::RotationLost);
                false
            }),
            Found::Lost => self.begin(password, NextKit::None, |_, _| Ok(())).map(|rotation| {
                self.notices.push(Notice::RotationBegunAnew);
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
        self.revise(&mut *lock, |draft, editing| {
            let_lapse(&mut draft.payload, editing.now);
            Ok(())
        })?;
        // The keychain may have brought wraps of an earlier rotation back as well.
        if matches!(self.find_rotation(), Found::Unfinished) { self.finish(&mut *lock) } else { Ok(()) }
    }

    /// Opens the next data key with the password; `None` where no rotation is under way or no wrap of it opens.
    pub(super) fn open_pending(&self, password: &Password) -> Result<Option<OpenedPending>, Error> {
        let Some(pending) = &self.payload.pending else { return Ok(None) };
        let wraps = self.item.wraps.iter().rev().filter(|wrap| wrap.header.data_key == pending.data_key);
        for wrap in wraps {
            let available = self.edges.host.available_memory();
            let kek = derive_kek(password, &pending.pepper.0, &wrap.header.kdf, available)?;
            if let Some(key) = unwrap_data_key(wrap, &kek) {
                return Ok(Some(OpenedPending { id: pending.data_key, key }));
            }
        }
        Ok(None)
    }

    fn find_rotation(&self) -> Found {
        let own = self.document.header.data_key;
        let holds = |id: DataKeyId| self.item.wraps.iter().any(|wrap| wrap.header.data_key == id);
        match &self.payload.pending {
            None => {
                let others = self.item.wraps.iter().any(|wrap| wrap.header.data_key != own);
                // The newest data key stands last. Where that is not the vault's, an older copy may stand here for a
                // moment, and its user still needs the other wrap.
                let moved = self.item.wraps.last().is_some_and(|wrap| wrap.header.data_key == own);
                if others && moved { Found::Unfinished } else { Found::Nothing }
            }
            Some(pending) if holds(pending.data_key) => match self.own_note(pending) {
                None => Found::NotTimed,
                Some(since) if self.left(since) == Some(0) => Found::Settled,
                Some(_) => Found::Waiting,
            },
            Some(pending) if self.origins().iter().any(|own| pending.origins.contains(own)) => Found::Lost,
            Some(_) => Found::Elsewhere,
        }
    }

    /// Returns this machine's note of the time. Another machine's says nothing of this one's keychain.
    fn own_note<'p>(&self, pending: &'p Pending) -> Option<&'p Settling> {
        let own = self.origins();
        pending.settling.iter().find(|since| own.contains(&since.by))
    }

    /// Returns how many seconds are left until the item counts as settled; `None` where only another boot shows.
    fn left(&self, since: &Settling) -> Option<u64> {
        let Edges { keychain, host, .. } = self.edges;
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

    pub(super) fn note_time_under(&mut self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        let (boot, seconds) = (self.edges.host.boot(), self.edges.host.boot_seconds().unwrap_or_default());
        let origins = self.origins();
        let under_way = self.payload.pending.as_ref().map(|pending| pending.data_key);
        self.revise(lock, |draft, _| {
            let pending = draft.payload.pending.as_mut().filter(|pending| Some(pending.data_key) == under_way);
            let pending = pending.ok_or(Error::Changed { what: "the rotation of the data key".into() })?;
            pending.settling.retain(|since| !origins.contains(&since.by));
            // The machine itself, where it can be told; else the wrap.
            if let Some(by) = origins.last().cloned() {
                pending.settling.push(Settling { by, boot, seconds, others: Default::default() });
            }
            for origin in origins {
                if !pending.origins.contains(&origin) {
                    pending.origins.push(origin);
                }
            }
            Ok(())
        })
    }

    /// Takes this machine's note away, before its item is written anew: it must not move the vault on the strength of
    /// an item that is younger than the note.
    pub(super) fn forget_time_under(&mut self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        if self.payload.pending.as_ref().and_then(|pending| self.own_note(pending)).is_none() {
            return Ok(());
        }
        let own = self.origins();
        self.revise(lock, |draft, _| {
            if let Some(pending) = &mut draft.payload.pending {
                pending.settling.retain(|since| !own.contains(&since.by));
            }
            Ok(())
        })
    }

    /// Writes the vault under the next data key, then drops the earlier wraps.
    fn move_to(&mut self, next: OpenedPending) -> Result<(), Error> {
        let mut lock = self.lock()?;
        self.reload()?;
        self.check_writable()?;
        // What settled is what was read when this vault was unlocked: it must still stand, note and all.
        self.check_item_unchanged()?;
        let still = !matches!(self.find_rotation(), Found::NotTimed);
        let pending = self.payload.pending.clone().filter(|pending| still && pending.data_key == next.id);
        let pending = pending.ok_or(Error::Changed { what: "the rotation of the data key".into() })?;
        let mut payload = self.payload.clone();
        payload.pending = None;
        let vault = self.id();
        renew_keys(&mut payload, (vault, &self.data_key), (vault, &next.key))?;
        let now = self.edges.host.now();
        let goes_on = |number| pending.recovery.iter().any(|wrap| wrap.kit == number);
        for kit in payload.kits.iter_mut().filter(|kit| kit.ended.is_none() && !goes_on(kit.number)) {
            kit.ended = Some(now);
        }
        let old = &self.document.header;
        let header = Header {
            generation: self.generation_after(old.generation)?,
            data_key: next.id,
            pepper: pending.pepper,
            recovery: pending.recovery,
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

    /// Drops what belongs to an earlier data key: its wraps, and the previous vault file, in whose place a second copy of
    /// the vault file goes.
    fn finish(&mut self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        let failed = |error| Error::from_store(&self.edges.store.place(), error);
        lock.sync().map_err(failed)?;
        self.check_item_unchanged()?;
        // Both before the item: as long as that holds earlier wraps, a crash here is gone on from.
        self.remember_written();
        self.write_second_copy(lock)?;
        let own = self.document.header.data_key;
        let wraps: Vec<Wrap> = self.item.wraps.iter().filter(|wrap| wrap.header.data_key == own).cloned().collect();
        let vault = self.id();
        self.put_item(DataKeyItem { wraps }, |edges, item| write_item_again(edges, vault, item))
    }

    /// Returns what a rotation remembers this machine by: the machine itself where it can be told, and the wrap that
    /// opened the vault. A wrap alone would not do: the keychain may bring back one from before a password change.
    fn origins(&self) -> Vec<FixedBase64<16>> {
        let machine = self.edges.host.machine();
        let mut origins = vec![first_half(sha256(&self.wrap().protected))];
        if !machine.is_empty() {
            // Two accounts or containers of one machine have keychains of their own. Bound to the vault, so that the
            // payload does not hold the machine's own id.
            let keychain = self.edges.keychain.name();
            let place = [label::MACHINE, self.id().as_bytes(), machine.as_bytes(), b" ", keychain.as_bytes()].concat();
            origins.push(first_half(sha256(&place)));
        }
        origins
    }

    /// Writes the item and goes on with it as the one that stands; the wrap that opened the vault is found again.
    pub(super) fn put_item(
        &mut self,
        item: DataKeyItem,
        write: impl FnOnce(&super::Edges<'v>, &DataKeyItem) -> Result<(), Error>,
    ) -> Result<(), Error> {
        write(&self.edges, &item)?;
        let own = self.document.header.data_key;
        let opened = item.wraps.iter().rposition(|wrap| wrap.header.data_key == own);
        let missing = || Error::KeyMissing { keychain: self.edges.keychain.name(), vault: self.id() };
        self.opened_wrap = opened.ok_or_else(missing)?;
        self.item = item;
        Ok(())
    }
}

/// Takes away what a payload says of a rotation, and notes that it is still owed: whoever ordered it, or destroyed a
/// project with it, was told that older vault files would be shut out.
pub(super) fn let_lapse(payload: &mut Payload, now: Timestamp) {
    if payload.pending.take().is_some() {
        payload.lapsed = Some(now);
    }
}

fn begun(cause: Error) -> Error {
    Error::RotationBegun { cause: Box::new(cause) }
}

fn first_half(digest: [u8; 32]) -> FixedBase64<16> {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    FixedBase64(half)
}
