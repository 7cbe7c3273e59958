//! How a vault is kept: which file speaks, what this computer remembers, the order of every write. Everything here
//! follows docs/format.md, sections 6 to 8.

pub mod anchor;
pub mod copies;
pub mod create;
pub mod enrolment;
pub mod follow;
mod handover;
pub mod items;
pub mod merge;
pub mod password;
pub mod rotation;
pub mod speaker;
pub mod unlock;
pub mod wraps;
pub mod write;
