//! Sealing files.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::Observer;
use super::comparing::Comparing;
use super::edges::Edges;
use super::error::{FileError, FilesError, NotACopy, OutputError, Task};
use super::find::{Item, open_found, open_input};
use super::keys::Keys;
use super::manifest;
use super::names::{has_hidden_name, is_hidden, path_in, sealed_path};
use super::own::OwnFiles;
use super::pool;
use super::publish::{OutputFile, TICK, check_free};
use super::tree::{DiskSpace, Tree};
use crate::body::{BodyError, Header, Input, Metadata, Opener, Output, Run, Written, begins_sealed, seal};
use crate::disk::folder_of;
use crate::format::{FileId, Timestamp};
use crate::keys::SealingKey;

/// One file to be sealed.
pub struct Job {
    /// The file.
    pub item: Item,
    /// Where its sealed copy goes.
    pub output: PathBuf,
    /// Of a file found in a folder: the folder that its copy's is made below, where it is missing.
    pub root: Option<PathBuf>,
    /// The path that is sealed in: where the file is in what the user named.
    pub path: PathBuf,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was sealed.
    Done {
        /// Its length.
        bytes: u64,
        /// The encrypted file's id.
        file: FileId,
        /// How the original begins and ends.
        edges: Option<Edges>,
        /// It took the place of another file.
        replaced: bool,
        /// What an older sealed copy, which was replaced, says of its original.
        older: Option<Sealed>,
        /// It is a file of another vault.
        is_vault: bool,
    },
    /// Its sealed copy is there already, of the same length and time.
    UpToDate(Sealed),
}

/// What a sealed copy says of its original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The encrypted file's id.
    pub file: FileId,
    /// The version of the project's key that opens it.
    pub version: u32,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
    /// How many recipients can open the copy besides the project.
    pub recipients: usize,
}

/// What is done if there is a file under an output's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Existing {
    /// Whatever it is, it is replaced.
    pub force: bool,
    /// A sealed copy that is up to date is left alone, and one that is not is replaced.
    pub update: bool,
}

/// How files are sealed.
pub struct Sealing<'a> {
    key: SealingKey<'a>,
    keys: Keys<'a>,
    existing: Existing,
    hide_names: bool,
    own: &'a OwnFiles,
    /// The folders that sealed files go to.
    pub tree: Tree,
    room: DiskSpace,
    sealed_before: AtomicUsize,
}

impl<'a> Sealing<'a> {
    /// Settles how. `keys` open the copies that are there already.
    pub fn of(key: SealingKey<'a>, keys: Keys<'a>, existing: Existing, hide_names: bool, own: &'a OwnFiles) -> Self {
        Self {
            key,
            keys,
            existing,
            hide_names,
            own,
            tree: Tree::default(),
            room: DiskSpace::default(),
            sealed_before: AtomicUsize::new(0),
        }
    }

    /// Returns how many of the inputs were sealed files themselves.
    pub fn sealed_before(&self) -> usize {
        self.sealed_before.load(Ordering::Relaxed)
    }

    /// Seals every job, many at once. What fails is reported when it does, unless it is the only one. That all of it
    /// lasts is the tree's to see to.
    pub fn run(&self, jobs: &[Job], threads: usize, observer: &dyn Observer) -> Vec<Result<Outcome, FilesError>> {
        pool::for_each_file(
            jobs,
            threads,
            observer,
            |job| job.item.len,
            |job, threads| self.seal_file(job, threads, observer),
        )
    }

    fn seal_file(&self, job: &Job, threads: usize, observer: &dyn Observer) -> Result<Outcome, FilesError> {
        let (file, before) = open_found(&job.item.path, job.item.is_link)?;
        self.own.refuse_output_of(Task::Encrypt, &job.item.path, &job.output)?;
        let (mut older, root) = (None, job.root.as_deref());
        // What is there under a name that the drive does not tell from this one is in the way, and no earlier copy.
        let was_there = (self.existing.force || self.existing.update) && self.tree.had(root, &job.output)?;
        if self.existing.update && was_there {
            match self.copy_of(job, &file, &before) {
                Ok(Copy::Missing) => {}
                Ok(Copy::Current(sealed)) => {
                    observer.advanced(before.len());
                    // Whoever sealed it may have been stopped before its name was made to last.
                    self.tree.named(&job.output);
                    return Ok(Outcome::UpToDate(sealed));
                }
                Ok(Copy::Older(sealed)) => older = Some(sealed),
                Err(_) if self.existing.force => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(root) = root {
            self.tree.make(root, folder_of(&job.output))?;
        }
        let replaced = (self.existing.force || older.is_some()) && was_there;
        let sealed = self.room.write(Task::Encrypt, &job.item.path, || {
            let output = OutputFile::create(&job.output, replaced)?;
            let sealed = self.seal_into(&file, &before, job, Output::At(output.file()), threads, observer)?;
            output.name()?;
            Ok(sealed)
        });
        let Written { file: id, bytes } = sealed.map_err(|error| match (error, root) {
            (
                FilesError::Output {
                    path,
                    why: OutputError::System(source) | OutputError::Content(source) | OutputError::Name(source),
                },
                Some(_),
            ) if source.kind() == io::ErrorKind::InvalidFilename => {
                FilesError::Output { path, why: OutputError::NameTooLong(source) }
            }
            (error, root) => self.tree.explain(root, &job.output, error),
        })?;
        self.tree.named(&job.output);
        // Nothing depends on it: an original that cannot be read any more is sealed.
        let edges = Edges::of(&file).ok();
        Ok(Outcome::Done { bytes, file: id, edges, replaced, older, is_vault: self.own.is_other_vault(&file) })
    }

    /// Finds the sealed copies with hidden names that are in the jobs' output folders already, by the paths that are
    /// sealed in them, and lets each job's output be the copy that it has.
    ///
    /// # Errors
    /// [`OutputError::HiddenCopies`] if there are such copies and they are not to be replaced; [`FileError::TwoCopies`]
    /// if one path has two.
    pub fn find_hidden_copies(&self, jobs: &mut [Job], threads: usize) -> Result<(), FilesError> {
        let folders: BTreeSet<PathBuf> = jobs.iter().map(|job| folder_of(&job.output).to_path_buf()).collect();
        let mut copies: HashMap<(PathBuf, PathBuf), Vec<PathBuf>> = HashMap::new();
        for folder in folders {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|error| FilesError::file(Task::Read, &folder, FileError::System(error)))?,
            };
            let names = entries.flatten().map(|entry| entry.path()).filter(|path| has_hidden_name(path));
            let names: Vec<PathBuf> = names.collect();
            let paths = pool::for_each(&names, threads, |_| 0, |name, _| self.hidden_path_of(name));
            for (name, path) in names.into_iter().zip(paths) {
                if let Some(path) = path {
                    copies.entry((folder.clone(), path)).or_default().push(name);
                }
            }
        }
        let copies_of = |job: &Job| copies.get(&(folder_of(&job.output).to_path_buf(), job.path.clone()));
        let count = jobs.iter().filter(|job| copies_of(job).is_some()).count();
        let replaces = self.existing.update || self.existing.force;
        if let Some(job) = jobs.iter().find(|job| copies_of(job).is_some()).filter(|_| !replaces) {
            let example = job.path.clone();
            return Err(FilesError::output(folder_of(&job.output), OutputError::HiddenCopies { count, example }));
        }
        for job in jobs {
            match copies_of(job).map(Vec::as_slice) {
                None | Some([]) => {}
                Some([copy]) => job.output = copy.clone(),
                Some([one, other, ..]) => {
                    let why = FileError::TwoCopies(one.clone(), other.clone());
                    return Err(FilesError::file(Task::Encrypt, &job.item.path, why));
                }
            }
        }
        Ok(())
    }

    /// Returns where a file with a hidden name belongs, if it is one of this project's.
    fn hidden_path_of(&self, path: &Path) -> Option<PathBuf> {
        let (file, _) = open_input(path).ok()?;
        let header = Header::open(&file, &self.keys).ok()?;
        let is_ours = header.opened_by.project == self.key.project && is_hidden(&header.metadata);
        is_ours.then(|| path_in(&header.metadata)).flatten()
    }

    /// Looks at what is under a job's output, and believes its content: the clock of a copy says nothing.
    fn copy_of(&self, job: &Job, file: &File, original: &fs::Metadata) -> Result<Copy, FilesError> {
        let path = &job.output;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copy::Missing),
            Ok(metadata) if metadata.is_file() => {}
            // Links, folders and the like are refused as they always are.
            _ => return Ok(Copy::Missing),
        }
        let (sealed, there) = open_input(path)?;
        let header = self.open_copy(path, &sealed)?;
        // None of a copy that is cut short within its first bytes.
        let length = header.plaintext_len(there.len());
        let copy = Sealed {
            file: header.prelude.file,
            version: header.opened_by.version,
            bytes: length.unwrap_or_default(),
            modified: header.metadata.modified,
            recipients: header.recipients,
        };
        let now = self.metadata_of(job, original);
        let is_same = length == Some(original.len())
            && header.metadata.modified == now.modified
            && header.metadata.modified_ns == now.modified_ns;
        // A file that was modified so shortly before it was sealed may have been modified again at the same tick of its
        // clock.
        let is_settled = match (header.metadata.sealed, now.modified) {
            (Some(sealed), Some(modified)) => modified.as_unix().saturating_add(TICK) < sealed.as_unix(),
            _ => false,
        };
        let is_current = is_same && (is_settled || holds(path, sealed, header, file)?);
        Ok(if is_current { Copy::Current(copy) } else { Copy::Older(copy) })
    }

    /// Sees to it that a manifest may be written: over an earlier manifest of the project at most, unless forced.
    ///
    /// # Errors
    /// If something else is there.
    pub fn check_manifest(&self, path: &Path) -> Result<(), FilesError> {
        if self.existing.force || !self.existing.update || fs::symlink_metadata(path).is_err() {
            return check_free(path, self.existing.force);
        }
        check_free(path, true)?;
        let (file, _) = open_input(path)?;
        if self.open_copy(path, &file)?.metadata.media.as_deref() == Some(manifest::MEDIA) {
            return Ok(());
        }
        Err(not_a_copy(path, NotACopy::NotAManifest))
    }

    /// Opens the header of a sealed copy, which has to be this project's.
    fn open_copy(&self, path: &Path, sealed: &File) -> Result<Header, FilesError> {
        let header = Header::open(sealed, &self.keys).map_err(|error| match error {
            BodyError::WrongKey { is_delivery: true } => not_a_copy(path, NotACopy::ForRecipient),
            BodyError::WrongKey { .. } => not_a_copy(path, NotACopy::NoKey),
            BodyError::Read(_) => {
                let what = path.display().to_string();
                let error = error.named(&what);
                FilesError::sealed(Task::Read, what, error)
            }
            _ if begins_sealed(sealed).is_ok_and(|is_sealed| !is_sealed) => not_a_copy(path, NotACopy::NotSealed),
            error => does_not_open(path, error),
        })?;
        let by = &header.opened_by.project;
        if *by != self.key.project {
            return Err(not_a_copy(path, NotACopy::OtherProject(by.clone())));
        }
        Ok(header)
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
    ) -> Result<Written, FilesError> {
        let path = &job.item.path;
        let is_stream = matches!(output, Output::Stream(_));
        if begins_sealed(file).unwrap_or(false) {
            self.sealed_before.fetch_add(1, Ordering::Relaxed);
        }
        let metadata = self.metadata_of(job, before);
        let run = Run { threads, progress: &|more| observer.advanced(more) };
        let sealed = seal(self.key, &metadata, Input::At(file), output, run).map_err(|error| match error {
            BodyError::Write(source) if is_stream => FilesError::OutputStream(source),
            BodyError::Write(source) => FilesError::output(&job.output, OutputError::Content(source)),
            BodyError::Changed => FilesError::file(Task::Encrypt, path, FileError::Changed),
            error => {
                let what = path.display().to_string();
                let error = error.named(&what);
                FilesError::sealed(Task::Encrypt, what, error)
            }
        })?;
        let failed = |error| FilesError::file(Task::Encrypt, path, FileError::System(error));
        let after = file.metadata().map_err(failed)?;
        if sealed.bytes != before.len()
            || after.len() != before.len()
            || after.modified().ok() != before.modified().ok()
        {
            return Err(FilesError::file(Task::Encrypt, path, FileError::Changed));
        }
        Ok(sealed)
    }

    fn metadata_of(&self, job: &Job, file: &fs::Metadata) -> Metadata {
        let modified = file.modified().ok().map(Timestamp::split);
        #[cfg(unix)]
        let mode = Some(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o7777);
        #[cfg(not(unix))]
        let mode = None;
        let (path, path_bytes) = sealed_path(&job.path);
        Metadata {
            name: job.item.path.file_name().and_then(|name| name.to_str()).map(str::to_owned),
            modified: modified.map(|(seconds, _)| seconds),
            modified_ns: modified.map(|(_, nanoseconds)| nanoseconds),
            mode,
            path,
            path_bytes,
            hidden: Some(self.hide_names),
            sealed: Some(SystemTime::now().into()),
            ..Metadata::default()
        }
    }
}

/// Tells whether a sealed copy, whose header is open, holds the very bytes of a file.
fn holds(path: &Path, sealed: File, header: Header, file: &File) -> Result<bool, FilesError> {
    let copied = Opener::of_header(sealed, header)
        .and_then(|copy| copy.copy_to(Output::Stream(&mut Comparing::with(file)), Run::quiet()));
    match copied {
        Ok(_) => Ok(true),
        Err(BodyError::Write(_)) => Ok(false),
        Err(error) => Err(does_not_open(path, error)),
    }
}

fn does_not_open(path: &Path, error: BodyError) -> FilesError {
    not_a_copy(path, NotACopy::DoesNotOpen(Box::new(error.named(&path.display().to_string()))))
}

/// What is there under a job's output.
enum Copy {
    /// Nothing.
    Missing,
    /// A whole sealed copy of the file as it is.
    Current(Sealed),
    /// A sealed copy of the project, of another length or time.
    Older(Sealed),
}

/// Refuses to replace what is no sealed copy of the project.
fn not_a_copy(path: &Path, why: NotACopy) -> FilesError {
    FilesError::output(path, OutputError::NotACopy(why))
}
