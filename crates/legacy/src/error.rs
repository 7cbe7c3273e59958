//! Why something does not open.

use std::io;

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
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[source] io::Error),
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
