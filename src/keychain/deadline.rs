//! Bounds every call to a keychain in time. A prompt may wait for a person who is not there and a stopped service
//! never answers, yet the program must end. Nothing here knows what a call does.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::{ItemKind, ItemLock, Keychain, KeychainError, Probe, StoredItem};

/// The call that was not answered in time.
#[derive(Debug)]
struct Expired {
    provider: String,
    after: Duration,
    writing: bool,
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
/// behind the first. The process must therefore leave through `main` or `exit`, never by joining threads.
pub struct WithDeadline {
    inner: Arc<dyn Keychain>,
    deadline: Duration,
    expired: OnceLock<Expired>,
}

impl WithDeadline {
    /// Bounds every call to `inner`: about 3 s where nobody can answer a prompt, about 60 s where a person can.
    pub fn new(inner: Arc<dyn Keychain>, deadline: Duration) -> Self {
        Self { inner, deadline, expired: OnceLock::new() }
    }

    /// Runs one call on a guard thread.
    fn call<T: Send + 'static>(
        &self,
        writing: bool,
        call: impl FnOnce(&dyn Keychain) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        if let Some(expired) = self.expired.get() {
            // The first call's `writing` stands: it says what is uncertain. This call did nothing at all.
            return Err(expired.error());
        }
        let (answer, answered) = sync_channel(1);
        let inner = Arc::clone(&self.inner);
        let guard = thread::Builder::new().name("keychain".into()).spawn(move || {
            // The receiver is gone when the deadline passed; nobody wants the answer then.
            let _ = answer.send(call(&*inner));
        });
        let guard = guard.map_err(|error| KeychainError::Rejected {
            provider: self.inner.name(),
            reason: format!("no thread to call it on: {}", error.kind()),
        })?;
        match answered.recv_timeout(self.deadline) {
            Ok(Err(KeychainError::Unresponsive { provider, after, writing })) => {
                Err(self.expire(Expired { provider, after, writing }))
            }
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                Err(self.expire(Expired { provider: self.inner.name(), after: self.deadline, writing }))
            }
            // The thread ended without an answer, so it panicked: a bug, shown as if there were no thread between.
            Err(RecvTimeoutError::Disconnected) => match guard.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => unreachable!("the guard thread answers unless it panics"),
            },
        }
    }

    fn expire(&self, expired: Expired) -> KeychainError {
        self.expired.get_or_init(|| expired).error()
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
