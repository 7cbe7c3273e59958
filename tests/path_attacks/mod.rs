//! What somebody plants, or swaps in, at the names that Strongroom writes to: links, pipes, devices, folders, files of
//! others. Whatever the command makes of it, nothing outside is touched, nothing waits for ever, and what is new is for
//! its owner alone.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod outside;
mod planted;
mod races;
mod strangers;
mod targets;
