//! Outputs: what they may replace, how they get their names, and what else they are given.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::error::{FilesError, OutputError, RequestError};
use super::find::Item;
use crate::disk::publish::{IfTaken, NewFile};
use crate::disk::{self, folder_of, plain};

/// An output that appears under its name only when it is whole.
///
/// It is a [`NewFile`] that says in this room's errors what is in its way, and takes attributes.
pub struct OutputFile<'t>(NewFile<'t>);

impl<'t> OutputFile<'t> {
    /// Begins a file that will be at `target`, private to its owner.
    ///
    /// # Errors
    /// Where something is there and `force` is not given, or the folder cannot be written to.
    pub fn create(target: &'t Path, force: bool) -> Result<Self, FilesError> {
        check_free(target, force)?;
        let if_taken = if force { IfTaken::Replace } else { IfTaken::Refuse };
        let new = NewFile::begin(target, if_taken).map_err(|error| match error.kind() {
            // The output's folder: its absence is no missing input.
            io::ErrorKind::NotFound => FilesError::output(target, OutputError::NoFolder(error)),
            _ => not_published(target, error),
        })?;
        Ok(Self(new))
    }

    /// Returns the file to write to.
    pub fn file(&self) -> &File {
        self.0.file()
    }

    /// Gives the file the time and permission bits it is to have. What is refused is noted, and costs no content.
    pub fn set_attributes(&self, attributes: &Attributes, refused: &Refused) {
        set_attributes(self.file(), self.0.target(), attributes, refused);
    }

    /// Gives a plaintext its time and permission bits, and notes it if others may read it all the same.
    pub fn set_plaintext_attributes(&self, attributes: &Attributes, refused: &Refused) {
        self.set_attributes(attributes, refused);
        refused.note_if_open(self.file(), attributes.mode, self.0.target());
    }

    /// Syncs the file, gives it its name in one step that replaces nothing unasked, and makes both last.
    ///
    /// # Errors
    /// Where it cannot be synced, or something has come to be at its name meanwhile. Nothing new is left then.
    pub fn publish(self) -> Result<(), FilesError> {
        let target = self.0.target().to_path_buf();
        self.0.publish().map_err(|error| not_published(&target, error))
    }

    /// Syncs the file and gives it its name, which lasts once [`sync_folder_of`] has been called: of many files in a
    /// folder, once for all.
    ///
    /// # Errors
    /// As [`OutputFile::publish`].
    pub fn name(self) -> Result<(), FilesError> {
        let target = self.0.target().to_path_buf();
        self.0.name().map_err(|error| not_published(&target, error))
    }
}

fn not_published(target: &Path, error: io::Error) -> FilesError {
    let is_taken = error.kind() == io::ErrorKind::AlreadyExists;
    FilesError::output(target, if is_taken { OutputError::Exists } else { OutputError::Name(error) })
}

/// The coarsest clock of a drive, FAT's, in seconds.
pub const TICK: i64 = 2;

/// Gives an open file or folder its time and permission bits. Some drives have none of either, refuse to set them
/// (CIFS, FUSE, mounts of Windows drives), or say that they did and did not: that is noted, and costs no content.
pub fn set_attributes(file: &File, path: &Path, attributes: &Attributes, refused: &Refused) {
    // Both times: drives through FUSE may pass over a request for one of them.
    let times = |modified| fs::FileTimes::new().set_accessed(SystemTime::now()).set_modified(modified);
    let modified = attributes.modified.map_or(Ok(()), |modified| file.set_times(times(modified)));
    #[cfg(unix)]
    let mode = attributes.mode.map_or(Ok(()), |mode| {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(mode))
    });
    #[cfg(not(unix))]
    let mode = Ok(());
    match modified.and(mode).and_then(|()| Ok(kept(attributes, &file.metadata()?))) {
        Err(error) => refused.note(path, NotKept::System(error)),
        Ok(false) => refused.note(path, NotKept::Inexact),
        Ok(true) => {}
    }
}

/// Tells whether a file has the time that it was given, as exactly as drives keep one.
fn kept(attributes: &Attributes, there: &fs::Metadata) -> bool {
    let tick = Duration::from_secs(TICK.unsigned_abs());
    let is_near = |modified: SystemTime| {
        there
            .modified()
            .is_ok_and(|kept| kept.max(modified).duration_since(kept.min(modified)).is_ok_and(|gap| gap <= tick))
    };
    attributes.modified.is_none_or(is_near)
}

/// Tells whether other users of this computer may read a file that is to have these permission bits: some drives have
/// no permissions, and say nothing when they are given some.
#[cfg(unix)]
fn is_open(file: &File, mode: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|there| there.permissions().mode() & 0o044 & !mode != 0)
}

#[cfg(not(unix))]
fn is_open(_: &File, _: u32) -> bool {
    false
}

/// Why an output does not have its time, its permissions or its owner.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The system refused.
    #[error("{}", plain(.0))]
    System(#[source] io::Error),
    /// The drive has coarser times.
    #[error("the drive keeps it no more exactly")]
    Inexact,
}

/// What could not be set of the outputs of a run.
#[derive(Default)]
pub struct Refused {
    count: AtomicUsize,
    first: OnceLock<(PathBuf, NotKept)>,
    open: AtomicUsize,
    first_open: OnceLock<PathBuf>,
}

impl Refused {
    /// Notes what could not be set of a file.
    pub fn note(&self, path: &Path, why: NotKept) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.first.get_or_init(|| (path.into(), why));
    }

    /// Notes it if others may read a plaintext that is to have these permission bits.
    pub fn note_if_open(&self, file: &File, mode: Option<u32>, path: &Path) {
        if is_open(file, mode.unwrap_or(0o600)) {
            self.open.fetch_add(1, Ordering::Relaxed);
            self.first_open.get_or_init(|| path.into());
        }
    }

    /// Returns how many outputs could not be given what they should have, with the first of them and why.
    pub fn not_kept(&self) -> Option<(usize, &Path, &NotKept)> {
        self.first.get().map(|(path, why)| (self.count.load(Ordering::Relaxed), path.as_path(), why))
    }

    /// Returns how many plaintexts others may read, with the first of them.
    pub fn open(&self) -> Option<(usize, &Path)> {
        self.first_open.get().map(|path| (self.open.load(Ordering::Relaxed), path.as_path()))
    }
}

/// Who may read what is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permissions {
    /// The owner alone.
    OwnerAlone,
    /// Who could read the original, less what the umask takes.
    AsSealed {
        /// The umask.
        umask: u32,
    },
}

impl Permissions {
    /// Returns the bits of a file or folder that had these bits when it was sealed.
    pub fn of(self, sealed: u32) -> u32 {
        match self {
            Self::OwnerAlone if sealed & 0o100 != 0 => 0o700,
            Self::OwnerAlone => 0o600,
            Self::AsSealed { umask } => sealed & 0o777 & !umask,
        }
    }
}

/// The time and permission bits of a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes {
    /// When it was last modified.
    pub modified: Option<SystemTime>,
    /// Its Unix permission bits.
    #[cfg_attr(not(unix), allow(dead_code, reason = "other systems have none"))]
    pub mode: Option<u32>,
}

/// Makes the names of the files in a file's folder last through a power cut.
///
/// # Errors
/// Where the folder cannot be synced.
pub fn sync_folder_of(target: &Path) -> Result<(), FilesError> {
    disk::sync_folder(folder_of(target)).map_err(|error| FilesError::output(target, OutputError::System(error)))
}

/// Refuses an output that is one of the inputs: replacing it would lose what is yet to be read.
///
/// # Errors
/// [`RequestError::OutputIsInput`].
pub fn check_apart<'a>(
    inputs: impl IntoIterator<Item = &'a Item>,
    outputs: impl IntoIterator<Item = &'a PathBuf, IntoIter: Clone>,
) -> Result<(), FilesError> {
    let outputs = outputs.into_iter();
    // Whole paths cost many calls, so they are looked up only of what has an output's name, or may have another name.
    let names: HashSet<&OsStr> = outputs.clone().filter_map(|output| output.file_name()).collect();
    let may_be_one = |item: &&Item| item.is_link || item.path.file_name().is_some_and(|name| names.contains(name));
    let inputs: HashSet<PathBuf> =
        inputs.into_iter().filter(may_be_one).filter_map(|item| fs::canonicalize(&item.path).ok()).collect();
    let names: HashSet<&OsStr> = inputs.iter().filter_map(|input| input.file_name()).collect();
    for output in outputs.filter(|output| output.file_name().is_some_and(|name| names.contains(name))) {
        if fs::canonicalize(output).is_ok_and(|whole| inputs.contains(&whole)) {
            return Err(RequestError::OutputIsInput(output.clone()).into());
        }
    }
    Ok(())
}

/// Refuses a name at which something stands, unless asked to replace it.
///
/// # Errors
/// Where something stands there.
pub fn check_free(target: &Path, force: bool) -> Result<(), FilesError> {
    let why = match fs::symlink_metadata(target) {
        Ok(metadata) if metadata.is_dir() => OutputError::IsFolder,
        Ok(_) if !force => OutputError::Exists,
        Ok(metadata) if !metadata.is_file() => OutputError::NotAFile,
        Err(error) if error.kind() != io::ErrorKind::NotFound => OutputError::System(error),
        _ => return Ok(()),
    };
    Err(FilesError::output(target, why))
}
