//! Commands that meet a fault at one system call: the process is killed there, or the call fails. Each command is run
//! once for every call by which it changes something on disk, and each run is looked at: does the vault open, are all
//! keys there, is nothing half written under a final name, does the command work when it is typed again.
//!
//! Faults come by ptrace(2), as in strace, which is run too, to see that no call is missed.
#![cfg(all(target_os = "linux", target_arch = "x86_64", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod calls;
mod full_disk;
pub mod home;
mod killed;
mod log;
mod refused;
mod stories;
mod strace;
pub mod tracer;
mod trial;
