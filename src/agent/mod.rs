//! The agent: one process that keeps a vault unlocked for a while, and answers for it over a socket of its user. The
//! data key never leaves that process. The server asks nobody anything: who unlocks, and who is asked, is the client's
//! matter.
//!
//! [`protocol`] is what is said, pure; [`Place`](place::Place) is where the socket is; [`server`] answers from an
//! unlocked vault; [`Client`](client::Client) asks; [`watch`] says when it is time to lock; [`limits`] are all the
//! numbers. `starting` starts the process, and `process` is what runs in it: it finds the vault as the program does.

pub mod client;
pub mod limits;
pub mod place;
#[cfg(feature = "cli")]
pub(crate) mod process;
pub mod protocol;
pub mod server;
#[cfg(feature = "cli")]
pub(crate) mod starting;
mod transport;
pub mod watch;
