//! Access logs in memory, which fail, stop and lose what was not synced on request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::StoreError;
use super::logs::{LogAccess, LogFile, is_log_name};
use super::memory::failed;
use crate::disk::IoAction;

/// What goes wrong with the logs in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFault {
    /// Nothing is changed, and the call fails.
    Fails,
    /// Half of it is done, and the call fails.
    Torn,
    /// It is done, and the call fails all the same.
    SeemsToFail,
}

/// One file: what it holds, and how much of that has been synced.
#[derive(Debug, Clone, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
    /// How many bytes more it is said to have, in front of those behind its head.
    pretended: u64,
}

impl File {
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.pretended
    }

    /// Returns where a byte is: what it only seems to have is behind its first block.
    fn place_of(&self, at: u64) -> Option<usize> {
        let place = if at < 512 { Some(at) } else { at.checked_sub(self.pretended) };
        usize::try_from(place?).ok()
    }
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, File>,
    /// How many calls arrived that change something.
    calls: usize,
    /// The fault, the number of calls that are spared from it, and whether it strikes every call from then on.
    fault: Option<(LogFault, usize, bool)>,
}

/// The access logs of a store in memory. Clones are the same logs.
#[derive(Debug, Clone, Default)]
pub struct MemoryLogs(Arc<Mutex<State>>);

impl MemoryLogs {
    /// Makes one call that changes something go wrong, once `calls` more went well.
    pub fn fail_after(&self, calls: usize, fault: LogFault) {
        self.state().fault = Some((fault, calls, false));
    }

    /// Makes such a call go wrong, and fails all that follow, as if the process had been killed.
    pub fn stop_after(&self, calls: usize, fault: LogFault) {
        self.state().fault = Some((fault, calls, true));
    }

    /// Behaves again.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// Returns how many calls arrived so far that change something.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// Loses what was not synced, but for the first `torn` bytes of it.
    pub fn cut_power(&self, torn: usize) {
        for file in self.state().files.values_mut() {
            let kept = file.synced.saturating_add(torn).min(file.bytes.len());
            file.bytes.truncate(kept);
            file.synced = kept;
        }
    }

    /// Returns every file.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().files.iter().map(|(name, file)| (name.clone(), file.bytes.clone())).collect()
    }

    /// Puts these files in the place of all there are, as something outside Strongroom would.
    pub fn put(&self, files: BTreeMap<String, Vec<u8>>) {
        let whole = |bytes: Vec<u8>| File { synced: bytes.len(), bytes, pretended: 0 };
        self.state().files = files.into_iter().map(|(name, bytes)| (name, whole(bytes))).collect();
    }

    /// Makes a file seem longer than it is, by bytes in front of its own: a test need not write them.
    pub fn pretend(&self, name: &str, bytes: u64) {
        if let Some(file) = self.state().files.get_mut(name) {
            file.pretended = bytes;
        }
    }

    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.state().files.keys().cloned().collect())
    }

    pub(super) fn open(&self, name: &str, access: LogAccess) -> Result<Option<Box<dyn LogFile>>, StoreError> {
        check(name)?;
        let is_there = self.state().files.contains_key(name);
        let file = OpenedLog { logs: self.clone(), name: name.to_owned(), access };
        Ok(is_there.then(|| Box::new(file) as Box<dyn LogFile>))
    }

    pub(super) fn make(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check(name)?;
        self.change(IoAction::Make, |state, part| {
            if state.files.contains_key(name) {
                return Err(failed(IoAction::Make));
            }
            // It appears whole or not at all.
            if part == 1 {
                state.files.insert(name.to_owned(), File { bytes: bytes.to_vec(), synced: bytes.len(), pretended: 0 });
            }
            Ok(())
        })
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        check(name)?;
        self.change(IoAction::Delete, |state, part| {
            if part == 1 {
                state.files.remove(name);
            }
            Ok(())
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call that changes something. `change` is handed 1 if it is to do all of it, and 2 for the first half.
    fn change<T>(
        &self,
        action: IoAction,
        change: impl FnOnce(&mut State, usize) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.state();
        state.calls += 1;
        let fault = match &mut state.fault {
            Some((_, spared, _)) if *spared > 0 => {
                *spared -= 1;
                None
            }
            Some((fault, _, lasts)) => {
                let (struck, lasts) = (*fault, *lasts);
                state.fault = lasts.then_some((LogFault::Fails, 0, true));
                Some(struck)
            }
            None => None,
        };
        match fault {
            None => change(&mut state, 1),
            Some(LogFault::Fails) => Err(failed(action)),
            Some(LogFault::Torn) => change(&mut state, 2).and(Err(failed(action))),
            Some(LogFault::SeemsToFail) => change(&mut state, 1).and(Err(failed(action))),
        }
    }
}

fn check(name: &str) -> Result<(), StoreError> {
    if is_log_name(name) { Ok(()) } else { Err(StoreError::NotAFile { path: name.into() }) }
}

struct OpenedLog {
    logs: MemoryLogs,
    name: String,
    access: LogAccess,
}

impl OpenedLog {
    fn change<T>(
        &self,
        action: IoAction,
        change: impl FnOnce(&mut State, usize) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.access == LogAccess::Read {
            return Err(failed(action));
        }
        self.logs.change(action, change)
    }
}

impl LogFile for OpenedLog {
    fn length(&self) -> Result<u64, StoreError> {
        let state = self.logs.state();
        state.files.get(&self.name).map(|file| file.length()).ok_or_else(|| failed(IoAction::Read))
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        let state = self.logs.state();
        let file = state.files.get(&self.name);
        let rest = file.and_then(|file| file.bytes.get(file.place_of(at)?..)?.get(..bytes.len()));
        bytes.copy_from_slice(rest.ok_or_else(|| failed(IoAction::Read))?);
        Ok(())
    }

    fn append(&mut self, end: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.change(IoAction::Write, |state, part| {
            let file = state.files.get_mut(&self.name).ok_or_else(|| failed(IoAction::Write))?;
            if file.length() != end {
                return Err(StoreError::Changed);
            }
            file.bytes.extend_from_slice(&bytes[..bytes.len() / part]);
            Ok(())
        })
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.change(IoAction::Sync, |state, part| {
            if let Some(file) = state.files.get_mut(&self.name) {
                file.synced += (file.bytes.len() - file.synced) / part;
            }
            Ok(())
        })
    }

    fn set_aside(&mut self, end: u64, aside: &str) -> Result<String, StoreError> {
        self.change(IoAction::Write, |state, part| {
            let mut names = std::iter::once(aside.to_owned()).chain((2..).map(|number| format!("{aside}-{number}")));
            let name = names.find(|name| !state.files.contains_key(name)).unwrap_or_default();
            let file = state.files.get_mut(&self.name).ok_or_else(|| failed(IoAction::Write))?;
            let tail = file.bytes.get(end as usize..).ok_or_else(|| failed(IoAction::Write))?.to_vec();
            // First the copy, then the cut.
            if part == 1 {
                file.bytes.truncate(end as usize);
                file.synced = file.bytes.len();
            }
            state.files.insert(name.clone(), File { synced: tail.len(), bytes: tail, pretended: 0 });
            Ok(name)
        })
    }
}
