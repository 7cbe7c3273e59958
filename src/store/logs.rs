//! What a store keeps of access logs: files that only grow at their ends, in a folder of their own.

use super::StoreError;

/// What a log's file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogAccess {
    /// It is read.
    Read,
    /// It grows.
    Append,
}

/// An open file of a log.
pub trait LogFile: Send + Sync {
    /// Returns how many bytes it has now.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn length(&self) -> Result<u64, StoreError>;

    /// Fills `bytes` with those from `at` on.
    ///
    /// # Errors
    /// [`StoreError::Io`], also if it has not as many.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<(), StoreError>;

    /// Writes `bytes` at its end. They last once [`LogFile::sync`] has returned. A write that fails may have been done
    /// in part.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if its end is not at `end`; [`StoreError::Io`].
    fn append(&mut self, end: u64, bytes: &[u8]) -> Result<(), StoreError>;

    /// Makes what was appended survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Takes what is behind `end` off. It is kept in the logs' folder in a new file, whose name begins with `aside`;
    /// returns that name. Both last through a power cut.
    ///
    /// # Errors
    /// [`StoreError::Io`]. What is behind `end` is then still there, and may be in the other file as well.
    fn set_aside(&mut self, end: u64, aside: &str) -> Result<String, StoreError>;
}

/// Tells whether a file of this name can be in the logs' folder: letters, digits, hyphens and full stops, none of them
/// first, so that no name leads out of the folder.
#[must_use]
pub fn is_log_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    name.len() <= 128 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_plain)
}
