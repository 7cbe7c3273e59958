//! The manifest of a run as a sealed file: written once its files are sealed, and read to compare them with it.

use std::io::Write;
use std::path::Path;

use super::find::open_input;
use super::keys::Keys;
use super::manifest::{self, Comparison, Listed, Manifest};
use super::open::path_in;
use super::publish::OutputFile;
use super::seal::{Job, Outcome};
use super::verify::Proven;
use crate::body::{Metadata, Output, Run, Sealer};
use crate::crypto::secret::ProjectFileKey;
use crate::failure::{Exit, Failure};

/// Lists what was sealed, and what was sealed before and is up to date.
///
/// # Errors
/// If a file was not sealed, so that a list of the others would hide that, or the list cannot be written.
pub fn write_manifest(
    key: &ProjectFileKey,
    path: &Path,
    replace: bool,
    jobs: &[Job],
    outcomes: &[Result<Outcome, Failure>],
) -> Result<(), Failure> {
    let doing = || format!("write the manifest {}", path.display());
    let mut files = Vec::with_capacity(jobs.len());
    for (job, outcome) in jobs.iter().zip(outcomes) {
        match outcome {
            Ok(Outcome::Done { bytes, file, .. }) => files.push((job.path.as_path(), *file, *bytes)),
            Ok(Outcome::UpToDate(sealed)) => files.push((job.path.as_path(), sealed.file, sealed.bytes)),
            Err(_) => {
                return Err(Failure::new(Exit::Failed, "manifest", format!("cannot {}", doing()))
                    .cause("not every file was encrypted, and a list of the others would hide that")
                    .hint("run it again with --update once the other errors are solved"));
            }
        }
    }
    let metadata = Metadata {
        name: path.file_name().and_then(|name| name.to_str()?.strip_suffix(".sealed")).map(str::to_owned),
        media: Some(manifest::MEDIA.into()),
        sealed: Some(std::time::SystemTime::now().into()),
        ..Metadata::default()
    };
    let output = OutputFile::create(path, replace)?;
    let mut sealer = Sealer::new(key, &metadata, output.file())
        .map_err(|error| Failure::of(doing(), error.named(&path.display().to_string())))?;
    let bytes = Manifest::of(files).to_bytes();
    sealer.write_all(&bytes).map_err(|error| Failure::io(doing(), &error))?;
    sealer.finish().map_err(|error| Failure::io(doing(), &error))?;
    output.publish()
}

/// Opens a manifest.
///
/// # Errors
/// If no key opens it, or it is something else.
pub fn read_manifest(keys: &Keys<'_>, path: &Path) -> Result<Comparison, Failure> {
    /// Enough for some million files.
    const LIMIT: u64 = 1 << 30;
    let doing = || format!("read the manifest {}", path.display());
    let (file, _) = open_input(path)?;
    let opener = keys.open(path, file)?;
    let is_none = |cause: String| {
        Failure::new(Exit::Failed, "manifest", format!("cannot {}", doing()))
            .cause(cause)
            .hint("name the file that `strongroom encrypt --manifest FILE` wrote")
    };
    if opener.header().metadata.media.as_deref() != Some(manifest::MEDIA) || opener.plaintext_len() > LIMIT {
        return Err(is_none("it is an encrypted file, but not a manifest".into()));
    }
    let mut bytes = Vec::new();
    opener
        .copy_to(Output::Stream(&mut bytes), Run::quiet())
        .map_err(|error| Failure::of(doing(), error.named(&path.display().to_string())))?;
    let manifest = Manifest::parse(&bytes).map_err(|error| is_none(error.to_string()))?;
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
