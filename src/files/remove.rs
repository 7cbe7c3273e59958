//! Deleting originals once their sealed copies are proven.

use std::fs::{self};
use std::io;
use std::path::PathBuf;

use super::comparing::Comparing;
use super::error::{Aside, FileError, FilesError, Task};
use super::find::{is_same_file, names_of, open_input};
use super::keys::Keys;
use super::own::OwnFiles;
use super::publish::sync_folder_of;
use super::seal::{Job, Outcome};
use crate::body::{BodyError, Opener, Output, Run};
use crate::error::Error;

/// What became of the originals.
#[derive(Default)]
pub struct Removed {
    /// How many were deleted.
    pub count: usize,
    /// Those that still have another name, under which the data is.
    pub linked: Vec<PathBuf>,
    /// Why others were kept.
    pub failures: Vec<FilesError>,
}

/// Deletes the originals of what was sealed, each after its sealed copy has been read back and proven.
///
/// `keys` are the project's. The copies have to be synced by then.
pub fn remove(keys: &Keys<'_>, own: &OwnFiles, jobs: &[Job], outcomes: &[Result<Outcome, FilesError>]) -> Removed {
    let mut removed = Removed::default();
    for (job, _) in jobs.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok()) {
        match remove_one(keys, own, job) {
            Ok(names) => {
                removed.count += 1;
                if names > 1 {
                    removed.linked.push(job.item.path.clone());
                }
            }
            Err(error) => removed.failures.push(error),
        }
    }
    removed
}

/// Returns how many names the file had.
fn remove_one(keys: &Keys<'_>, own: &OwnFiles, job: &Job) -> Result<u64, FilesError> {
    let path = &job.item.path;
    let refused = |why: FileError| FilesError::file(Task::Remove, path, why);
    let failed = |error: io::Error| refused(FileError::System(error));
    let kept = |error: Error| FilesError::sealed(Task::Remove, path.display().to_string(), error).aside(Aside::Kept);
    if fs::symlink_metadata(path).map_err(failed)?.is_symlink() {
        return Err(refused(FileError::Link));
    }
    let (file, before) = open_input(path)?;
    if own.is_copy_of_vault(&file) {
        return Err(refused(FileError::VaultCopy));
    }
    if OwnFiles::is_kit(&file) {
        return Err(refused(FileError::Kit));
    }
    let (sealed, _) = open_input(&job.output)?;
    let named = |error: BodyError| error.named_among(&job.output.display().to_string(), "the project");
    let opener = Opener::new(sealed, keys).map_err(|error| kept(named(error)))?;
    let mut same = Comparing::with(&file);
    let length = match opener.copy_to(Output::Stream(&mut same), Run::quiet()) {
        Err(BodyError::Write(_)) => return Err(refused(FileError::OtherCopy)),
        copied => copied.map_err(|error| kept(named(error)))?,
    };
    let after = file.metadata().map_err(failed)?;
    let is_same = length == after.len() && after.modified().ok() == before.modified().ok();
    // What has come to stand there since is not what was sealed.
    if !is_same || !is_same_file(&after, path) {
        return Err(kept(BodyError::Changed.named(&path.display().to_string())));
    }
    fs::remove_file(path).map_err(failed)?;
    sync_folder_of(path)?;
    Ok(names_of(&after))
}
