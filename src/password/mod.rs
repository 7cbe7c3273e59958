//! Where a master password comes from if nobody types it at this program's terminal: from a file, a descriptor, a
//! command, or the dialog of another program. Nothing here prints, and nothing says more of a password than what is
//! unusual about its ends.

mod descriptor;
mod dialog;
mod source;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

pub use descriptor::Descriptor;
pub use dialog::{Dialog, typed};
pub use source::{Existing, Given, Source, read_up_to, strip_line_end};

use crate::disk::plain;

/// Why there is no password from a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot read the password file {}: {}", path.display(), plain(source))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The descriptor cannot be read.
    #[error("cannot read the password from file descriptor {number}: {}", plain(source))]
    Descriptor {
        /// Its number.
        number: u32,
        /// The system's error.
        source: io::Error,
    },
    /// The command cannot be run.
    #[error("cannot run the password command: {}", plain(.0))]
    Command(#[source] io::Error),
    /// The command said that it failed.
    #[error("the password command failed: {0}")]
    CommandFailed(ExitStatus),
    /// The program that was to ask did not.
    #[error("{why}")]
    Dialog {
        /// The program.
        program: PathBuf,
        /// The variable that names it.
        variable: &'static str,
        /// Why not.
        why: String,
    },
}
