//! A sealed file that is written piece by piece, and appears when it is whole.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use strongroom::body::{self, Metadata, begins_sealed};
use strongroom::disk::publish::{IfTaken, NewFile};
use zeroize::Zeroizing;

use crate::errors::Failure;
use crate::keys::{Keys, Sealer};

/// A new file as a sealer writes to it.
struct Target(NewFile<'static>);

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Begun {
    sealer: body::Sealer<Target>,
    key: Sealer,
}

/// A sealed file that is being written. It has no name until it is committed; dropped before, it is gone.
#[pyclass(frozen, module = "strongroom._native")]
pub struct Sealing {
    path: PathBuf,
    begun: Mutex<Option<Begun>>,
}

/// Begins a file that will be at a path. What it may replace is a sealed file.
pub fn begin(path: &Path, replace: bool) -> Result<NewFile<'static>, Failure> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::of_system(path)(error)),
        Ok(there) if there.is_dir() => return Err(Failure::of_system(path)(io::ErrorKind::IsADirectory.into())),
        Ok(_) if !replace => return Err(Failure::Other("output-exists", format!("{} exists", path.display()))),
        Ok(_) => {
            let there = fs::File::open(path).map_err(Failure::of_system(path))?;
            if !begins_sealed(&there).map_err(Failure::of_system(path))? {
                let message = format!("{} exists and is not a sealed file, so it is not replaced", path.display());
                return Err(Failure::Other("output-exists", message));
            }
        }
    }
    let if_taken = if replace { IfTaken::Replace } else { IfTaken::Refuse };
    NewFile::begin(Cow::Owned(path.to_path_buf()), if_taken).map_err(Failure::of_system(path))
}

/// Gives a file its name.
pub fn publish(file: NewFile<'static>, path: &Path) -> Result<(), Failure> {
    file.publish().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Other("output-exists", format!("{} exists", path.display())),
        _ => Failure::of_system(path)(error),
    })
}

/// Returns a sealed file's name without its ending.
pub fn plain_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_suffix(".sealed").filter(|name| !name.is_empty()).unwrap_or(name).to_owned())
}

fn metadata_of_new(path: &Path, media: Option<String>) -> Metadata {
    let now = SystemTime::now();
    Metadata {
        name: plain_name(path),
        hidden: Some(false),
        modified: Some(now.into()),
        sealed: Some(now.into()),
        media,
        ..Metadata::default()
    }
}

#[pymethods]
impl Sealing {
    #[new]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        keys: Keys<'_>,
        project: Option<String>,
        replace: bool,
        media: Option<String>,
    ) -> PyResult<Self> {
        let keys = keys.hold();
        Ok(py.detach(|| -> Result<Self, Failure> {
            let key = keys.sealing(project.as_deref())?;
            let file = begin(&path, replace)?;
            let sealer = body::Sealer::new(key.key(), &metadata_of_new(&path, media), Target(file));
            let sealer = sealer.map_err(|error| Failure::of_file(&path, error))?;
            Ok(Self { path, begun: Mutex::new(Some(Begun { sealer, key })) })
        })?)
    }

    /// Seals some bytes, and returns how many.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_bytes(py, data, |bytes| self.seal(bytes).map(|()| bytes.len()))
    }

    /// Seals the end, syncs the file and gives it its name.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| -> Result<(), Failure> {
            let Begun { sealer, key } = self.lock().take().ok_or_else(over)?;
            let Target(file) = sealer.finish().map_err(Failure::of_system(&self.path))?;
            key.check()?;
            publish(file, &self.path)
        })?)
    }

    /// Leaves nothing of it.
    fn discard(&self, py: Python<'_>) {
        py.detach(|| drop(self.lock().take()));
    }
}

impl Sealing {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut begun = self.lock();
        let begun = begun.as_mut().ok_or_else(over)?;
        begun.sealer.write_all(bytes).map_err(Failure::of_system(&self.path))
    }
}

fn over() -> Failure {
    Failure::Other("closed", "I/O operation on closed file".into())
}

/// A sealed file that is written piece by piece to somewhere else: its sealed bytes go back to Python.
#[pyclass(frozen, module = "strongroom._native")]
pub struct SealingElsewhere {
    name: PathBuf,
    sealed: Sealed,
    begun: Mutex<Option<(body::Sealer<Sealed>, Sealer)>>,
}

/// Sealed bytes that Python has not taken yet.
#[derive(Clone, Default)]
struct Sealed(Arc<Mutex<Vec<u8>>>);

impl Write for Sealed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sealed {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl SealingElsewhere {
    #[new]
    fn new(
        py: Python<'_>,
        name: PathBuf,
        keys: Keys<'_>,
        project: Option<String>,
        media: Option<String>,
    ) -> PyResult<Self> {
        let keys = keys.hold();
        Ok(py.detach(|| -> Result<Self, Failure> {
            let key = keys.sealing(project.as_deref())?;
            let sealed = Sealed::default();
            let sealer = body::Sealer::new(key.key(), &metadata_of_new(&name, media), sealed.clone());
            let sealer = sealer.map_err(|error| Failure::of_file(&name, error))?;
            Ok(Self { name, sealed, begun: Mutex::new(Some((sealer, key))) })
        })?)
    }

    /// Seals some bytes. Returns how many, and what is to be written.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<(usize, Py<PyBytes>)> {
        let (length, sealed) = with_bytes(py, data, |bytes| {
            let mut begun = self.lock();
            let (sealer, _) = begun.as_mut().ok_or_else(over)?;
            sealer.write_all(bytes).map_err(Failure::of_system(&self.name))?;
            Ok((bytes.len(), self.sealed.take()))
        })?;
        Ok((length, PyBytes::new(py, &sealed).unbind()))
    }

    /// Seals the end, and returns what is left to be written.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        let sealed = py.detach(|| -> Result<_, Failure> {
            let (sealer, key) = self.lock().take().ok_or_else(over)?;
            sealer.finish().map_err(Failure::of_system(&self.name))?;
            key.check()?;
            Ok(self.sealed.take())
        })?;
        Ok(PyBytes::new(py, &sealed).unbind())
    }
}

impl SealingElsewhere {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(body::Sealer<Sealed>, Sealer)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does something with the bytes of what supports Python's buffer protocol, while other threads run.
fn with_bytes<T: Send>(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    work: impl FnOnce(&[u8]) -> Result<T, Failure> + Send,
) -> PyResult<T> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        // Nothing can change these meanwhile.
        let bytes = bytes.as_bytes();
        return Ok(py.detach(|| work(bytes))?);
    }
    let bytes = Zeroizing::new(bytes_of(py, data)?);
    Ok(py.detach(|| work(&bytes))?)
}

/// Copies what supports Python's buffer protocol, whatever its items are.
fn bytes_of(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let view = py.import("builtins")?.getattr("memoryview")?.call1((data,))?;
    let bytes = if view.getattr("c_contiguous")?.is_truthy()? {
        PyBuffer::<u8>::get(&view.call_method1("cast", ("B",))?)?.to_vec(py)?
    } else {
        return Err(PyValueError::new_err("the buffer is not one piece of memory"));
    };
    Ok(bytes)
}
