//! Reading and writing at a position, from many threads at once.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};

/// Bytes that can be read at any position, by several threads at once.
pub trait ReadAt: Sync {
    /// Reads some bytes from `offset` on; 0 at the end.
    ///
    /// # Errors
    /// Those of the system.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Returns how many bytes there are now.
    ///
    /// # Errors
    /// Those of the system.
    fn size(&self) -> io::Result<u64>;

    /// Reads some bytes from `offset` on into several buffers, one after the other.
    ///
    /// # Errors
    /// Those of the system.
    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
        first.map_or(Ok(0), |buffer| self.read_at(buffer, offset))
    }
}

/// A place that can be written to at any position, by several threads at once.
pub trait WriteAt: Sync {
    /// Writes some of the bytes at `offset`.
    ///
    /// # Errors
    /// Those of the system.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Writes some of the bytes of several buffers, one after the other, at `offset`.
    ///
    /// # Errors
    /// Those of the system.
    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        first.map_or(Ok(0), |buffer| self.write_at(buffer, offset))
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self[..].read_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self[..].size()
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        (**self).read_vectored_at(buffers, offset)
    }
}

#[cfg(unix)]
impl ReadAt for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_vectored_at(&self, buffers: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::preadv(self, buffers, offset)?)
    }
}

#[cfg(unix)]
impl WriteAt for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(self, buffers, offset)?)
    }
}

#[cfg(windows)]
impl ReadAt for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        match std::os::windows::fs::FileExt::seek_read(self, bytes, offset) {
            // ERROR_HANDLE_EOF: what other systems call 0 bytes.
            Err(error) if error.raw_os_error() == Some(38) => Ok(0),
            other => other,
        }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

#[cfg(windows)]
impl WriteAt for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(self, bytes, offset)
    }
}

/// Tries again where a call was only interrupted.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Reads from `offset` on until the buffer is full or the source ends.
pub(super) fn read_full_at(source: &(impl ReadAt + ?Sized), bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match retry(|| source.read_at(&mut bytes[filled..], offset + filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Fills the buffers one after the other by as few calls as there need be, and returns how many bytes there were.
///
/// `read` is handed what is still to be filled and how much is filled already.
pub(super) fn fill_buffers(
    mut buffers: &mut [IoSliceMut<'_>],
    mut read: impl FnMut(&mut [IoSliceMut<'_>], usize) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut filled = 0;
    while !buffers.is_empty() {
        match retry(|| read(buffers, filled))? {
            0 => break,
            some => {
                filled += some;
                IoSliceMut::advance_slices(&mut buffers, some);
            }
        }
    }
    Ok(filled)
}

/// Writes all the buffers one after the other by as few calls as there need be.
///
/// `write` is handed what is still to be written and how much is written already.
pub(super) fn drain_buffers(
    mut buffers: &mut [IoSlice<'_>],
    mut write: impl FnMut(&[IoSlice<'_>], usize) -> io::Result<usize>,
) -> io::Result<()> {
    let mut written = 0;
    // Empty buffers in front are nothing to write.
    IoSlice::advance_slices(&mut buffers, 0);
    while !buffers.is_empty() {
        match retry(|| write(buffers, written))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            some => {
                written += some;
                IoSlice::advance_slices(&mut buffers, some);
            }
        }
    }
    Ok(())
}
