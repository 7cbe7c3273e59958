//! When the agent has to lock, though nobody asks it to: by the clock on every system, and on Linux by what the system
//! bus tells of suspend, of locked screens and of sessions that end.

mod clock;
#[cfg(all(feature = "os-keychain", target_os = "linux"))]
mod logind;

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::protocol::Watching;

pub(super) use clock::Timer;
pub use clock::{Clock, Limits, Moment, ThisClock};
#[cfg(all(feature = "os-keychain", target_os = "linux"))]
pub use logind::{Bus, Sessions};

/// Why an agent ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A client asked for it.
    Asked,
    /// The process was told to end.
    Told,
    /// It stayed unused.
    Idle,
    /// It lived as long as it may.
    Life,
    /// The computer is about to sleep.
    Sleep,
    /// The computer has slept.
    Slept,
    /// The screen was locked.
    ScreenLocked,
    /// The last session of the user has ended.
    SessionsEnded,
    /// The bus that told of all that is gone.
    BusLost,
    /// The socket was removed or replaced.
    SocketGone,
    /// The vault file no longer descends from what was unlocked, or cannot be read.
    VaultReplaced {
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Asked => "the agent has locked: it was asked to",
            Self::Told => "the agent has locked: its process was told to end",
            Self::Idle => "the agent has locked: it was not used for a while",
            Self::Life => "the agent has locked: its time was over",
            Self::Sleep => "the agent has locked: the computer goes to sleep",
            Self::Slept => "the agent has locked: the computer was asleep",
            Self::ScreenLocked => "the agent has locked: the screen was locked",
            Self::SessionsEnded => "the agent has locked: the last session of this user has ended",
            Self::BusLost => "the agent has locked: the system bus no longer tells of suspend and locked screens",
            Self::SocketGone => "the agent has locked: its socket was removed",
            Self::VaultReplaced { reason } => {
                return write!(f, "the agent has locked: the vault file was replaced or cannot be read ({reason})");
            }
        };
        f.write_str(text)
    }
}

/// Ends an agent, from any thread. Clones ring the same agent.
#[derive(Debug, Clone)]
pub struct Bell(Sender<Ending>);

impl Bell {
    /// Ends the agent. The first reason counts.
    pub fn ring(&self, ending: Ending) {
        // Nobody listens once it has ended.
        let _ = self.0.send(ending);
    }
}

/// Hears the bell.
#[derive(Debug)]
pub struct Ear(Receiver<Ending>);

impl Ear {
    /// Waits for a ring, at most this long.
    pub fn listen(&self, wait: Duration) -> Option<Ending> {
        match self.0.recv_timeout(wait) {
            Ok(ending) => Some(ending),
            Err(RecvTimeoutError::Timeout) => None,
            // Nobody is left who could ring.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(wait);
                None
            }
        }
    }
}

/// Something that watches for a reason to lock, and is let go after the keys are wiped.
pub trait Watcher: Send + Sync {
    /// Says what it watches.
    fn watching(&self) -> Watching;

    /// Looks for a reason of which nothing tells by itself.
    fn look(&self) -> Option<Ending>;
}

/// Watches nothing: only the clock tells when to lock.
#[derive(Debug)]
pub struct ClockAlone {
    /// Why nothing else does.
    pub reason: String,
}

impl Watcher for ClockAlone {
    fn watching(&self) -> Watching {
        Watching { lacking: Some(self.reason.clone()), ..Watching::default() }
    }

    fn look(&self) -> Option<Ending> {
        None
    }
}

/// Watches for whatever this system tells, or says why it tells nothing.
#[must_use]
pub fn watch(bell: Bell) -> std::sync::Arc<dyn Watcher> {
    #[cfg(all(feature = "os-keychain", target_os = "linux"))]
    match Sessions::listen(&Bus::System, bell) {
        Ok(sessions) => std::sync::Arc::new(sessions),
        Err(reason) => std::sync::Arc::new(ClockAlone { reason }),
    }
    #[cfg(not(all(feature = "os-keychain", target_os = "linux")))]
    {
        drop(bell);
        std::sync::Arc::new(ClockAlone { reason: "on this system, nothing tells of suspend or a locked screen".into() })
    }
}

/// Makes a bell and who hears it.
#[must_use]
pub fn bell() -> (Bell, Ear) {
    let (sender, receiver) = channel();
    (Bell(sender), Ear(receiver))
}
