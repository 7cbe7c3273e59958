//! An unlocked vault in the hands of a command.

use std::ops::{Deref, DerefMut};

use super::notices;
use super::output::Output;
use crate::vault::Unlocked;

/// An unlocked vault that warns of what it has to say. What is left of that when the command is done is shown then,
/// whether or not the command failed.
pub struct OpenVault {
    vault: Unlocked,
    output: Output,
}

impl OpenVault {
    /// Takes a vault that a command is to work with.
    pub fn new(vault: Unlocked, output: &Output) -> Self {
        Self { vault, output: output.clone() }
    }

    /// Shows what the vault has to say by now.
    pub fn show_notices(&mut self) {
        notices::show(&self.output, &self.vault.take_notices());
    }
}

impl Drop for OpenVault {
    fn drop(&mut self) {
        self.show_notices();
    }
}

impl Deref for OpenVault {
    type Target = Unlocked;

    fn deref(&self) -> &Unlocked {
        &self.vault
    }
}

impl DerefMut for OpenVault {
    fn deref_mut(&mut self) -> &mut Unlocked {
        &mut self.vault
    }
}
