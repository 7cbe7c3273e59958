//! The parts of what the screen shows. Pure.

use std::time::Duration;

use super::events::By;
use crate::format::secret::SecretValue;

/// Whether the vault is unlocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nobody knows yet.
    Unknown,
    /// There is none that can be read, for this reason.
    NoVault(String),
    Locked,
    Unlocked(By),
}

/// What is being waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    Unlocking,
    Locking,
    /// For what the secret of this name holds.
    Value(String),
    /// Until its password is copied.
    Copying(String),
}

/// What is said below the list until another key is pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What is said.
    pub text: String,
    /// Whether something went wrong.
    pub is_failure: bool,
}

/// What a secret holds, while that is shown.
pub struct Revealed {
    /// What it holds.
    pub value: SecretValue,
    /// When it is hidden again.
    pub until: Duration,
}

/// What is seen of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The places of what fits the query.
    pub found: Vec<usize>,
    /// Which of them is selected.
    pub at: usize,
    /// Which of them is the first that is drawn.
    pub top: usize,
}
