//! The walk over the folders that are searched: several threads, each in a folder, and nothing kept of what they pass.

use std::collections::HashSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Places, Watcher};
use crate::disk::plain;

/// What could not be looked into.
#[derive(Debug, Default)]
pub struct Unread {
    /// How many files and folders.
    pub count: u64,
    /// Some of them, and why.
    pub named: Vec<(PathBuf, String)>,
}

impl Unread {
    /// So many are named: there may be as many as there are folders.
    const NAMED: usize = 100;

    /// Adds one.
    pub fn add(&mut self, path: PathBuf, why: String) {
        self.count += 1;
        if self.named.len() < Self::NAMED {
            self.named.push((path, why));
        }
    }

    /// Adds those that another part of the search could not look into.
    pub fn extend(&mut self, other: Self) {
        self.count += other.count;
        self.named.extend(other.named);
        self.named.sort();
        self.named.truncate(Self::NAMED);
    }
}

/// What a walk has seen.
#[derive(Debug, Default)]
pub struct Walked {
    /// How many files.
    pub files: u64,
    /// How many folders.
    pub folders: u64,
    /// The roots, resolved, without those that are not there or that are in others.
    pub roots: Vec<PathBuf>,
    /// What was left out.
    pub left_out: Vec<PathBuf>,
    /// What could not be looked into.
    pub unread: Unread,
}

impl Walked {
    /// Tells whether the walk came by a path.
    pub fn has(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root)) && !self.left_out.iter().any(|left| path.starts_with(left))
    }
}

/// Shows what a walk comes by to whoever looks for something: how the file's path is made, and what it is.
pub type Visit<'a> = &'a (dyn Fn(&dyn Fn() -> PathBuf, &Metadata) + Sync);

/// Walks over the roots. Symbolic links are not followed, but those that a root's own path leads through.
pub fn walk(places: &Places, threads: usize, visit: Visit<'_>, watcher: &dyn Watcher) -> Walked {
    let walk = Walk {
        places,
        todo: Mutex::default(),
        changed: Condvar::new(),
        files: AtomicU64::new(0),
        folders: AtomicU64::new(0),
        visit,
        watcher,
    };
    let roots = walk.begin();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Without this thread the others do its work.
            let _ = std::thread::Builder::new().name("sweep".into()).spawn_scoped(scope, || walk.work());
        }
        walk.work();
    });
    let Walk { todo, files, folders, .. } = walk;
    let Todo { mut left_out, unread, .. } = todo.into_inner().unwrap_or_else(PoisonError::into_inner);
    left_out.sort();
    Walked { files: files.into_inner(), folders: folders.into_inner(), roots, left_out, unread }
}

struct Walk<'a> {
    places: &'a Places,
    todo: Mutex<Todo>,
    changed: Condvar,
    files: AtomicU64,
    folders: AtomicU64,
    visit: Visit<'a>,
    watcher: &'a dyn Watcher,
}

#[derive(Default)]
struct Todo {
    /// Folders that were found, and the drive that each is on.
    folders: Vec<(PathBuf, Drive)>,
    /// How many threads are in a folder, and may find others.
    busy: usize,
    /// Which folders were found: a drive may be mounted in several places.
    known: HashSet<Identity>,
    left_out: Vec<PathBuf>,
    unread: Unread,
}

/// The device and inode of a folder, if the system has them.
type Identity = Option<(u64, u64)>;
/// The device of a folder, if the system has one.
type Drive = Option<u64>;

impl Todo {
    /// Puts a folder on the list, unless it is known.
    fn add(&mut self, path: PathBuf, identity: Identity) {
        if identity.is_none() || self.known.insert(identity) {
            self.folders.push((path, identity.map(|(drive, _)| drive)));
        }
    }
}

impl Walk<'_> {
    fn todo(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the roots on the list, and returns them.
    fn begin(&self) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> = Vec::new();
        for root in &self.places.roots {
            match root.canonicalize() {
                Ok(root) => roots.push(root),
                // A root by default need not be there.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.todo().unread.add(root.clone(), plain(&error)),
            }
        }
        // What is in another root is found there, unless it is behind what is left out of that one.
        roots.sort();
        roots.dedup();
        let is_below = |path: &Path, root: &Path| path != root && path.starts_with(root);
        let is_apart = |path: &Path| self.places.left_out.iter().any(|left| path.starts_with(left));
        let all = roots.clone();
        roots.retain(|path| {
            is_apart(path) || self.places.stays_on_drive || !all.iter().any(|root| is_below(path, root))
        });
        for root in &roots {
            match fs::metadata(root) {
                Ok(metadata) if metadata.is_dir() => self.todo().add(root.clone(), identity(&metadata)),
                Ok(metadata) => {
                    self.files.fetch_add(1, Ordering::Relaxed);
                    if metadata.is_file() {
                        (self.visit)(&|| root.clone(), &metadata);
                    }
                }
                Err(error) => self.todo().unread.add(root.clone(), plain(&error)),
            }
        }
        roots
    }

    /// Works on folders until there are none, and none can come.
    fn work(&self) {
        let mut todo = self.todo();
        loop {
            if let Some((folder, drive)) = todo.folders.pop() {
                todo.busy += 1;
                drop(todo);
                self.enter(&folder, drive);
                todo = self.todo();
                todo.busy -= 1;
                self.changed.notify_all();
            } else if todo.busy == 0 {
                return;
            } else {
                todo = self.changed.wait(todo).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn enter(&self, folder: &Path, drive: Drive) {
        let unread = |path: PathBuf, error: &io::Error| {
            // It went meanwhile.
            if error.kind() != io::ErrorKind::NotFound {
                self.todo().unread.add(path, plain(error));
            }
        };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return unread(folder.into(), &error),
        };
        self.folders.fetch_add(1, Ordering::Relaxed);
        let mut files = 0;
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    unread(folder.into(), &error);
                    break;
                }
            };
            let Ok(kind) = entry.file_type() else { continue };
            if !kind.is_dir() && !kind.is_file() {
                continue;
            }
            files += u64::from(kind.is_file());
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => self.add(&entry, &metadata, drive),
                Ok(metadata) if metadata.is_file() => (self.visit)(&|| entry.path(), &metadata),
                Ok(_) => {}
                Err(error) => unread(entry.path(), &error),
            }
        }
        self.files.fetch_add(files, Ordering::Relaxed);
        self.watcher.searched(files);
    }

    fn add(&self, entry: &DirEntry, metadata: &Metadata, drive: Drive) {
        let (path, identity) = (entry.path(), identity(metadata));
        let is_elsewhere = self.places.stays_on_drive && identity.map(|(drive, _)| drive) != drive;
        let mut todo = self.todo();
        if is_elsewhere || self.places.left_out.contains(&path) {
            todo.left_out.push(path);
        } else {
            todo.add(path, identity);
            self.changed.notify_one();
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    None
}
