//! What somebody hostile could hand in: sealed files, vault files and keychain items in which every bit was flipped
//! once, that were cut at every byte, put together from parts of others, or made to open under two keys. Nothing of it
//! may be accepted, and nothing may open to another plaintext. Each suite says how much it tried.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod commitment;
mod corpus;
mod keys;
mod numbers;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod programs;
mod sealed;
mod splices;
mod vault;

// The functions that the fuzzer calls, in a package of their own under fuzz/.
#[path = "../../fuzz/src/old_files.rs"]
mod old_files;
#[path = "../../fuzz/src/seeds.rs"]
mod seeds;
#[path = "../../fuzz/src/targets.rs"]
mod targets;
#[path = "../../fuzz/src/vectors.rs"]
pub mod vectors;
