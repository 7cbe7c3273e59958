//! The connections that are open, and which of them has to go when another one comes.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lock;
use crate::agent::limits::{ADMIT_WAIT, BUSY_WAIT, CONNECTIONS, PARTING};
use crate::agent::transport::Closer;

/// The open connections, by number.
#[derive(Default)]
pub struct Connections {
    table: Mutex<Table>,
    /// One of them waits for its client, or has ended.
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Entry>,
}

struct Entry {
    closer: Closer,
    /// Since when the agent waits for a question, or for its answer to be read; `None` while it looks for the answer.
    waits_since: Option<Instant>,
    /// Its client is in the middle of something that it has declared.
    is_busy: bool,
}

impl Connections {
    /// Takes one more connection, and returns its number. If there are as many as there may be, the one that has waited
    /// longest is closed: whoever holds connections open, even with half a line sent, shuts nobody out for long. One whose
    /// client is in the middle of something is given some time. `None` if the agent stays at work for all of them.
    pub fn admit(&self, closer: Closer) -> Option<u64> {
        let deadline = Instant::now() + ADMIT_WAIT;
        let mut table = lock(&self.table);
        while table.open.len() >= CONNECTIONS {
            let may_go = |entry: &Entry, since: Instant| !entry.is_busy || since.elapsed() >= BUSY_WAIT;
            let waiting = table.open.iter().filter_map(|(number, entry)| {
                let since = entry.waits_since?;
                may_go(entry, since).then_some((since, *number))
            });
            match waiting.min().and_then(|(_, longest)| table.open.remove(&longest)) {
                Some(entry) => entry.closer.close(),
                None => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    table = self.changed.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        let number = table.next;
        table.next += 1;
        table.open.insert(number, Entry { closer, waits_since: Some(Instant::now()), is_busy: false });
        Some(number)
    }

    /// Says that the answer to a question is being looked for. `false` if the connection was closed for another one while
    /// the question came: its client asks again, so that nothing may be done for it here.
    pub fn works(&self, number: u64) -> bool {
        self.set(number, None)
    }

    /// Says that the agent waits for the client.
    pub fn waits(&self, number: u64) {
        self.set(number, Some(Instant::now()));
        self.changed.notify_one();
    }

    /// Tells whether the connection is still open.
    fn set(&self, number: u64, waits_since: Option<Instant>) -> bool {
        let mut table = lock(&self.table);
        let entry = table.open.get_mut(&number);
        entry.map(|entry| entry.waits_since = waits_since).is_some()
    }

    /// Says whether a connection's client is in the middle of something.
    pub fn is_busy(&self, number: u64, is_busy: bool) {
        if let Some(entry) = lock(&self.table).open.get_mut(&number) {
            entry.is_busy = is_busy;
        }
    }

    /// Forgets a connection that has ended.
    pub fn remove(&self, number: u64) {
        lock(&self.table).open.remove(&number);
        self.changed.notify_one();
    }

    /// Returns how many are open.
    pub fn count(&self) -> usize {
        lock(&self.table).open.len()
    }

    /// Closes every one: those that are being answered a moment later, so that what was written is said.
    pub fn end_all(&self) {
        lock(&self.table).open.values().for_each(|entry| entry.closer.stop_reading());
        let deadline = Instant::now() + PARTING;
        while self.count() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        lock(&self.table).open.values().for_each(|entry| entry.closer.close());
    }
}
