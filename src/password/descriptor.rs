//! A file descriptor that the program was started with.

use std::fs::File;
use std::io;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;

/// An open file descriptor, by its number.
#[derive(Debug, Clone)]
pub struct Descriptor {
    number: u32,
    /// `None` where the program was started without it.
    file: Option<Arc<File>>,
}

impl Descriptor {
    /// Returns its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns what is open there. It has its place in the file in common with whoever opened it.
    ///
    /// # Errors
    /// Where nothing is.
    pub fn file(&self) -> io::Result<&File> {
        self.file.as_deref().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it is not open"))
    }
}

impl FromStr for Descriptor {
    type Err = ParseIntError;

    /// Takes a number, and with it the descriptor: flags are read before this program opens anything, so that what it
    /// opens itself is never taken for what it was given.
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let number = text.parse()?;
        Ok(Self { number, file: duplicate(number).map(Arc::new) })
    }
}

/// Duplicates a descriptor. Opening /dev/fd/N instead would start a file from its beginning, and fail for a socket.
#[cfg(unix)]
fn duplicate(number: u32) -> Option<File> {
    let number = i32::try_from(number).ok()?;
    filedescriptor::FileDescriptor::dup(&number).and_then(|descriptor| descriptor.as_file()).ok()
}

#[cfg(not(unix))]
fn duplicate(_: u32) -> Option<File> {
    None
}
