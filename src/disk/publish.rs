//! A new file or folder that appears under its name only when it is whole, and never in the place of another unasked.
//!
//! Everything that is new is published here. [`replace`](super::replace) is for documents that are written again and
//! again under a lock: its temporary name is always the same, so that what a crash left is found and removed.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{create_private, create_temporary, folder_of, owner, sync_folder, unfinished};

/// What is done if a name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfTaken {
    /// What is there stays, and the new file is refused.
    Refuse,
    /// The new file takes its place.
    #[cfg_attr(not(feature = "home"), allow(dead_code, reason = "the library's own files replace nothing"))]
    Replace,
}

/// A file that is written before it has its name: without any name if the system can do that, else under a temporary
/// one. Dropped without a name, it is gone.
pub struct NewFile<'t> {
    file: File,
    target: Cow<'t, Path>,
    if_taken: IfTaken,
    /// The name it has meanwhile, if any.
    temporary: Option<PathBuf>,
}

impl<'t> NewFile<'t> {
    /// Begins a file that will be at `target`, private to its owner.
    ///
    /// # Errors
    /// The system's error.
    pub fn begin(target: impl Into<Cow<'t, Path>>, if_taken: IfTaken) -> io::Result<Self> {
        let target = target.into();
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(folder_of(&target))? {
            return Ok(Self { file, target, if_taken, temporary: None });
        }
        let temporary = temporary_name(&target)?;
        let file = unfinished::make_unfinished(&temporary, || create_temporary(&temporary))?;
        Ok(Self { file, target, if_taken, temporary: Some(temporary) })
    }

    /// Returns the file to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the name that it will have.
    #[cfg(feature = "home")]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Syncs the file, gives it its name in one step, and makes both last through a power cut.
    ///
    /// # Errors
    /// The system's error; `AlreadyExists` if something is there and is not to be replaced. No new file is left then.
    pub fn publish(self) -> io::Result<()> {
        let (target, if_taken) = (self.target.clone(), self.if_taken);
        self.name()?;
        sync_folder(folder_of(&target)).inspect_err(|_| {
            if if_taken == IfTaken::Refuse {
                // Best effort: this process gave it its name a moment ago.
                let _ = fs::remove_file(&target);
            }
        })
    }

    /// Syncs the file and gives it its name, which lasts once its folder is synced: of many files in a folder, once
    /// for all.
    ///
    /// # Errors
    /// As [`NewFile::publish`].
    pub fn name(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.take_name()?;
        // Only now: the user's path may have led the new name elsewhere.
        owner::give_to_served(&self.file, &self.target);
        Ok(())
    }

    fn take_name(&mut self) -> io::Result<()> {
        if self.if_taken == IfTaken::Refuse && self.temporary.is_none() {
            return self.link_to(&self.target);
        }
        if self.temporary.is_none() {
            let temporary = temporary_name(&self.target)?;
            unfinished::make_unfinished(&temporary, || self.link_to(&temporary))?;
            self.temporary = Some(temporary);
        }
        // If it fails, dropping removes the temporary file.
        if let Some(temporary) = &self.temporary {
            match self.if_taken {
                IfTaken::Refuse => rename_to_free(temporary, &self.target)?,
                IfTaken::Replace => rename_over(temporary, &self.target)?,
            }
        }
        if let Some(temporary) = self.temporary.take() {
            unfinished::keep(&temporary);
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn link_to(&self, path: &Path) -> io::Result<()> {
        use rustix::fs::{AtFlags, CWD, linkat};
        linkat(CWD, descriptor_path(&self.file), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn link_to(&self, _: &Path) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // A file that cannot be removed keeps a name that says what it is.
            let _ = fs::remove_file(&temporary);
            unfinished::keep(&temporary);
        }
    }
}

/// A folder that is filled under a temporary name before it has its own. Dropped without it, it is gone with all that
/// is in it.
#[cfg(feature = "cli")]
pub struct NewFolder<'t> {
    target: &'t Path,
    temporary: PathBuf,
}

#[cfg(feature = "cli")]
impl<'t> NewFolder<'t> {
    /// Begins a folder that will be at `target`, readable by its owner alone.
    ///
    /// # Errors
    /// The system's error.
    pub fn begin(target: &'t Path) -> io::Result<Self> {
        // First, so that a folder which was made, and could not be made to last, goes as well.
        let new = Self { target, temporary: temporary_name(target)? };
        unfinished::make_unfinished(&new.temporary, || super::create_private_folder(&new.temporary))?;
        Ok(new)
    }

    /// Returns the name that it has meanwhile.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Gives the folder its name in one step, and makes it last through a power cut. What is in it must last already.
    ///
    /// # Errors
    /// The system's error; `AlreadyExists` or `DirectoryNotEmpty` if something is there.
    pub fn publish(self) -> io::Result<()> {
        rename_to_free(&self.temporary, self.target)?;
        unfinished::keep(&self.temporary);
        sync_folder(folder_of(self.target))
    }
}

#[cfg(feature = "cli")]
impl Drop for NewFolder<'_> {
    fn drop(&mut self) {
        // Once it has its name, nothing is here. A folder that cannot be removed keeps a name that says what it is.
        let _ = fs::remove_dir_all(&self.temporary);
        unfinished::keep(&self.temporary);
    }
}

/// Gives a file or folder another name at which nothing is.
///
/// # Errors
/// The system's error; `AlreadyExists`, or of a folder `DirectoryNotEmpty`, if something is there.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // A file system or an old kernel that does not know the flag, or a sandbox that does not know the call.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {}
            other => return Ok(other?),
        }
    }
    if from.is_dir() {
        if fs::symlink_metadata(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // From here on a folder takes the place of an empty folder at most.
        return fs::rename(from, to);
    }
    match fs::hard_link(from, to) {
        Ok(()) => {
            // Best effort: the file has its name, and the other one says what it is.
            let _ = fs::remove_file(from);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => claim_and_rename(from, to),
    }
}

/// Takes a name by an empty file, which the rename then replaces: the only way on a drive that has neither hard links
/// nor a rename that replaces nothing, as exFAT through FUSE. A process that is killed between the two calls leaves the
/// empty file.
fn claim_and_rename(from: &Path, to: &Path) -> io::Result<()> {
    unfinished::uninterrupted(|| {
        drop(create_private(to)?);
        let Err(error) = fs::rename(from, to) else { return Ok(()) };
        let is_removed = remove_claim(to);
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        // The drive's rename replaces nothing, so that no name has to be claimed (FAT through fusefat 0.3).
        fs::rename(from, to).inspect_err(|_| {
            // Once the claim is gone, what is there is somebody else's.
            if !is_removed {
                remove_claim(to);
            }
        })
    })
}

/// Removes an empty file by which a name was claimed, and tells whether it did.
fn remove_claim(path: &Path) -> bool {
    let is_claim = fs::symlink_metadata(path).is_ok_and(|claim| claim.is_file() && claim.len() == 0);
    is_claim && fs::remove_file(path).is_ok()
}

/// Puts a file in the place of another, in one step where the drive can do that.
fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        renamed => return renamed,
    }
    // The drive's rename replaces nothing. A process that is killed between these calls leaves both files under names
    // that say that they are not finished.
    unfinished::uninterrupted(|| {
        let aside = temporary_name(to)?;
        fs::rename(to, &aside)?;
        if let Err(error) = fs::rename(from, to) {
            fs::rename(&aside, to)?;
            return Err(error);
        }
        // Best effort: the new file is there, and the old one's name says that it is not finished.
        let _ = fs::remove_file(&aside);
        Ok(())
    })
}

/// Makes up a name beside `target` for what is not whole yet.
///
/// # Errors
/// Where the system has no random bytes.
fn temporary_name(target: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let name = format!(".strongroom-{:016x}.tmp", u64::from_be_bytes(random));
    Ok(folder_of(target).join(name))
}

/// Tells whether a name is one that an unfinished file has here.
#[cfg(feature = "cli")]
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.strip_prefix(".strongroom-").and_then(|rest| rest.strip_suffix(".tmp"));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Opens a file without a name; `None` where the file system or the missing /proc does not allow that.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    use rustix::io::Errno;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(CWD, folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => {
            let file = File::from(descriptor);
            // Its later name is given through /proc (open(2), O_TMPFILE).
            Ok(fs::symlink_metadata(descriptor_path(&file)).is_ok().then_some(file))
        }
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
        // An old kernel takes the flag for a request to open the folder for writing.
        Err(Errno::NOENT) if folder.is_dir() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "linux")]
fn descriptor_path(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_that_is_dropped_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let new = NewFile::begin(&*path, IfTaken::Refuse).unwrap();
        new.file().write_all(b"half").unwrap();
        drop(new);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn what_is_there_is_kept_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let publish = |if_taken| {
            let new = NewFile::begin(&*path, if_taken).unwrap();
            new.file().write_all(b"new").unwrap();
            new.publish()
        };
        assert_eq!(publish(IfTaken::Refuse).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        publish(IfTaken::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    #[cfg(feature = "cli")]
    fn a_folder_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let begin = || {
            let new = NewFolder::begin(&path).unwrap();
            fs::write(new.path().join("b"), "new").unwrap();
            new
        };
        drop(begin());
        assert_eq!(names(folder.path()), Vec::<String>::new());
        begin().publish().unwrap();
        assert_eq!((names(folder.path()), names(&path)), (vec!["a".to_owned()], vec!["b".to_owned()]));
        fs::write(path.join("b"), "old").unwrap();
        assert!(begin().publish().is_err());
        assert_eq!(fs::read(path.join("b")).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn every_way_to_a_free_name_refuses_a_taken_one() {
        let folder = tempfile::tempdir().unwrap();
        let (from, taken, free) = (folder.path().join("from"), folder.path().join("taken"), folder.path().join("free"));
        fs::write(&taken, "old").unwrap();
        for rename in [rename_to_free, claim_and_rename] {
            fs::write(&from, "new").unwrap();
            assert_eq!(rename(&from, &taken).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!((fs::read(&from).unwrap(), fs::read(&taken).unwrap()), (b"new".to_vec(), b"old".to_vec()));
            rename(&from, &free).unwrap();
            assert_eq!((fs::read(&free).unwrap(), from.exists()), (b"new".to_vec(), false));
            fs::remove_file(&free).unwrap();
        }
    }

    #[test]
    fn a_claim_goes_if_the_rename_fails() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("to");
        assert!(claim_and_rename(&folder.path().join("missing"), &to).is_err());
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}
