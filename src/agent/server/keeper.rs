//! The vault that the agent keeps: read by many at once, changed by one at a time, and forgotten for good.
//!
//! Whoever reads gets the state that was last seen and holds nobody up. A change is made in a duplicate, since the lock
//! of the vault file and the keychain may take long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use super::lock;
use crate::agent::limits::WIPE_WAIT;
use crate::agent::watch::Ending;
use crate::error::Error;
use crate::format::ProjectId;
use crate::vault::Unlocked;

/// Keeps the vault.
pub struct Keeper {
    /// The state that was last seen; `None` once it is wiped.
    current: Mutex<Option<Arc<Unlocked>>>,
    /// Held by whoever reads a changed vault file, so that others wait instead of reading it too.
    reading: Mutex<()>,
    /// Held by whoever changes the vault.
    writing: Mutex<()>,
    scope: Option<Vec<ProjectId>>,
    adopted: AtomicU64,
}

impl Keeper {
    /// Takes the vault, and the projects that questions may be about.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn new(unlocked: Unlocked, projects: Option<&[String]>) -> Result<Self, Error> {
        // By id: the projects may be renamed meanwhile.
        let id = |name: &String| unlocked.usable_project(name).map(|project| project.id);
        let scope = projects.map(|names| names.iter().map(id).collect()).transpose()?;
        Ok(Self {
            current: Mutex::new(Some(Arc::new(unlocked))),
            reading: Mutex::default(),
            writing: Mutex::default(),
            scope,
            adopted: AtomicU64::new(0),
        })
    }

    /// Returns the projects that questions may be about; all of them if there is no list.
    pub fn scope(&self) -> Option<&[ProjectId]> {
        self.scope.as_deref()
    }

    /// Returns how often a vault file that another process wrote was taken.
    pub fn adopted(&self) -> u64 {
        self.adopted.load(Ordering::Relaxed)
    }

    /// Returns the vault as it is in the vault file now.
    ///
    /// # Errors
    /// Why the agent has to lock; `None` if it does so already.
    pub fn vault(&self) -> Result<Arc<Unlocked>, Option<Ending>> {
        let current = self.last_seen()?;
        if current.is_current().map_err(replaced)? {
            return Ok(current);
        }
        let _reading = lock(&self.reading);
        let current = self.last_seen()?;
        if current.is_current().map_err(replaced)? {
            return Ok(current);
        }
        let mut next = current.duplicate();
        drop(current);
        next.catch_up().map_err(replaced)?;
        self.adopted.fetch_add(1, Ordering::Relaxed);
        self.take_newer(next)
    }

    /// Changes the vault. Nobody who reads waits for it.
    ///
    /// # Errors
    /// The outer one as of [`Keeper::vault`], the inner one that of the change.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Unlocked) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Option<Ending>> {
        let _writing = lock(&self.writing);
        let mut next = self.vault()?.duplicate();
        let changed = change(&mut next);
        if let Err(error @ Error::RolledBack(_)) = changed {
            // This computer has recorded a newer vault file than the one that the agent knows and finds.
            return Err(replaced(error));
        }
        let kept = self.take_newer(next);
        if changed.is_err() {
            kept?;
            // What failed may be that another vault file is there.
            self.vault()?;
        }
        // What is written is written, though the agent may have locked meanwhile.
        Ok(changed)
    }

    /// Forgets the vault: no key is in memory any more when this returns true.
    pub fn wipe(&self) -> bool {
        let taken = lock(&self.current).take();
        let deadline = Instant::now() + WIPE_WAIT;
        let Some(mut taken) = taken else { return true };
        // Whoever is being answered right now has it for some microseconds more.
        loop {
            match Arc::try_unwrap(taken) {
                Ok(unlocked) => {
                    drop(unlocked);
                    break;
                }
                Err(_) if Instant::now() >= deadline => return false,
                Err(used) => taken = used,
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        // Whoever holds these has a duplicate. A change that waits for the lock of the vault file may take a minute.
        [&self.reading, &self.writing].into_iter().all(|held| {
            while matches!(held.try_lock(), Err(TryLockError::WouldBlock)) {
                if Instant::now() >= deadline {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            true
        })
    }

    fn last_seen(&self) -> Result<Arc<Unlocked>, Option<Ending>> {
        lock(&self.current).clone().ok_or(None)
    }

    /// Goes on with a state of the vault unless a newer one was seen meanwhile. Returns the newer one.
    fn take_newer(&self, next: Unlocked) -> Result<Arc<Unlocked>, Option<Ending>> {
        let mut current = lock(&self.current);
        let Some(now) = current.as_mut() else { return Err(None) };
        if next.header().generation > now.header().generation {
            *now = Arc::new(next);
        }
        Ok(Arc::clone(now))
    }
}

fn replaced(error: Error) -> Option<Ending> {
    Some(Ending::VaultReplaced { reason: error.to_string() })
}
