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
