//! Whole files, sealed and opened with as many threads as there are cores.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pyo3::prelude::*;
use strongroom::body::{BodyError, Input, Metadata, Output, Run, seal};
use strongroom::disk::publish::{IfTaken, NewFile};
use strongroom::format::Timestamp;

use crate::errors::Failure;
use crate::keys::Keys;
use crate::opened::open;
use crate::sealing::{begin, publish};

/// Seals a file into another one, and returns the length of the plaintext.
#[pyfunction]
pub fn seal_file(
    py: Python<'_>,
    source: PathBuf,
    target: PathBuf,
    keys: Keys<'_>,
    project: Option<String>,
    replace: bool,
) -> PyResult<u64> {
    let keys = keys.hold();
    Ok(py.detach(|| -> Result<u64, Failure> {
        let key = keys.sealing(project.as_deref())?;
        let input = File::open(&source).map_err(Failure::of_system(&source))?;
        let before = input.metadata().map_err(Failure::of_system(&source))?;
        if !before.is_file() {
            return Err(Failure::usage(format!("{} is not a file", source.display())));
        }
        let file = begin(&target, replace)?;
        let metadata = metadata_of(&source, &before);
        let sealed = seal(key.key(), &metadata, Input::At(&input), Output::At(file.file()), Run::quiet());
        let sealed = sealed.map_err(|error| match error {
            BodyError::Write(error) => Failure::of_system(&target)(error),
            error => Failure::of_file(&source, error),
        })?;
        let after = input.metadata().map_err(Failure::of_system(&source))?;
        if sealed.bytes != before.len()
            || after.len() != before.len()
            || after.modified().ok() != before.modified().ok()
        {
            return Err(Failure::of_file(&source, BodyError::Changed));
        }
        key.check()?;
        publish(file, &target)?;
        Ok(sealed.bytes)
    })?)
}

fn metadata_of(source: &Path, file: &std::fs::Metadata) -> Metadata {
    let modified = file.modified().ok().map(Timestamp::split);
    #[cfg(unix)]
    let mode = Some(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o7777);
    #[cfg(not(unix))]
    let mode = None;
    Metadata {
        name: source.file_name().and_then(|name| name.to_str()).map(str::to_owned),
        modified: modified.map(|(seconds, _)| seconds),
        modified_ns: modified.map(|(_, nanoseconds)| nanoseconds),
        mode,
        hidden: Some(false),
        sealed: Some(SystemTime::now().into()),
        ..Metadata::default()
    }
}

/// Opens a sealed file into a new plaintext file, readable by its owner alone, and returns its length.
#[pyfunction]
pub fn open_file(py: Python<'_>, source: PathBuf, target: PathBuf, keys: Keys<'_>, replace: bool) -> PyResult<u64> {
    let keys = keys.hold();
    Ok(py.detach(|| -> Result<u64, Failure> {
        let (opener, _) = open(&source, &keys)?;
        let if_taken = if replace { IfTaken::Replace } else { IfTaken::Refuse };
        if !replace && std::fs::symlink_metadata(&target).is_ok() {
            return Err(Failure::Other("output-exists", format!("{} exists", target.display())));
        }
        let file = NewFile::begin(target.clone(), if_taken).map_err(Failure::of_system(&target))?;
        let length = opener.copy_to(Output::At(file.file()), Run::quiet()).map_err(|error| match error {
            BodyError::Write(error) => Failure::of_system(&target)(error),
            error => Failure::of_file(&source, error),
        })?;
        publish(file, &target)?;
        Ok(length)
    })?)
}
