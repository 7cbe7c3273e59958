//! Files that are replaced whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

mod owner;
pub mod publish;
pub mod unfinished;

pub use owner::{create_own_folder, give_to_owner_of, keep_owner};
#[cfg(feature = "home")]
pub use owner::{strangers, untrusted_owner, work_for_owner_of};

/// What follows a file's name while its next content is written. Long enough that no user's own file ends so.
pub const UNFINISHED_SUFFIX: &str = ".strongroom-tmp";

/// What was done to a file or folder when the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoAction {
    /// To see if anything stands there.
    Find,
    /// To follow a symbolic link.
    Follow,
    /// To open it.
    Open,
    /// To read it.
    Read,
    /// To take its lock.
    Lock,
    /// To make it.
    Make,
    /// To write or replace it.
    Write,
    /// To make what was written last through a power cut.
    Sync,
    /// To remove it.
    Delete,
}

impl std::fmt::Display for IoAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Find => "look for",
            Self::Follow => "follow",
            Self::Open => "open",
            Self::Read => "read",
            Self::Lock => "lock",
            Self::Make => "make",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Delete => "delete",
        })
    }
}

/// Returns the system's words in lower case and without the "(os error 2)" that follows them.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Opens a new file for writing that only its owner can read. Fails where anything stands under `path`, even a
/// symbolic link.
///
/// # Errors
/// The system's error; `AlreadyExists` where something stands there.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = create_temporary(path)?;
    owner::give_to_served(&file, path);
    Ok(file)
}

/// As [`create_private`], for a file that gets another name: root gives it to nobody before it has that.
fn create_temporary(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // O_EXCL never follows a symbolic link in the last component (open(2)).
    options.write(true).read(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Makes a folder and its missing parents, readable by the owner alone, and makes them last through a power cut.
/// Folders that are there are left as they are.
///
/// # Errors
/// The system's error.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    make_private_folders(path)?.iter().try_for_each(|changed| sync_folder(changed))
}

/// Makes folders as [`create_private_folder`] does. They last once the folders that it returns are synced: those that
/// hold the new names.
///
/// # Errors
/// The system's error.
pub fn make_private_folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)?;
    // The outermost first: the others' owner is known by it.
    missing.iter().rev().for_each(|folder| owner::give_folder_to_served(folder));
    Ok(missing.into_iter().map(|folder| folder_of(folder).to_path_buf()).collect())
}

/// Makes one new folder, readable by the owner alone.
///
/// # Errors
/// The system's error; `AlreadyExists` if anything is there.
#[cfg(feature = "cli")]
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has a mode"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)?;
    owner::give_folder_to_served(path);
    Ok(())
}

/// Makes a rename or link in `folder` last through a power cut.
///
/// # Errors
/// The system's error. A file system that cannot sync a folder (EINVAL) has nothing to sync.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        match File::open(folder)?.sync_all() {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other,
        }
    } else {
        // Windows has no folder handle to flush; its rename is journalled.
        Ok(())
    }
}

/// Returns the folder a file lies in; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns `path` with `suffix` appended to its last component.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes `bytes` to a new private file beside `path`, syncs it, lets `check` read it back, and renames it over `path`;
/// where root runs this, it keeps the owner and group of what it replaces. The temporary file is `path` +
/// [`UNFINISHED_SUFFIX`]; the caller holds whatever lock keeps others from it, so one that stands was left by a crash
/// and is removed.
///
/// # Errors
/// The system's error or that of `check`; `path` is then as it was and no temporary file stands. Only where the folder
/// cannot be synced after the rename is the new content there, and the error says so.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    check: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    before_rename: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let temporary = with_suffix(path, UNFINISHED_SUFFIX);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = (|| {
        let mut file = create_temporary(&temporary)?;
        keep_owner(&file, path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        check(&fs::read(&temporary)?)?;
        before_rename()?;
        // The rename is the commit: before it the old file stands, after it the new one does.
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        // Best effort: a temporary file that cannot be removed is found by doctor.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_folder(folder_of(path)).map_err(|error| {
        let text = format!("it is written, but may not survive a power cut: {}", plain(&error));
        // Another kind than the cause's: it is not to be answered as a write that did nothing.
        io::Error::other(text)
    })
}

/// How often a lock that another holds is looked at.
pub const LOCK_POLL: Duration = Duration::from_millis(2);

/// Opens a lock file and takes its lock, waiting at most `wait`; `None` where another process holds it all the while.
/// The system gives the lock back when the file is closed, even when the process is killed.
///
/// # Errors
/// The system's error.
pub fn lock(path: &Path, wait: Duration) -> io::Result<Option<File>> {
    let file = match create_private(path) {
        Ok(file) => give_to_owner_of(&file, folder_of(path)).map(|()| file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_lock(path)?,
        Err(error) => return Err(error),
    };
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if start.elapsed() < wait => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits() as i32);
    }
    options.open(path)
}
