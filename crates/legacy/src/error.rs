//! Why something does not open.

use std::io;

use crate::archive::ArchiveRefused;

/// Why something does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The secret, the scheme or a parameter is wrong, or the file was altered or cut short: nothing distinguishes
    /// these.
    #[error(
        "the old password or key, the scheme or one of its parameters is wrong, or the file was altered or cut short"
    )]
    Wrong,
    /// A cost or a length is out of range. It was refused before any work.
    #[error("{0}")]
    Bounds(&'static str),
    /// A parameter is missing, or does not go with another.
    #[error("{0}")]
    Parameters(&'static str),
    /// It is known what the file is, and it is not read here.
    #[error("{what}")]
    NotRead {
        /// What the file is.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// An archive is not unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveRefused),
    /// The file has no password.
    #[error("there is nothing to decrypt: the file has no password")]
    NotEncrypted,
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[source] io::Error),
}

impl Refused {
    /// What a workbook or document of before 2007 gives, which deciphers its records in place.
    pub const OLDER_OFFICE: Self = Self::NotRead {
        what: "it is an older Office file (.xls, .doc or .ppt), whose encryption is not read here",
        instead: "open it in Excel and save it as .xlsx (or in Word as .docx, in PowerPoint as .pptx), with a password",
    };
    /// What a scheme gives whose reader was left out when the program was built.
    pub const NOT_BUILT: Self = Self::NotRead {
        what: "this program was built without the reader of such files",
        instead: "build it with its default features",
    };
}

impl From<io::Error> for Refused {
    /// Finds the refusal again that came as an error of reading.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(refused) => refused,
            Err(error) => Self::Read(error),
        }
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Read(error) => error,
            refused => Self::new(io::ErrorKind::InvalidData, refused),
        }
    }
}
