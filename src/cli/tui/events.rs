//! What happens to the screen, and what it wants to be done. Pure.

use std::time::Duration;

use super::input::Key;
use super::lists::{Contents, Kit, Warning};
use crate::crypto::secret::Password;
use crate::format::Timestamp;
use crate::format::secret::SecretValue;

/// Something that happens.
pub enum Event {
    /// A key is pressed.
    Key(Key),
    /// Time has passed.
    Tick(Now),
    /// The screen is this wide and high.
    Resized(u16, u16),
    /// The vault file was read.
    Facts(Facts),
    /// The vault file cannot be read, for this reason.
    NoVault(String),
    /// The checks of this computer have found this.
    Warnings(Vec<Warning>),
    /// The keychain has something to say while it is asked.
    Remark(String),
    /// There is an answer to an effect of this epoch.
    Answer(u64, Answer),
}

/// An answer to an effect. One of an earlier epoch counts for nothing: the vault has been locked since.
pub enum Answer {
    /// The vault is unlocked.
    Unlocked(Box<Unlocked>),
    /// It is unlocked as before; until the agent locks it, so many seconds are left.
    Unchanged(Option<u64>),
    /// It is locked.
    Locked,
    /// What a secret holds.
    Value(String, SecretValue),
    /// A password was copied; what to say about it.
    Copied(String),
    /// It was not done, for this reason.
    Failed(String),
}

/// What an unlocked vault shows.
pub struct Unlocked {
    /// Who keeps it unlocked.
    pub by: By,
    /// What is in it.
    pub contents: Contents,
    /// Its kits, if more is known of them than stands in the vault file.
    pub kits: Option<Vec<Kit>>,
    /// What is to be said about it.
    pub notices: Vec<String>,
}

/// Who keeps the vault unlocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This screen.
    Screen,
    /// The agent, for so many seconds more if it is not used; perhaps for some projects only.
    Agent { seconds: u64, some: bool },
}

/// The moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The time since any fixed moment.
    pub clock: Duration,
    /// How much of it the computer slept.
    pub slept: Duration,
    /// The time of day.
    pub today: Timestamp,
}

/// What the vault file shows without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The kits that open it.
    pub kits: Vec<Kit>,
    /// What is wrong with the file, if anything is.
    pub warning: Option<String>,
}

/// Something to be done elsewhere. Its answer belongs to the epoch.
pub enum Effect {
    /// Leave.
    Quit,
    /// Stop the program until it is continued.
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Look whether the vault is unlocked, and still the same.
    Check(u64),
    /// Unlock the vault.
    Unlock(u64, Password),
    /// Lock the vault, whoever keeps it unlocked.
    Lock(u64),
    /// Forget the vault that was unlocked here.
    Forget,
    /// Fetch what the secret of this name holds.
    Reveal(u64, String),
    /// Copy the password of the secret of this name.
    Copy(u64, String),
}
