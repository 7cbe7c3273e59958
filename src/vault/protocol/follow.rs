//! A vault that stays open while other processes change it: what descends from the vault file it has is taken, and
//! nothing else is. The keychain is not asked: what is in memory is the newest write that this computer has seen.

use std::sync::{Arc, Mutex, PoisonError};

use super::anchor::{self, Memory};
use super::write::ancestor;
use crate::error::{Error, Unsupported};
use crate::format::item::Anchor;
use crate::format::vault::{Document, Payload};
use crate::store::Stamp;
use crate::vault::contents::Effect;
use crate::vault::{Source, Unlocked};

/// What a vault that follows its file knows of it.
#[derive(Debug, Default)]
pub struct Follows {
    /// The state of the vault file when it was last read; `None` if only its bytes tell.
    stamp: Mutex<Option<Stamp>>,
}

impl Follows {
    /// Remembers the state in which the vault file was read.
    pub(in crate::vault) fn remember(&self, stamp: Option<Stamp>) {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
    }

    fn stamp(&self) -> Option<Stamp> {
        self.stamp.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What this computer recorded last of a vault.
#[derive(Debug)]
pub struct Recorded(Option<Anchor>);

impl Unlocked {
    /// Begins to follow the vault file. From now on a read or a write takes what is in the vault file only if that
    /// descends from what this vault has.
    ///
    /// # Errors
    /// [`Error::RolledBack`]; [`Error::OnlyPrevious`]; [`Error::Refused`] for a copy: what is in the vault file's
    /// place must be what this computer recorded last, or descend from it.
    pub fn follow(&mut self) -> Result<(), Error> {
        match self.check_writable() {
            // It can be read, and never written.
            Ok(()) | Err(Error::Unsupported(Unsupported::ReadOnly { .. })) => {}
            Err(error) => return Err(error),
        }
        self.follows = Some(Follows::default());
        Ok(())
    }

    /// Tells whether the vault file is the one that this vault has. It is read only if its state does not tell.
    ///
    /// # Errors
    /// Those of reading it. Without [`Unlocked::follow`] the answer is no.
    pub fn is_current(&self) -> Result<bool, Error> {
        let Some(follows) = &self.follows else { return Ok(false) };
        let store = &self.edges.store;
        let stamp = store.stamp();
        if stamp.is_some() && stamp == follows.stamp() {
            return Ok(true);
        }
        let standing = store.load().map_err(|error| Error::from_store(&store.place(), error))?;
        let is_same = standing == self.standing;
        if is_same {
            // Taken before the file was read: what changes after it is seen the next time.
            follows.remember(stamp);
        }
        Ok(is_same)
    }

    /// Reads the vault file again, and takes what descends from what this vault has.
    ///
    /// # Errors
    /// [`Error::Changed`] if the vault file is another vault's, under another data key, or does not descend from what
    /// this vault has; [`Error::NotFound`], [`Error::Damaged`], [`Error::Io`]. This vault is then as it was, and
    /// no longer the one that counts.
    pub fn catch_up(&mut self) -> Result<Effect, Error> {
        let generation = self.document.header.generation;
        self.reload_vault()?;
        Ok(if self.document.header.generation == generation { Effect::AlreadySo } else { Effect::Changed })
    }

    /// Reads what this computer recorded last of the vault, for [`Unlocked::check_recorded`].
    ///
    /// # Errors
    /// [`Error::Keychain`].
    pub fn recorded(&self) -> Result<Recorded, Error> {
        self.remembered().map(Recorded)
    }

    /// Sees to it that this vault is, or descends from, what this computer recorded last. The record has to be read
    /// before the vault file: whoever writes both writes the vault file first.
    ///
    /// # Errors
    /// [`Error::RolledBack`].
    pub fn check_recorded(&self, recorded: &Recorded) -> Result<(), Error> {
        match anchor::compare(&self.document, &self.payload, recorded.0.as_ref()) {
            Memory::RolledBack(rolled_back) => Err(Error::RolledBack(rolled_back)),
            Memory::Current | Memory::Behind | Memory::Missing => Ok(()),
        }
    }

    /// Returns a second vault on the same data key, store and keychain, so that a change can be made in one while the
    /// other is read. What the first has to say stays with it.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        debug_assert_eq!(self.source, Source::Current);
        Self {
            edges: self.edges.clone(),
            standing: self.standing.clone(),
            document: self.document.clone(),
            source: self.source.clone(),
            data_key: Arc::clone(&self.data_key),
            payload: self.payload.clone(),
            memory: self.memory.clone(),
            logged: self.logged.clone(),
            lost: Arc::clone(&self.lost),
            wraps: self.wraps.clone(),
            opened_wrap: self.opened_wrap,
            alone: self.alone,
            finished_rotation: self.finished_rotation,
            follows: self.follows.as_ref().map(|follows| Follows { stamp: Mutex::new(follows.stamp()) }),
            notices: Vec::new(),
        }
    }
}

/// Tells whether a vault write was made after another, over it or over what was made over it.
pub(in crate::vault) fn descends(document: &Document, payload: &Payload, from: &Document) -> bool {
    let own = ancestor(from);
    document.header.generation > from.header.generation && payload.ancestors.iter().any(|ancestor| ancestor.0 == own.0)
}
