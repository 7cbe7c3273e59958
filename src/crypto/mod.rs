//! Passwords to keys, keys to sealed bytes. Nothing here reads a file, a terminal or the clock.
//!
//! One construction seals everything: [`cobblestone`], and for bodies [`bulk`] with a faster cipher underneath. One
//! function turns a master password into a key: [`kdf`]. [`list_digest`] is what people compare files by.
//! Secrets live in the newtypes of [`secret`].

// For tests, and for other programs that read the bytes: not shown, and not promised to stay.
#[doc(hidden)]
pub mod bulk;
#[doc(hidden)]
pub mod cobblestone;
#[doc(hidden)]
pub mod hmac;
pub mod kdf;
#[doc(hidden)]
pub mod list_digest;
pub mod secret;
#[doc(hidden)]
pub mod signing;
pub mod written_key;

/// Fills `bytes` from the operating system's random generator.
///
/// # Errors
/// [`RandomUnavailable`] where the system has none to give, which no supported system does after boot.
pub fn random(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
    getrandom::fill(bytes).map_err(|_| RandomUnavailable)
}

/// The operating system's random generator failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct RandomUnavailable;
