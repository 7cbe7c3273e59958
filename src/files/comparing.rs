//! Proves that an encrypted copy holds the bytes of its original.

use std::fs::File;
use std::io;

use crate::body::ReadAt;

/// Compares what is written to it with a file, and refuses the first byte that differs.
pub struct Comparing<'a> {
    file: &'a File,
    at: u64,
}

impl<'a> Comparing<'a> {
    /// Begins at the file's first byte.
    pub fn with(file: &'a File) -> Self {
        Self { file, at: 0 }
    }
}

impl io::Write for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut own = zeroize::Zeroizing::new(vec![0; bytes.len()]);
        let read = self.file.read_at(&mut own, self.at)?;
        if read == 0 || own[..read] != bytes[..read] {
            return Err(io::Error::other("the sealed copy is not the same as the original"));
        }
        self.at += read as u64;
        Ok(read)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
