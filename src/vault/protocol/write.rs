//! Writing a vault: under the lock, over what is there now, remembered afterwards.

use super::anchor::{self, Memory};
use super::follow;
use crate::crypto::cobblestone;
use crate::crypto::hmac::sha512;
use crate::crypto::secret::DataKey;
use crate::error::{Difference, Error, NotFound, Refused, Subject, Unsupported};
use crate::format::item::Anchor;
use crate::format::label;
use crate::format::scalar::FixedBase64;
use crate::format::vault::{ANCESTOR_LIMIT, Document, Header, Payload};
use crate::store::{LockedStore, Replaced, Store};
use crate::vault::contents::change::{Change, apply};
use crate::vault::contents::logs;
use crate::vault::contents::{Contents, Editing, Effect};
use crate::vault::{LOCK_WAIT, Notice, Source, Unlocked, digest, open_payload, open_payload_bytes};

/// What accepting a vault file as it is came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// There was nothing to accept.
    Already,
    /// It was accepted.
    Now {
        /// The name of what stood there before, if anything did.
        aside: Option<String>,
    },
}

impl Unlocked {
    /// Tells whether the vault may be changed, and new files sealed under its keys.
    ///
    /// # Errors
    /// [`Error::RolledBack`]; [`Error::OnlyPrevious`]; [`Refused::OtherVault`] for a copy; [`Unsupported::ReadOnly`].
    pub fn check_writable(&self) -> Result<(), Error> {
        if self.source == Source::Copy {
            return Err(Error::Refused(Refused::OtherVault {
                what: Subject::Copy(None),
                detail: "it is not the vault file",
            }));
        }
        if let Source::Previous { reason, other_key } = &self.source {
            return Err(Error::OnlyPrevious {
                place: self.edges.store.place(),
                reason: reason.clone(),
                keychain: self.edges.keychain.name(),
                other_key: *other_key,
                generation: self.document.header.generation,
            });
        }
        if let Memory::RolledBack(rolled_back) = &self.memory {
            return Err(Error::RolledBack(rolled_back.clone()));
        }
        self.check_features()
    }

    pub(in crate::vault) fn check_features(&self) -> Result<(), Error> {
        let features: Vec<String> = self.payload.lacking().into_iter().map(str::to_owned).collect();
        if features.is_empty() { Ok(()) } else { Err(Error::Unsupported(Unsupported::ReadOnly { features })) }
    }

    /// Makes a change under the lock, over what other processes have written meanwhile.
    pub(in crate::vault) fn change(&mut self, change: &Change<'_>) -> Result<Effect, Error> {
        self.check_writable()?;
        let mut lock = self.lock()?;
        self.change_under(&mut *lock, change)
    }

    /// Makes a change. The caller holds the lock.
    pub(in crate::vault) fn change_under(
        &mut self,
        lock: &mut dyn LockedStore,
        change: &Change<'_>,
    ) -> Result<Effect, Error> {
        self.revise(lock, |contents, editing| apply(contents, change, editing))
    }

    /// Takes the vault's lock.
    pub(in crate::vault) fn lock(&self) -> Result<Box<dyn LockedStore>, Error> {
        let store = &self.edges.store;
        store.lock(LOCK_WAIT).map_err(|error| Error::from_store(&store.place(), error))
    }

    /// Edits the contents over what other processes have written meanwhile, and tells whether that changed anything:
    /// else nothing is written.
    pub(in crate::vault) fn revise(
        &mut self,
        lock: &mut dyn LockedStore,
        edit: impl FnOnce(&mut Contents, &Editing<'_>) -> Result<(), Error>,
    ) -> Result<Effect, Error> {
        self.reload()?;
        self.check_writable()?;
        let mut contents = self.contents();
        edit(&mut contents, &self.editing())?;
        // A write would drop the previous vault file for a copy of this one.
        let header = &self.document.header;
        if contents.payload == self.payload && contents.slots == header.slots {
            return Ok(Effect::AlreadySo);
        }
        let generation = self.generation_after(header.generation)?;
        self.write(lock, contents, generation, &Replaced::BecomesPrevious)?;
        Ok(Effect::Changed)
    }

    /// Takes an older, diverged or previous vault file as the vault from now on. What stood is set aside.
    ///
    /// # Errors
    /// Those of a vault write. [`Unsupported::ReadOnly`] where the vault needs features this program lacks.
    pub fn accept_rollback(&mut self) -> Result<Accepted, Error> {
        self.check_features()?;
        let mut lock = self.lock()?;
        let seen = self.reload()?.map_or(0, |anchor| anchor.generation);
        let reason = match (&self.memory, &self.source) {
            (_, Source::Previous { other_key, .. }) => aside_as(*other_key),
            (Memory::RolledBack(seen), Source::Current) => aside_for(seen.difference),
            (_, Source::Current | Source::Copy) => return Ok(Accepted::Already),
        };
        let time = self.edges.host.now().to_string().replace([':', '-'], "");
        let generation = self.generation_after(seen.max(self.document.header.generation))?;
        let aside = Replaced::SetAside(format!("{reason}-{time}"));
        let mut contents = self.contents();
        // An older file's note may be older than the item: the wait begins anew.
        if let Some(rotation) = contents.payload.under_way_mut() {
            rotation.forget_times();
        }
        let aside = self.write(&mut *lock, contents, generation, &aside)?;
        self.source = Source::Current;
        Ok(Accepted::Now { aside })
    }

    /// Returns what a change may use besides what it changes.
    pub(in crate::vault) fn editing(&self) -> Editing<'_> {
        let header = &self.document.header;
        Editing {
            vault: header.vault,
            data_key: &self.data_key,
            data_key_id: header.data_key,
            now: self.edges.host.now(),
        }
    }

    /// Returns what a change may change, as it was read.
    pub(in crate::vault) fn contents(&self) -> Contents {
        Contents { payload: self.payload.clone(), slots: self.document.header.slots.clone() }
    }

    pub(in crate::vault) fn generation_after(&self, generation: u64) -> Result<u64, Error> {
        generation.checked_add(1).ok_or_else(|| Error::Damaged {
            what: Subject::Vault(self.edges.store.place()),
            detail: "its generation has no successor".into(),
        })
    }

    /// Reads vault and anchor again. The caller holds the lock.
    pub(in crate::vault) fn reload(&mut self) -> Result<Option<Anchor>, Error> {
        self.reload_vault()?;
        let remembered = self.remembered()?;
        self.memory = anchor::compare(&self.document, &self.payload, remembered.as_ref());
        self.logged = remembered.as_ref().and_then(|anchor| anchor.log.clone());
        Ok(remembered)
    }

    /// Reads what this computer remembers of the vault.
    pub(in crate::vault) fn remembered(&self) -> Result<Option<Anchor>, Error> {
        anchor::load(&self.edges, self.id(), &self.data_key, &self.payload)
    }

    /// Reads the vault file again.
    pub(in crate::vault) fn reload_vault(&mut self) -> Result<(), Error> {
        let store = &self.edges.store;
        let place = store.place();
        // Before the bytes: what changes after it is seen the next time.
        let stamp = self.follows.as_ref().and_then(|_| store.stamp());
        let standing = match store.load() {
            Err(_) if self.source != Source::Current => None,
            other => other.map_err(|error| Error::from_store(&place, error))?,
        };
        if standing != self.standing {
            if self.source == Source::Copy {
                return Err(Error::Changed { what: Subject::Vault(place) });
            }
            let what = Subject::Vault(place.clone());
            let bytes = standing.as_deref().ok_or(Error::NotFound(NotFound::Vault { place }))?;
            let document = Document::parse(bytes).map_err(|error| Error::from_format(what.clone(), error))?;
            if document.header.vault != self.id() || document.header.data_key != self.document.header.data_key {
                return Err(Error::Changed { what });
            }
            let payload = open_payload(&document, &self.data_key);
            let payload = payload.map_err(|error| Error::from_format(what.clone(), error))?;
            if self.follows.is_some() && !follow::descends(&document, &payload, &self.document) {
                return Err(Error::Changed { what });
            }
            self.payload = payload;
            self.document = document;
            self.standing = standing;
            self.source = Source::Current;
        }
        if let Some(follows) = &self.follows {
            follows.remember(stamp);
        }
        Ok(())
    }

    /// Writes the vault under the data key it has, and remembers it.
    pub(in crate::vault) fn write(
        &mut self,
        lock: &mut dyn LockedStore,
        contents: Contents,
        generation: u64,
        replaced: &Replaced,
    ) -> Result<Option<String>, Error> {
        let header = Header { generation, slots: contents.slots, ..self.document.header.clone() };
        let aside = self.commit(lock, header, contents.payload, None, replaced)?;
        self.remember_written();
        Ok(aside)
    }

    /// Writes the vault, under another data key where one is given, and leaves the anchor to the caller.
    pub(in crate::vault) fn commit(
        &mut self,
        lock: &mut dyn LockedStore,
        header: Header,
        mut payload: Payload,
        next: Option<DataKey>,
        replaced: &Replaced,
    ) -> Result<Option<String>, Error> {
        if let Some(tip) = &self.logged {
            logs::witness(&mut payload, tip);
        }
        payload.ancestors.push(ancestor(&self.document));
        let surplus = payload.ancestors.len().saturating_sub(ANCESTOR_LIMIT);
        payload.ancestors.drain(..surplus);
        let data_key = next.as_ref().unwrap_or(&self.data_key);
        let (document, bytes) = seal_document(header, &payload, data_key)?;
        let expected = self.standing.as_deref();
        let aside = lock
            .replace(&bytes, expected, replaced, &mut |read| reads_back(read, &document, data_key))
            .map_err(|error| Error::from_store(&self.edges.store.place(), error))?;
        // From here the change is made, whatever becomes of the anchor: it only lags, and the next unlock adopts.
        if let Some(next) = next {
            self.data_key = next.into();
        }
        self.document = document;
        self.standing = Some(bytes);
        self.payload = payload;
        self.memory = Memory::Current;
        if matches!(replaced, Replaced::SetAside(_)) {
            // What was there before may have left nothing beside it.
            self.notices.extend(second_copy_if_alone(&*self.edges.store, lock, self.standing.as_deref()));
        }
        Ok(aside)
    }

    /// Makes the previous vault file a second copy of the vault file. The caller holds the lock and has read or written
    /// the vault file under it.
    pub(in crate::vault) fn write_second_copy(&self, lock: &mut dyn LockedStore) -> Result<(), Error> {
        let Some(bytes) = &self.standing else { return Ok(()) };
        lock.write_second_copy(bytes).map_err(|error| Error::from_store(&self.edges.store.place(), error))
    }

    /// Remembers the vault as it was just written. The write stands whether or not this succeeds.
    pub(in crate::vault) fn remember_written(&mut self) {
        if let Err(error) = anchor::store(&self.edges, &self.document, &self.data_key, &self.payload) {
            self.notices.push(Notice::AnchorNotWritten { reason: error.to_string() });
        }
    }
}

/// Writes a second copy of the vault file, unless a previous one is there that parses as a vault file: that may be the
/// last one under its data key.
pub(in crate::vault) fn second_copy_if_alone(
    store: &dyn Store,
    lock: &mut dyn LockedStore,
    bytes: Option<&[u8]>,
) -> Option<Notice> {
    let previous = store.load_previous().ok().flatten();
    if previous.is_some_and(|bytes| Document::parse(&bytes).is_ok()) {
        return None;
    }
    second_copy(lock, bytes?)
}

/// Writes a second copy of a vault file that has just been put in place. The vault file counts whether or not this
/// succeeds, and the next write leaves a previous one.
pub(in crate::vault) fn second_copy(lock: &mut dyn LockedStore, bytes: &[u8]) -> Option<Notice> {
    let written = lock.write_second_copy(bytes);
    written.err().map(|error| Notice::NoSecondCopy { reason: error.to_string() })
}

/// What a vault file that is not the one last seen is set aside as.
fn aside_for(difference: Difference) -> &'static str {
    match difference {
        Difference::Older => "older",
        Difference::Diverged => "diverged",
        Difference::TooFarAhead => "replaced",
    }
}

/// What a vault file that cannot be used is set aside as. One under another data key may well be the newer one.
fn aside_as(other_key: bool) -> &'static str {
    if other_key { "replaced" } else { "damaged" }
}

/// Returns what later writes remember a write by.
pub(in crate::vault) fn ancestor(document: &Document) -> FixedBase64<16> {
    let mut ancestor = [0; 16];
    ancestor.copy_from_slice(&digest(document)[..16]);
    FixedBase64(ancestor)
}

/// Seals a payload into a document and its file bytes.
pub(in crate::vault) fn seal_document(
    header: Header,
    payload: &Payload,
    data_key: &DataKey,
) -> Result<(Document, Vec<u8>), Error> {
    let failed = |error| Error::from_format(Subject::NewVault, error);
    let protected = header.to_protected().map_err(failed)?;
    let plaintext = payload.to_bytes().map_err(failed)?;
    let context: [&[u8]; 2] = [label::VAULT, &sha512(&protected)];
    let payload = cobblestone::seal(data_key.expose(), &context, &plaintext)?;
    let document = Document { header, protected, payload };
    let bytes = document.to_bytes().map_err(failed)?;
    if bytes.len() as u64 > crate::format::vault::SIZE_LIMIT {
        let detail = "it would be larger than a vault may be".into();
        return Err(Error::Damaged { what: Subject::NewVault, detail });
    }
    Ok((document, bytes))
}

/// Tells whether what was written reads back as the document and opens.
pub(in crate::vault) fn reads_back(read: &[u8], document: &Document, data_key: &DataKey) -> bool {
    Document::parse(read).is_ok_and(|read| {
        read.protected == document.protected
            && read.payload == document.payload
            && open_payload_bytes(&read, data_key).is_ok()
    })
}
