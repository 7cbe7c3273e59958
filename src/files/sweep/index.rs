//! A ledger by what a walk sees of a file.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::Entry;
use crate::crypto::cobblestone::opened_len;
use crate::disk::folder_of;
use crate::files::edges::Edges;
use crate::format::FileId;
use crate::format::sealed::{BLOCK_LIMIT, BLOCK_STEP};

/// The entries of a ledger by length, by path and by sealed file.
pub struct Index<'a> {
    ledger: &'a [Entry],
    /// The newest first. What has no bytes is no copy of anything.
    by_len: HashMap<u64, Vec<usize>>,
    /// By the path with its folder resolved: what the walk calls it.
    by_path: HashMap<PathBuf, Vec<usize>>,
    files: HashSet<FileId>,
}

impl<'a> Index<'a> {
    /// Sorts a ledger.
    pub fn of(ledger: &'a [Entry]) -> Self {
        let mut newest: Vec<usize> = (0..ledger.len()).collect();
        newest.sort_by_key(|entry| std::cmp::Reverse(ledger[*entry].at));
        let mut index = Self { ledger, by_len: HashMap::new(), by_path: HashMap::new(), files: HashSet::new() };
        let mut folders: HashMap<&Path, PathBuf> = HashMap::new();
        for at in newest {
            let entry = &ledger[at];
            index.files.insert(entry.file);
            if entry.size > 0 && entry.edges.is_some() {
                index.by_len.entry(entry.size).or_default().push(at);
            }
            if entry.computer.is_some() {
                continue;
            }
            let folder = folder_of(&entry.path);
            let whole =
                folders.entry(folder).or_insert_with(|| folder.canonicalize().unwrap_or_else(|_| folder.into()));
            let path = entry.path.file_name().map_or_else(|| entry.path.clone(), |name| whole.join(name));
            index.by_path.entry(path).or_default().push(at);
        }
        index
    }

    /// Returns the ledger.
    pub fn ledger(&self) -> &'a [Entry] {
        self.ledger
    }

    /// Returns the paths of this computer, each once.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.by_path.keys().map(PathBuf::as_path)
    }

    /// Returns the entries of a path, newest first.
    pub fn at_path(&self, path: &Path) -> &[usize] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// Tells whether an entry has that path.
    pub fn has_path(&self, path: &Path) -> bool {
        self.by_path.contains_key(path)
    }

    /// Tells whether an entry is that long.
    pub fn has_len(&self, len: u64) -> bool {
        self.by_len.contains_key(&len)
    }

    /// Returns the entries of that length that begin and end so, newest first.
    pub fn entries(&self, len: u64, edges: Edges) -> Vec<usize> {
        let of_len = self.by_len.get(&len).into_iter().flatten();
        of_len.filter(|entry| self.ledger[**entry].edges == Some(edges)).copied().collect()
    }

    /// Tells whether an entry was opened from that sealed file, or sealed into it.
    pub fn has_file(&self, file: FileId) -> bool {
        self.files.contains(&file)
    }

    /// Tells whether a file of that length may be the sealed one of an entry: what its two header blocks leave is as long
    /// as the plaintext says. Blocks longer than the shortest are rare, and only looked for in what is `named` so.
    pub fn may_seal(&self, len: u64, is_named: impl Fn() -> bool) -> bool {
        let fits = |block: usize| {
            let body = len.checked_sub(2 * block as u64);
            body.and_then(opened_len).is_some_and(|plain| self.by_len.contains_key(&plain))
        };
        fits(BLOCK_STEP) || (2 * BLOCK_STEP..=BLOCK_LIMIT).step_by(BLOCK_STEP).any(fits) && is_named()
    }
}
