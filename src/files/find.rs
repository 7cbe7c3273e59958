//! Which files a run works on: what paths name, and what is found in folders.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::Duration;
use std::time::SystemTime;

use walkdir::WalkDir;

use super::error::{FilesError, InputError};
use super::exclude::{Excludes, FolderExcludes};
use super::own::OwnFiles;
use crate::body::begins_sealed;
use crate::disk::publish::is_unfinished;

/// The name that stands for standard input and output.
pub const STREAM: &str = "-";

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A regular file, perhaps through a link.
    File(PathBuf, Seen),
    /// A folder.
    Folder(PathBuf),
    /// Standard input.
    Stream,
}

/// What was seen of a file that was named, so that it is not looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Its length in bytes.
    pub len: u64,
    /// The path is a symbolic link to it.
    pub is_link: bool,
}

/// Looks at what a path names.
///
/// # Errors
/// Where it is missing, or is neither a regular file nor a folder.
pub fn look(path: PathBuf) -> Result<Named, FilesError> {
    let failed = |error| FilesError::input(&path, InputError::Missing(error));
    let own = fs::symlink_metadata(&path).map_err(failed)?;
    let is_link = own.is_symlink();
    let metadata = if is_link { stat(&path)? } else { own };
    if metadata.is_dir() {
        return Ok(Named::Folder(path));
    }
    if !metadata.is_file() {
        return Err(not_a_file(&path, &metadata));
    }
    Ok(Named::File(path, Seen { len: metadata.len(), is_link }))
}

fn stat(path: &Path) -> Result<Metadata, FilesError> {
    fs::metadata(path).map_err(|error| FilesError::input(path, InputError::Missing(error)))
}

fn not_a_file(path: &Path, metadata: &Metadata) -> FilesError {
    FilesError::input(path, if metadata.is_dir() { InputError::Folder } else { InputError::NotAFile })
}

/// Opens a file for reading without ever waiting for it.
///
/// # Errors
/// Where it is missing, or is no regular file.
pub fn open_input(path: &Path) -> Result<(File, Metadata), FilesError> {
    open(path, OpenOptions::new().read(true))
}

/// Opens a file that was found to be a regular one, for reading and without ever waiting for it: what it has become
/// since shows when it is open, so it is not looked at before. If it was no symbolic link, a link that somebody has put
/// in its place is not followed.
///
/// # Errors
/// As [`open_input`].
pub fn open_found(path: &Path, was_link: bool) -> Result<(File, Metadata), FilesError> {
    let mut options = OpenOptions::new();
    options.read(true);
    let error = match open_at_once(path, &mut options, was_link) {
        Ok(opened) => return Ok(opened),
        Err(error) => error,
    };
    // It is not what was found. What it is now, if anything, says why it cannot be opened.
    let standing = if was_link { fs::metadata(path) } else { fs::symlink_metadata(path) };
    Err(match standing {
        Ok(metadata) if !metadata.is_file() => not_a_file(path, &metadata),
        _ => error,
    })
}

/// Opens a file that is to be rewritten in place, without ever waiting for it.
///
/// # Errors
/// Where it is missing, is no regular file or may not be written to.
pub fn open_for_change(path: &Path) -> Result<File, FilesError> {
    let opened = open(path, OpenOptions::new().read(true).write(true)).map(|(file, _)| file);
    opened.map_err(|error| match error {
        FilesError::Input { why: InputError::Read(source), .. }
            if source.kind() == io::ErrorKind::PermissionDenied && open_input(path).is_ok() =>
        {
            FilesError::input(path, InputError::ReadOnly(source))
        }
        other => other,
    })
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<(File, Metadata), FilesError> {
    let metadata = stat(path)?;
    if !metadata.is_file() {
        return Err(not_a_file(path, &metadata));
    }
    open_at_once(path, options, true)
}

fn open_at_once(path: &Path, options: &mut OpenOptions, follows: bool) -> Result<(File, Metadata), FilesError> {
    let failed = |error: io::Error| FilesError::input(path, InputError::Read(error));
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // It may have become a FIFO since it was looked at, or found.
        let flags = OFlags::NONBLOCK | if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
        options.custom_flags(flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = follows;
    let file = options.open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_a_file(path, &metadata)) }
}

/// Returns when a file's content or attributes were last changed, if the system knows: no program can set that.
#[cfg(unix)]
pub fn status_changed(file: &fs::Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let since = Duration::new(u64::try_from(file.ctime()).ok()?, u32::try_from(file.ctime_nsec()).ok()?);
    Some(SystemTime::UNIX_EPOCH + since)
}

#[cfg(not(unix))]
pub fn status_changed(_: &fs::Metadata) -> Option<SystemTime> {
    None
}

/// Tells whether a path still names the file that was opened.
pub fn is_same_file(opened: &Metadata, path: &Path) -> bool {
    let Ok(standing) = fs::symlink_metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (standing.dev(), standing.ino()) == (opened.dev(), opened.ino())
    }
    #[cfg(not(unix))]
    {
        standing.modified().ok() == opened.modified().ok() && standing.len() == opened.len()
    }
}

/// Returns how many names a file has: under another one, what is removed here is still there.
pub fn names_of(file: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::nlink(file);
    #[cfg(not(unix))]
    {
        let _ = file;
        1
    }
}

/// One file to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it is.
    pub path: PathBuf,
    /// Which of the named paths it was found by.
    pub named: usize,
    /// Where it is in the named folder; of a named file, its name.
    pub relative: PathBuf,
    /// Its length when it was found, in bytes.
    pub len: u64,
    /// It is a symbolic link, which only a file that is named may be.
    pub is_link: bool,
}

/// What a folder holds that is not worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is left out.
    pub why: LeftOut,
}

/// Why something in a folder is not worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "other systems have fewer kinds"))]
pub enum LeftOut {
    /// It is a symbolic link.
    Link,
    /// It is a pipe.
    Pipe,
    /// It is a socket.
    Socket,
    /// It is a device, or something else that is no file.
    Other,
    /// An interrupted write left it.
    Unfinished,
}

/// What was found under the named paths.
#[derive(Debug, Default)]
pub struct Found {
    /// The files, in the order of the named paths, and within a folder by name.
    pub items: Vec<Item>,
    /// Every named folder, which is empty here, and every one below it, with the index of the named one.
    pub folders: Vec<(usize, PathBuf)>,
    /// What is no regular file.
    pub skipped: Vec<Skipped>,
    /// The program's own files in folders, which are left out.
    pub own: Vec<PathBuf>,
    /// How much in folders is left out by patterns.
    pub excluded: Excluded,
    /// How many files in folders are not sealed ones, where only those are wanted.
    pub others: usize,
    /// What could not be looked at.
    pub failures: Vec<FilesError>,
}

/// How much is left out by patterns. What is in a folder that is left out is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Excluded {
    /// What is no folder.
    pub files: usize,
    /// Folders.
    pub folders: usize,
}

/// Which files of a folder are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// Those whose name ends in `.sealed`, or that begin as a sealed file does.
    Sealed,
}

/// Finds the files under the named paths. Links inside a folder are not followed, and what lies in `leave_out`, an
/// output that is inside its own input, is passed over.
pub fn find(named: &[Named], wanted: Wanted, leave_out: Option<&Path>, own: &OwnFiles) -> Found {
    find_except(named, wanted, leave_out, own, &Excludes::default())
}

/// As [`find`], without what patterns leave out.
pub fn find_except(
    named: &[Named],
    wanted: Wanted,
    leave_out: Option<&Path>,
    own: &OwnFiles,
    excludes: &Excludes,
) -> Found {
    let mut found = Found::default();
    let leave_out = leave_out.and_then(|path| fs::canonicalize(path).ok());
    for (index, named) in named.iter().enumerate() {
        match named {
            Named::Stream => {}
            Named::File(path, Seen { len, is_link }) => {
                let relative = path.file_name().unwrap_or(path.as_os_str()).into();
                let (len, is_link) = (*len, *is_link);
                found.items.push(Item { path: path.clone(), named: index, relative, len, is_link });
            }
            Named::Folder(folder) => {
                walk(&mut found, index, folder, wanted, leave_out.as_deref(), own, &excludes.of(folder));
            }
        }
    }
    found
}

fn walk(
    found: &mut Found,
    index: usize,
    folder: &Path,
    wanted: Wanted,
    leave_out: Option<&Path>,
    own: &OwnFiles,
    excludes: &FolderExcludes<'_>,
) {
    // Compared by its whole path, which alone tells whether it is the one.
    let is_left_out = |path: &Path| leave_out.is_some_and(|left| fs::canonicalize(path).is_ok_and(|path| path == left));
    let entries = WalkDir::new(folder).follow_root_links(true).sort_by_file_name().into_iter();
    // A folder that was named is wanted, whatever else it is.
    let mut entries =
        entries.filter_entry(|entry| entry.depth() == 0 || !entry.file_type().is_dir() || !is_left_out(entry.path()));
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.failures.push(unreadable(error, folder));
                continue;
            }
        };
        let path = entry.path();
        let relative = path.strip_prefix(folder).unwrap_or(path);
        let kind = entry.file_type();
        if entry.depth() > 0 && excludes.takes(relative, kind.is_dir()) {
            if kind.is_dir() {
                found.excluded.folders += 1;
                entries.skip_current_dir();
            } else {
                found.excluded.files += 1;
            }
        } else if kind.is_dir() || relative.as_os_str().is_empty() {
            found.folders.push((index, relative.into()));
        } else if !kind.is_file() {
            found.skipped.push(Skipped { path: path.into(), why: kind_of(kind) });
        } else if is_unfinished(path) {
            found.skipped.push(Skipped { path: path.into(), why: LeftOut::Unfinished });
        } else if wanted == Wanted::Sealed && !is_sealed(path) {
            found.others += 1;
        } else {
            let metadata = entry.metadata().ok();
            if own.what(path, metadata.as_ref()).is_some() {
                found.own.push(path.into());
                continue;
            }
            let len = metadata.map_or(0, |metadata| metadata.len());
            let (path, relative) = (path.into(), relative.into());
            found.items.push(Item { path, named: index, relative, len, is_link: false });
        }
    }
}

/// Tells whether a file found in a folder is sealed: by its name, and if that does not say so by its first bytes.
fn is_sealed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "sealed")
        || open_found(path, false).is_ok_and(|(file, _)| begins_sealed(&file).unwrap_or(false))
}

fn unreadable(error: walkdir::Error, folder: &Path) -> FilesError {
    let path = error.path().unwrap_or(folder).to_path_buf();
    if error.io_error().is_none() {
        return FilesError::Input { path, why: InputError::Loop(error) };
    }
    let source = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
    FilesError::Input { path, why: InputError::Read(source) }
}

#[cfg(unix)]
fn kind_of(kind: fs::FileType) -> LeftOut {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_symlink() => LeftOut::Link,
        _ if kind.is_fifo() => LeftOut::Pipe,
        _ if kind.is_socket() => LeftOut::Socket,
        _ => LeftOut::Other,
    }
}

#[cfg(not(unix))]
fn kind_of(kind: fs::FileType) -> LeftOut {
    if kind.is_symlink() { LeftOut::Link } else { LeftOut::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_any_more_is_refused_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("file"), "text").unwrap();
        let why = |name: &str| match open_found(&path(name), true) {
            Err(FilesError::Input { why, .. }) => Some(why),
            _ => None,
        };
        assert_eq!(open_found(&path("file"), true).unwrap().1.len(), 4);
        assert!(matches!(why("folder"), Some(InputError::Folder)));
        assert!(matches!(why("missing"), Some(InputError::Read(_))));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
            assert!(open_found(&path("link"), true).is_ok());
            let not_followed = open_found(&path("link"), false);
            assert!(matches!(not_followed, Err(FilesError::Input { why: InputError::NotAFile, .. })));
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
            std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
            for name in ["pipe", "socket"] {
                assert!(matches!(why(name), Some(InputError::NotAFile)), "{name}");
            }
        }
    }

    #[test]
    fn a_named_file_is_looked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        let named = look(path.clone()).unwrap();
        assert_eq!(named, Named::File(path.clone(), Seen { len: 4, is_link: false }));
        fs::remove_file(&path).unwrap();
        let found = find(&[named], Wanted::All, None, &OwnFiles::default());
        assert_eq!((found.items[0].len, found.items[0].is_link), (4, false));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            fs::write(&path, "text").unwrap();
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert_eq!(look(link.clone()).unwrap(), Named::File(link, Seen { len: 4, is_link: true }));
        }
    }
}
