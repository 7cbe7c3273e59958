//! When a text is taken off the clipboard.

use std::time::{Duration, Instant};

use crate::host::{Host, ThisHost};

/// How long a wait may last. A wait does not end while the computer sleeps, which counts.
const WAIT: Duration = Duration::from_secs(1);

/// The moment at which a text is taken off the clipboard. The time that the computer sleeps counts if the system tells
/// of it.
pub struct Deadline {
    at: Instant,
    boot_seconds: Option<u64>,
}

impl Deadline {
    /// Returns the moment in so many seconds.
    pub fn after(seconds: u32) -> Self {
        // A second more: of this clock whole seconds are known.
        let boot_seconds = ThisHost.boot_seconds().map(|now| now + u64::from(seconds) + 1);
        Self { at: Instant::now() + Duration::from_secs(seconds.into()), boot_seconds }
    }

    /// Returns how long to wait before this is asked again; `None` once it is time.
    pub fn wait(&self) -> Option<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        let has_slept = self.boot_seconds.zip(ThisHost.boot_seconds()).is_some_and(|(end, now)| now >= end);
        (!left.is_zero() && !has_slept).then(|| left.min(WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_and_no_wait_is_long() {
        assert_eq!(Deadline::after(0).wait(), None);
        assert_eq!(Deadline::after(60).wait(), Some(WAIT));
        let soon = Deadline::after(1).wait().unwrap();
        assert!(soon <= WAIT, "{soon:?}");
    }

    #[test]
    fn sleep_counts() {
        let slept = Deadline { boot_seconds: Some(0), ..Deadline::after(60) };
        assert_eq!(slept.wait(), ThisHost.boot_seconds().map_or(Some(WAIT), |_| None));
    }
}
