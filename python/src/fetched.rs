//! A sealed file that is somewhere else: Python fetches its bytes, and they are opened here.

use std::io;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use strongroom::body::{BodyError, Opener, ReadAt};
use strongroom::crypto::cobblestone::opened_len;
use strongroom::format::sealed::{BLOCK_STEP, PRELUDE_LEN, Prelude};
use zeroize::Zeroizing;

use crate::errors::Failure;
use crate::keys::Keys;
use crate::opened::{About, about};

/// The first and the last bytes of a sealed file.
struct Ends {
    size: u64,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl ReadAt for Ends {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let last_at = self.size.saturating_sub(self.last.len() as u64);
        match (offset, self.size) {
            (offset, size) if offset >= size => Ok(0),
            (offset, _) if offset < self.first.len() as u64 => self.first.read_at(bytes, offset),
            (offset, _) if offset >= last_at => self.last.read_at(bytes, offset - last_at),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }
}

/// An opened sealed file whose bytes come from Python. Any number of threads may use it at once.
#[pyclass(frozen, module = "strongroom._native")]
pub struct Fetched {
    name: PathBuf,
    opener: Opener<Ends>,
    sealed_len: u64,
}

#[pymethods]
impl Fetched {
    /// Opens the header, which is in the first bytes, and proves the length by the last ones. None if its header is
    /// longer than what was fetched.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        name: PathBuf,
        size: u64,
        first: Vec<u8>,
        last: Vec<u8>,
        keys: Keys<'_>,
    ) -> PyResult<Option<Self>> {
        let keys = keys.hold();
        Ok(py.detach(|| {
            let ends = Ends { size, first, last };
            let opener = keys.with_keys(
                |keys| match Opener::new(ends, keys) {
                    Err(BodyError::Read(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                    other => other.map(Some),
                },
                |error| Failure::of_file(&name, error),
            )?;
            Ok::<_, Failure>(opener.map(|opener| Self { name, opener, sealed_len: size }))
        })?)
    }

    /// Length of the plaintext, in bytes; proven.
    fn __len__(&self) -> PyResult<usize> {
        Ok(usize::try_from(self.opener.plaintext_len())?)
    }

    /// Returns from where to where the sealed file holds these bytes of plaintext.
    fn sealed_range(&self, offset: u64, size: u64) -> (u64, u64) {
        let range = self.opener.sealed_range(offset, size);
        (range.start, range.end)
    }

    /// Opens what was fetched of that range, and returns the plaintext.
    fn open_range(
        &self,
        py: Python<'_>,
        sealed: &Bound<'_, PyBytes>,
        offset: u64,
        size: usize,
    ) -> PyResult<Py<PyBytes>> {
        let left = self.opener.plaintext_len().saturating_sub(offset);
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(size);
        // It becomes plaintext in this copy.
        let mut sealed = Zeroizing::new(sealed.as_bytes().to_vec());
        let bytes = PyBytes::new_with(py, size, |bytes| {
            let opened = py.detach(|| self.opener.open_range(&mut sealed, offset, bytes));
            opened.map_err(|error| Failure::of_file(&self.name, error))?;
            Ok(())
        })?;
        Ok(bytes.unbind())
    }

    /// As of a file that is here.
    #[getter]
    fn info(&self) -> About {
        about(&self.opener, self.sealed_len)
    }
}

/// Returns the length of the plaintext in a sealed file of that size, in bytes; None if no sealed file has that size.
/// Its header is as long as its first bytes say, or else as nearly every one is.
#[pyfunction]
pub fn plaintext_len(size: u64, first: Option<&[u8]>) -> Option<u64> {
    let block_len = match first {
        Some(first) => Prelude::parse(first.first_chunk::<PRELUDE_LEN>()?).ok()?.block_len,
        None => BLOCK_STEP,
    };
    opened_len(size.checked_sub(2 * block_len as u64)?)
}
