//! The access logs in the folder of a vault: `log`, beside the vault file.

use std::fs::{self, File, OpenOptions};
#[cfg(not(unix))]
use std::io::Read;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::logs::{LogAccess, LogFile, is_log_name};
use super::{StoreError, folder::io_error};
use crate::disk::{self, IoAction, folder_of};

/// The logs' folder, beside the vault file.
pub const LOG_FOLDER: &str = "log";

/// How often another name is tried for what is set aside.
const NAMES: usize = 100;

/// The logs' folder of one vault.
pub struct LogFolder {
    path: PathBuf,
}

impl LogFolder {
    /// Returns that of a vault file.
    pub fn beside(file: &Path) -> Self {
        Self { path: folder_of(file).join(LOG_FOLDER) }
    }

    /// Tells whether the folder is there. A link in its place would lead what is written elsewhere.
    fn is_there(&self) -> Result<bool, StoreError> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => Ok(true),
            Ok(_) => Err(StoreError::NotAFile { path: self.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error(IoAction::Find, &self.path)(error)),
        }
    }

    fn path_of(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        if is_log_name(name) { Ok(path) } else { Err(StoreError::NotAFile { path }) }
    }

    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        if !self.is_there()? {
            return Ok(Vec::new());
        }
        let failed = io_error(IoAction::Read, &self.path);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            names.extend(name.into_string().ok().filter(|name| is_log_name(name)));
        }
        names.sort_unstable();
        Ok(names)
    }

    pub fn open(&self, name: &str, access: LogAccess) -> Result<Option<Box<dyn LogFile>>, StoreError> {
        let path = self.path_of(name)?;
        if !self.is_there()? {
            return Ok(None);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(access == LogAccess::Append);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // A link would lead elsewhere, and opening a FIFO would wait for ever.
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            options.custom_flags(flags.bits() as i32);
        }
        #[cfg(windows)]
        {
            use std::os::windows::fs::OpenOptionsExt;
            // FILE_FLAG_OPEN_REPARSE_POINT: the link itself, which is no file then.
            options.custom_flags(0x0020_0000);
        }
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // What is neither a file nor a folder may not even open.
            Err(_) if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) => {
                return Err(StoreError::NotAFile { path });
            }
            Err(error) => return Err(io_error(IoAction::Open, &path)(error)),
        };
        let metadata = file.metadata().map_err(io_error(IoAction::Read, &path))?;
        if !metadata.is_file() {
            return Err(StoreError::NotAFile { path });
        }
        Ok(Some(Box::new(OpenedLog { file, path })))
    }

    pub fn make(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path_of(name)?;
        if !self.is_there()? {
            disk::create_own_folder(&self.path).map_err(io_error(IoAction::Make, &self.path))?;
        }
        let mut check = |read: &[u8]| match read == bytes {
            true => Ok(()),
            false => Err(io::Error::other("it does not read back as it was written")),
        };
        // It has its name only once all of it is there, so that a crash leaves no half of a head.
        let made = disk::replace(&path, bytes, &mut check, &mut || match fs::symlink_metadata(&path) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        });
        made.map_err(io_error(IoAction::Make, &path))
    }

    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path_of(name)?;
        if !self.is_there()? {
            return Ok(());
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| disk::sync_folder(&self.path)).map_err(io_error(IoAction::Delete, &path)),
        }
    }
}

struct OpenedLog {
    file: File,
    path: PathBuf,
}

impl OpenedLog {
    fn failed(&self, action: IoAction) -> impl Fn(io::Error) -> StoreError + '_ {
        io_error(action, &self.path)
    }

    /// Copies what is behind `end` into a new file beside this one, and returns its name.
    fn copy_tail(&mut self, end: u64, aside: &str) -> io::Result<String> {
        let folder = folder_of(&self.path).to_path_buf();
        let names = std::iter::once(aside.to_owned()).chain((2..NAMES).map(|number| format!("{aside}-{number}")));
        for name in names.filter(|name| is_log_name(name)) {
            let path = folder.join(&name);
            let mut copy = match disk::create_private(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            let copied = self
                .file
                .seek(SeekFrom::Start(end))
                .and_then(|_| io::copy(&mut &self.file, &mut copy))
                .and_then(|_| copy.sync_all())
                .and_then(|()| disk::sync_folder(&folder));
            return copied.map(|()| name).inspect_err(|_| {
                // Best effort: this process made it a moment ago, and what it was to hold is still where it was.
                let _ = fs::remove_file(&path);
            });
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "too much is set aside here"))
    }
}

impl LogFile for OpenedLog {
    fn length(&self) -> Result<u64, StoreError> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(self.failed(IoAction::Read))
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        read_exact_at(&self.file, at, bytes).map_err(self.failed(IoAction::Read))
    }

    fn append(&mut self, end: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if self.length()? != end {
            return Err(StoreError::Changed);
        }
        write_all_at(&self.file, end, bytes).map_err(self.failed(IoAction::Write))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(self.failed(IoAction::Sync))
    }

    fn set_aside(&mut self, end: u64, aside: &str) -> Result<String, StoreError> {
        let name = self.copy_tail(end, aside).map_err(self.failed(IoAction::Write))?;
        let cut = self.file.set_len(end).and_then(|()| self.file.sync_all());
        cut.map(|()| name).map_err(self.failed(IoAction::Write))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(unix)]
fn write_all_at(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

#[cfg(not(unix))]
fn write_all_at(mut file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}
