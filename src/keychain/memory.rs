//! A keychain in memory, for tests of everything above it: it can fail, hang, lie, forget, hold two items, return
//! garbage and fall back to an earlier value. Nothing here outlives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{ITEM_LIMIT, ItemKind, ItemLock, Keychain, KeychainError, Probe, StoredItem};

const PROVIDER: &str = "memory";

/// How a [`MemoryKeychain`] misbehaves until it is healed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MemoryFault {
    /// Every call fails with the error this makes; nothing changes.
    Fail(fn() -> KeychainError),
    /// Only `set` and `delete` fail; nothing changes.
    FailWrites(fn() -> KeychainError),
    /// `set` and `delete` do their work and then report the error all the same.
    FailAfterWrites(fn() -> KeychainError),
    /// Every call blocks until [`MemoryKeychain::heal`].
    Hang,
    /// `set` and `delete` do their work and then block until [`MemoryKeychain::heal`].
    HangAfterWrites,
    /// `set` and `delete` are acknowledged and not done.
    Lie,
    /// `get` returns these bytes for each item there is.
    Garbage(Vec<u8>),
}

/// One item and every value it ever had, the newest last.
#[derive(Debug)]
struct Slot {
    number: u64,
    values: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    items: BTreeMap<(String, ItemKind), Vec<Slot>>,
    numbers: u64,
    calls: usize,
    /// The fault and the number of calls that are spared from it.
    fault: Option<(MemoryFault, usize)>,
}

/// A keychain that lives in memory and misbehaves on request.
#[derive(Debug, Default)]
pub struct MemoryKeychain {
    state: Mutex<State>,
    healed: Condvar,
    locks: Arc<Locks>,
}

/// The vaults whose items are locked.
#[derive(Debug, Default)]
struct Locks {
    held: Mutex<BTreeSet<String>>,
    released: Condvar,
}

/// One vault's lock, held.
struct Held {
    locks: Arc<Locks>,
    vault: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.locks.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.vault);
        self.locks.released.notify_all();
    }
}

impl MemoryKeychain {
    /// Makes an empty keychain that behaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Misbehaves from now on, until healed.
    pub fn inject(&self, fault: MemoryFault) {
        self.inject_after(0, fault);
    }

    /// Misbehaves once `calls` more calls went well, until healed.
    pub fn inject_after(&self, calls: usize, fault: MemoryFault) {
        self.state().fault = Some((fault, calls));
    }

    /// Behaves again and lets every blocked call go on.
    pub fn heal(&self) {
        self.state().fault = None;
        self.healed.notify_all();
    }

    /// Returns how many calls of the [`Keychain`] trait arrived so far.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// Drops every item for `vault` and `kind`, as if something else had deleted them.
    pub fn forget(&self, vault: &str, kind: ItemKind) {
        self.state().items.remove(&(vault.to_owned(), kind));
    }

    /// Puts one more item beside what stands for `vault` and `kind`, as if something else had written it.
    pub fn add_twin(&self, vault: &str, kind: ItemKind, bytes: &[u8]) {
        self.state().add(vault, kind, bytes);
    }

    /// Returns every value the first item for `vault` and `kind` ever had, the newest last.
    pub fn history(&self, vault: &str, kind: ItemKind) -> Vec<Vec<u8>> {
        let state = self.state();
        let slots = state.items.get(&(vault.to_owned(), kind));
        slots.and_then(|slots| slots.first()).map(|slot| slot.values.clone()).unwrap_or_default()
    }

    /// Lets the first item for `vault` and `kind` fall back by `steps` values, as a power cut may do; tells whether
    /// it had that many.
    pub fn roll_back(&self, vault: &str, kind: ItemKind, steps: usize) -> bool {
        let mut state = self.state();
        let slot = state.items.get_mut(&(vault.to_owned(), kind)).and_then(|slots| slots.first_mut());
        match slot {
            Some(slot) if steps < slot.values.len() => {
                slot.values.truncate(slot.values.len() - steps);
                true
            }
            _ => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and a failed assertion of one test thread must not fail the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and returns the state with the fault that strikes it, after waiting where that fault is a hang.
    fn enter(&self) -> (MutexGuard<'_, State>, Option<MemoryFault>) {
        let mut state = self.state();
        state.calls += 1;
        let fault = match &mut state.fault {
            Some((fault, 0)) => Some(fault.clone()),
            Some((_, spared)) => {
                *spared -= 1;
                None
            }
            None => None,
        };
        match fault {
            Some(MemoryFault::Hang) => (self.wait(state), None),
            other => (state, other),
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.healed.wait_while(state, |state| state.fault.is_some()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call that changes nothing.
    fn read<T>(&self, read: impl FnOnce(&State, Option<MemoryFault>) -> T) -> Result<T, KeychainError> {
        match self.enter() {
            (_, Some(MemoryFault::Fail(error))) => Err(error()),
            (state, fault) => Ok(read(&state, fault)),
        }
    }

    /// Runs a call that changes items.
    fn write(&self, write: impl FnOnce(&mut State) -> Result<(), KeychainError>) -> Result<(), KeychainError> {
        let (mut state, fault) = self.enter();
        match fault {
            Some(MemoryFault::Fail(error) | MemoryFault::FailWrites(error)) => return Err(error()),
            Some(MemoryFault::Lie) => return Ok(()),
            _ => {}
        }
        write(&mut state)?;
        match fault {
            Some(MemoryFault::FailAfterWrites(error)) => return Err(error()),
            Some(MemoryFault::HangAfterWrites) => drop(self.wait(state)),
            _ => {}
        }
        Ok(())
    }
}

impl State {
    fn add(&mut self, vault: &str, kind: ItemKind, bytes: &[u8]) {
        self.numbers += 1;
        let slot = Slot { number: self.numbers, values: vec![bytes.to_vec()] };
        self.items.entry((vault.to_owned(), kind)).or_default().push(slot);
    }

    fn set(&mut self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        match self.items.get_mut(&(vault.to_owned(), kind)).map(Vec::as_mut_slice) {
            None | Some([]) => self.add(vault, kind, bytes),
            Some([slot]) => slot.values.push(bytes.to_vec()),
            Some(slots) => {
                return Err(KeychainError::Ambiguous { provider: PROVIDER.into(), count: slots.len(), kind });
            }
        }
        Ok(())
    }
}

impl Slot {
    fn item(&self, vault: &str, kind: ItemKind, bytes: Vec<u8>) -> StoredItem {
        StoredItem { handle: self.number.to_string(), vault: vault.to_owned(), kind, bytes }
    }

    fn newest(&self) -> Vec<u8> {
        self.values.last().cloned().unwrap_or_default()
    }
}

impl Keychain for MemoryKeychain {
    fn name(&self) -> String {
        PROVIDER.into()
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        self.read(|_, _| Probe { provider: PROVIDER.into(), locked: false })
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        self.read(|state, fault| {
            let slots = state.items.get(&(vault.to_owned(), kind)).map(Vec::as_slice).unwrap_or_default();
            let bytes = |slot: &Slot| match &fault {
                Some(MemoryFault::Garbage(garbage)) => garbage.clone(),
                _ => slot.newest(),
            };
            slots.iter().map(|slot| slot.item(vault, kind, bytes(slot))).collect()
        })
    }

    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        if bytes.len() > ITEM_LIMIT {
            return Err(KeychainError::TooLong { length: bytes.len(), limit: ITEM_LIMIT });
        }
        self.write(|state| state.set(vault, kind, bytes))
    }

    /// Faults do not touch it, and it counts as no call.
    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        let held = self.locks.held.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.locks.released.wait_timeout_while(held, wait, |held| held.contains(vault));
        let (mut held, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(KeychainError::Busy { provider: PROVIDER.into(), waited: wait });
        }
        held.insert(vault.to_owned());
        let own = Held { locks: Arc::clone(&self.locks), vault: vault.to_owned() };
        Ok(ItemLock::new(Some(Box::new(own))))
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        self.write(|state| {
            for slots in state.items.values_mut() {
                slots.retain(|slot| slot.number.to_string() != handle);
            }
            Ok(())
        })
    }

    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        self.read(|state, _| {
            let items = state.items.iter();
            items
                .flat_map(|((vault, kind), slots)| slots.iter().map(|slot| slot.item(vault, *kind, Vec::new())))
                .collect()
        })
    }
}
