//! Sealed files: a header that one of a project's file keys opens, and a body that the file's own content key opens.
//!
//! [`Sealer`] and [`Opener`] are streams; files, temporary names and progress are the command line's.

mod header;
mod opener;
mod sealer;

pub use header::{Header, Metadata, OpenedBy};
pub use opener::Opener;
pub use sealer::Sealer;

#[cfg(test)]
mod tests;
