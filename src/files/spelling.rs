//! Names that a drive does not tell apart: for exFAT, FAT, NTFS and macOS `Report.csv` and `report.csv` are one name,
//! and for some drives two spellings of an accent are. A run that replaces files must not replace what it made itself
//! under such a twin.
//!
//! The file numbers of such drives prove nothing (they are made up anew, and differ for two spellings of one name).
//! What proves it is how a folder's list spells its names: of two twins it has one.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use unicode_normalization::UnicodeNormalization;

use super::error::{FileError, FilesError, Task};
use crate::disk::folder_of;

type Names = Arc<HashSet<OsString>>;

/// The names that were in the folders of a run before it put anything there, each folder listed once.
#[derive(Default)]
pub struct Listings(Mutex<HashMap<PathBuf, Names>>);

impl Listings {
    /// Tells whether what is at `path`, somewhere below `base`, was there before this run wrote there, under exactly
    /// this name.
    ///
    /// # Errors
    /// Where a folder cannot be listed.
    pub fn had(&self, base: &Path, path: &Path) -> Result<bool, FilesError> {
        for step in steps(base, path) {
            let folder = folder_of(step);
            let failed = |error| FilesError::file(Task::ListFolder, folder, FileError::System(error));
            let names = self.of(folder).map_err(failed)?;
            if !step.file_name().is_some_and(|name| names.contains(name)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn of(&self, folder: &Path) -> io::Result<Names> {
        let mut folders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = folders.get(folder) {
            return Ok(names.clone());
        }
        let names = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashSet::new(),
            entries => entries?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?,
        };
        Ok(folders.entry(folder.into()).or_insert(Arc::new(names)).clone())
    }
}

/// Returns each path from below `base` down to `path`.
pub fn steps<'a>(base: &Path, path: &'a Path) -> Vec<&'a Path> {
    let above = |step: &&Path| !step.as_os_str().is_empty() && *step != base;
    let mut steps: Vec<&Path> = path.ancestors().take_while(above).collect();
    steps.reverse();
    steps
}

/// Returns what is in the way of `path`, somewhere below `base`, under another spelling that the drive takes for the
/// same; `None` if it is there as it is spelled, or not at all.
pub fn twin_of(base: &Path, path: &Path) -> Option<PathBuf> {
    steps(base, path).into_iter().find_map(|step| {
        fs::symlink_metadata(step).ok()?;
        let (folder, own) = (folder_of(step), step.file_name()?);
        let names: Vec<OsString> =
            fs::read_dir(folder).ok()?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>().ok()?;
        if names.iter().any(|name| name == own) {
            return None;
        }
        let fold = |name: &std::ffi::OsStr| name.to_string_lossy().nfkd().collect::<String>().to_lowercase();
        let other = names.iter().find(|name| fold(name) == fold(own));
        // Whatever its other name is, it is not this one.
        Some(other.map_or_else(|| step.to_path_buf(), |name| folder.join(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_listed_under_its_name_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        fs::create_dir(base.join("Docs")).unwrap();
        fs::write(base.join("Docs/a"), "").unwrap();
        let listings = Listings::default();
        for (path, was_there) in [("Docs/a", true), ("Docs/A", false), ("docs/a", false), ("none/a", false)] {
            assert_eq!(listings.had(base, &base.join(path)).unwrap(), was_there, "{path}");
        }
        fs::write(base.join("Docs/later"), "").unwrap();
        assert!(!listings.had(base, &base.join("Docs/later")).unwrap());
        assert_eq!(twin_of(base, &base.join("Docs/later")), None);
    }

    #[test]
    fn steps_lead_from_the_base_to_the_path() {
        let of = |base: &str, path: &'static str| steps(Path::new(base), Path::new(path));
        assert_eq!(of("out", "out/a/b"), [Path::new("out/a"), Path::new("out/a/b")]);
        assert_eq!(of(".", "a/b"), [Path::new("a"), Path::new("a/b")]);
        assert_eq!(of("out", "out"), [] as [&Path; 0]);
    }
}
