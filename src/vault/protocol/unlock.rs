//! From what stands in clear to the data key in memory.

use std::sync::Arc;

use super::anchor::{self, Memory};
use super::speaker::{Why, reason_of};
use super::wraps::unwrap_data_key;
use crate::crypto::kdf::derive_kek;
use crate::crypto::secret::{DataKey, Password};
use crate::error::{Error, ItemError, Subject};
use crate::format::item::{DataKeyItem, WRAP_LIMIT};
use crate::format::vault::Document;
use crate::format::{FormatError, Timestamp, VaultId};
use crate::host::Host;
use crate::keychain::{ItemKind, Keychain};
use crate::store::StoreError;
use crate::vault::{Edges, Notice, READ_WAIT, Source, Unlocked, Vault, digest, open_payload};

/// A vault with this computer's wrapped data key beside it: all that a password is still needed for.
pub struct FoundKey {
    pub(super) vault: Vault,
    pub(super) edges: Edges,
    pub(super) items: Vec<DataKeyItem>,
    /// How many items are stored, whatever they hold.
    stored: usize,
}

const PROTECTED_DAMAGED: &str = "its protected part is damaged";
const OTHER_DATA_KEY: &str = "it is under a data key that this computer does not hold";

impl Vault {
    /// Looks up the wrapped data key, so that a missing one is known before anybody types a password.
    ///
    /// # Errors
    /// [`ItemError::Missing`], [`ItemError::NotOurs`], [`Error::Kdf`] for hostile parameters, [`Error::Keychain`].
    pub fn find_key(mut self, keychain: Arc<dyn Keychain>, host: Arc<dyn Host>) -> Result<FoundKey, Error> {
        let found = match stored_items(&*keychain, self.id()) {
            Err(error @ (Error::Item(ItemError::Missing { .. }) | Error::Item(ItemError::NotOurs { .. }))) => {
                // The id itself may be what is damaged.
                let of_previous = self.let_previous_speak(|current, previous| {
                    let other = previous.header.vault != current.header.vault;
                    let found = other.then(|| stored_items(&*keychain, previous.header.vault).ok()).flatten();
                    Ok(found.map(|found| (found, Why::damaged(PROTECTED_DAMAGED))))
                });
                of_previous.and_then(|found| found.ok_or(error))
            }
            other => other,
        };
        let (items, stored) = found?;
        let edges = Edges { store: Arc::clone(&self.store), keychain, host };
        Ok(FoundKey { edges, vault: self, items, stored })
    }

    /// Unlocks the vault: [`Vault::find_key`] and [`FoundKey::unlock`] in one. Writes nothing.
    ///
    /// # Errors
    /// Those of both.
    pub fn unlock(
        self,
        password: &Password,
        keychain: Arc<dyn Keychain>,
        host: Arc<dyn Host>,
    ) -> Result<Unlocked, Error> {
        self.find_key(keychain, host)?.unlock(password)
    }
}

/// Returns the items that can be this vault's, and how many are stored.
fn stored_items(keychain: &dyn Keychain, vault: VaultId) -> Result<(Vec<DataKeyItem>, usize), Error> {
    let stored = keychain.get(&vault.to_string(), ItemKind::DataKey)?;
    if stored.is_empty() {
        return Err(Error::Item(ItemError::Missing { keychain: keychain.name(), vault }));
    }
    let not_ours = |detail: String| Error::Item(ItemError::NotOurs { keychain: keychain.name(), detail });
    let mut items = Vec::new();
    let mut failed = None;
    for item in &stored {
        match DataKeyItem::parse(&item.bytes) {
            Ok(item) if item.wraps.iter().any(|wrap| wrap.header.vault == vault) => items.push(item),
            Ok(_) => failed = Some(not_ours("it belongs to another vault".into())),
            Err(FormatError::Malformed(detail)) => failed = Some(not_ours(detail)),
            Err(error) => failed = Some(Error::from_format(Subject::Item("data-key item"), error)),
        }
    }
    match failed {
        Some(error) if items.is_empty() => Err(error),
        _ => Ok((items, stored.len())),
    }
}

/// A data key and the wrap it came out of.
pub(super) struct Opened {
    pub(super) data_key: DataKey,
    pub(super) item: usize,
    pub(super) wrap: usize,
}

/// What trying a password on a vault file came to.
enum Tried {
    Opened(Opened),
    /// Wraps of its data key are there, and none opens.
    NoneOpens,
    /// No wrap is of the data key it names.
    NoWrap,
}

impl FoundKey {
    /// Unlocks the vault, and compares it with what this computer remembers of it. Writes nothing.
    ///
    /// # Errors
    /// [`Error::WrongPassword`]; [`Error::Kdf`]; [`Error::Damaged`] where the password is right but neither vault
    /// file opens; [`Error::Keychain`].
    pub fn unlock(mut self, password: &Password) -> Result<Unlocked, Error> {
        let opened = self.open_data_key(password)?;
        self.unlock_opened(opened)
    }

    /// Unlocks the vault with the first password that opens it, and returns both. `next` gives one password after the
    /// other until one opens; it is handed the error of the one before, and ends the tries with `None`.
    ///
    /// # Errors
    /// The outer one is that of `next`, the inner one as of [`FoundKey::unlock`].
    pub fn unlock_with<E>(
        mut self,
        mut next: impl FnMut(Option<&Error>) -> Result<Option<Password>, E>,
    ) -> Result<Result<(Unlocked, Password), Error>, E> {
        let mut wrong = Error::WrongPassword { earlier_boot: false, vault_may_be_damaged: false };
        let mut password = next(None)?;
        while let Some(tried) = password {
            match self.open_data_key(&tried) {
                Ok(opened) => return Ok(self.unlock_opened(opened).map(|unlocked| (unlocked, tried))),
                Err(error @ Error::WrongPassword { .. }) => wrong = error,
                Err(error) => return Ok(Err(error)),
            }
            drop(tried);
            password = next(Some(&wrong))?;
        }
        Ok(Err(wrong))
    }

    fn open_data_key(&mut self, password: &Password) -> Result<Opened, Error> {
        match try_wraps(&self.items, &*self.edges.host, password, &self.vault.document)? {
            Tried::Opened(opened) => Ok(opened),
            tried => self.unlock_previous(password, &tried),
        }
    }

    pub(super) fn unlock_opened(mut self, opened: Opened) -> Result<Unlocked, Error> {
        let place = self.edges.store.place();
        let payload = match open_payload(&self.vault.document, &opened.data_key) {
            Ok(payload) => payload,
            // The password has proved right.
            Err(error) => {
                let error = Error::from_format(Subject::Vault(place.clone()), error);
                let of_previous = self.vault.let_previous_speak(|current, previous| {
                    let same = previous.header.vault == current.header.vault;
                    let payload = same.then(|| open_payload(previous, &opened.data_key).ok()).flatten();
                    Ok(payload.map(|payload| (payload, Why::damaged(reason_of(&error)))))
                })?;
                of_previous.ok_or(error)?
            }
        };
        let Self { vault, edges, mut items, stored } = self;
        let mut notices = Vec::new();
        if stored > 1 {
            notices.push(Notice::SeveralItems { count: stored });
        }
        let item = items.swap_remove(opened.item);
        let data_key_id = vault.document.header.data_key;
        if item.wraps.iter().filter(|wrap| wrap.header.data_key == data_key_id).count() > 1 {
            notices.push(Notice::TwoPasswords);
        }
        let mut unlocked = Unlocked {
            edges,
            standing: vault.standing,
            document: vault.document,
            source: vault.source,
            data_key: opened.data_key.into(),
            payload,
            memory: Memory::Current,
            logged: None,
            lost: Arc::default(),
            wraps: item.into(),
            opened_wrap: opened.wrap,
            alone: stored == 1,
            finished_rotation: false,
            follows: None,
            notices,
        };
        unlocked.compare()?;
        Ok(unlocked)
    }

    /// Tells a wrong password from a vault file whose pepper or data key's id is damaged: where those of the previous
    /// file are others, that one may still open. The digest does not help here, since it does not cover them.
    fn unlock_previous(&mut self, password: &Password, tried: &Tried) -> Result<Opened, Error> {
        let (mut same_key, mut tried_previous) = (false, None);
        let (items, host) = (&self.items, &*self.edges.host);
        let opened = self.vault.let_previous_speak(|current, previous| {
            let (current, header) = (&current.header, &previous.header);
            if header.vault != current.vault || (header.pepper, header.data_key) == (current.pepper, current.data_key) {
                return Ok(None);
            }
            same_key = header.data_key == current.data_key;
            let reason = if same_key { PROTECTED_DAMAGED } else { OTHER_DATA_KEY };
            Ok(match try_wraps(items, host, password, previous)? {
                Tried::Opened(opened) => Some((opened, Why { reason: reason.into(), other_key: !same_key })),
                tried => {
                    tried_previous = Some(tried);
                    None
                }
            })
        })?;
        if let Some(opened) = opened {
            return Ok(opened);
        }
        if matches!((tried, tried_previous), (Tried::NoWrap, None | Some(Tried::NoWrap))) {
            let detail = "its data key is not the one the vault file names".into();
            return Err(Error::Item(ItemError::NotOurs { keychain: self.edges.keychain.name(), detail }));
        }
        let claimed = anchor::claimed_digest(&self.edges, self.vault.id());
        let differs = claimed.is_some_and(|claimed| claimed != digest(&self.vault.document));
        let wraps = || self.items.iter().flat_map(|item| &item.wraps);
        let earlier_boot = boot_time(&*self.edges.host).is_some_and(|boot| wraps().all(|wrap| wrap.header.at < boot));
        // Between two files of one data key the pepper never changes, unless it is damaged in one of them.
        let vault_may_be_damaged = differs || same_key || matches!(tried, Tried::NoWrap);
        Err(Error::WrongPassword { earlier_boot, vault_may_be_damaged })
    }
}

/// Tries the wraps of the data key that the document names, the newest first, four at most.
fn try_wraps(items: &[DataKeyItem], host: &dyn Host, password: &Password, document: &Document) -> Result<Tried, Error> {
    let candidates = items.iter().enumerate().flat_map(|(item, wraps)| {
        wraps.wraps.iter().enumerate().rev().map(move |(wrap, candidate)| (item, wrap, candidate))
    });
    let header = &document.header;
    let mut tried = 0;
    for (item, wrap, candidate) in candidates {
        if candidate.header.vault != header.vault || candidate.header.data_key != header.data_key {
            continue;
        }
        tried += 1;
        if tried > WRAP_LIMIT {
            break;
        }
        let available = host.available_memory();
        let kek = derive_kek(password, &header.pepper.0, &candidate.header.kdf, available)?;
        if let Some(data_key) = unwrap_data_key(candidate, &kek) {
            return Ok(Tried::Opened(Opened { data_key, item, wrap }));
        }
    }
    Ok(if tried == 0 { Tried::NoWrap } else { Tried::NoneOpens })
}

/// Returns when the computer started. By the wall clock, so it is good for a hint alone.
fn boot_time(host: &dyn Host) -> Option<Timestamp> {
    let seconds = i64::try_from(host.boot_seconds()?).ok()?;
    Some(Timestamp::from_unix(host.now().as_unix().saturating_sub(seconds)))
}

impl Unlocked {
    /// Finishes what an unlock has to finish, so that it is done once and in one place: remembers a vault that descends
    /// from the one this computer saw last, and goes on with a rotation of the data key. `password` is the one that
    /// opened the vault. What cannot be written is a notice: the vault is unlocked all the same.
    ///
    /// # Errors
    /// Those of reading vault and anchor again.
    pub fn tend(&mut self, password: &Password) -> Result<(), Error> {
        let warned = self.warnings();
        let adopts = matches!(self.memory, Memory::Behind | Memory::Missing);
        if adopts || matches!(self.source, Source::Previous { .. }) {
            self.compare_under_lock()?;
        }
        let warnings = self.warnings();
        if warnings != warned {
            self.notices.retain(|notice| !warned.contains(notice));
            self.notices.extend(warnings);
        }
        self.go_on(password);
        self.make_log_key();
        Ok(())
    }

    /// Compares the vault with the anchor.
    fn compare(&mut self) -> Result<(), Error> {
        let remembered = self.remembered()?;
        self.memory = anchor::compare(&self.document, &self.payload, remembered.as_ref());
        if self.memory != Memory::Current && self.source == Source::Current {
            self.look_again()?;
        }
        let warnings = self.warnings();
        self.notices.extend(warnings);
        Ok(())
    }

    /// Returns what has to be said of a vault file that is not the one to work with.
    fn warnings(&self) -> Vec<Notice> {
        let mut warnings = Vec::new();
        if let Source::Previous { reason, other_key } = &self.source {
            let (reason, generation) = (reason.clone(), self.document.header.generation);
            warnings.push(Notice::ReadPrevious { reason, generation, other_key: *other_key });
        }
        if let Memory::RolledBack(rolled_back) = &self.memory {
            warnings.push(Notice::RolledBack(rolled_back.clone()));
        }
        warnings
    }

    /// Reads both again, the anchor before the vault: a vault is written before its anchor, so what is read in this
    /// order is older than the anchor only where it was put back. Argon2 came between the first two, and other
    /// processes may have written many times meanwhile. Needs no lock, which busy writers might not leave.
    fn look_again(&mut self) -> Result<(), Error> {
        let remembered = self.remembered()?;
        self.reload_vault()?;
        self.memory = anchor::compare(&self.document, &self.payload, remembered.as_ref());
        Ok(())
    }

    /// Reads vault and anchor again under the lock, since a writer may have been between the two, and settles what
    /// can be settled.
    fn compare_under_lock(&mut self) -> Result<(), Error> {
        let mut lock = match self.edges.store.lock(READ_WAIT) {
            Ok(lock) => lock,
            // Whoever holds the lock all this while writes the anchor too.
            Err(StoreError::Busy { .. }) => return Ok(()),
            Err(error) => {
                // A folder that cannot be written to can still be read from.
                self.notices.push(Notice::AnchorNotWritten { reason: error.to_string() });
                return Ok(());
            }
        };
        self.reload()?;
        match &self.memory {
            Memory::Current | Memory::RolledBack(_) => return Ok(()),
            _ if self.source != Source::Current => return Ok(()),
            Memory::Behind => {}
            Memory::Missing => {
                self.notices.push(Notice::AnchorMissing { generation: self.document.header.generation });
            }
        }
        let synced = lock.sync().map_err(|error| Error::from_store(&self.edges.store.place(), error));
        match synced.and_then(|()| anchor::store(&self.edges, &self.document, &self.data_key, &self.payload)) {
            Ok(()) => self.memory = Memory::Current,
            Err(error) => self.notices.push(Notice::AnchorNotWritten { reason: error.to_string() }),
        }
        Ok(())
    }
}
