//! The native part of the Python package `strongroom`: keys, and files that are sealed and opened. What Python's users
//! see is written in Python, over this.
//!
//! No method here hands out a key. Whatever waits for a disk, the agent or Argon2id lets other threads of Python run.

mod errors;
mod fetched;
mod files;
mod keys;
mod opened;
mod sealing;

use pyo3::prelude::*;

/// The module that the Python package is written over.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::fetched::{Fetched, plaintext_len};
    #[pymodule_export]
    use crate::files::{open_file, seal_file};
    #[pymodule_export]
    use crate::keys::{Key, Vault};
    #[pymodule_export]
    use crate::opened::Opened;
    #[pymodule_export]
    use crate::sealing::{Sealing, SealingElsewhere};
}
