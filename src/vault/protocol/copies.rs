//! Copies of a vault: putting one back, and making one into a vault of its own.

use std::sync::Arc;

use super::create::create_with;
use super::write::second_copy_if_alone;
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::{KitSecret, Password};
use crate::error::{Error, Exists, NotFound, Refused, Subject};
use crate::format::vault::{ANCESTOR_LIMIT, Document};
use crate::format::{Timestamp, VaultId};
use crate::store::{Replaced, Store, StoreError};
use crate::vault::contents::Contents;
use crate::vault::contents::join::{Joined, Take, join};
use crate::vault::contents::keys::{new_anchor_key, renew_keys};
use crate::vault::contents::logs;
use crate::vault::contents::signing;
use crate::vault::contents::unread::check_renewable;
use crate::vault::{Edges, LOCK_WAIT, Notice, Source, Unlocked, Vault, open_payload};

/// What putting a copy back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The generation the vault goes on with.
    pub generation: u64,
    /// The name of what stood there before, if anything did.
    pub aside: Option<String>,
    /// Projects of the copy that have been destroyed since, and stay destroyed.
    pub destroyed: Vec<String>,
    /// Projects that are on hold since, and stay so; where the copy lacks one, it is taken over with its keys.
    pub held: Vec<String>,
    /// A vault file stood there that could not be opened: what it knows of destroyed projects, holds and kits is lost.
    pub unread: bool,
}

/// Tells whether a copy of a vault file may take the place of what stands: where that is nothing, or a vault file of
/// the same vault that does not parse, or of which `secret` opens a kit and not the rest.
///
/// # Errors
/// [`Error::Damaged`] where the copy is no vault file; [`Refused::OtherVault`] where another vault's file stands;
/// [`Exists::Vault`] where one stands that can be used, or may be; [`Refused::PreviousNewer`] where the previous
/// vault file opens and is newer than the copy; [`Error::Io`].
pub fn check_install(store: Arc<dyn Store>, bytes: &[u8], secret: &KitSecret) -> Result<(), Error> {
    let copy = Vault::open_copy(Arc::clone(&store), bytes)?;
    let (id, copied) = (copy.id(), copy.header().generation);
    let standing = store.standing().map_err(|error| Error::from_store(&store.place(), error))?;
    let is_usable = match Vault::open(store) {
        Ok(vault) if vault.id() != id => true,
        Ok(vault) => match vault.open_with_kit(secret) {
            Ok(opened) if *opened.source() == Source::Current => true,
            // The previous one is opened instead of a vault file that is missing or does not open.
            Ok(opened) => return refuse_over_newer(opened.generation(), copied),
            Err(Error::Damaged { .. }) => false,
            // Whether it is whole does not show.
            Err(_) => true,
        },
        Err(Error::Damaged { .. }) => false,
        Err(Error::NotFound(NotFound::Vault { .. })) => !standing.is_empty(),
        Err(error) => return Err(error),
    };
    if is_usable { Err(Error::Exists(Exists::Vault { standing })) } else { Ok(()) }
}

/// Refuses a copy that is older than the previous vault file, which opens: the next write would replace that one.
fn refuse_over_newer(previous: u64, copied: u64) -> Result<(), Error> {
    if previous > copied { Err(Error::Refused(Refused::PreviousNewer { previous, copied })) } else { Ok(()) }
}

/// Puts a copy of a vault file in the vault's place, as it is, where [`check_install`] allows that. What stands there
/// is set aside; returns its name, and what the user should be told.
///
/// # Errors
/// Those of [`check_install`] and of a vault write.
pub fn install(
    store: Arc<dyn Store>,
    bytes: &[u8],
    secret: &KitSecret,
    now: Timestamp,
) -> Result<(Option<String>, Option<Notice>), Error> {
    let place = store.place();
    let failed = |error| Error::from_store(&place, error);
    let mut lock = store.lock(LOCK_WAIT).map_err(failed)?;
    check_install(Arc::clone(&store), bytes, secret)?;
    let aside = Replaced::SetAside(format!("damaged-{}", now.to_string().replace([':', '-'], "")));
    let aside =
        lock.replace(bytes, readable(&*store)?.as_deref(), &aside, &mut |read| read == bytes).map_err(failed)?;
    Ok((aside, second_copy_if_alone(&*store, &mut *lock, Some(bytes))))
}

/// Reads the vault file; `None` also for what cannot be read as a vault, which is set aside as it is.
fn readable(store: &dyn Store) -> Result<Option<Vec<u8>>, Error> {
    match store.load() {
        Err(StoreError::TooLarge { .. } | StoreError::NotAFile { .. }) => Ok(None),
        other => other.map_err(|error| Error::from_store(&store.place(), error)),
    }
}

/// Returns the higher generation of one that is only claimed and one that is proven. A claim that is far above counts
/// for nothing: somebody without any key could use the generations up.
fn plausible(claimed: u64, proven: u64) -> u64 {
    if claimed.saturating_sub(proven) <= ANCESTOR_LIMIT as u64 { claimed.max(proven) } else { proven }
}

impl Vault {
    /// Reads a copy of a vault file that is to take the place of the store's.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Unsupported::Version`](crate::error::Unsupported); [`Refused::OtherVault`] where another
    /// vault's file stands in the store; [`Error::Io`].
    pub fn open_copy(store: Arc<dyn Store>, bytes: &[u8]) -> Result<Self, Error> {
        let document = Document::parse(bytes).map_err(|error| Error::from_format(Subject::Copy(None), error))?;
        let standing = readable(&*store)?;
        let other = standing.as_deref().and_then(|bytes| Document::parse(bytes).ok());
        if other.is_some_and(|other| other.header.vault != document.header.vault) {
            let what = Subject::Vault(store.place());
            return Err(Error::Refused(Refused::OtherVault { what, detail: "it is another vault than the copy" }));
        }
        Ok(Self { store, standing, document, source: Source::Copy })
    }
}

impl Unlocked {
    /// Puts the copy that was opened with [`Vault::open_copy`] in the vault file's place. What stood is set aside;
    /// where it is under the same data key, orders once given stay in force: which projects were destroyed and which
    /// are on hold, which kits there are and which have ended, and a rotation of the data key that is under way. One
    /// that was under way in the copy is not gone on with.
    ///
    /// # Errors
    /// Those of a vault write; [`Error::Changed`] where the vault file changed meanwhile; [`Refused::PreviousNewer`]
    /// where the vault file does not open, and the previous one does and is newer than the copy.
    pub fn restore(&mut self) -> Result<Restored, Error> {
        self.check_features()?;
        let mut lock = self.lock()?;
        // Another process may have dropped the very wraps that open the copy.
        self.check_item_unchanged()?;
        let anchor = self.remembered()?;
        self.logged = anchor.as_ref().and_then(|anchor| anchor.log.clone());
        let standing = self.standing.as_deref().and_then(|bytes| Document::parse(bytes).ok());
        let seen = anchor.map_or(0, |anchor| anchor.generation);
        let stood = standing.as_ref().map_or(0, |document| document.header.generation);
        let proven = self.document.header.generation.max(seen);
        let time = self.edges.host.now().to_string().replace([':', '-'], "");
        let replaced = Replaced::SetAside(format!("replaced-{time}"));
        if standing.as_ref().is_none_or(|document| open_payload(document, &self.data_key).is_err()) {
            let previous = self.edges.store.load_previous().ok().flatten();
            let previous = previous.and_then(|bytes| Document::parse(&bytes).ok());
            let opens = |document: &Document| {
                document.header.vault == self.id() && open_payload(document, &self.data_key).is_ok()
            };
            if let Some(previous) = previous.filter(opens) {
                refuse_over_newer(previous.header.generation, self.document.header.generation)?;
            }
        }
        let mut contents = self.contents();
        contents.payload.cancel_rotation(self.edges.host.now());
        let newer = standing.filter(|document| document.header.data_key == self.document.header.data_key).and_then(
            |document| {
                let payload = open_payload(&document, &self.data_key).ok()?;
                Some(Contents { payload, slots: document.header.slots })
            },
        );
        let is_read = newer.is_some();
        let (joined, generation) = match newer {
            // The copy was asked for: where the two differ, it counts, and what stood is kept.
            Some(newer) => (join(&mut contents, &newer, Take::Orders, &self.editing())?, proven.max(stood)),
            None => (Joined::default(), plausible(stood, proven)),
        };
        let generation = self.generation_after(generation)?;
        let aside = self.write(&mut *lock, contents, generation, &replaced)?;
        self.source = Source::Current;
        let unread = aside.is_some() && !is_read;
        Ok(Restored { generation, aside, destroyed: joined.destroyed, held: joined.held, unread })
    }

    /// Makes a vault of its own out of this one: the same projects and file keys under another id, another data key
    /// and another pepper, in the store and keychain of `edges`. Recovery kits do not go with it.
    ///
    /// # Errors
    /// As [`crate::vault::create()`]; [`Unsupported::ReadOnly`](crate::error::Unsupported) if the vault holds what this
    /// program cannot wrap anew; [`Error::RolledBack`] where the vault file is not, and does not descend from, the one
    /// that this computer saw last.
    pub fn fork(&self, edges: Edges, vault: VaultId, password: &Password, cost: KdfCost) -> Result<Unlocked, Error> {
        self.check_features()?;
        check_renewable(&self.payload)?;
        // Its keys may have been retired since.
        if let Some(rolled_back) = self.rolled_back() {
            return Err(Error::RolledBack(rolled_back.clone()));
        }
        create_with(edges, vault, password, cost, |data_key| {
            let mut payload = self.payload.clone();
            payload.rotation = None;
            payload.ancestors.clear();
            payload.kits.clear();
            signing::leave_behind(&mut payload);
            renew_keys(&mut payload, (self.id(), &self.data_key), (vault, data_key))?;
            payload.anchor_key = new_anchor_key(vault, data_key)?;
            logs::begin_anew(&mut payload, vault, data_key, self.edges.host.now())?;
            Ok(payload)
        })
    }
}
