//! Proving sealed files whole.

use super::Observer;
use super::error::{FilesError, Task};
use super::find::{Item, open_found};
use super::read_ahead::ReadAhead;
use crate::body::{Metadata, Run};
use crate::format::FileId;
use crate::keys::OpenedBy;

/// A file that proved whole.
pub struct Proven {
    /// Length of the plaintext, in bytes.
    pub bytes: u64,
    /// Which key opened it.
    pub by: OpenedBy,
    /// One of its header blocks is damaged or older.
    pub one_block_only: bool,
    /// Its id.
    pub file: FileId,
    /// What is sealed in.
    pub metadata: Metadata,
}

/// Proves every byte of a sealed file.
///
/// # Errors
/// If no key opens it, or it is not whole.
pub fn prove(keys: &ReadAhead<'_>, item: &Item, threads: usize, observer: &dyn Observer) -> Result<Proven, FilesError> {
    let (file, _) = open_found(&item.path, item.is_link)?;
    let opener = keys.open(&item.path, file).map_err(|error| match error {
        FilesError::Sealed { what, source, aside, .. } => {
            FilesError::Sealed { task: Task::Verify, what, source, aside }
        }
        other => other,
    })?;
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let bytes = opener.verify(run).map_err(|error| {
        let what = item.path.display().to_string();
        let error = error.named(&what);
        FilesError::sealed(Task::Verify, what, error)
    })?;
    let header = opener.header();
    Ok(Proven {
        bytes,
        by: header.opened_by.clone(),
        one_block_only: header.one_block_only,
        file: header.prelude.file,
        metadata: header.metadata.clone(),
    })
}

/// What a look into a sealed file came to.
pub struct Looked {
    /// Length of the plaintext, in bytes, as the file's length has it.
    pub bytes: u64,
    /// Which key opened the header.
    pub by: OpenedBy,
    /// Its id.
    pub file: FileId,
    /// It was read to the last byte.
    pub is_read: bool,
    /// Every byte of it is authentic; false if it was not read.
    pub is_whole: bool,
}

/// Opens a sealed file's header, and reads the file to its last byte if `is_read` says so and its project is `wanted`.
/// `None` if it is another project's.
///
/// # Errors
/// If no key opens it, or the system does not let it be read.
pub fn look_into(
    keys: &ReadAhead<'_>,
    item: &Item,
    is_read: bool,
    wanted: &dyn Fn(&str) -> bool,
    threads: usize,
    observer: &dyn Observer,
) -> Result<Option<Looked>, FilesError> {
    let (file, _) = open_found(&item.path, item.is_link)?;
    let opener = keys.open(&item.path, file)?;
    let header = opener.header();
    if !wanted(&header.opened_by.project) {
        return Ok(None);
    }
    let (by, file) = (header.opened_by.clone(), header.prelude.file);
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let is_whole = is_read && opener.verify(run).is_ok();
    observer.file_done();
    Ok(Some(Looked { bytes: opener.plaintext_len(), by, file, is_read, is_whole }))
}
