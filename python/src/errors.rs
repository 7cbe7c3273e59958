//! The library's errors as exceptions. Python declares the exceptions, since some have two parents.

use std::io;
use std::path::Path;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use strongroom::error::{BodyError, Error};
use strongroom::home::HomeError;

/// What failed, as a value that is made without Python: most work is done while other threads run.
#[derive(Debug)]
pub enum Failure {
    /// The system refused; the file, if it is known.
    System(io::Error, Option<String>),
    /// Everything else: the word that programs know it by, and a sentence.
    Other(&'static str, String),
}

impl Failure {
    /// Says what failed with a sealed file.
    pub fn of_file(path: &Path, error: BodyError) -> Self {
        let name = path.display().to_string();
        match error {
            BodyError::Read(source) | BodyError::Write(source) => Self::System(source, Some(name)),
            error => error.named(&name).into(),
        }
    }

    /// Says that the system refused something about a file.
    pub fn of_system(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let name = path.display().to_string();
        |source| Self::System(source, Some(name))
    }

    /// Says that nothing can be done with what was given.
    pub fn usage(why: impl Into<String>) -> Self {
        Self::Other("usage", why.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error.kind(), error.to_string())
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let kind = match &error {
            HomeError::NoHome { .. } => "no-home",
            HomeError::Busy { .. } => "busy",
            HomeError::Newer { .. } => "unsupported-version",
            HomeError::Vault(_) => "vault-not-found",
            HomeError::ProjectFile { .. } => "project-file",
            _ => "settings",
        };
        Self::Other(kind, error.to_string())
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| exception(py, failure).unwrap_or_else(|error| error))
    }
}

/// Makes the exception: of the system Python's own class for its number, else the one that Python picks for the kind.
fn exception(py: Python<'_>, failure: Failure) -> PyResult<PyErr> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (kind, message) = match failure {
        Failure::System(source, name) => {
            let Some(number) = source.raw_os_error() else {
                return Ok(pyo3::exceptions::PyOSError::new_err(match name {
                    Some(name) => format!("{name}: {source}"),
                    None => source.to_string(),
                }));
            };
            let text = py.import("os")?.call_method1("strerror", (number,))?;
            let class = py.get_type::<pyo3::exceptions::PyOSError>();
            return Ok(PyErr::from_value(class.call1((number, text, name))?));
        }
        Failure::Other(kind, message) => (kind, message),
    };
    let make =
        MAKE.get_or_try_init(py, || Ok::<_, PyErr>(py.import("strongroom._errors")?.getattr("of_kind")?.unbind()))?;
    Ok(PyErr::from_value(make.bind(py).call1((kind, message))?))
}
