//! An opened sealed file, read at positions.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};
use strongroom::body::{Opener, ReadAt, Run, default_threads};
use zeroize::Zeroizing;

use crate::errors::Failure;
use crate::keys::{Keys, Source, opened_by};

/// From how many bytes a call on, several threads are worth their start.
const MANY: usize = 4 << 20;
/// Up to how many bytes of memory are kept from one call to the next.
const KEPT: usize = 1 << 20;

/// An opened sealed file. Any number of threads may read it at once.
#[pyclass(frozen, module = "strongroom._native")]
pub struct Opened {
    path: PathBuf,
    opener: Opener<File>,
    sealed_len: u64,
    /// What a buffer of Python's is filled from. Whoever finds it taken uses memory of its own.
    scratch: Mutex<Zeroizing<Vec<u8>>>,
}

/// Opens a sealed file, and returns its length, too. It fails for a folder as Python's own `open` does.
pub fn open(path: &Path, keys: &Source) -> Result<(Opener<File>, u64), Failure> {
    let file = File::open(path).map_err(Failure::of_system(path))?;
    let sealed_len = file.metadata().map_err(Failure::of_system(path))?.len();
    let opener = keys.with_keys(|keys| Opener::new(file, keys), |error| Failure::of_file(path, error))?;
    Ok((opener, sealed_len))
}

#[pymethods]
impl Opened {
    /// Opens the header with the key that fits, and proves the file's length.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, keys: Keys<'_>) -> PyResult<Self> {
        let keys = keys.hold();
        Ok(py.detach(|| -> Result<Self, Failure> {
            let (opener, sealed_len) = open(&path, &keys)?;
            Ok(Self { path, opener, sealed_len, scratch: Mutex::default() })
        })?)
    }

    /// Length of the plaintext, in bytes; proven.
    fn __len__(&self) -> PyResult<usize> {
        Ok(usize::try_from(self.opener.plaintext_len())?)
    }

    /// Returns `size` bytes from `offset` on, or what there is of them.
    fn read_at(&self, py: Python<'_>, offset: u64, size: usize) -> PyResult<Py<PyBytes>> {
        let left = self.opener.plaintext_len().saturating_sub(offset);
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(size);
        let bytes = PyBytes::new_with(py, size, |bytes| {
            py.detach(|| self.fill(bytes, offset))?;
            Ok(())
        })?;
        Ok(bytes.unbind())
    }

    /// Fills a writable buffer from `offset` on, and returns how many bytes there were.
    fn readinto_at(&self, py: Python<'_>, buffer: &Bound<'_, PyAny>, offset: u64) -> PyResult<usize> {
        let view = PyMemoryView::from(buffer)?.call_method1("cast", ("B",))?;
        let left = self.opener.plaintext_len().saturating_sub(offset);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(view.len()?);
        let front = PyBuffer::<u8>::get(&view.get_item(PySlice::new(py, 0, isize::try_from(wanted)?, 1))?)?;
        // Another thread may use the buffer meanwhile, so it is filled in one go, when all is there and proven.
        let mut lent = self.scratch.try_lock().ok();
        let mut own = Zeroizing::new(Vec::new());
        let scratch = match &mut lent {
            Some(scratch) if wanted <= KEPT => &mut **scratch,
            _ => &mut own,
        };
        if scratch.len() < wanted {
            // Not grown: that would leave its bytes behind.
            *scratch = Zeroizing::new(vec![0; wanted]);
        }
        py.detach(|| self.fill(&mut scratch[..wanted], offset))?;
        front.copy_from_slice(py, &scratch[..wanted])?;
        Ok(wanted)
    }

    /// Proves every byte and returns how many there are.
    fn verify(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(py.detach(|| self.opener.verify(Run::quiet()).map_err(|error| Failure::of_file(&self.path, error)))?)
    }

    /// What is sealed into the header, and the lengths.
    #[getter]
    fn info(&self) -> About {
        about(&self.opener, self.sealed_len)
    }
}

/// Name, seconds and nanoseconds of the last change, media type, project, key version, length of the plaintext, length
/// of the sealed file, and whether it was imported from a file without a tag. Python makes a tuple with names of it.
pub type About = (Option<String>, Option<(i64, u32)>, Option<String>, Option<String>, Option<u32>, u64, u64, bool);

/// Returns what is sealed into a header, and the lengths.
pub fn about<S: ReadAt>(opener: &Opener<S>, sealed_len: u64) -> About {
    let header = opener.header();
    let metadata = &header.metadata;
    let modified = metadata.modified.map(|at| (at.as_unix(), metadata.modified_ns.unwrap_or(0)));
    let (project, version) = opened_by(&header.opened_by);
    let (name, media) = (metadata.name.clone(), metadata.media.clone());
    let unauthenticated = metadata.unauthenticated_source == Some(true);
    (name, modified, media, project, version, opener.plaintext_len(), sealed_len, unauthenticated)
}

impl Opened {
    fn fill(&self, bytes: &mut [u8], offset: u64) -> Result<usize, Failure> {
        let threads = if bytes.len() < MANY { 1 } else { default_threads() };
        let read = self.opener.read_at_with(bytes, offset, threads);
        read.map_err(|error| Failure::of_file(&self.path, error))
    }
}
