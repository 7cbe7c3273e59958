//! Holes: ranges of zeros that take no space on a disk.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::body::{WriteAt, retry};

/// Whether zeros become holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Sparse {
    /// If the file system supports holes
    #[default]
    Auto,
    /// Every zero is written
    Never,
}

/// A new, empty file that is written at positions. What is handed to it and is all zeros is left out: it reads as zeros
/// nevertheless, and takes no space where the file system has holes.
pub struct WithHoles<'a> {
    file: &'a File,
    sparse: Sparse,
    /// Where the last byte that was written ends.
    written_to: AtomicU64,
}

impl<'a> WithHoles<'a> {
    /// Begins to fill a file that has no bytes yet.
    pub fn in_file(file: &'a File, sparse: Sparse) -> Self {
        Self { file, sparse, written_to: AtomicU64::new(0) }
    }

    /// Writes all of the bytes at `offset`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match retry(|| self.write_at(bytes, offset))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => {
                    bytes = &bytes[written..];
                    offset += written as u64;
                }
            }
        }
        Ok(())
    }

    /// Gives the file its length, which it lacks if it ends with zeros that were left out.
    ///
    /// # Errors
    /// Those of the system.
    pub fn finish(&self, length: u64) -> io::Result<()> {
        if self.written_to.load(Ordering::Relaxed) >= length {
            return Ok(());
        }
        // By a byte: some drives make no file longer but by writing to it (FAT through FUSE).
        match retry(|| self.file.write_at(&[0], length - 1))? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            _ => Ok(()),
        }
    }

    fn leaves_out(&self, bytes: &[u8]) -> bool {
        self.sparse == Sparse::Auto && is_zeros(bytes)
    }

    fn wrote(&self, offset: u64, written: usize) -> usize {
        self.written_to.fetch_max(offset + written as u64, Ordering::Relaxed);
        written
    }
}

impl WriteAt for WithHoles<'_> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.leaves_out(bytes) {
            return Ok(bytes.len());
        }
        Ok(self.wrote(offset, self.file.write_at(bytes, offset)?))
    }

    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        // In whole buffers, each of which is a chunk: finer holes would cost a call each.
        let left_out = buffers.iter().take_while(|buffer| self.leaves_out(buffer)).map(|buffer| buffer.len()).sum();
        if left_out > 0 {
            return Ok(left_out);
        }
        let count = buffers.iter().position(|buffer| self.leaves_out(buffer)).unwrap_or(buffers.len());
        Ok(self.wrote(offset, self.file.write_vectored_at(&buffers[..count], offset)?))
    }
}

/// Tells whether there are bytes and all of them are 0.
fn is_zeros(bytes: &[u8]) -> bool {
    // Each is compared with the one before it, by the system's comparison of memory.
    bytes.first() == Some(&0) && bytes[1..] == bytes[..bytes.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_are_zeros() {
        assert!(!is_zeros(&[]));
        for length in [1, 2, 3, 64, 4096] {
            let mut bytes = vec![0; length];
            assert!(is_zeros(&bytes));
            for at in 0..length {
                bytes[at] = 1;
                assert!(!is_zeros(&bytes), "{at} of {length}");
                bytes[at] = 0;
            }
            assert!(!is_zeros(&vec![7; length]));
        }
    }

    #[test]
    fn a_file_reads_as_what_was_handed_to_it() {
        let parts: [&[u8]; 7] = [&[0; 8], b"a", &[0; 5], &[0; 3], b"\0b", b"", &[0; 9]];
        for sparse in [Sparse::Auto, Sparse::Never] {
            for from in 0..parts.len() {
                let file = tempfile::tempfile().unwrap();
                let holes = WithHoles::in_file(&file, sparse);
                let mut buffers: Vec<_> = parts[from..].iter().map(|part| IoSlice::new(part)).collect();
                let mut buffers = &mut buffers[..];
                let mut offset = 0;
                while !buffers.is_empty() {
                    let written = holes.write_vectored_at(buffers, offset).unwrap();
                    offset += written as u64;
                    IoSlice::advance_slices(&mut buffers, written);
                }
                holes.finish(offset).unwrap();
                let whole = parts[from..].concat();
                assert_eq!(read(&file), whole, "from part {from}");
                let file = tempfile::tempfile().unwrap();
                let holes = WithHoles::in_file(&file, sparse);
                holes.write_all_at(&whole, 0).unwrap();
                holes.finish(whole.len() as u64).unwrap();
                assert_eq!(read(&file), whole);
            }
        }
    }

    fn read(file: &File) -> Vec<u8> {
        use crate::body::ReadAt;
        let mut bytes = vec![0xff; usize::try_from(file.size().unwrap()).unwrap()];
        let length = if bytes.is_empty() { 0 } else { file.read_at(&mut bytes, 0).unwrap() };
        bytes.truncate(length);
        bytes
    }
}
