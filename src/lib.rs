//! Strongroom keeps client data encrypted and each project's keys safe.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod body;
#[cfg(feature = "cli")]
pub mod cli;
pub mod crypto;
pub mod error;
pub mod format;
pub mod host;
pub mod keychain;
pub mod store;
pub mod vault;

pub use error::Error;
