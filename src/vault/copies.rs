//! Copies of a vault: putting one back, and making one into a vault of its own.

use super::change::Draft;
use super::create::create_with;
use super::project::renew_keys;
use super::{Edges, LOCK_WAIT, Source, Unlocked, Vault, open_payload};
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::format::VaultId;
use crate::format::vault::Document;
use crate::store::{Replaced, Store};

/// What putting a copy back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The generation the vault goes on with.
    pub generation: u64,
    /// The name of what stood there before, if anything did.
    pub aside: Option<String>,
}

/// Puts a copy of a vault file where none stands, as it is.
///
/// # Errors
/// [`Error::Damaged`] where it is no vault file; [`Error::VaultExists`]; those of a vault write.
pub fn install(store: &dyn Store, bytes: &[u8]) -> Result<(), Error> {
    let place = store.place();
    Document::parse(bytes).map_err(|error| Error::from_format("the vault copy", error))?;
    let mut lock = store.lock(LOCK_WAIT).map_err(|error| Error::from_store(&place, error))?;
    let standing = store.standing().map_err(|error| Error::from_store(&place, error))?;
    if !standing.is_empty() {
        return Err(Error::VaultExists { standing });
    }
    let written = lock.replace(bytes, None, &Replaced::Nothing, &mut |read| read == bytes);
    written.map(|_| ()).map_err(|error| Error::from_store(&place, error))
}

impl<'a> Vault<'a> {
    /// Reads a copy of a vault file that is to take the place of the store's.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::UnsupportedVersion`]; [`Error::OtherVault`] where another vault's file stands in
    /// the store; [`Error::Io`].
    pub fn open_copy(store: &'a dyn Store, bytes: &[u8]) -> Result<Self, Error> {
        let document = Document::parse(bytes).map_err(|error| Error::from_format("the vault copy", error))?;
        let standing = match store.load() {
            // What stands there cannot be read as a vault: it is set aside as it is.
            Err(crate::store::StoreError::TooLarge { .. } | crate::store::StoreError::NotAFile { .. }) => None,
            other => other.map_err(|error| Error::from_store(&store.place(), error))?,
        };
        let other = standing.as_deref().and_then(|bytes| Document::parse(bytes).ok());
        if other.is_some_and(|other| other.header.vault != document.header.vault) {
            let what = format!("the vault {}", store.place());
            return Err(Error::OtherVault { what, detail: "it is another vault than the copy" });
        }
        Ok(Self { store, standing, document, source: Source::Copy })
    }
}

impl Unlocked<'_> {
    /// Puts the copy that was opened with [`Vault::open_copy`] in the vault file's place. What stood is set aside;
    /// where it is under the same data key, the kits that it knows of, and which of them have ended, stay known. A
    /// rotation of the data key that was under way in the copy is not gone on with.
    ///
    /// # Errors
    /// Those of a vault write; [`Error::Changed`] where the vault file changed meanwhile.
    pub fn restore(&mut self) -> Result<Restored, Error> {
        self.check_features()?;
        let mut lock = self.lock()?;
        // Another process may have dropped the very wraps that open the copy.
        self.check_item_unchanged()?;
        let anchor = super::anchor::load(&self.edges, self.id(), &self.data_key)?.verified;
        let standing = self.standing.as_deref().and_then(|bytes| Document::parse(bytes).ok());
        let seen = anchor.map_or(0, |anchor| anchor.generation);
        let stood = standing.as_ref().map_or(0, |document| document.header.generation);
        let generation = self.generation_after(self.document.header.generation.max(seen).max(stood))?;
        let time = self.edges.host.now().to_string().replace([':', '-'], "");
        let replaced = match self.standing {
            Some(_) => Replaced::SetAside(format!("replaced-{time}")),
            None => Replaced::Nothing,
        };
        let mut draft = Draft { payload: self.payload.clone(), recovery: self.document.header.recovery.clone() };
        draft.payload.pending = None;
        // What the file that stood knows of kits is not lost with it: which were revoked, and which were made since.
        let newer = standing.filter(|document| document.header.data_key == self.document.header.data_key);
        if let Some(newer) = newer
            && let Ok(payload) = open_payload(&newer, &self.data_key)
        {
            super::merge::unite_kits(&mut draft, &newer.header.recovery, &payload);
        }
        let aside = self.write(&mut *lock, draft, generation, &replaced)?;
        self.source = Source::Current;
        Ok(Restored { generation, aside })
    }

    /// Makes a vault of its own out of this one: the same projects and file keys under another id, another data key
    /// and another pepper, in the store and keychain of `edges`. Recovery kits do not go with it.
    ///
    /// # Errors
    /// As [`super::create()`].
    pub fn fork<'b>(
        &self,
        edges: Edges<'b>,
        vault: VaultId,
        password: &Password,
        cost: KdfCost,
    ) -> Result<Unlocked<'b>, Error> {
        self.check_features()?;
        create_with(edges, vault, password, cost, |data_key| {
            let mut payload = self.payload.clone();
            payload.pending = None;
            payload.ancestors.clear();
            payload.kits.clear();
            renew_keys(&mut payload, (self.id(), &self.data_key), (vault, data_key))?;
            Ok(payload)
        })
    }
}
