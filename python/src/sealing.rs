//! A sealed file that is written piece by piece, and appears when it is whole.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
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
            let now = SystemTime::now();
            let metadata = Metadata {
                name: plain_name(&path),
                hidden: Some(false),
                modified: Some(now.into()),
                sealed: Some(now.into()),
                media,
                ..Metadata::default()
            };
            let sealer = body::Sealer::new(key.key(), &metadata, Target(file));
            let sealer = sealer.map_err(|error| Failure::of_file(&path, error))?;
            Ok(Self { path, begun: Mutex::new(Some(Begun { sealer, key })) })
        })?)
    }

    /// Seals some bytes, and returns how many.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        if let Ok(bytes) = data.cast::<PyBytes>() {
            // Nothing can change these while other threads run.
            let bytes = bytes.as_bytes();
            py.detach(|| self.seal(bytes))?;
            return Ok(bytes.len());
        }
        let bytes = Zeroizing::new(bytes_of(py, data)?);
        py.detach(|| self.seal(&bytes))?;
        Ok(bytes.len())
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
