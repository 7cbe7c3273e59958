//! Opening a vault with a recovery kit, without the keychain and without the password, and giving this computer a key
//! of its own again.

use std::sync::Arc;

use super::anchor::{self, Memory};
use super::rotation::OpenedPending;
use super::speaker::{Why, reason_of};
use super::wraps::{WrapNames, Wraps, new_wrap};
use super::write::Accepted;
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::{DataKey, KitSecret, Password};
use crate::error::{Begun, Error, ItemError, NotFound, Subject};
use crate::format::kit::KitName;
use crate::format::vault::{Document, Payload};
use crate::format::{EnrolmentId, VaultId};
use crate::host::Host;
use crate::keychain::{ItemKind, Keychain};
use crate::vault::contents::change::Change;
use crate::vault::contents::kits;
use crate::vault::{CancelReason, Edges, Notice, Source, Unlocked, Vault, open_payload};

/// A vault that a recovery kit has opened. Only [`OpenedByKit::enroll`] leads on from here.
pub struct OpenedByKit {
    vault: Vault,
    kit: KitName,
    data_key: DataKey,
    payload: Payload,
    /// The next data key, where a rotation is under way and this kit goes on being valid after it.
    pending: Option<OpenedPending>,
}

impl Vault {
    /// Opens the vault with a recovery kit's secret.
    ///
    /// # Errors
    /// [`NotFound::Kit`] where the vault has no valid kit; [`Error::WrongKit`] where none of them has this
    /// secret; [`Error::Damaged`] where the kit is right but neither vault file opens.
    pub fn open_with_kit(mut self, secret: &KitSecret) -> Result<OpenedByKit, Error> {
        let what = Subject::Vault(self.store.place());
        let (error, reason) = match opened(&self.document, secret) {
            Ok((kit, data_key, payload)) => return Ok(self.with_payload(kit, data_key, payload, secret)),
            // Where the file itself cannot be used, the code may well be right.
            Err(KitFailure::NoKit | KitFailure::WrongKit) if matches!(self.source, Source::Previous { .. }) => {
                let Source::Previous { reason, .. } = &self.source else { return Err(Error::WrongKit) };
                let detail = format!("{reason}; the previous one does not open with this kit");
                return Err(Error::Damaged { what, detail });
            }
            Err(KitFailure::NoKit) => {
                (Error::NotFound(NotFound::Kit { name: None }), "this kit does not open it".to_owned())
            }
            Err(KitFailure::WrongKit) => (Error::WrongKit, "this kit does not open it".to_owned()),
            Err(KitFailure::Damaged(error)) => {
                let error = Error::from_format(what, error);
                let reason = reason_of(&error);
                (error, reason)
            }
        };
        // What is damaged may be the list of kits itself. So may be the id, which every wrap is bound to; a kit that
        // opens the previous file vouches for its id.
        let of_previous = self.let_previous_speak(|current, previous| {
            let Ok(found) = opened(previous, secret) else { return Ok(None) };
            // A kit that was revoked with the last write opens the one before: that is no reason to go back to it.
            let intact = previous.header.slots == current.header.slots;
            let speaks = intact || open_payload(current, &found.1).is_err();
            Ok(speaks.then(|| (found, Why::damaged(reason))))
        })?;
        let (kit, data_key, payload) = of_previous.ok_or(error)?;
        Ok(self.with_payload(kit, data_key, payload, secret))
    }

    fn with_payload(self, kit: KitName, data_key: DataKey, payload: Payload, secret: &KitSecret) -> OpenedByKit {
        let pending = payload.under_way().and_then(|rotation| {
            let (_, key) = kits::unwrap(&rotation.slots, self.id(), rotation.data_key, secret)?;
            Some(OpenedPending { id: rotation.data_key, key })
        });
        OpenedByKit { vault: self, kit, data_key, payload, pending }
    }
}

/// Why a kit did not open a document.
enum KitFailure {
    NoKit,
    WrongKit,
    Damaged(crate::format::FormatError),
}

fn opened(document: &Document, secret: &KitSecret) -> Result<(KitName, DataKey, Payload), KitFailure> {
    let header = &document.header;
    if header.kits().next().is_none() {
        return Err(KitFailure::NoKit);
    }
    let (slot, data_key) =
        kits::unwrap(&header.slots, header.vault, header.data_key, secret).ok_or(KitFailure::WrongKit)?;
    let payload = open_payload(document, &data_key).map_err(KitFailure::Damaged)?;
    Ok((slot.name(), data_key, payload))
}

impl OpenedByKit {
    /// Returns what the kit is called.
    #[must_use]
    pub fn kit(&self) -> KitName {
        self.kit
    }

    /// Returns the vault's id.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.vault.id()
    }

    /// Returns the vault's generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.vault.header().generation
    }

    /// Returns how many projects the kit opens.
    #[must_use]
    pub fn projects(&self) -> usize {
        self.payload.projects.len()
    }

    /// Tells which of the two vault files the kit opened.
    #[must_use]
    pub fn source(&self) -> &Source {
        self.vault.source()
    }

    /// Tells whether a rotation under way would have to be given up: this kit does not open the next data key.
    #[must_use]
    pub fn ends_rotation(&self) -> bool {
        self.payload.under_way().is_some() && self.pending.is_none()
    }

    /// Tells whether [`OpenedByKit::enroll`] would go on without being told to accept what it finds, by what a keychain
    /// remembers of the vault: this computer's may not be the one that is to hold the new key.
    ///
    /// # Errors
    /// [`Error::Damaged`] where only the previous vault file opened; [`Error::RolledBack`] where the vault file is not,
    /// and does not descend from, the one seen last; [`Error::Keychain`].
    pub fn check_against(&self, keychain: Arc<dyn Keychain>, host: Arc<dyn Host>) -> Result<(), Error> {
        if let Source::Previous { reason, .. } = self.source() {
            let what = Subject::Vault(self.vault.store.place());
            return Err(Error::Damaged { what, detail: reason.clone() });
        }
        let edges = Edges { store: Arc::clone(&self.vault.store), keychain, host };
        let remembered = anchor::load(&edges, self.id(), &self.data_key, &self.payload)?;
        match anchor::compare(&self.vault.document, &self.payload, remembered.as_ref()) {
            Memory::RolledBack(rolled_back) => Err(Error::RolledBack(rolled_back)),
            _ => Ok(()),
        }
    }

    /// Gives this computer a key of its own under a new password, and returns the vault unlocked.
    ///
    /// Wraps of this data key under earlier passwords go; wraps of other data keys stay, since another copy of the
    /// vault may need them. `accept` goes on with a vault file that is older than the one this computer last recorded.
    ///
    /// # Errors
    /// [`Error::RolledBack`] unless `accept`; [`Error::Kdf`], [`Error::Keychain`], [`ItemError::NotKept`];
    /// [`Begun::PasswordChange`] where the keychain did not confirm; [`Begun::Recovery`] where the new password is in
    /// force and the older vault file could not be accepted; those of a vault write. The kit opens the vault as before
    /// then.
    pub fn enroll(
        self,
        keychain: Arc<dyn Keychain>,
        host: Arc<dyn Host>,
        password: &Password,
        cost: Option<KdfCost>,
        accept: bool,
    ) -> Result<Unlocked, Error> {
        let Self { vault, data_key, payload, pending, .. } = self;
        let (id, header) = (vault.id(), vault.document.header.clone());
        let edges = Edges { store: vault.store, keychain, host };
        let keychain = Arc::clone(&edges.keychain);
        let cost = match cost {
            Some(cost) => cost,
            None => payload
                .policy
                .cost()
                .map_err(|error| Error::from_format(Subject::Content("the vault's KDF policy"), error))?,
        };
        cost.check()?;
        let names = WrapNames { vault: id, data_key: header.data_key, enrolment: EnrolmentId::generate()? };
        let (wrap, kek) = new_wrap(&edges, names, &data_key, password, &header.pepper.0, cost)?;
        let next = match (&pending, payload.under_way()) {
            (Some(opened), Some(rotation)) => {
                let names = WrapNames { data_key: opened.id, ..names };
                Some(new_wrap(&edges, names, &opened.key, password, &rotation.pepper.0, cost)?)
            }
            _ => None,
        };
        let mut unlocked = Unlocked {
            edges: edges.clone(),
            standing: vault.standing,
            document: vault.document,
            source: vault.source,
            data_key: data_key.into(),
            payload,
            memory: Memory::Current,
            logged: None,
            lost: Arc::default(),
            wraps: Wraps::first(wrap.clone()),
            opened_wrap: 0,
            alone: true,
            finished_rotation: false,
            follows: None,
            notices: Vec::new(),
        };
        if let Source::Previous { reason, other_key } = &unlocked.source {
            if !accept {
                let what = Subject::Vault(edges.store.place());
                return Err(Error::Damaged { what, detail: reason.clone() });
            }
            let (reason, generation) = (reason.clone(), header.generation);
            unlocked.notices.push(Notice::ReadPrevious { reason, generation, other_key: *other_key });
        }
        let mut lock = unlocked.lock()?;
        let remembered = unlocked.reload()?;
        if let (Memory::RolledBack(rolled_back), false) = (&unlocked.memory, accept) {
            return Err(Error::RolledBack(rolled_back.clone()));
        }
        // This vault descends from one of that data key, which has had its time.
        let earlier = remembered.filter(|_| unlocked.memory == Memory::Behind).map(|anchor| anchor.data_key);
        // Nobody has vouched for this file's being on the disk: were its rename undone by a power cut after the item
        // was written, the item would be for a vault that is not there.
        if unlocked.source == Source::Current {
            lock.sync().map_err(|error| Error::from_store(&edges.store.place(), error))?;
        }
        let under_way = unlocked.payload.next_data_key();
        // Another process may have begun another rotation, or given that one up, since the kit opened its data key.
        let next = next.filter(|(next, _)| Some(next.header.data_key) == under_way);
        let writable = unlocked.check_writable().is_ok();
        match (under_way, &next) {
            (Some(_), None) if writable => {
                unlocked.change_under(&mut *lock, &Change::RotationCancelled)?;
                unlocked.notices.push(Notice::RotationCancelled(CancelReason::OtherKit));
            }
            // The new enrolment has no time that would have to go first.
            _ => {}
        }
        let goes = |id| id == header.data_key || Some(id) == earlier || Some(id) == under_way && writable;
        let items = edges.lock_items(id)?;
        let (before, after) = unlocked.take_others(&goes)?;
        let is_alone = before.is_empty() && after.is_empty();
        let wraps = Wraps::enrolled(before, wrap, after, next.as_ref().map(|(next, _)| next.clone()));
        if !wraps.fit() {
            let detail = "it holds too many wraps of other data keys to add one".into();
            return Err(Error::Item(ItemError::NotOurs { keychain: keychain.name(), detail }));
        }
        let newest = match &next {
            Some((_, next)) => Some(next),
            None => is_alone.then_some(&kek),
        };
        let stood = keychain.get(&id.to_string(), ItemKind::DataKey)?;
        let written = unlocked.put_item(wraps, newest);
        written.map_err(|error| match keychain.get(&id.to_string(), ItemKind::DataKey) {
            Ok(stands) if stands == stood => error,
            // A write that failed or timed out may have been done.
            _ => error.after(Begun::PasswordChange),
        })?;
        drop(items);
        // The kit's paper may be the next thing to go.
        edges.sync_keychain();
        if next.is_some() && writable {
            // The next unlock notes the time, where this fails.
            if let Err(error) = unlocked.note_time_under(&mut *lock) {
                unlocked.notices.push(Notice::RotationStuck { reason: error.to_string() });
            }
        }
        if matches!(unlocked.memory, Memory::RolledBack(_)) || unlocked.source != Source::Current {
            // Accepting takes the lock by itself.
            drop(lock);
            let enrolled = |error: Error| error.after(Begun::Recovery);
            if accept && let Accepted::Now { aside } = unlocked.accept_rollback().map_err(enrolled)? {
                let generation = unlocked.header().generation;
                unlocked.notices.push(Notice::Accepted { generation, aside });
            }
            return Ok(unlocked);
        }
        // Without a word: whoever has the kit and the vault file knows that this computer starts anew.
        unlocked.memory = Memory::Current;
        // Still under the lock: another process may write the vault and its anchor next, and this one is older then.
        if let Err(error) = anchor::store(&edges, &unlocked.document, &unlocked.data_key, &unlocked.payload) {
            unlocked.notices.push(Notice::AnchorNotWritten { reason: error.to_string() });
        }
        Ok(unlocked)
    }
}
