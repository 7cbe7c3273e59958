//! Work on many files: find them, settle where their results go, seal, open, prove, move to another key, pack and
//! publish them.
//!
//! Nothing here prints, asks or ends the process: what is to be shown goes to an [`Observer`].

pub mod archive;
pub mod find;
pub mod holes;
pub mod keys;
pub mod listing;
pub mod lists;
pub mod manifest;
pub mod open;
pub mod own;
pub mod pipes;
pub mod place;
pub mod pool;
pub mod producer;
pub mod publish;
pub mod reencrypt;
pub mod remove;
pub mod renamed;
pub mod rewrap;
pub mod seal;
pub mod spelling;
pub mod tree;
pub mod verify;

use crate::failure::Failure;

/// Is shown how the work on files comes along, from any thread.
pub trait Observer: Sync {
    /// So many more bytes are done.
    fn advanced(&self, bytes: u64);

    /// One more file is done, or has failed.
    fn file_done(&self);

    /// A file failed, and the run continues with the others.
    fn failed(&self, failure: &Failure);
}

/// Shows nothing.
#[cfg(test)]
pub struct Silent;

#[cfg(test)]
impl Observer for Silent {
    fn advanced(&self, _: u64) {}

    fn file_done(&self) {}

    fn failed(&self, _: &Failure) {}
}
