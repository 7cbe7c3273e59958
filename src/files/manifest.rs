//! A list of the sealed files of one run, so that what is missing, added, swapped or older in a folder shows
//! (docs/format.md, section 4.7).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::ManifestError;
use super::names::sealed_path;
use crate::body::Metadata;
use crate::format::FileId;
use crate::format::scalar::Base64;

/// The media type that a manifest is marked by.
pub const MEDIA: &str = "application/vnd.strongroom.manifest+json";

const FORMAT: &str = "strongroom-manifest";
const VERSION: u32 = 1;

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    files: Vec<Entry>,
}

/// One sealed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<Base64>,
    file: FileId,
    length: u64,
}

/// What a file is by the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// The very file, at its path.
    Here,
    /// The very file, but at another path.
    Moved,
    /// Another file than the one that is listed at its path: an older or a newer one.
    Replaced,
    /// It is not listed.
    Added,
    /// The very file, for a second time.
    Again,
}

impl Manifest {
    /// Lists files by path, id and length of the plaintext in bytes.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a Path, FileId, u64)>) -> Self {
        let entry = |(path, file, length)| {
            let (path, path_bytes) = sealed_path(path);
            Entry { path, path_bytes, file, length }
        };
        Self { format: FORMAT.into(), version: VERSION, files: files.into_iter().map(entry).collect() }
    }

    /// Writes it out.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Text, numbers and lists: nothing in it can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        /// What every version begins with.
        #[derive(Deserialize)]
        struct Start {
            format: String,
            version: u32,
        }
        let start: Start = serde_json::from_slice(bytes).map_err(|_| ManifestError::Malformed)?;
        if start.format != FORMAT {
            return Err(ManifestError::Malformed);
        }
        if start.version != VERSION {
            return Err(ManifestError::Version(start.version));
        }
        serde_json::from_slice(bytes).map_err(|_| ManifestError::Malformed)
    }
}

/// A comparison of what is found with what is listed.
pub struct Comparison {
    by_file: HashMap<FileId, PathBuf>,
    paths: HashSet<PathBuf>,
    seen: HashSet<FileId>,
    taken: HashSet<PathBuf>,
}

impl Comparison {
    /// Begins with nothing found.
    pub fn with(manifest: &Manifest) -> Self {
        let path_of = |entry: &Entry| {
            let metadata =
                Metadata { path: entry.path.clone(), path_bytes: entry.path_bytes.clone(), ..Metadata::default() };
            super::names::path_in(&metadata).unwrap_or_default()
        };
        let by_file: HashMap<FileId, PathBuf> =
            manifest.files.iter().map(|entry| (entry.file, path_of(entry))).collect();
        let paths = by_file.values().cloned().collect();
        Self { by_file, paths, seen: HashSet::new(), taken: HashSet::new() }
    }

    /// Looks a file up that was found and proven: by its id, and by the path that is sealed in it. `is_there` says
    /// whether it was found at that path.
    pub fn look_up(&mut self, file: FileId, path: &Path, is_there: bool) -> Listed {
        match self.by_file.get(&file) {
            Some(_) if !self.seen.insert(file) => Listed::Again,
            Some(_) if is_there => Listed::Here,
            Some(_) => Listed::Moved,
            None if self.paths.contains(path) => {
                self.taken.insert(path.into());
                Listed::Replaced
            }
            None => Listed::Added,
        }
    }

    /// Takes down that there is a file at a path, though it could not be proven.
    pub fn found_at(&mut self, path: &Path) {
        self.taken.insert(path.into());
    }

    /// Returns the paths that are listed, and at which nothing was found, in order.
    pub fn missing(&self) -> Vec<&Path> {
        let is_missing = |(file, path): &(&FileId, &PathBuf)| !self.seen.contains(file) && !self.taken.contains(*path);
        let mut missing: Vec<&Path> = self.by_file.iter().filter(is_missing).map(|(_, path)| path.as_path()).collect();
        missing.sort();
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<FileId> {
        (0..count).map(|_| FileId::generate().unwrap()).collect()
    }

    #[test]
    fn what_is_missing_added_moved_replaced_and_copied_shows() {
        let id = ids(6);
        let listed: Vec<(PathBuf, FileId, u64)> =
            ["a", "b", "c/d", "gone"].iter().zip(&id).map(|(path, id)| (path.into(), *id, 3)).collect();
        let manifest = Manifest::of(listed.iter().map(|(path, id, length)| (path.as_path(), *id, *length)));
        let manifest = Manifest::parse(&manifest.to_bytes()).unwrap();
        let mut comparison = Comparison::with(&manifest);
        let mut look_up = |id: FileId, path: &str, is_there| comparison.look_up(id, Path::new(path), is_there);
        assert_eq!(look_up(id[0], "a", true), Listed::Here);
        assert_eq!(look_up(id[1], "b", false), Listed::Moved);
        assert_eq!(look_up(id[4], "c/d", true), Listed::Replaced);
        assert_eq!(look_up(id[5], "new", true), Listed::Added);
        assert_eq!(look_up(id[0], "a", false), Listed::Again);
        assert_eq!(comparison.missing(), [Path::new("gone")]);
    }

    #[test]
    #[cfg(unix)]
    fn a_name_that_is_no_text_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let name = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        let id = ids(1)[0];
        let manifest = Manifest::parse(&Manifest::of([(name, id, 0)]).to_bytes()).unwrap();
        assert_eq!(Comparison::with(&manifest).missing(), [name]);
    }

    #[test]
    fn another_version_is_refused_and_members_it_does_not_know_are_not() {
        let bytes =
            |version| format!(r#"{{"format":"strongroom-manifest","version":{version},"later":[],"files":[]}}"#);
        assert_eq!(Manifest::parse(bytes(1).as_bytes()).unwrap(), Manifest::of([]));
        assert!(matches!(Manifest::parse(bytes(2).as_bytes()), Err(ManifestError::Version(2))));
        for bad in ["", "[]", "{}", r#"{"format":"other","version":1,"files":[]}"#] {
            assert!(matches!(Manifest::parse(bad.as_bytes()), Err(ManifestError::Malformed)), "{bad}");
        }
    }
}
