//! What is at the paths of a ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::index::Index;
use super::{Copy, Entry, Likeness, Search, Seen, Suspect};
use crate::disk::{folder_of, plain, untrusted_owner};

/// Where systems mount drives that come and go.
const DRIVES: [&str; 4] = ["/media", "/run/media", "/mnt", "/Volumes"];

/// What is at the path of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// What was put there.
    Stands(Likeness),
    /// Something else, and nothing here can say whether it derives from what was put there.
    Changed(Change),
    /// Nothing, or what another entry has put there since.
    Gone,
    /// It could not be looked at, for this reason.
    NotReachable(String),
}

/// How what is at a path differs from what was put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Its length is the same, and its content is not.
    Content,
    /// It has this length.
    Length(u64),
    /// It is a symbolic link, which is not followed.
    Link,
    /// It is no file.
    NotAFile,
}

/// Returns the state of an entry whose path is not looked at; so is that of every entry at first.
pub fn not_looked_at(entry: &Entry) -> State {
    match &entry.computer {
        Some(computer) => State::NotReachable(format!("it is a path on the computer {computer}")),
        None => State::Gone,
    }
}

/// Returns which of some entries a file is a copy of, and how far that is known.
type Compare<'a> = &'a dyn Fn(&Path, &[usize]) -> Option<(usize, Likeness)>;

/// What was seen at a path.
pub struct Look<'a> {
    path: &'a Path,
    there: There,
}

enum There {
    Nothing,
    Unreachable(String),
    Other(Change),
    /// A file that none of the path's entries is as long as.
    File(Seen),
    /// A file whose length and ends those of entries are, perhaps of another path.
    Suspect(Suspect),
}

/// Looks at a path of the ledger.
pub fn look<'a>(path: &'a Path, search: &Search<'_>) -> Look<'a> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            match is_drive_missing(path, &DRIVES.map(Path::new)) {
                true => There::Unreachable("no drive is mounted there".into()),
                false => There::Nothing,
            }
        }
        Err(error) => There::Unreachable(plain(&error)),
        Ok(metadata) if metadata.is_symlink() => There::Other(Change::Link),
        Ok(metadata) if !metadata.is_file() => There::Other(Change::NotAFile),
        Ok(metadata) => match untrusted_owner(&metadata) {
            Some(owner) => There::Unreachable(format!("it belongs to {owner}")),
            None => file(path, &metadata, search),
        },
    };
    Look { path, there }
}

fn file(path: &Path, metadata: &fs::Metadata, search: &Search<'_>) -> There {
    let ledger = search.index.ledger();
    let seen = Seen::of(metadata);
    // Of what has no bytes, and of what has no ends on record, the length is all there is to compare.
    let by_length = |entry: &&usize| {
        let entry = &ledger[**entry];
        entry.size == seen.len && (entry.size == 0 || entry.edges.is_none())
    };
    let mut entries: Vec<usize> = search.index.at_path(path).iter().filter(by_length).copied().collect();
    if search.index.has_len(seen.len) {
        match search.suspect(path.into(), metadata) {
            Some(suspect) => entries.extend(suspect.entries),
            None if fs::File::open(path).is_err() => return There::Unreachable("it cannot be read".into()),
            None => {}
        }
    }
    if entries.is_empty() {
        return There::File(seen);
    }
    There::Suspect(Suspect { path: path.into(), seen, entries })
}

impl<'a> Look<'a> {
    /// Returns the path.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Tells whether a file is there that was looked at.
    pub fn is_file(&self) -> bool {
        matches!(self.there, There::File(_) | There::Suspect(_))
    }

    /// Returns how much is to be compared, in bytes.
    pub fn len(&self) -> u64 {
        if let There::Suspect(suspect) = &self.there { suspect.seen.len } else { 0 }
    }

    /// Settles what is at the path of each of its entries, and of which entries a copy is there.
    pub fn settle(&self, index: &Index<'_>, compare: Compare<'_>) -> (Vec<(usize, State)>, Option<Copy>) {
        let own = index.at_path(self.path);
        let all = |state: State| own.iter().map(|entry| (*entry, state.clone())).collect();
        let (suspect, seen) = match &self.there {
            There::Nothing => return (all(State::Gone), None),
            There::Unreachable(why) => return (all(State::NotReachable(why.clone())), None),
            There::Other(change) => return (all(State::Changed(*change)), None),
            There::File(seen) => (None, seen),
            There::Suspect(suspect) => (Some(suspect), &suspect.seen),
        };
        // What is where it was put is that before it is a copy of something else.
        let is_own = |entry: &&usize| own.contains(entry);
        let entries = suspect.map_or(&[][..], |suspect| &suspect.entries);
        let mine: Vec<usize> = entries.iter().filter(is_own).copied().collect();
        let others: Vec<usize> = entries.iter().filter(|entry| !is_own(entry)).copied().collect();
        let best = match compare_empty(index, &mine).or_else(|| compare(self.path, &mine)) {
            Some((entry, likeness)) => Some((entry, likeness, true)),
            None => compare(self.path, &others).map(|(entry, likeness)| (entry, likeness, false)),
        };
        let ledger = index.ledger();
        let states = own.iter().map(|&entry| {
            let state = match best {
                Some((there, likeness, true)) if is_same(&ledger[there], &ledger[entry]) => State::Stands(likeness),
                // A later entry's, or an earlier one's that was put back.
                Some((_, _, true)) => State::Gone,
                _ if ledger[entry].size == seen.len => State::Changed(Change::Content),
                _ => State::Changed(Change::Length(seen.len)),
            };
            (entry, state)
        });
        let copy = best.map(|(entry, likeness, is_at_path)| Copy {
            path: self.path.into(),
            entry,
            likeness,
            is_at_path,
            seen: seen.clone(),
        });
        (states.collect(), copy)
    }
}

/// What has no bytes is the same as everything else that has none.
fn compare_empty(index: &Index<'_>, entries: &[usize]) -> Option<(usize, Likeness)> {
    let empty = entries.iter().find(|entry| index.ledger()[**entry].size == 0)?;
    Some((*empty, Likeness::Identical))
}

/// Tells whether two entries are of the same content: a file that was opened twice.
fn is_same(one: &Entry, other: &Entry) -> bool {
    let is_one_file = one.file == other.file && one.size == other.size;
    is_one_file || (one.size == other.size && one.edges.is_some() && one.edges == other.edges)
}

/// Tells whether a path may be on a drive that is not mounted: `drives` are the folders where drives are mounted, and
/// there is nothing on the way to the path but the disk that they are on. A folder there that is not empty is no place
/// that waits for a drive.
pub fn is_drive_missing(path: &Path, drives: &[&Path]) -> bool {
    let Some(drives) = drives.iter().find(|drives| path.starts_with(drives)) else { return is_root_missing(path) };
    let nearest = path.ancestors().skip(1).find_map(|folder| fs::metadata(folder).ok().map(|found| (folder, found)));
    match nearest {
        Some((folder, found)) if folder.starts_with(drives) => {
            let is_in_use =
                || folder == folder_of(path) && fs::read_dir(folder).is_ok_and(|mut all| all.next().is_some());
            fs::metadata(drives).is_ok_and(|drives| is_on_one_disk(&found, &drives)) && !is_in_use()
        }
        _ => true,
    }
}

#[cfg(unix)]
fn is_on_one_disk(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.dev() == other.dev()
}

#[cfg(not(unix))]
fn is_on_one_disk(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Tells whether the drive of a path is missing whose letter it begins with, or its share.
fn is_root_missing(path: &Path) -> bool {
    let root: PathBuf = path.ancestors().last().unwrap_or(folder_of(path)).into();
    !root.as_os_str().is_empty() && !root.exists()
}
