//! The agent: one process that keeps a vault unlocked for a while, and answers for it over a socket of its user. The
//! data key never leaves that process. It asks nobody anything: who unlocks, and who is asked, is the client's matter.
//!
//! [`protocol`] is what is said, pure; [`Place`](place::Place) is where the socket is; [`server`] answers from an
//! unlocked vault; [`Client`](client::Client) asks; [`watch`] says when it is time to lock; [`limits`] are all the
//! numbers.

pub mod client;
pub mod limits;
pub mod place;
pub mod protocol;
pub mod server;
mod transport;
pub mod watch;
