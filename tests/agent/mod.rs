//! An agent among clients that do not behave, other processes, and what the system tells.

#![cfg(all(feature = "agent", unix))]

mod abuse;
mod home;
mod killed;
#[cfg(all(feature = "os-keychain", target_os = "linux"))]
mod logind;
mod strangers;
