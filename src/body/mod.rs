//! Sealed files: a header that one of a project's file keys opens, and a body that the file's own content key opens.
//!
//! [`seal`] and [`Opener`] work on whole files and streams with as many threads as asked for; [`Sealer`] and
//! [`Reader`] are the faces for whoever writes or reads piece by piece. Nothing here knows a file's name: whoever
//! does adds it to a [`BodyError`]. Temporary files and progress bars are the command line's.

mod engine;
mod header;
mod inspect;
mod opener;
mod positioned;
mod rewrap;
mod sealer;

use std::io::{Read, Write};

pub use crate::error::BodyError;
#[cfg(feature = "bench")]
pub use engine::bench;
pub use engine::{Run, THREADS_LIMIT, default_threads};
pub use header::{Header, Metadata};
pub use inspect::{Inspection, begins_sealed, inspect};
pub use opener::{Opener, Reader, StreamOpener};
#[cfg(feature = "cli")]
pub(crate) use positioned::retry;
pub use positioned::{ReadAt, WriteAt};
pub use rewrap::{Device, Rewrapped, lock, rewrap};
pub use sealer::{Sealer, Written, seal};

/// Where plaintext comes from.
pub enum Input<'a> {
    /// A file whose bytes can be read at any position; all of it, from its first byte on.
    At(&'a dyn ReadAt),
    /// A stream, to its end.
    Stream(&'a mut (dyn Read + Send)),
}

/// Where a result goes.
pub enum Output<'a> {
    /// An empty file that can be written at any position.
    At(&'a dyn WriteAt),
    /// A stream, in order.
    Stream(&'a mut (dyn Write + Send)),
    /// Nowhere: the input is only proven.
    Nowhere,
}

#[cfg(test)]
mod tests;
