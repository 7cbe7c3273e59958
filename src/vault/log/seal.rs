//! Entries to sealed records and back.

use zeroize::Zeroizing;

use crate::crypto::cobblestone;
use crate::crypto::hmac::{ExpandKey, sha256};
use crate::crypto::secret::{DataKey, LogKey};
use crate::error::{Error, LogTrouble};
use crate::format::log::{Entry, Frame, padded, to_record};
use crate::format::vault::Payload;
use crate::format::{EnrolmentId, VaultId, label};
use crate::vault::contents::logs;

/// What a record is bound to: its place.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    pub vault: VaultId,
    pub enrolment: EnrolmentId,
    pub number: u64,
    /// SHA-256 of the record before.
    pub previous: [u8; 32],
}

impl Context {
    fn with<T>(&self, run: impl FnOnce(&[&[u8]]) -> T) -> T {
        let number = self.number.to_be_bytes();
        run(&[label::LOG, self.vault.as_bytes(), self.enrolment.as_bytes(), &number, &self.previous])
    }
}

/// The keys that the records of a vault's logs are sealed under.
pub struct LogKeys(Vec<(u32, LogKey, ExpandKey)>);

/// What an authentic record says.
pub enum Opened {
    /// An entry.
    Entry(Box<Entry>),
    /// Something that only a later program reads.
    Newer,
}

impl LogKeys {
    /// Unwraps them.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn of(payload: &Payload, vault: VaultId, data_key: &DataKey) -> Result<Self, Error> {
        let keys = payload.log_keys.iter().map(|held| {
            let key = logs::unwrap(vault, data_key, held)?;
            let expand = ExpandKey::new(key.expose());
            Ok((held.version, key, expand))
        });
        keys.collect::<Result<_, Error>>().map(Self)
    }

    /// Seals an entry under the newest one, and returns the record.
    ///
    /// # Errors
    /// [`LogTrouble::NoKey`], [`LogTrouble::TooLong`]; [`Error::Random`].
    pub fn seal(&self, context: &Context, entry: &Entry) -> Result<Vec<u8>, Error> {
        let (version, key, _) = self.0.iter().max_by_key(|(version, ..)| *version).ok_or(LogTrouble::NoKey)?;
        let plaintext = padded(entry).map_err(|_| LogTrouble::TooLong)?;
        let sealed = context.with(|context| cobblestone::seal(key.expose(), context, &plaintext))?;
        to_record(*version, &sealed).map_err(|_| LogTrouble::TooLong.into())
    }

    /// Opens a record; `None` if it is not authentic in this place, or under no key of this vault. Whoever calls this
    /// wipes the stack below, once for many calls.
    pub fn open(&self, context: &Context, frame: &Frame<'_>) -> Option<Opened> {
        let plaintext = self.of_version(frame.key_version).find_map(|(_, expand)| {
            context.with(|context| cobblestone::open_one_of_many(expand, context, frame.sealed)).ok()
        })?;
        Some(Entry::parse(&plaintext).map_or(Opened::Newer, |entry| match entry.seq == context.number {
            true => Opened::Entry(Box::new(entry)),
            false => Opened::Newer,
        }))
    }

    /// Returns what opens one record, and no other.
    pub fn disclose(&self, context: &Context, frame: &Frame<'_>) -> Option<Zeroizing<[u8; cobblestone::DERIVED_LEN]>> {
        self.of_version(frame.key_version).find_map(|(key, _)| {
            context.with(|context| cobblestone::disclose(key.expose(), context, frame.sealed)).ok()
        })
    }

    fn of_version(&self, version: u32) -> impl Iterator<Item = (&LogKey, &ExpandKey)> {
        self.0.iter().filter(move |(own, ..)| *own == version).map(|(_, key, expand)| (key, expand))
    }
}

/// Returns what the next record names a record by.
pub fn hash(record: &[u8]) -> [u8; 32] {
    sha256(record)
}
