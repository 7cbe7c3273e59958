//! Looking for opened copies: whether what was decrypted is still where it was put, and where else it is.
//!
//! What is looked for is a ledger: each plaintext that reached a disk under a name. A file is a suspect by its length
//! alone, which the walk over the folders sees; then by its [`Edges`]; and what is longer than they reach is compared
//! with the sealed file, byte for byte. Nothing here says that there is no copy: only what was searched, and what was
//! found in it.

mod index;
pub mod remove;
mod sealed;
mod standing;
#[cfg(all(test, unix))]
mod tests;
mod walk;

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use self::index::Index;
pub use self::sealed::{Proof, SealedCopies, Unproven, id_at as sealed_id};
pub use self::standing::{Change, State};
pub use self::walk::Unread;
use super::edges::Edges;
use super::find::open_found;
use super::pool;
use crate::disk::{plain, untrusted_owner};
use crate::format::{FileId, ProjectId, Timestamp};
use crate::keys::FileKeys;

/// A plaintext that reached a disk under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it was put.
    pub path: PathBuf,
    /// Its length, in bytes.
    pub size: u64,
    /// How it begins and ends. Without them it is looked for under its own path alone.
    pub edges: Option<Edges>,
    /// The sealed file that it was opened from, or sealed into.
    pub file: FileId,
    /// The project, if that is on record.
    pub project: Option<ProjectId>,
    /// When.
    pub at: Timestamp,
    /// It is an original that was sealed, and not a file that was opened.
    pub is_original: bool,
    /// Where the sealed file is, if that is known.
    pub sealed: Option<PathBuf>,
    /// The name of the computer that has the path, if it is not this one.
    pub computer: Option<String>,
}

/// Where to search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Folders, which are searched with all that is below them, and files.
    pub roots: Vec<PathBuf>,
    /// Folders that are left out, such as where a network drive is mounted. A root is searched even so.
    pub left_out: BTreeSet<PathBuf>,
    /// Another drive below a root is left out, too: nothing here tells what kind it is.
    pub stays_on_drive: bool,
}

/// Is shown how a search comes along, from any thread.
pub trait Watcher: Sync {
    /// So many more files were looked at.
    fn searched(&self, files: u64);

    /// So many more bytes were compared.
    fn compared(&self, bytes: u64);
}

/// How far a file is known to be the one that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Every byte is the same.
    Identical,
    /// Its length and its ends are the same, and the sealed file to compare the rest with is not there or does not open.
    Ends,
    /// Its length is the same, and nothing else is known.
    Length,
}

/// What was seen of a file, by which it is known again before it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    len: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    identity: (u64, u64),
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            identity: (metadata.dev(), metadata.ino()),
        }
    }
}

/// A file that is a copy.
#[derive(Debug)]
pub struct Copy {
    /// Where it is.
    pub path: PathBuf,
    /// The entry that it is a copy of, by its place in the ledger.
    pub entry: usize,
    /// How far that is known.
    pub likeness: Likeness,
    /// It is where that entry was put.
    pub is_at_path: bool,
    seen: Seen,
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// What is at the path of each entry of the ledger.
    pub states: Vec<State>,
    /// Every copy, those at their own paths first.
    pub copies: Vec<Copy>,
    /// The sealed files that were found.
    pub sealed: SealedCopies,
    /// How many files were looked at, those at the ledger's paths included.
    pub files: u64,
    /// How many folders were looked into.
    pub folders: u64,
    /// The roots that were searched.
    pub roots: Vec<PathBuf>,
    /// What is left out below them.
    pub left_out: Vec<PathBuf>,
    /// What could not be looked into.
    pub unread: Unread,
    /// How many files of the right length are other people's, and were not opened.
    pub others: u64,
}

/// A file whose length and ends are those of entries.
struct Suspect {
    path: PathBuf,
    seen: Seen,
    /// The entries, newest first.
    entries: Vec<usize>,
}

/// Searches for the ledger's plaintexts.
pub fn sweep(ledger: &[Entry], places: &Places, keys: &dyn FileKeys, threads: usize, watcher: &dyn Watcher) -> Swept {
    let index = Index::of(ledger);
    let search = Search::of(&index);
    let paths: Vec<_> = index.paths().collect();
    let looks = pool::for_each(&paths, threads, |_| 0, |path, _| standing::look(path, &search));
    watcher.searched(looks.iter().filter(|look| look.is_file()).count() as u64);
    let walked = walk::walk(places, threads, &|path, metadata| search.visit(path, metadata), watcher);
    let Search { found, sealed, others, unread, .. } = search;
    let taken = |held: Mutex<Vec<Suspect>>| held.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut elsewhere = taken(found);
    elsewhere.sort_by(|a, b| a.path.cmp(&b.path));
    let sealed = sealed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let compare = |path: &Path, entries: &[usize]| closest(ledger, path, entries, &sealed, keys, watcher);

    let mut swept = Swept {
        states: ledger.iter().map(standing::not_looked_at).collect(),
        files: walked.files + looks.iter().filter(|look| look.is_file() && !walked.has(look.path())).count() as u64,
        folders: walked.folders,
        roots: walked.roots,
        left_out: walked.left_out,
        unread: walked.unread,
        others: others.into_inner(),
        ..Swept::default()
    };
    swept.unread.extend(unread.into_inner().unwrap_or_else(PoisonError::into_inner));
    let len_of = |look: &standing::Look<'_>| look.len();
    let at_paths = pool::for_each(&looks, threads, len_of, |look, _| look.settle(&index, &compare));
    for (states, copies) in at_paths {
        for (entry, state) in states {
            swept.states[entry] = state;
        }
        swept.copies.extend(copies);
    }
    let found = pool::for_each(
        &elsewhere,
        threads,
        |suspect| suspect.seen.len,
        |suspect, _| {
            let (entry, likeness) = compare(&suspect.path, &suspect.entries)?;
            let (path, seen) = (suspect.path.clone(), suspect.seen.clone());
            Some(Copy { path, entry, likeness, is_at_path: false, seen })
        },
    );
    swept.copies.extend(found.into_iter().flatten());
    swept.copies.sort_by_key(|copy| !copy.is_at_path);
    swept.sealed = sealed;
    swept
}

/// Returns the entry that a file is a copy of, and how far that is known; `None` if it is a copy of none of them.
fn closest(
    ledger: &[Entry],
    path: &Path,
    entries: &[usize],
    sealed: &SealedCopies,
    keys: &dyn FileKeys,
    watcher: &dyn Watcher,
) -> Option<(usize, Likeness)> {
    let likely = |entry: usize| if ledger[entry].edges.is_some() { Likeness::Ends } else { Likeness::Length };
    let mut unproven = None;
    let mut tried = BTreeSet::new();
    for &entry in entries {
        let looked_for = &ledger[entry];
        if looked_for.edges.is_some() && Edges::are_all_of(looked_for.size) {
            return Some((entry, Likeness::Identical));
        }
        if !tried.insert(*looked_for.file.as_bytes()) {
            continue;
        }
        let proof = match open_found(path, false) {
            Ok((file, _)) => sealed.prove(&file, looked_for, keys, &|bytes| watcher.compared(bytes)),
            Err(error) => Proof::Unproven(Unproven::Unreadable(error.to_string())),
        };
        match proof {
            Proof::Same => return Some((entry, Likeness::Identical)),
            Proof::Differs => {}
            Proof::Unproven(_) => unproven = unproven.or(Some((entry, likely(entry)))),
        }
    }
    unproven
}

/// What is looked for, and what of it was seen by now.
struct Search<'a> {
    index: &'a Index<'a>,
    found: Mutex<Vec<Suspect>>,
    sealed: Mutex<SealedCopies>,
    others: AtomicU64,
    unread: Mutex<Unread>,
}

impl<'a> Search<'a> {
    fn of(index: &'a Index<'a>) -> Self {
        Self {
            index,
            found: Mutex::default(),
            sealed: Mutex::default(),
            others: AtomicU64::new(0),
            unread: Mutex::default(),
        }
    }

    /// Looks at a file that the walk comes by. Few are more than compared by their length.
    fn visit(&self, path: &dyn Fn() -> PathBuf, metadata: &Metadata) {
        let len = metadata.len();
        if self.index.has_len(len) {
            let path = path();
            // What is at a path of the ledger has been looked at.
            if !self.index.has_path(&path)
                && let Some(suspect) = self.suspect(path, metadata)
            {
                self.found.lock().unwrap_or_else(PoisonError::into_inner).push(suspect);
            }
        }
        let is_named = || path().extension().is_some_and(|ending| ending == "sealed");
        if self.index.may_seal(len, is_named) {
            let path = path();
            if let Some(file) = sealed::id_at(&path).filter(|file| self.index.has_file(*file)) {
                self.sealed.lock().unwrap_or_else(PoisonError::into_inner).add(file, path);
            }
        }
    }

    /// Compares the ends of a file that is as long as some that are looked for.
    fn suspect(&self, path: PathBuf, metadata: &Metadata) -> Option<Suspect> {
        if untrusted_owner(metadata).is_some() {
            self.others.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let opened = match open_found(&path, false) {
            Ok((file, metadata)) => Edges::of(&file).map(|edges| (edges, metadata)).map_err(|error| plain(&error)),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok((edges, metadata)) => {
                let entries = self.index.entries(metadata.len(), edges);
                (!entries.is_empty()).then(|| Suspect { path, seen: Seen::of(&metadata), entries })
            }
            // It went, or another is there by now.
            Err(_) if !path.is_file() => None,
            Err(why) => {
                self.unread.lock().unwrap_or_else(PoisonError::into_inner).add(path, why);
                None
            }
        }
    }
}
