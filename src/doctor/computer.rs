//! The computer that is looked at.

use std::sync::Arc;

use crate::format::VaultId;
use crate::home::{Asking, Home, Kind};
use crate::keychain::Keychain;

/// This computer, and how its keychains may be asked.
pub struct Computer<'a> {
    /// This computer.
    pub home: &'a Home,
    /// Says how a keychain may be asked.
    pub asking: &'a dyn Fn() -> Asking,
}

impl Computer<'_> {
    /// Makes the keychain of a kind.
    pub fn keychain(&self, kind: &Kind, vault: VaultId) -> Arc<dyn Keychain> {
        self.home.keychain(kind, vault, self.asking)
    }

    /// Makes the operating system's keychain.
    pub fn os_keychain(&self) -> Arc<dyn Keychain> {
        self.home.os_keychain((self.asking)())
    }
}
