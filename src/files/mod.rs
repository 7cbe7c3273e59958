//! Work on many files: find them, settle where their results go, seal, open, prove, move to another key, pack and
//! publish them.
//!
//! Nothing here prints, asks or ends the process, or says what to do about a failure: what happens goes to an
//! [`Observer`], as values.

pub mod archive;
mod comparing;
pub mod edges;
pub mod error;
pub mod exclude;
pub mod find;
pub mod holes;
pub mod import;
pub mod import_folder;
pub mod inspect;
pub mod keys;
pub mod listing;
pub mod lists;
pub mod manifest;
mod names;
pub mod open;
pub mod own;
pub mod pipes;
pub mod place;
pub mod pool;
pub mod producer;
pub mod publish;
pub mod read_ahead;
pub mod reencrypt;
pub mod remove;
pub mod renamed;
pub mod rewrap;
pub mod seal;
pub mod spelling;
pub mod streams;
pub mod sweep;
pub mod tree;
pub mod verify;

pub use error::FilesError;

/// Is shown how the work on files comes along, from any thread.
pub trait Observer: Sync {
    /// So many more bytes are done.
    fn advanced(&self, bytes: u64);

    /// One more file is done, or has failed.
    fn file_done(&self);

    /// A file failed, and the run continues with the others.
    fn failed(&self, error: &FilesError);
}

/// Shows nothing.
pub struct Silent;

impl Observer for Silent {
    fn advanced(&self, _: u64) {}

    fn file_done(&self) {}

    fn failed(&self, _: &FilesError) {}
}
