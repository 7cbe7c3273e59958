//! Looking at sealed files, without a key or with one.

use std::path::Path;

use super::error::{FilesError, Task};
use super::find::open_input;
use super::read_ahead::ReadAhead;
use crate::body::{Header, Inspection, inspect};

/// Looks at what anybody can see of a sealed file.
///
/// # Errors
/// If it cannot be read, or is no sealed file.
pub fn look_at(path: &Path) -> Result<Inspection, FilesError> {
    let (file, _) = open_input(path)?;
    inspect(&file).map_err(|error| {
        let what = path.display().to_string();
        let error = error.named(&what);
        FilesError::sealed(Task::Inspect, what, error)
    })
}

/// Opens the header of a sealed file.
///
/// # Errors
/// If it cannot be read, or none of the keys opens it.
pub fn open_header(keys: &ReadAhead<'_>, path: &Path) -> Result<Header, FilesError> {
    let (file, _) = open_input(path)?;
    Header::open(&file, keys).map_err(|error| {
        let what = path.display().to_string();
        let error = keys.keys.named(&what, error);
        FilesError::sealed(Task::Inspect, what, error)
    })
}
