//! Content keys that are asked for before their files are opened: where each question takes its time, as one to an agent
//! does, many small files are opened with few questions. Whatever cannot be had ahead is asked for when its file is
//! opened, and fails then.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::error::FilesError;
use super::find::{Item, open_found};
use super::keys::Keys;
use super::pool::SMALL;
use crate::body::Opener;
use crate::crypto::secret::ContentKey;
use crate::error::Error;
use crate::format::sealed::{BLOCK_STEP, Block, PRELUDE_LEN};
use crate::keys::{Drawn, FileKeys, OpenedBy, WrappedKey};

/// The keys of a run that opens these files, in about this order.
pub struct ReadAhead<'k> {
    /// The keys themselves.
    pub(super) keys: &'k Keys<'k>,
    items: Vec<&'k Item>,
    /// How many of them were looked at. Held by whoever looks at more of them.
    seen: Mutex<usize>,
    /// What was unwrapped for files that are not open yet: each is taken once. Wiped with this.
    ready: Mutex<Vec<Ready>>,
}

struct Ready {
    wrapped: OwnWrappedKey,
    content_key: ContentKey,
    opened_by: OpenedBy,
}

/// A wrapped content key as it is in a file's header, byte by byte: a file that has become another has another.
#[derive(PartialEq, Eq)]
struct OwnWrappedKey {
    prelude: [u8; PRELUDE_LEN],
    stanza: Vec<u8>,
}

impl OwnWrappedKey {
    /// Reads what the first header block holds, if it is as nearly every one is.
    fn of(item: &Item) -> Option<Self> {
        let (mut file, _) = open_found(&item.path, item.is_link).ok()?;
        let mut bytes = vec![0; BLOCK_STEP];
        file.read_exact(&mut bytes).ok()?;
        let block = Block::parse(&bytes).ok()?;
        Some(Self { prelude: block.prelude.to_bytes(), stanza: block.project()?.to_vec() })
    }

    fn as_wrapped(&self) -> WrappedKey<'_> {
        WrappedKey { prelude: &self.prelude, stanza: &self.stanza }
    }

    fn is(&self, wrapped: WrappedKey<'_>) -> bool {
        self.prelude == *wrapped.prelude && self.stanza == wrapped.stanza
    }
}

impl<'k> ReadAhead<'k> {
    /// Takes the keys, and the files that are going to be opened. A large file, which is opened after the small ones,
    /// can wait for its own question; so can a single one.
    pub fn of(keys: &'k Keys<'k>, items: impl Iterator<Item = &'k Item>) -> Self {
        let mut items: Vec<&Item> = match keys.at_once() {
            0 | 1 => Vec::new(),
            _ => items.filter(|item| item.len <= SMALL).collect(),
        };
        if items.len() == 1 {
            items.clear();
        }
        Self { keys, items, seen: Mutex::default(), ready: Mutex::default() }
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    /// As [`Keys::open`].
    pub fn open(&self, path: &Path, file: File) -> Result<Opener<File>, FilesError> {
        Opener::new(file, self).map_err(|error| self.keys.not_opened(&path.display().to_string(), error))
    }

    /// Takes a content key that was unwrapped ahead, or looks ahead for it.
    fn take(&self, wrapped: WrappedKey<'_>) -> Option<(ContentKey, OpenedBy)> {
        let few = self.keys.at_once() / 2;
        let (mut found, left) = self.take_ready(wrapped);
        if found.is_some() {
            // Before none is left, so that the other threads have something to do meanwhile.
            if left < few
                && let Some(mut seen) = try_lock(&self.seen)
            {
                self.look_ahead(&mut seen);
            }
            return found;
        }
        // Whoever looks ahead right now may bring it.
        let mut seen = lock(&self.seen);
        let left;
        (found, left) = self.take_ready(wrapped);
        // A file out of turn is no reason to look further ahead.
        if found.is_none() && left < few && self.look_ahead(&mut seen) {
            found = self.take_ready(wrapped).0;
        }
        found
    }

    /// Takes a content key if it is ready, and tells how many are left.
    fn take_ready(&self, wrapped: WrappedKey<'_>) -> (Option<(ContentKey, OpenedBy)>, usize) {
        let mut ready = lock(&self.ready);
        let at = ready.iter().position(|ready| ready.wrapped.is(wrapped));
        let found = at.map(|at| ready.remove(at));
        (found.map(|found| (found.content_key, found.opened_by)), ready.len())
    }

    /// Has the content keys of the next files unwrapped. Tells whether there were any.
    fn look_ahead(&self, seen: &mut usize) -> bool {
        let next = self.items.iter().skip(*seen).take(self.keys.at_once());
        let (places, wrapped): (Vec<usize>, Vec<OwnWrappedKey>) =
            next.zip(*seen..).filter_map(|(item, place)| Some((place, OwnWrappedKey::of(item)?))).unzip();
        let unwrapped = self.keys.unwrap_some(&wrapped.iter().map(OwnWrappedKey::as_wrapped).collect::<Vec<_>>());
        *seen = match unwrapped.len() {
            // It would be the same with the next ones: each is asked for when its file is opened, and fails then.
            0 if !places.is_empty() => self.items.len(),
            // What the answer left out is asked for again.
            count => places.get(count).copied().unwrap_or((*seen + self.keys.at_once()).min(self.items.len())),
        };
        let ready = wrapped.into_iter().zip(unwrapped).filter_map(|(wrapped, unwrapped)| {
            let (content_key, opened_by) = unwrapped?;
            Some(Ready { wrapped, content_key, opened_by })
        });
        lock(&self.ready).extend(ready);
        !places.is_empty()
    }
}

impl FileKeys for ReadAhead<'_> {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        let ahead = if self.items.is_empty() { None } else { self.take(wrapped) };
        ahead.map_or_else(|| self.keys.unwrap_content_key(wrapped), |found| Ok(Some(found)))
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        self.keys.wrap_content_key(project, version, prelude, content_key)
    }

    fn draw_content_key(&self, project: &str, version: u32, block_len: usize) -> Result<Drawn, Error> {
        self.keys.draw_content_key(project, version, block_len)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
