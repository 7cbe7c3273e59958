//! Real exFAT and FAT drives, which take `Report.csv` and `report.csv` for one name, have no hard links, and through FUSE
//! no rename that replaces nothing: a run replaces nothing that it made itself, and an output is whole or not there.
#![cfg(all(target_os = "linux", target_arch = "x86_64", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod attributes;
mod drive;
mod twins;
mod whole;
