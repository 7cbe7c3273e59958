//! Fuzzing: [targets], and the [seeds] that they start from. `./test --long` runs each a million times.
#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a target panics where a promise is broken")]

pub mod old_files;
pub mod seeds;
pub mod targets;
pub mod vectors;
