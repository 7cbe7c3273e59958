//! The manifest of a run as a sealed file: written once its files are sealed, and read to compare them with it.

use std::io::{self, Write};
use std::path::Path;

use super::error::{FileError, FilesError, Task};
use super::find::open_input;
use super::keys::Keys;
use super::manifest::{self, Comparison, Listed, Manifest};
use super::names::path_in;
use super::publish::OutputFile;
use super::seal::{Job, Outcome};
use super::verify::Proven;
use crate::body::{Metadata, Output, Run, Sealer};
use crate::keys::SealingKey;

/// Lists what was sealed, and what was sealed before and is up to date.
///
/// # Errors
/// If a file was not sealed, so that a list of the others would hide that, or the list cannot be written.
pub fn write_manifest(
    key: SealingKey<'_>,
    path: &Path,
    replace: bool,
    jobs: &[Job],
    outcomes: &[Result<Outcome, FilesError>],
) -> Result<(), FilesError> {
    let refused = |why: FileError| FilesError::file(Task::WriteManifest, path, why);
    let failed = |error: io::Error| refused(FileError::System(error));
    let mut files = Vec::with_capacity(jobs.len());
    for (job, outcome) in jobs.iter().zip(outcomes) {
        match outcome {
            Ok(Outcome::Done { bytes, file, .. }) => files.push((job.path.as_path(), *file, *bytes)),
            Ok(Outcome::UpToDate(sealed)) => files.push((job.path.as_path(), sealed.file, sealed.bytes)),
            Err(_) => return Err(refused(FileError::NotAll)),
        }
    }
    let metadata = Metadata {
        name: path.file_name().and_then(|name| name.to_str()?.strip_suffix(".sealed")).map(str::to_owned),
        media: Some(manifest::MEDIA.into()),
        sealed: Some(std::time::SystemTime::now().into()),
        ..Metadata::default()
    };
    let output = OutputFile::create(path, replace)?;
    let mut sealer = Sealer::new(key, &metadata, output.file()).map_err(|error| {
        let what = path.display().to_string();
        let error = error.named(&what);
        FilesError::sealed(Task::WriteManifest, what, error)
    })?;
    let bytes = Manifest::of(files).to_bytes();
    sealer.write_all(&bytes).map_err(failed)?;
    sealer.finish().map_err(failed)?;
    output.publish()
}

/// Opens a manifest.
///
/// # Errors
/// If no key opens it, or it is something else.
pub fn read_manifest(keys: &Keys<'_>, path: &Path) -> Result<Comparison, FilesError> {
    /// Enough for some million files.
    const LIMIT: u64 = 1 << 30;
    let refused = |why: FileError| FilesError::file(Task::ReadManifest, path, why);
    let (file, _) = open_input(path)?;
    let opener = keys.open(path, file)?;
    if opener.header().metadata.media.as_deref() != Some(manifest::MEDIA) || opener.plaintext_len() > LIMIT {
        return Err(refused(FileError::NotAManifest));
    }
    let mut bytes = Vec::new();
    opener.copy_to(Output::Stream(&mut bytes), Run::quiet()).map_err(|error| {
        let what = path.display().to_string();
        let error = error.named(&what);
        FilesError::sealed(Task::ReadManifest, what, error)
    })?;
    let manifest = Manifest::parse(&bytes).map_err(|error| refused(error.into()))?;
    Ok(Comparison::with(&manifest))
}

/// Looks a proven file up. A manifest that is in the folder itself is not listed, and need not be.
pub fn look_up(listed: &mut Comparison, is_renamed: bool, proven: &Proven) -> Option<Listed> {
    if proven.metadata.media.as_deref() == Some(manifest::MEDIA) {
        return None;
    }
    let path = path_in(&proven.metadata).unwrap_or_default();
    // The path that is sealed in a file never changes, so it is the one that is listed.
    Some(listed.look_up(proven.file, &path, !is_renamed))
}
