//! What is wrong with an output, or with what is in its place.

use std::io;
use std::path::PathBuf;

use crate::disk::plain;
use crate::error::Error;
use crate::format::Timestamp;
use crate::format::name::printable;

/// What is wrong with an output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file is there that is not to be replaced.
    #[error("a file is there already, and was left as it is")]
    Exists,
    /// A folder is there.
    #[error("a folder is there")]
    IsFolder,
    /// Something else than a file is there, which is never replaced.
    #[error("what is there is not a regular file, and is never replaced")]
    NotAFile,
    /// Something is where an archive was to be unpacked.
    #[error("it exists already, and was left as it is")]
    Taken,
    /// The folder that it was to be in does not exist.
    #[error("{}", plain(.0))]
    NoFolder(#[source] io::Error),
    /// A link is in the way of a folder. Only the name of the outermost folder is the user's.
    #[error("it is a symbolic link")]
    Link,
    /// A link is in the place of a folder whose name follows from the input's.
    #[error("it is a symbolic link, and its name was not given")]
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix says whose a folder is"))]
    ForeignLink {
        /// The folder that was named.
        named: PathBuf,
    },
    /// Another user's folder has the name that follows from the input's.
    #[error("it belongs to another user, and its name was not given")]
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix says whose a folder is"))]
    ForeignOwner {
        /// The folder that was named.
        named: PathBuf,
    },
    /// The folder holds copies with hidden names already.
    #[error("it holds encrypted copies of {} already, for example of {}", these(*.count), .example.display())]
    HiddenCopies {
        /// Of how many of the files.
        count: usize,
        /// One of these.
        example: PathBuf,
    },
    /// The drive does not tell the name from another one's.
    #[error("{} is there already, and was left as it is: this drive treats the two names as one", .twin.display())]
    Clash {
        /// What is there.
        twin: PathBuf,
    },
    /// What is there is no sealed copy of the project's, so that it is not replaced as an older one.
    #[error("{0}; it was left as it is")]
    NotACopy(#[source] NotACopy),
    /// Several sealed files belong there.
    #[error("{} encrypted files belong there: {}", .0.len(), listed(.0))]
    Twins(Vec<Twin>),
    /// It could not be looked at, made lasting, or filled with what an archive holds.
    #[error("{}", plain(.0))]
    System(#[source] io::Error),
    /// Its content could not be written.
    #[error("{}", plain(.0))]
    Content(#[source] io::Error),
    /// It could not be begun, or not get its name.
    #[error("{}", plain(.0))]
    Name(#[source] io::Error),
    /// Its name, which follows from that of a file in a folder, is too long.
    #[error("{}", plain(.0))]
    NameTooLong(#[source] io::Error),
}

impl OutputError {
    /// Tells whether something is in the way under the output's name.
    pub fn is_in_the_way(&self) -> bool {
        matches!(self, Self::Exists | Self::IsFolder | Self::NotAFile)
    }
}

/// Why what is there is no sealed copy of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotACopy {
    /// It is a delivery.
    #[error("the encrypted file that is there was sealed for a recipient's key, and not for a project")]
    ForRecipient,
    /// None of the vault's keys opens it.
    #[error(
        "the encrypted file that is there opens with no key of this vault: its project was destroyed, or it belongs to \
         another vault"
    )]
    NoKey,
    /// It is no sealed file.
    #[error("the file that is there is not an encrypted file")]
    NotSealed,
    /// It is another project's.
    #[error("the encrypted file that is there belongs to project {}", printable(.0))]
    OtherProject(String),
    /// It is sealed, and is no manifest, which would be replaced.
    #[error("the encrypted file that is there is not a manifest")]
    NotAManifest,
    /// It is damaged, or cannot be read.
    #[error("the encrypted file that is there does not open: {0}")]
    DoesNotOpen(#[source] Box<Error>),
}

/// One of several sealed files that belong at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// The sealed file.
    pub path: PathBuf,
    /// When it was sealed.
    pub sealed: Option<Timestamp>,
}

impl std::fmt::Display for Twin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.sealed.map_or(Ok(()), |time| write!(f, " (encrypted {time})"))
    }
}

fn these(count: usize) -> String {
    if count == 1 { "1 of these files".into() } else { format!("{count} of these files") }
}

fn listed(twins: &[Twin]) -> String {
    twins.iter().map(Twin::to_string).collect::<Vec<_>>().join(", ")
}
