//! Bounds every call to a keychain in time. A prompt may wait for a person who is not there and a stopped service
//! never answers, yet the program must end. Nothing here knows what a call does.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{ItemKind, ItemLock, Keychain, KeychainError, Probe, StoredItem};

/// The call that was not answered in time.
#[derive(Debug)]
struct Expired {
    provider: String,
    after: Duration,
    writing: bool,
    /// Set once its thread is back.
    is_back: Arc<AtomicBool>,
}

impl Expired {
    fn error(&self) -> KeychainError {
        KeychainError::Unresponsive { provider: self.provider.clone(), after: self.after, writing: self.writing }
    }
}

/// A keychain whose every call returns within a deadline.
///
/// Each call runs on a thread of its own. One that is not back in time is left behind (a thread cannot be ended from
/// outside; it goes with the process) and from then on every call is refused at once: a second one would only wait
/// behind the first. The process must therefore leave through `main` or `exit`, never by joining threads. In a process
/// that lives on, a keychain that [recovers](WithDeadline::recovering) is asked again once that thread is back.
pub struct WithDeadline {
    inner: Arc<dyn Keychain>,
    deadline: Duration,
    recovers: bool,
    expired: Mutex<Option<Expired>>,
}

impl WithDeadline {
    /// Bounds every call to `inner`: about 3 s where nobody can answer a prompt, about 60 s where a person can.
    pub fn new(inner: Arc<dyn Keychain>, deadline: Duration) -> Self {
        Self { inner, deadline, recovers: false, expired: Mutex::default() }
    }

    /// Lets it be asked again after a call that came back too late.
    #[must_use]
    pub fn recovering(self) -> Self {
        Self { recovers: true, ..self }
    }

    /// Runs one call on a guard thread.
    fn call<T: Send + 'static>(
        &self,
        writing: bool,
        call: impl FnOnce(&dyn Keychain) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        {
            let mut expired = self.expired.lock().unwrap_or_else(PoisonError::into_inner);
            if self.recovers && expired.as_ref().is_some_and(|expired| expired.is_back.load(Ordering::Acquire)) {
                *expired = None;
            }
            if let Some(expired) = &*expired {
                // The first call's `writing` stands: it says what is uncertain. This call did nothing at all.
                return Err(expired.error());
            }
        }
        let (answer, answered) = sync_channel(1);
        let (inner, is_back) = (Arc::clone(&self.inner), Arc::new(AtomicBool::new(false)));
        let back = Arc::clone(&is_back);
        let guard = thread::Builder::new().name("keychain".into()).spawn(move || {
            let result = call(&*inner);
            back.store(true, Ordering::Release);
            // The receiver is gone when the deadline passed; nobody wants the answer then.
            let _ = answer.send(result);
        });
        let guard = guard.map_err(|error| KeychainError::Rejected {
            provider: self.inner.name(),
            reason: format!("no thread to call it on: {}", error.kind()),
        })?;
        match answered.recv_timeout(self.deadline) {
            Ok(Err(KeychainError::Unresponsive { provider, after, writing })) => {
                Err(self.expire(Expired { provider, after, writing, is_back }))
            }
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                Err(self.expire(Expired { provider: self.inner.name(), after: self.deadline, writing, is_back }))
            }
            // The thread ended without an answer, so it panicked: a bug, shown as if there were no thread between.
            Err(RecvTimeoutError::Disconnected) => match guard.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => unreachable!("the guard thread answers unless it panics"),
            },
        }
    }

    fn expire(&self, expired: Expired) -> KeychainError {
        self.expired.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(expired).error()
    }
}

impl Keychain for WithDeadline {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        self.call(false, |keychain| keychain.probe())
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        let vault = vault.to_owned();
        self.call(false, move |keychain| keychain.get(&vault, kind))
    }

    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        let (vault, bytes) = (vault.to_owned(), bytes.to_vec());
        self.call(true, move |keychain| keychain.set(&vault, kind, &bytes))
    }

    fn create(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        let (vault, bytes) = (vault.to_owned(), bytes.to_vec());
        self.call(true, move |keychain| keychain.create(&vault, kind, &bytes))
    }

    /// Not on a guard thread: `wait` bounds it.
    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        self.inner.lock(vault, wait)
    }

    fn settles_at_once(&self) -> bool {
        self.inner.settles_at_once()
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        let handle = handle.to_owned();
        self.call(true, move |keychain| keychain.delete(&handle))
    }

    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        self.call(false, |keychain| keychain.list())
    }
}

/// Runs one call to a keychain on a thread of its own, which is left behind if it is not back in time.
///
/// # Errors
/// What the call returns; [`KeychainError::Unresponsive`] if it does not, in the words of `name`.
#[cfg(feature = "os-keychain")]
pub fn once<T: Send + 'static>(
    deadline: Duration,
    name: impl Fn() -> String,
    call: impl FnOnce() -> Result<T, KeychainError> + Send + 'static,
) -> Result<T, KeychainError> {
    let (answer, answered) = sync_channel(1);
    let guard = thread::Builder::new().name("keychain".into()).spawn(move || {
        let _ = answer.send(call());
    });
    guard.map_err(|error| KeychainError::Rejected {
        provider: name(),
        reason: format!("no thread to call it on: {}", error.kind()),
    })?;
    let unanswered = |_| Err(KeychainError::Unresponsive { provider: name(), after: deadline, writing: false });
    answered.recv_timeout(deadline).unwrap_or_else(unanswered)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::keychain::{MemoryFault, MemoryKeychain};

    #[test]
    fn a_keychain_that_recovers_is_asked_again_once_it_is_back_and_another_is_not() {
        let inner = Arc::new(MemoryKeychain::new());
        let new = || WithDeadline::new(Arc::clone(&inner) as Arc<dyn Keychain>, Duration::from_millis(50));
        let (recovering, other) = (new().recovering(), new());
        inner.inject(MemoryFault::Hang);
        for keychain in [&recovering, &other] {
            for _ in 0..2 {
                let error = keychain.get("vault", ItemKind::Anchor).unwrap_err();
                assert!(matches!(error, KeychainError::Unresponsive { .. }), "{error}");
            }
        }
        inner.heal();
        let started = Instant::now();
        // As soon as the call that hung has come back.
        while recovering.get("vault", ItemKind::Anchor).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        other.get("vault", ItemKind::Anchor).unwrap_err();
    }
}
