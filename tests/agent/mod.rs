//! An agent among clients that do not behave and other processes.

#![cfg(all(feature = "agent", unix))]

mod abuse;
mod home;
mod killed;
mod strangers;
