//! Sealing files; and deleting the originals once that is proven.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::Observer;
use super::find::{Item, is_same_file, open_input};
use super::pool;
use super::publish::{OutputFile, sync_folder_of};
use super::tree::{Room, Tree};
use crate::body::{Input, Metadata, Opener, Output, Run, seal};
use crate::disk::folder_of;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::format::scalar::Base64;
use crate::vault::ProjectFileKey;

/// One file to be sealed.
pub struct Job {
    /// The file.
    pub item: Item,
    /// Where its sealed copy goes.
    pub output: PathBuf,
    /// Of a file found in a folder: the folder that its copy's is made below, where it is missing.
    pub root: Option<PathBuf>,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was sealed.
    Done {
        /// Its length.
        bytes: u64,
    },
    /// Its sealed copy stands and is not older.
    UpToDate,
}

/// How files are sealed.
pub struct Sealing<'a> {
    key: &'a ProjectFileKey,
    force: bool,
    update: bool,
    hide_names: bool,
    /// The folders that sealed files go to.
    pub tree: Tree,
    room: Room,
}

impl<'a> Sealing<'a> {
    /// Settles how.
    pub fn of(key: &'a ProjectFileKey, force: bool, update: bool, hide_names: bool) -> Self {
        Self { key, force, update, hide_names, tree: Tree::default(), room: Room::default() }
    }

    /// Seals every job, many at once. What fails is printed when it does, unless it is the only one. That all of it
    /// lasts is the tree's to see to.
    pub fn run(&self, jobs: &[Job], threads: usize, observer: &dyn Observer) -> Vec<Result<Outcome, Failure>> {
        pool::for_each_file(
            jobs,
            threads,
            observer,
            |job| job.item.len,
            |job, threads| self.seal_file(job, threads, observer),
        )
    }

    fn seal_file(&self, job: &Job, threads: usize, observer: &dyn Observer) -> Result<Outcome, Failure> {
        let (file, before) = open_input(&job.item.path)?;
        if self.update && is_current(&job.output, &before) {
            observer.advanced(before.len());
            // Whoever sealed it may have been stopped before its name was made to last.
            self.tree.named(&job.output);
            return Ok(Outcome::UpToDate);
        }
        if let Some(root) = &job.root {
            self.tree.make(root, folder_of(&job.output))?;
        }
        let bytes = self.room.write(&format!("encrypt {}", job.item.path.display()), || {
            let output = OutputFile::create(&job.output, self.force || self.update)?;
            let bytes = self.seal_into(&file, &before, job, Output::At(output.file()), threads, observer)?;
            output.name()?;
            Ok(bytes)
        })?;
        self.tree.named(&job.output);
        Ok(Outcome::Done { bytes })
    }

    /// Seals one file into an output that is there already.
    ///
    /// # Errors
    /// Those of either side, and where the file changes meanwhile.
    pub fn seal_into(
        &self,
        file: &File,
        before: &fs::Metadata,
        job: &Job,
        output: Output<'_>,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<u64, Failure> {
        let path = &job.item.path;
        let doing = || format!("encrypt {}", path.display());
        let is_stream = matches!(output, Output::Stream(_));
        let metadata = metadata_of(&job.item, before, self.hide_names);
        let run = Run { threads, progress: &|more| observer.advanced(more) };
        let what = path.display().to_string();
        let bytes =
            seal(&what, &self.key.key, &metadata, Input::At(file), output, run).map_err(|error| match error {
                Error::Io { doing: "write", source, .. } if is_stream => stream_failed(&source),
                Error::Io { doing: "write", source, .. } => write_failed(&job.output, &source),
                Error::Changed { .. } => changed(path),
                error => Failure::of(doing(), error),
            })?;
        let after = file.metadata().map_err(|error| Failure::io(doing(), &error))?;
        if bytes != before.len() || after.len() != before.len() || after.modified().ok() != before.modified().ok() {
            return Err(changed(path));
        }
        Ok(bytes)
    }

    /// Deletes the originals of what was sealed, each after its sealed copy has been read back and proven.
    ///
    /// None where the sealed copies may be gone after a power cut, which has been said by then. Returns what failed.
    pub fn remove(&self, jobs: &[Job], outcomes: &[Result<Outcome, Failure>]) -> Vec<Failure> {
        if self.tree.sync().is_err() {
            return Vec::new();
        }
        let sealed = jobs.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
        sealed.filter_map(|(job, _)| self.remove_one(job).err()).collect()
    }

    fn remove_one(&self, job: &Job) -> Result<(), Failure> {
        let path = &job.item.path;
        let failed = |error: io::Error| Failure::io(format!("remove {}", path.display()), &error);
        let kept = |error: Error| {
            Failure::of(format!("remove {}", path.display()), error)
                .hint("the original stands; its sealed copy does not prove to be the same")
        };
        if fs::symlink_metadata(path).map_err(failed)?.is_symlink() {
            return Err(Failure::new(Exit::Failed, "not-a-file", format!("cannot remove {}", path.display()))
                .cause("it is a symbolic link: without it, what it leads to would still be there")
                .hint("its sealed copy is done; remove the original by yourself, or name it instead of the link"));
        }
        let (file, before) = open_input(path)?;
        let (sealed, _) = open_input(&job.output)?;
        let what = job.output.display().to_string();
        let key = || {
            let key = crate::crypto::secret::FileKey::from_slice(self.key.key.expose());
            key.map(|key| Ok(ProjectFileKey { project: self.key.project.clone(), version: self.key.version, key }))
                .into_iter()
        };
        let opener = Opener::new(&what, "the project", sealed, key).map_err(kept)?;
        let mut same = Comparing { file: &file, at: 0 };
        let length = opener.copy_to(Output::Stream(&mut same), Run::quiet()).map_err(kept)?;
        let after = file.metadata().map_err(failed)?;
        let is_same = length == after.len() && after.modified().ok() == before.modified().ok();
        // What has come to stand there since is not what was sealed.
        if !is_same || !is_same_file(&after, path) {
            return Err(kept(Error::Changed { what: path.display().to_string() }));
        }
        fs::remove_file(path).map_err(failed)?;
        sync_folder_of(path)
    }
}

/// Compares what is written to it with a file.
struct Comparing<'a> {
    file: &'a File,
    at: u64,
}

impl io::Write for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use crate::body::ReadAt;
        let mut own = zeroize::Zeroizing::new(vec![0; bytes.len()]);
        let read = self.file.read_at(&mut own, self.at)?;
        if read == 0 || own[..read] != bytes[..read] {
            return Err(io::Error::other("the sealed copy is not the same as the original"));
        }
        self.at += read as u64;
        Ok(read)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells whether a sealed copy stands that is newer than its original: what was changed at the very tick of the clock
/// at which it was sealed may have been changed after that.
fn is_current(output: &Path, input: &fs::Metadata) -> bool {
    let Ok(output) = fs::symlink_metadata(output) else { return false };
    output.is_file() && matches!((output.modified(), input.modified()), (Ok(sealed), Ok(plain)) if sealed > plain)
}

fn metadata_of(item: &Item, file: &fs::Metadata, hide_names: bool) -> Metadata {
    let modified = file.modified().ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    #[cfg(unix)]
    let mode = Some(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o7777);
    #[cfg(not(unix))]
    let mode = None;
    let (path, path_bytes) = if hide_names { hidden(&item.relative) } else { (None, None) };
    Metadata {
        name: item.path.file_name().and_then(|name| name.to_str()).map(str::to_owned),
        modified: modified.map(Into::into),
        modified_ns: since.map(|since| since.subsec_nanos()),
        mode,
        path,
        path_bytes,
        ..Metadata::default()
    }
}

/// Returns a relative path as it is sealed in: as text, or where it is none as bytes.
fn hidden(relative: &Path) -> (Option<String>, Option<Base64>) {
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str()).collect();
    if let Some(parts) = parts.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>() {
        return (Some(parts.join("/")), None);
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_encoded_bytes()).collect();
    (None, Some(Base64(parts.join(&b'/'))))
}

/// Says that an input is not what it was.
pub fn changed(path: &Path) -> Failure {
    Failure::new(Exit::Failed, "changed", format!("cannot encrypt {}", path.display()))
        .cause("it changed while it was being read, so no one moment of it would be encrypted")
        .hint("wait until it is written, and run it again; nothing was kept")
}

/// Says that standard output could not be written.
pub fn stream_failed(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::InvalidData {
        return Failure::new(Exit::Usage, "usage", "cannot write standard output")
            .cause("what was encrypted is not plain text, and could act on the terminal")
            .hint("name a file with -o, or pipe it on");
    }
    Failure::io("write standard output", error)
}

/// Says that an output could not be written.
pub fn write_failed(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io(format!("write {}", path.display()), error);
    if error.kind() == io::ErrorKind::StorageFull {
        return failure.hint("free some space and run it again; nothing was kept");
    }
    failure
}
