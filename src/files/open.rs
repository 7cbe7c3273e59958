//! Opening sealed files.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use super::Observer;
use super::comparing::Comparing;
use super::edges::Edges;
use super::error::{Aside, FileError, FilesError, OutputError, RequestError, Task, Twin};
use super::find::{Item, open_found, open_input, status_changed};
use super::holes::{Sparse, WithHoles};
use super::keys::Keys;
use super::names::{checked, has_hidden_name, is_hidden, path_in, unusable};
use super::own::OwnFiles;
use super::pool;
use super::publish::{Attributes, OutputFile, Permissions, Refused};
use super::read_ahead::ReadAhead;
use super::seal::Existing;
use super::tree::{DiskSpace, Tree};
use crate::body::{BodyError, Header, Metadata, Opener, Output, Run};
use crate::disk::folder_of;
use crate::format::FileId;
use crate::format::name::is_file_name;
use crate::keys::OpenedBy;

/// One file to be opened.
pub struct Job {
    /// The sealed file.
    pub item: Item,
    /// Where its plaintext goes.
    pub output: Target,
}

/// Where a plaintext goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Under this name. Of a file found in a folder, the folder is made where it is missing, and a name that was
    /// hidden is put back below `root`.
    Named {
        /// The name.
        path: PathBuf,
        /// The folder that belongs to the named folder it was found in.
        root: Option<PathBuf>,
    },
    /// Under its sealed-in name in this folder, which is made below `root` if that is given.
    Original {
        /// The folder.
        folder: PathBuf,
        /// The folder that belongs to the named folder it was found in.
        root: Option<PathBuf>,
    },
}

impl Target {
    /// Returns the name, where it is known before the file is open.
    pub fn name(&self) -> Option<&PathBuf> {
        match self {
            Self::Named { path, .. } => Some(path),
            Self::Original { .. } => None,
        }
    }
}

/// What became of a job.
pub struct Opened {
    /// Where it went.
    pub output: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Which key opened it.
    pub by: OpenedBy,
    /// The sealed file's id.
    pub file: FileId,
    /// How it begins and ends, if it was written.
    pub edges: Option<Edges>,
    /// What was sealed in.
    pub metadata: Metadata,
    /// It was there already.
    pub up_to_date: bool,
    /// It took the place of another file.
    pub replaced: bool,
    /// One of its header blocks is damaged or older.
    pub one_block_only: bool,
}

/// How files are opened.
pub struct Opening<'a> {
    /// The keys to try.
    pub keys: Keys<'a>,
    /// What is done if there is a file under an output's name.
    pub existing: Existing,
    /// Who may read what is opened.
    pub permissions: Permissions,
    /// Whether their zeros become holes.
    pub sparse: Sparse,
    /// What could not be set of the outputs.
    pub refused: Refused,
    /// The folders that plaintexts go to.
    pub tree: Tree,
    taken: Mutex<BTreeSet<PathBuf>>,
    own: &'a OwnFiles,
    /// Sealed files that belong at one path, by that path.
    twins: HashMap<PathBuf, Vec<Twin>>,
    inputs: Vec<PathBuf>,
    /// The inputs by their whole paths, looked up once.
    whole_inputs: OnceLock<HashSet<PathBuf>>,
    room: DiskSpace,
}

impl<'a> Opening<'a> {
    /// Settles how.
    pub fn of(
        keys: Keys<'a>,
        existing: Existing,
        permissions: Permissions,
        sparse: Sparse,
        inputs: Vec<PathBuf>,
        own: &'a OwnFiles,
    ) -> Self {
        let taken = Mutex::default();
        Self {
            keys,
            existing,
            own,
            twins: HashMap::new(),
            permissions,
            sparse,
            refused: Refused::default(),
            tree: Tree::default(),
            taken,
            inputs,
            whole_inputs: OnceLock::new(),
            room: DiskSpace::default(),
        }
    }

    /// Opens every job, many at once. What fails is printed when it does, unless it is the only one. That all of it
    /// lasts is the tree's to see to.
    pub fn run(&self, jobs: &[Job], threads: usize, observer: &dyn Observer) -> Vec<Result<Opened, FilesError>> {
        // Sealed-in names are known only when a file is open: of two that are the same, the first is to win.
        let in_order = jobs.iter().any(|job| job.output.name().is_none());
        let len_of = |job: &Job| if in_order { u64::MAX } else { job.item.len };
        let keys = ReadAhead::of(&self.keys, jobs.iter().map(|job| &job.item));
        pool::for_each_file(jobs, threads, observer, len_of, |job, threads| {
            self.open_file(job, &keys, threads, observer)
        })
    }

    fn open_file(
        &self,
        job: &Job,
        keys: &ReadAhead<'_>,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<Opened, FilesError> {
        let input = &job.item.path;
        let (file, _) = open_found(input, job.item.is_link)?;
        let opener = keys.open(input, file)?;
        let header = opener.header();
        let one_block_only = header.one_block_only;
        let (by, metadata, file) = (header.opened_by.clone(), header.metadata.clone(), header.prelude.file);
        let (output, root) = self.settle(input, &job.output, &metadata)?;
        self.own.refuse_output_of(Task::Decrypt, input, &output)?;
        let mut opened = Opened {
            output,
            bytes: opener.plaintext_len(),
            by,
            file,
            edges: None,
            metadata,
            up_to_date: false,
            replaced: false,
            one_block_only,
        };
        let mut replace = self.existing.force;
        // What is there under a name that the drive does not tell from this one is in the way, and no earlier output.
        let was_there = (replace || self.existing.update) && self.tree.had(root, &opened.output)?;
        if self.existing.update && was_there {
            match plaintext_at(input, &opened.output, &opener)? {
                Plaintext::Missing => {}
                Plaintext::Same => {
                    observer.advanced(opened.bytes);
                    // Whoever opened it may have been stopped before its name was made to last.
                    self.tree.named(&opened.output);
                    opened.up_to_date = true;
                    return Ok(opened);
                }
                Plaintext::Older => replace = true,
                Plaintext::Edited if self.existing.force => {}
                Plaintext::Edited => {
                    return Err(FilesError::file(Task::Decrypt, input, FileError::Edited { output: opened.output }));
                }
            }
        }
        if let Some(root) = root {
            self.tree.make(root, folder_of(&opened.output))?;
        }
        opened.replaced = replace && was_there;
        let written = self.room.write(Task::Decrypt, input, || {
            let sink = OutputFile::create(&opened.output, opened.replaced)?;
            let run = Run { threads, progress: &|more| observer.advanced(more) };
            let holes = WithHoles::in_file(sink.file(), self.sparse);
            let copied = opener.copy_to(Output::At(&holes), run);
            let bytes = copied.map_err(|error| not_written(&input.display().to_string(), &opened.output, error))?;
            let failed = |error| FilesError::output(&opened.output, OutputError::Content(error));
            holes.finish(bytes).map_err(failed)?;
            let edges = Edges::of(sink.file()).map_err(failed)?;
            sink.set_plaintext_attributes(&self.attributes(&opened.metadata), &self.refused);
            sink.name()?;
            Ok(edges)
        });
        opened.edges = Some(written.map_err(|error| self.tree.explain(root, &opened.output, error))?);
        self.tree.named(&opened.output);
        Ok(opened)
    }

    /// Learns which files with hidden names belong at one path: none of them is opened then, since which of them is
    /// meant only the user knows.
    pub fn find_twins(&mut self, jobs: &[Job], threads: usize) {
        let hidden =
            |job: &&Job| matches!(job.output, Target::Named { root: Some(_), .. }) && has_hidden_name(&job.item.path);
        let hidden: Vec<&Job> = jobs.iter().filter(hidden).collect();
        let keys = ReadAhead::of(&self.keys, hidden.iter().map(|job| &job.item));
        let found = pool::for_each(&hidden, threads, |_| 0, |job, _| place_of(job, &keys));
        drop(keys);
        let mut places: HashMap<PathBuf, Vec<Twin>> = HashMap::new();
        // What does not open fails when it is to be opened.
        for (place, twin) in found.into_iter().flatten() {
            places.entry(place).or_default().push(twin);
        }
        places.retain(|_, files| files.len() > 1);
        self.twins = places;
    }

    /// Settles the output's name, and the folder that its own is made below, if it is made.
    fn settle<'t>(
        &self,
        input: &Path,
        target: &'t Target,
        metadata: &Metadata,
    ) -> Result<(PathBuf, Option<&'t Path>), FilesError> {
        let (output, root) = match target {
            Target::Named { root: Some(root), .. } if is_hidden(metadata) && has_hidden_name(input) => {
                let hidden = path_in(metadata).unwrap_or_default();
                (root.join(checked(input, &hidden)?), Some(root.as_path()))
            }
            Target::Named { path, root } => return Ok((path.clone(), root.as_deref())),
            Target::Original { folder, root } => (original(input, folder, metadata)?, root.as_deref()),
        };
        // Known only now, so it is checked now: --force is for what stood there before this run.
        self.check_apart(&output)?;
        if let Some(twins) = self.twins.get(&output) {
            return Err(FilesError::output(&output, OutputError::Twins(twins.clone())));
        }
        if !self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(output.clone()) {
            return Err(RequestError::SameOutput { output, is_sealed_in: true }.into());
        }
        Ok((output, root))
    }

    /// Refuses an output that is one of the inputs, as `check_apart` does, at a cost that is not theirs each time.
    fn check_apart(&self, output: &Path) -> Result<(), FilesError> {
        let Ok(whole) = fs::canonicalize(output) else { return Ok(()) };
        let inputs = || self.inputs.iter().filter_map(|input| fs::canonicalize(input).ok()).collect();
        if self.whole_inputs.get_or_init(inputs).contains(&whole) {
            return Err(RequestError::OutputIsInput(output.into()).into());
        }
        Ok(())
    }

    /// Returns the time and the permission bits that a plaintext gets.
    pub fn attributes(&self, metadata: &Metadata) -> Attributes {
        let mode = metadata.mode.map(|mode| self.permissions.of(mode));
        Attributes { modified: modified(metadata), mode }
    }
}

/// Returns where a file with a hidden name goes, and which file it is.
fn place_of(job: &Job, keys: &ReadAhead<'_>) -> Option<(PathBuf, Twin)> {
    let Target::Named { root: Some(root), .. } = &job.output else { return None };
    let input = &job.item.path;
    let (file, _) = open_found(input, job.item.is_link).ok()?;
    let metadata = Header::open(&file, keys).ok()?.metadata;
    let hidden = is_hidden(&metadata).then(|| path_in(&metadata)).flatten()?;
    let twin = Twin { path: input.clone(), sealed: metadata.sealed };
    Some((root.join(checked(input, &hidden).ok()?), twin))
}

/// Says that an output could not be made of what was to be decrypted.
pub fn not_written(input: &str, output: &Path, error: BodyError) -> FilesError {
    match error {
        BodyError::Write(source) => FilesError::output(output, OutputError::Content(source)),
        error => FilesError::sealed(Task::Decrypt, input, error.named(input)).aside(Aside::Unwritten(output.into())),
    }
}

/// Returns the permission bits that new files do not get.
#[cfg(unix)]
pub fn umask() -> u32 {
    use rustix::fs::Mode;
    use rustix::process::umask;
    // Read by setting it, which is done before any thread writes a file.
    let bits = umask(Mode::from_raw_mode(0o077));
    umask(bits);
    // Narrower on macOS.
    #[allow(clippy::useless_conversion, reason = "the type is the system's")]
    u32::from(bits.bits())
}

#[cfg(not(unix))]
pub fn umask() -> u32 {
    0
}

fn modified(metadata: &Metadata) -> Option<SystemTime> {
    let nanoseconds = metadata.modified_ns.filter(|nanoseconds| *nanoseconds < 1_000_000_000).unwrap_or(0);
    metadata.modified.map(|time| SystemTime::from(time) + Duration::from_nanos(nanoseconds.into()))
}

/// What is there under the name of an output.
enum Plaintext {
    /// Nothing, or nothing that is ever replaced.
    Missing,
    /// What is sealed.
    Same,
    /// Something else, which was there before this was sealed.
    Older,
    /// Something else, which was changed after this was sealed.
    Edited,
}

fn plaintext_at(input: &Path, output: &Path, opener: &Opener<File>) -> Result<Plaintext, FilesError> {
    let there = match fs::symlink_metadata(output) {
        Ok(there) if there.is_file() => there,
        _ => return Ok(Plaintext::Missing),
    };
    let metadata = &opener.header().metadata;
    let changed = there.modified().ok();
    if there.len() == opener.plaintext_len() {
        if changed.is_some() && changed == modified(metadata) {
            return Ok(Plaintext::Same);
        }
        // Not every drive keeps a time as it was set, and not every program.
        let (file, _) = open_input(output)?;
        let mut same = Comparing::with(&file);
        match opener.copy_to(Output::Stream(&mut same), Run::quiet()) {
            Ok(_) => return Ok(Plaintext::Same),
            Err(BodyError::Write(_)) => {}
            Err(error) => return Err(not_written(&input.display().to_string(), output, error)),
        }
    }
    let sealed = metadata.sealed.or(metadata.modified).map(SystemTime::from);
    // Programs set the time of what they write as they like, an earlier one, too: when the system says that the file
    // was written counts as well. An earlier output of this program was written before this was sealed.
    let written = changed.max(status_changed(&there));
    let is_edited = written.zip(sealed).is_none_or(|(written, sealed)| written > sealed);
    Ok(if is_edited { Plaintext::Edited } else { Plaintext::Older })
}

/// Puts the sealed-in name into a folder, if it is one harmless component.
fn original(input: &Path, folder: &Path, metadata: &Metadata) -> Result<PathBuf, FilesError> {
    match &metadata.name {
        Some(name) if is_file_name(name) && folder == Path::new(".") => Ok(name.into()),
        Some(name) if is_file_name(name) => Ok(folder.join(name)),
        Some(name) => Err(unusable(input, name)),
        None => Err(FilesError::file(Task::Decrypt, input, FileError::NoName)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_path_never_leads_out_of_its_folder() {
        let input = Path::new("x.sealed");
        for bad in ["", "/etc/passwd", "../a", "a/../b", "a/..", "a//b", "a/", ".", "./a", "a/./b"] {
            assert!(checked(input, Path::new(bad)).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.csv", "a b/c d", ".hidden", "a/.b/c"] {
            assert_eq!(checked(input, Path::new(good)).unwrap(), Path::new(good));
        }
    }
}
