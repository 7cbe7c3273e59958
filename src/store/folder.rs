//! A vault in a folder of this computer: `vault.json`, `vault.json.prev`, and a lock file beside them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
#[cfg(unix)]
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(unix)]
use super::Stamp;
use super::folder_logs::LogFolder;
use super::{LockedStore, LogAccess, LogFile, Replaced, Store, StoreError};
use crate::disk::{self, IoAction, folder_of, with_suffix};

/// The vault file's name in its folder.
pub const VAULT_FILE: &str = "vault.json";

/// How old the last change of a vault file must be for its times to tell it from the next one: a file system may count
/// time in steps of 10 ms, and a drive for cameras in steps of 2 s.
#[cfg(unix)]
const SETTLED: Duration = Duration::from_millis(2100);

/// A vault file in a local folder. Clones are the same store.
#[derive(Debug, Clone)]
pub struct FolderStore {
    /// The vault file itself: where `vault.json` was a symbolic link, its target.
    file: PathBuf,
    size_limit: u64,
    /// When this process gave the lock back last.
    released: Arc<Mutex<Option<Instant>>>,
}

impl FolderStore {
    /// Takes the folder, which need not exist yet, and the size above which a document is refused unread.
    ///
    /// # Errors
    /// [`StoreError::Io`] where `vault.json` is a symbolic link that leads nowhere.
    pub fn new(folder: &Path, size_limit: u64) -> Result<Self, StoreError> {
        let mut file = folder.join(VAULT_FILE);
        // A link is resolved once, and from then on its target is what is replaced and locked.
        if fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_symlink()) {
            file = fs::canonicalize(&file).map_err(io_error(IoAction::Follow, &file))?;
        }
        Ok(Self { file, size_limit, released: Arc::default() })
    }

    /// Returns the vault file's path.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the previous vault file's path.
    #[must_use]
    pub fn previous(&self) -> PathBuf {
        with_suffix(&self.file, ".prev")
    }

    /// Returns the path of an unfinished write.
    #[must_use]
    pub fn unfinished(&self) -> PathBuf {
        with_suffix(&self.file, disk::UNFINISHED_SUFFIX)
    }

    /// Returns the documents that were set aside here: damaged, older, diverged or replaced ones.
    #[must_use]
    pub fn set_aside(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(folder_of(&self.file)) else { return Vec::new() };
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let reasons = ["damaged-", "older-", "diverged-", "replaced-"];
        let is_aside = |path: &PathBuf| {
            let rest = path.file_name().and_then(|own| own.to_str()?.strip_prefix(&name)?.strip_prefix('.'));
            rest.is_some_and(|rest| reasons.iter().any(|reason| rest.starts_with(reason)))
        };
        let mut aside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_aside).collect();
        aside.sort();
        aside
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // Opening a FIFO would wait for a writer for ever.
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
        }
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(IoAction::Open, path)(error)),
        };
        let metadata = file.metadata().map_err(io_error(IoAction::Read, path))?;
        if !metadata.is_file() {
            return Err(StoreError::NotAFile { path: path.into() });
        }
        let too_large = |length| StoreError::TooLarge { path: path.into(), length, limit: self.size_limit };
        if metadata.len() > self.size_limit {
            return Err(too_large(metadata.len()));
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        // It may grow while it is read.
        file.take(self.size_limit + 1).read_to_end(&mut bytes).map_err(io_error(IoAction::Read, path))?;
        if bytes.len() as u64 > self.size_limit {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(Some(bytes))
    }
}

pub(super) fn io_error<'a>(action: IoAction, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io { action, path: path.into(), source }
}

impl Store for FolderStore {
    fn place(&self) -> String {
        self.file.display().to_string()
    }

    fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(&self.file)
    }

    #[cfg(unix)]
    fn stamp(&self) -> Option<Stamp> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(&self.file).ok()?;
        // Two writes within one step of the clock can leave files of one size, number and time.
        let changed = [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())];
        let last = changed.iter().map(|(seconds, ns)| i128::from(*seconds) * 1_000_000_000 + i128::from(*ns)).max()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos() as i128;
        if (now - last).unsigned_abs() < SETTLED.as_nanos() {
            return None;
        }
        let times = changed.into_iter().flat_map(|(seconds, ns)| [seconds.into(), ns.into()]);
        let place = [metadata.dev().into(), metadata.ino().into(), metadata.size().into()];
        Some(Stamp(place.into_iter().chain(times).collect()))
    }

    fn load_previous(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(&self.previous())
    }

    fn standing(&self) -> Result<Vec<String>, StoreError> {
        let mut standing = Vec::new();
        for path in [self.file.clone(), self.previous(), self.unfinished()] {
            match fs::symlink_metadata(&path) {
                Ok(_) => standing.push(path.display().to_string()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error(IoAction::Find, &path)(error)),
            }
        }
        Ok(standing)
    }

    fn log_names(&self) -> Result<Vec<String>, StoreError> {
        LogFolder::beside(&self.file).names()
    }

    fn open_log(&self, name: &str, access: LogAccess) -> Result<Option<Box<dyn LogFile>>, StoreError> {
        LogFolder::beside(&self.file).open(name, access)
    }

    fn make_log(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        LogFolder::beside(&self.file).make(name, bytes)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        LogFolder::beside(&self.file).remove(name)
    }

    fn lock(&self, wait: Duration) -> Result<Box<dyn LockedStore>, StoreError> {
        let folder = folder_of(&self.file);
        disk::create_own_folder(folder).map_err(io_error(IoAction::Make, folder))?;
        // A file of its own: vault.json is replaced, and a lock on what was replaced guards nothing.
        let path = with_suffix(&self.file, ".lock");
        // Others look at the lock now and then. Taken again at once, it would look held all the time to them.
        let released = *self.released.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rest) = released.and_then(|released| (disk::LOCK_POLL * 2).checked_sub(released.elapsed())) {
            thread::sleep(rest);
        }
        match disk::lock(&path, wait).map_err(io_error(IoAction::Lock, &path))? {
            Some(lock) => Ok(Box::new(LockedFolder { store: self.clone(), _lock: lock })),
            None => Err(StoreError::Busy { waited: wait }),
        }
    }
}

struct LockedFolder {
    store: FolderStore,
    /// The system gives the lock back when this is closed, even when the process is killed.
    _lock: File,
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        *self.store.released.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl LockedFolder {
    /// Keeps the document that is about to be replaced under another name, without taking it from its own.
    /// Returns the name of what was set aside.
    fn keep(&self, replaced: &Replaced) -> io::Result<Option<PathBuf>> {
        let file = &self.store.file;
        match replaced {
            Replaced::Nothing => Ok(None),
            Replaced::BecomesPrevious => {
                let previous = self.store.previous();
                let staged = with_suffix(&previous, disk::UNFINISHED_SUFFIX);
                remove_if_there(&staged)?;
                // A second name is as good as a copy here: the rename that follows takes the vault file's own name from
                // this file, and nothing ever writes into it again. A run that ends between the two leaves both names
                // on one file until the next write, which is no worse than to have no previous file.
                link_or_copy(file, &staged).and_then(|()| fs::rename(&staged, &previous)).inspect_err(|_| {
                    // Best effort: one that stays is found by doctor.
                    let _ = fs::remove_file(&staged);
                })?;
                // Where both names were one file already, the rename does nothing (rename(2)).
                remove_if_there(&staged)?;
                Ok(None)
            }
            // Systems differ in what they call a second name for a folder, and no file takes its place.
            Replaced::SetAside(_) if file.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Replaced::SetAside(reason) => {
                let first = with_suffix(file, &format!(".{reason}"));
                let later = (2..100).map(|number| with_suffix(file, &format!(".{reason}-{number}")));
                for aside in std::iter::once(first).chain(later) {
                    match link_or_copy(file, &aside) {
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        // Nothing to keep where the document was missing altogether.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                        other => return other.map(|()| Some(aside)),
                    }
                }
                Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many documents are set aside here"))
            }
        }
    }
}

impl LockedStore for LockedFolder {
    fn replace(
        &mut self,
        bytes: &[u8],
        expected: Option<&[u8]>,
        replaced: &Replaced,
        check: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Option<String>, StoreError> {
        let file = &self.store.file;
        let (mut refused, mut aside) = (None, None);
        let written = disk::replace(
            file,
            bytes,
            &mut |read_back| {
                if check(read_back) {
                    return Ok(());
                }
                refused = Some(StoreError::ReadBack { path: file.clone() });
                Err(io::Error::other("it does not read back"))
            },
            &mut || {
                let standing = match self.store.load() {
                    // What cannot be read as a document counts as none; it is set aside as it is.
                    Err(StoreError::TooLarge { .. } | StoreError::NotAFile { .. }) => None,
                    other => other.map_err(io::Error::other)?,
                };
                if standing.as_deref() != expected {
                    return Err(io::Error::other(StoreError::Changed));
                }
                aside = self.keep(replaced)?;
                Ok(())
            },
        );
        written.map(|()| aside.map(|path| path.display().to_string())).map_err(|source| {
            let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<StoreError>());
            match (refused.take(), inner) {
                (Some(refused), _) => refused,
                (None, Some(StoreError::Changed)) => StoreError::Changed,
                _ => StoreError::Io { action: IoAction::Write, path: file.clone(), source },
            }
        })
    }

    fn write_second_copy(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let previous = self.store.previous();
        let mut check = |read: &[u8]| match read == bytes {
            true => Ok(()),
            false => Err(io::Error::other("it does not read back as it was written")),
        };
        disk::replace(&previous, bytes, &mut check, &mut || Ok(())).map_err(io_error(IoAction::Write, &previous))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let file = &self.store.file;
        // Windows flushes only through a handle that may write.
        let opened = OpenOptions::new().read(true).write(cfg!(windows)).open(file);
        opened
            .and_then(|file| file.sync_all())
            .and_then(|()| disk::sync_folder(folder_of(file)))
            .map_err(io_error(IoAction::Sync, file))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_other_trouble(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound)
}

/// Gives a file a second name, or where the file system has no hard links, makes a synced copy.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // Opening anything but a regular file could wait for ever.
        Err(error) if is_other_trouble(&error) && fs::metadata(from)?.is_file() => {
            let mut copy = disk::create_private(to)?;
            let copied = disk::keep_owner(&copy, from)
                .and_then(|()| File::open(from))
                .and_then(|mut from| io::copy(&mut from, &mut copy))
                .and_then(|_| copy.sync_all());
            copied.inspect_err(|_| {
                // Best effort: this process made it a moment ago.
                let _ = fs::remove_file(to);
            })
        }
        other => other,
    }
}
