//! A store in memory that fails on request: for tests, and for programs that keep the document elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::memory_logs::MemoryLogs;
use super::{LockedStore, LogAccess, LogFile, Replaced, Store, StoreError};
use crate::disk::IoAction;

/// What a [`MemoryStore`] does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreFault {
    /// Nothing.
    #[default]
    None,
    /// The next write fails before anything is changed, as on a full disk.
    WriteFails,
    /// The next write is done and then reported as failed, as when the folder cannot be synced.
    WriteSeemsToFail,
    /// What is written reads back altered.
    ReadsBackAltered,
    /// The next sync of what stands fails.
    SyncFails,
    /// The next second copy cannot be written.
    SecondCopyFails,
}

#[derive(Default)]
struct Documents {
    current: Option<Vec<u8>>,
    previous: Option<Vec<u8>>,
    aside: Vec<(String, Vec<u8>)>,
    fault: StoreFault,
    /// The number of writes that are spared from it.
    spared: usize,
}

/// A vault document in memory. Clones are the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    documents: Arc<Mutex<Documents>>,
    logs: MemoryLogs,
    locked: Arc<AtomicBool>,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a document in place as something outside Strongroom would.
    pub fn put(&self, current: Option<Vec<u8>>, previous: Option<Vec<u8>>) {
        let mut documents = self.documents();
        documents.current = current;
        documents.previous = previous;
    }

    /// Makes the next write go wrong.
    pub fn fail_next(&self, fault: StoreFault) {
        self.fail_after(0, fault);
    }

    /// Makes a write go wrong once `writes` more went well.
    pub fn fail_after(&self, writes: usize, fault: StoreFault) {
        let mut documents = self.documents();
        documents.fault = fault;
        documents.spared = writes;
    }

    /// Returns what was set aside: reason and document, oldest first.
    #[must_use]
    pub fn set_aside(&self) -> Vec<(String, Vec<u8>)> {
        self.documents().aside.clone()
    }

    /// Returns the access logs, to alter them as something outside Strongroom would.
    #[must_use]
    pub fn logs(&self) -> &MemoryLogs {
        &self.logs
    }

    fn documents(&self) -> MutexGuard<'_, Documents> {
        // A panic elsewhere leaves whole documents behind: they change by assignment only.
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn place(&self) -> String {
        "memory".into()
    }

    fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.documents().current.clone())
    }

    fn load_previous(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.documents().previous.clone())
    }

    fn standing(&self) -> Result<Vec<String>, StoreError> {
        let documents = self.documents();
        let named = [("the document", &documents.current), ("the previous document", &documents.previous)];
        Ok(named.iter().filter(|(_, document)| document.is_some()).map(|(name, _)| (*name).into()).collect())
    }

    fn log_names(&self) -> Result<Vec<String>, StoreError> {
        self.logs.names()
    }

    fn open_log(&self, name: &str, access: LogAccess) -> Result<Option<Box<dyn LogFile>>, StoreError> {
        self.logs.open(name, access)
    }

    fn make_log(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.logs.make(name, bytes)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        self.logs.remove(name)
    }

    fn lock(&self, wait: Duration) -> Result<Box<dyn LockedStore>, StoreError> {
        let start = Instant::now();
        loop {
            match self.locked.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Box::new(LockedMemory { store: self.clone() })),
                Err(_) if start.elapsed() < wait => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => return Err(StoreError::Busy { waited: wait }),
            }
        }
    }
}

struct LockedMemory {
    store: MemoryStore,
}

impl Drop for LockedMemory {
    fn drop(&mut self) {
        self.store.locked.store(false, Ordering::Release);
    }
}

impl LockedStore for LockedMemory {
    fn replace(
        &mut self,
        bytes: &[u8],
        expected: Option<&[u8]>,
        replaced: &Replaced,
        check: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Option<String>, StoreError> {
        let mut documents = self.store.documents();
        let fault = match documents.fault {
            StoreFault::SyncFails | StoreFault::SecondCopyFails => StoreFault::None,
            _ if documents.spared > 0 => {
                documents.spared -= 1;
                StoreFault::None
            }
            _ => std::mem::take(&mut documents.fault),
        };
        let failed = || failed(IoAction::Write);
        if fault == StoreFault::WriteFails {
            return Err(failed());
        }
        let mut read_back = bytes.to_vec();
        if fault == StoreFault::ReadsBackAltered
            && let Some(byte) = read_back.last_mut()
        {
            *byte ^= 1;
        }
        if !check(&read_back) {
            return Err(StoreError::ReadBack { path: "memory".into() });
        }
        if documents.current.as_deref() != expected {
            return Err(StoreError::Changed);
        }
        let old = documents.current.replace(read_back);
        let mut aside = None;
        match (replaced, old) {
            (Replaced::BecomesPrevious, old) => documents.previous = old,
            (Replaced::SetAside(reason), Some(old)) => {
                documents.aside.push((reason.clone(), old));
                aside = Some(reason.clone());
            }
            _ => {}
        }
        if fault == StoreFault::WriteSeemsToFail { Err(failed()) } else { Ok(aside) }
    }

    fn write_second_copy(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut documents = self.store.documents();
        if documents.fault == StoreFault::SecondCopyFails {
            documents.fault = StoreFault::None;
            return Err(failed(IoAction::Write));
        }
        documents.previous = Some(bytes.to_vec());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let mut documents = self.store.documents();
        if documents.fault != StoreFault::SyncFails {
            return Ok(());
        }
        documents.fault = StoreFault::None;
        Err(failed(IoAction::Sync))
    }
}

pub(super) fn failed(action: IoAction) -> StoreError {
    StoreError::Io { action, path: "memory".into(), source: std::io::Error::from(std::io::ErrorKind::StorageFull) }
}
