//! The agent: one process that keeps a vault unlocked for a while, and answers for it over a socket of its user. The
//! data key never leaves that process. It asks nobody anything: who unlocks, and who is asked, is the client's matter.
//!
//! [`protocol`] is what is said, pure; [`limits`] are all the numbers.

pub mod limits;
pub mod protocol;
