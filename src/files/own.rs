//! The program's own files: the vault, its keychain file, the settings, and where this run's secrets come from and go.
//!
//! They are never an input that is encrypted or deleted, and never an output that is replaced: the vault would be
//! sealed under a key that only the vault holds.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::{FileError, FilesError, RequestError, Task};
use crate::body::ReadAt;
use crate::disk::folder_of;
use crate::format::VaultId;
use crate::format::kit;
use crate::format::vault::{Document, SIZE_LIMIT};

/// The program's own files, by name and by identity.
#[derive(Debug, Default)]
pub struct OwnFiles {
    /// What they are, by whole path. A file need not exist: the next write may make it.
    paths: HashMap<PathBuf, &'static str>,
    /// The last components of `paths`: a name that is not among them costs no look at the disk.
    names: HashSet<OsString>,
    /// Folders in which every file is one of them, or those that begin with a name.
    folders: Vec<(PathBuf, Option<OsString>, &'static str)>,
    /// The last folder that was resolved.
    last_folder: Mutex<Option<(PathBuf, PathBuf)>>,
    /// The vault that this run works with.
    vault: Option<VaultId>,
    /// What they are, by device and inode: a file has its identity under any name.
    #[cfg(unix)]
    identities: HashMap<(u64, u64), &'static str>,
}

impl OwnFiles {
    /// Adds a file.
    pub fn add(&mut self, path: &Path, what: &'static str) {
        // Both where a link stands and where it leads.
        for path in [Some(whole(path)), fs::canonicalize(path).ok()].into_iter().flatten() {
            self.names.insert(path.file_name().unwrap_or_default().into());
            self.paths.insert(path, what);
        }
        self.add_identity(path, what);
    }

    /// Adds every file in a folder whose name begins with `prefix`, or every file in it and below it.
    pub fn add_folder(&mut self, folder: &Path, prefix: Option<&OsStr>, what: &'static str) {
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| whole(folder));
        let depth = if prefix.is_some() { 1 } else { usize::MAX };
        let entries = walkdir::WalkDir::new(&folder).min_depth(1).max_depth(depth).into_iter().flatten();
        for entry in entries.filter(|entry| begins_with(entry.file_name(), prefix)) {
            self.add_identity(entry.path(), what);
        }
        self.folders.push((folder, prefix.map(OsStr::to_owned), what));
    }

    /// Names the vault that this run works with.
    pub fn set_vault(&mut self, vault: VaultId) {
        self.vault = Some(vault);
    }

    /// Tells whether a file is a copy of the vault that this run works with.
    pub fn is_copy_of_vault(&self, file: &File) -> bool {
        self.vault.is_some() && vault_in(file) == self.vault
    }

    /// Tells whether a file is a recovery kit: its code alone, or the page as text or HTML.
    pub fn is_kit(file: &File) -> bool {
        let mut start = zeroize::Zeroizing::new([0; 1024]);
        let Ok(read) = file.read_at(&mut start[..], 0) else { return false };
        let Ok(text) = std::str::from_utf8(&start[..read]) else { return false };
        text.starts_with("STRONGROOM RECOVERY KIT")
            || text.contains("<title>Strongroom recovery kit")
            || kit::read(text.trim()).is_ok()
    }

    /// Tells whether a file is one of another vault.
    pub fn is_other_vault(&self, file: &File) -> bool {
        vault_in(file).is_some_and(|vault| Some(vault) != self.vault)
    }

    fn add_identity(&mut self, path: &Path, what: &'static str) {
        #[cfg(unix)]
        if let Ok(metadata) = fs::metadata(path)
            && metadata.is_file()
        {
            self.identities.insert(identity(&metadata), what);
        }
        #[cfg(not(unix))]
        let _ = (path, what);
    }

    /// Returns what a file that exists is, if it is one of them.
    pub fn what(&self, path: &Path, metadata: Option<&Metadata>) -> Option<&'static str> {
        #[cfg(unix)]
        if let Some(what) = metadata.and_then(|metadata| self.identities.get(&identity(metadata))) {
            return Some(what);
        }
        #[cfg(not(unix))]
        let _ = metadata;
        let is_named = path.file_name().is_some_and(|name| self.names.contains(name));
        is_named.then(|| self.paths.get(&whole(path))).flatten().copied()
    }

    /// Returns what would be replaced, or would lose its name, if an output were written there.
    pub fn what_output(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name()?;
        if let Some(what) = self.what(path, fs::metadata(path).ok().as_ref()) {
            return Some(what);
        }
        let folder = self.whole_folder(folder_of(path));
        let takes = |(own, prefix, _): &&(PathBuf, Option<OsString>, _)| match prefix {
            Some(prefix) => begins_with(name, Some(prefix)) && folder == *own,
            None => folder.starts_with(own),
        };
        self.folders.iter().find(takes).map(|(_, _, what)| *what)
    }

    /// Resolves a folder. Outputs come folder by folder, so that the last answer is mostly the next.
    fn whole_folder(&self, folder: &Path) -> PathBuf {
        let mut last = self.last_folder.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((asked, whole)) if asked == folder => whole.clone(),
            _ => {
                let whole = resolved(folder);
                *last = Some((folder.into(), whole.clone()));
                whole
            }
        }
    }

    /// Refuses a file that the user named as an input.
    ///
    /// # Errors
    /// [`RequestError::OwnInput`].
    pub fn refuse_input(&self, path: &Path) -> Result<(), FilesError> {
        match self.what(path, fs::metadata(path).ok().as_ref()) {
            None => Ok(()),
            Some(what) => Err(RequestError::OwnInput { path: path.into(), what }.into()),
        }
    }

    /// Refuses the output of one file of a folder, as [`OwnFiles::refuse_output`] does: the others are done.
    ///
    /// # Errors
    /// [`FileError::OwnOutput`].
    pub fn refuse_output_of(&self, task: Task, input: &Path, output: &Path) -> Result<(), FilesError> {
        match self.what_output(output) {
            None => Ok(()),
            Some(what) => Err(FilesError::file(task, input, FileError::OwnOutput { output: output.into(), what })),
        }
    }

    /// Refuses an output that would replace one of them, or take its name.
    ///
    /// # Errors
    /// [`RequestError::OwnOutput`].
    pub fn refuse_output(&self, path: &Path) -> Result<(), FilesError> {
        match self.what_output(path) {
            None => Ok(()),
            Some(what) => Err(RequestError::OwnOutput { path: path.into(), what }.into()),
        }
    }
}

/// Resolves a folder, which need not exist: then what it will be in.
fn resolved(folder: &Path) -> PathBuf {
    for there in folder.ancestors() {
        let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        if let Ok(whole) = fs::canonicalize(there) {
            return whole.join(folder.strip_prefix(there).unwrap_or(folder));
        }
    }
    folder.into()
}

/// Returns which vault a file is a document of, if it is one.
pub fn vault_in(file: &File) -> Option<VaultId> {
    const START: &[u8] = br#"{"format":"strongroom-vault""#;
    let mut start = [0; START.len()];
    if file.read_at(&mut start, 0).ok()? < START.len() || start != START {
        return None;
    }
    let length = file.size().ok().filter(|length| *length <= SIZE_LIMIT)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
    let mut reader = file;
    reader.rewind().ok()?;
    reader.take(SIZE_LIMIT).read_to_end(&mut bytes).ok()?;
    Document::parse(&bytes).ok().map(|document| document.header.vault)
}

fn begins_with(name: &OsStr, prefix: Option<&OsStr>) -> bool {
    prefix.is_none_or(|prefix| name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes()))
}

/// Returns a path whose folder is resolved, and whose last component is as it is.
fn whole(path: &Path) -> PathBuf {
    let folder = resolved(folder_of(path));
    path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name))
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_are_known_by_path_by_link_and_by_hard_link_and_before_they_exist() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("vault")).unwrap();
        fs::create_dir_all(root.join("state/deep")).unwrap();
        fs::write(root.join("vault/vault.json"), "v").unwrap();
        fs::write(root.join("vault/notes.txt"), "n").unwrap();
        fs::write(root.join("pw"), "p").unwrap();
        fs::hard_link(root.join("pw"), root.join("twin")).unwrap();
        fs::write(root.join("state/deep/item"), "i").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("vault"), root.join("link")).unwrap();
        let mut own = OwnFiles::default();
        own.add(&root.join("pw"), "the password file");
        own.add(&root.join("kit.txt"), "the kit");
        own.add_folder(&root.join("vault"), Some(OsStr::new("vault.json")), "the vault");
        own.add_folder(&root.join("state"), None, "a keychain file");
        let what = |name: &str| own.what(&root.join(name), fs::metadata(root.join(name)).ok().as_ref());
        let taken = |name: &str| own.what_output(&root.join(name));
        for (name, is) in
            [("pw", "the password file"), ("vault/vault.json", "the vault"), ("state/deep/item", "a keychain file")]
        {
            assert_eq!((what(name), taken(name)), (Some(is), Some(is)), "{name}");
        }
        assert_eq!(taken("kit.txt"), Some("the kit"));
        assert_eq!(taken("vault/vault.json.lock"), Some("the vault"));
        assert_eq!(taken("state/new"), Some("a keychain file"));
        for data in ["vault/notes.txt", "other/vault.json", "kit.txt.sealed"] {
            assert_eq!((what(data), taken(data)), (None, None), "{data}");
        }
        #[cfg(unix)]
        {
            assert_eq!(what("twin"), Some("the password file"));
            assert_eq!(what("link/vault.json"), Some("the vault"));
            assert_eq!(taken("link/vault.json.prev"), Some("the vault"));
        }
        assert!(own.refuse_input(&root.join("pw")).is_err());
        assert!(own.refuse_output(&root.join("kit.txt")).is_err());
        assert!(own.refuse_output(&root.join("vault/notes.txt")).is_ok());
    }
}
