//! Opening sealed files.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use super::Observer;
use super::find::{Item, open_input};
use super::pool;
use super::publish::{Attributes, OutputFile, check_apart};
use super::seal::write_failed;
use super::tree::{Room, Tree};
use crate::body::{Header, Metadata, OpenedBy, Opener, Output, Run};
use crate::disk::folder_of;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::format::name::{is_file_name, printable};
use crate::vault::{ProjectFileKey, Unlocked};

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
    /// Under its sealed-in name in this folder.
    Original(PathBuf),
}

impl Target {
    /// Returns the name, where it is known before the file is open.
    pub fn name(&self) -> Option<&PathBuf> {
        match self {
            Self::Named { path, .. } => Some(path),
            Self::Original(_) => None,
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
    /// What was sealed in.
    pub metadata: Metadata,
    /// It stood there already.
    pub up_to_date: bool,
    /// One of its header blocks is damaged or older.
    pub one_block_only: bool,
}

/// The keys that may open a file: those of the vault, or of one project, the one that opened the last file first.
pub struct Keys<'a> {
    vault: &'a Unlocked<'a>,
    project: Option<String>,
    last: Mutex<Option<String>>,
}

impl<'a> Keys<'a> {
    /// Takes the keys of the whole vault, or of the project named.
    ///
    /// # Errors
    /// Where there is no such project.
    pub fn of(vault: &'a Unlocked<'a>, project: Option<&str>) -> Result<Self, Error> {
        let project = project.map(|project| vault.usable_project(project).map(|project| project.name)).transpose()?;
        Ok(Self { vault, project, last: Mutex::default() })
    }

    /// Says whose keys these are.
    pub fn searched(&self) -> String {
        self.project.as_ref().map_or_else(|| "this vault".into(), |name| format!("project {name:?}"))
    }

    /// Hands a source of keys to `open` and remembers the project that opened.
    ///
    /// # Errors
    /// Those of `open`.
    pub fn with<T>(
        &self,
        open: impl FnOnce(&dyn Fn() -> KeysOf<'a>) -> Result<T, Error>,
        header: impl Fn(&T) -> &Header,
    ) -> Result<T, Error> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = || -> KeysOf<'a> {
            match &self.project {
                Some(project) => Box::new(self.vault.project_keys(project)),
                None => Box::new(self.vault.candidate_keys(last.as_deref())),
            }
        };
        let opened = open(&keys)?;
        let by = &header(&opened).opened_by.project;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(by) {
            *last = Some(by.clone());
        }
        Ok(opened)
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    /// In words, with what to do about it.
    pub fn open(&self, path: &Path, file: File) -> Result<Opener<File>, Failure> {
        let what = path.display().to_string();
        self.with(|keys| Opener::new(&what, &self.searched(), file, keys), Opener::header)
            .map_err(|error| self.explain(&what, error))
    }

    /// Says what could not be opened, with what to do about it.
    pub fn explain(&self, what: &str, error: Error) -> Failure {
        let failure = Failure::of(format!("decrypt {what}"), error);
        let restricted = failure.kind == "wrong-key" && self.project.is_some();
        if restricted { failure.hint("leave out --project to try the keys of every project") } else { failure }
    }
}

/// Keys, one at a time.
pub type KeysOf<'a> = Box<dyn Iterator<Item = Result<ProjectFileKey, Error>> + 'a>;

/// How files are opened.
pub struct Opening<'a> {
    /// The keys to try.
    pub keys: Keys<'a>,
    /// Replace what stands there.
    pub force: bool,
    /// Leave out what stands there and is not older.
    pub update: bool,
    /// Leave the permission bits at those of the owner alone.
    pub private: bool,
    /// The folders that plaintexts go to.
    pub tree: Tree,
    taken: Mutex<BTreeSet<PathBuf>>,
    inputs: Vec<PathBuf>,
    /// The inputs by their whole paths, looked up once.
    whole_inputs: OnceLock<HashSet<PathBuf>>,
    room: Room,
    umask: u32,
}

impl<'a> Opening<'a> {
    /// Settles how.
    pub fn of(keys: Keys<'a>, force: bool, update: bool, private: bool, inputs: Vec<PathBuf>) -> Self {
        let taken = Mutex::default();
        Self {
            keys,
            force,
            update,
            private,
            tree: Tree::default(),
            taken,
            inputs,
            whole_inputs: OnceLock::new(),
            room: Room::default(),
            umask: umask(),
        }
    }

    /// Opens every job, many at once. What fails is printed when it does, unless it is the only one. That all of it
    /// lasts is the tree's to see to.
    pub fn run(&self, jobs: &[Job], threads: usize, observer: &dyn Observer) -> Vec<Result<Opened, Failure>> {
        // Sealed-in names are known only when a file is open: of two that are the same, the first is to win.
        let in_order = jobs.iter().any(|job| job.output.name().is_none());
        let len_of = |job: &Job| if in_order { u64::MAX } else { job.item.len };
        pool::for_each_file(jobs, threads, observer, len_of, |job, threads| self.open_file(job, threads, observer))
    }

    fn open_file(&self, job: &Job, threads: usize, observer: &dyn Observer) -> Result<Opened, Failure> {
        let input = &job.item.path;
        let (file, _) = open_input(input)?;
        let opener = self.keys.open(input, file)?;
        let header = opener.header();
        let one_block_only = header.one_block_only;
        let (by, metadata) = (header.opened_by.clone(), header.metadata.clone());
        let (output, root) = self.settle(input, &job.output, &metadata)?;
        let mut opened =
            Opened { output, bytes: opener.plaintext_len(), by, metadata, up_to_date: false, one_block_only };
        if self.update && is_current(&opened.output, modified(&opened.metadata)) {
            observer.advanced(opened.bytes);
            opened.up_to_date = true;
            return Ok(opened);
        }
        if let Some(root) = root {
            self.tree.make(root, folder_of(&opened.output))?;
        }
        self.room.write(&format!("decrypt {}", input.display()), || {
            let sink = OutputFile::create(&opened.output, self.force || self.update)?;
            let run = Run { threads, progress: &|more| observer.advanced(more) };
            let copied = opener.copy_to(Output::At(sink.file()), run);
            copied.map_err(|error| not_written(&input.display().to_string(), &opened.output, error))?;
            sink.set_attributes(&self.attributes(&opened.metadata))?;
            sink.name()
        })?;
        self.tree.named(&opened.output);
        Ok(opened)
    }

    /// Settles the output's name, and the folder that its own is made below, if it is made.
    fn settle<'t>(
        &self,
        input: &Path,
        target: &'t Target,
        metadata: &Metadata,
    ) -> Result<(PathBuf, Option<&'t Path>), Failure> {
        let hidden = hidden_path(metadata);
        let (output, root) = match (target, hidden) {
            (Target::Named { root: Some(root), .. }, Some(hidden)) => {
                (root.join(checked(input, &hidden)?), Some(root.as_path()))
            }
            (Target::Named { path, root }, _) => return Ok((path.clone(), root.as_deref())),
            (Target::Original(folder), _) => (original(input, folder, metadata)?, None),
        };
        // Known only now, so it is checked now: --force is for what stood there before this run.
        self.check_apart(&output)?;
        if !self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(output.clone()) {
            let twice = format!("two files would become {}", output.display());
            return Err(Failure::usage(twice).hint("run it for each of them by itself"));
        }
        Ok((output, root))
    }

    /// Refuses an output that is one of the inputs, as [`check_apart`] does, at a cost that is not theirs each time.
    fn check_apart(&self, output: &PathBuf) -> Result<(), Failure> {
        let Ok(whole) = fs::canonicalize(output) else { return Ok(()) };
        let inputs = || self.inputs.iter().filter_map(|input| fs::canonicalize(input).ok()).collect();
        if self.whole_inputs.get_or_init(inputs).contains(&whole) { check_apart(&[whole], [output]) } else { Ok(()) }
    }

    /// Returns the time and the permission bits that a plaintext gets.
    pub fn attributes(&self, metadata: &Metadata) -> Attributes {
        let mode = metadata.mode.map(|mode| if self.private { 0o600 } else { mode & 0o777 & !self.umask });
        Attributes { modified: modified(metadata), mode }
    }
}

/// Says that an output could not be made of what was to be decrypted.
pub fn not_written(input: &str, output: &Path, error: Error) -> Failure {
    if let Error::Io { doing: "write", source, .. } = error {
        return write_failed(output, &source);
    }
    let failure = Failure::of(format!("decrypt {input}"), error);
    let cause = failure.cause.clone().unwrap_or_default();
    failure.cause(format!("{cause}; nothing was written to {}", output.display()))
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

/// Tells whether an output stands that is not older than what was sealed.
fn is_current(output: &Path, modified: Option<SystemTime>) -> bool {
    let Ok(standing) = fs::symlink_metadata(output) else { return false };
    let is_older = |modified: SystemTime| standing.modified().is_ok_and(|standing| standing < modified);
    standing.is_file() && !modified.is_some_and(is_older)
}

/// Puts the sealed-in name into a folder, if it is one harmless component.
fn original(input: &Path, folder: &Path, metadata: &Metadata) -> Result<PathBuf, Failure> {
    match &metadata.name {
        Some(name) if is_file_name(name) && folder == Path::new(".") => Ok(name.into()),
        Some(name) if is_file_name(name) => Ok(folder.join(name)),
        Some(name) => Err(unusable(input, name)),
        None => Err(Failure::new(Exit::Failed, "bad-original-name", format!("cannot decrypt {}", input.display()))
            .cause("no name is sealed in it")
            .hint("leave out --original-name, or name the output with -o")),
    }
}

fn unusable(input: &Path, name: &str) -> Failure {
    Failure::new(Exit::Failed, "bad-original-name", format!("cannot decrypt {}", input.display()))
        .cause(format!("the name sealed in it, \"{}\", cannot be used here", printable(name)))
        .hint("leave out --original-name, or name the output with -o")
}

fn hidden_path(metadata: &Metadata) -> Option<PathBuf> {
    if let Some(path) = &metadata.path {
        // As it is where a slash is too many, which putting it together anew would hide.
        let is_plain = path.split('/').all(|part| !part.is_empty());
        return Some(if is_plain { path.split('/').collect() } else { path.into() });
    }
    #[cfg(unix)]
    if let Some(bytes) = &metadata.path_bytes {
        use std::os::unix::ffi::OsStrExt;
        return Some(std::ffi::OsStr::from_bytes(&bytes.0).into());
    }
    None
}

/// Refuses a sealed-in path that would lead out of its folder.
pub fn checked(input: &Path, hidden: &Path) -> Result<PathBuf, Failure> {
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(name) => name.to_str().map_or(cfg!(unix), is_path_part),
        _ => false,
    };
    let whole: PathBuf = hidden.components().collect();
    // What components leave out, as a slash too many, is not to be believed either.
    let is_same = whole.as_os_str() == hidden.as_os_str() && !whole.as_os_str().is_empty();
    if is_same && hidden.components().all(is_plain) {
        Ok(whole)
    } else {
        Err(unusable(input, &hidden.to_string_lossy()))
    }
}

/// Tells whether a component of a path that was found in a folder of this kind of system may stand in one again.
fn is_path_part(part: &str) -> bool {
    if cfg!(windows) { is_file_name(part) } else { !part.contains('\0') }
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
