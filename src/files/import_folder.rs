//! Sealing the members of an archive that another program has encrypted into a new folder, which appears when all of them
//! have proven right.

use std::collections::BTreeSet;
use std::fs::{File, Metadata as FileMetadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::Observer;
use super::archive::check_free;
use super::error::{FileError, FilesError, InputError, OutputError, Task};
use super::names::{checked, sealed_path};
use crate::body::{Metadata, Sealer};
use crate::disk::publish::NewFolder;
use crate::disk::{create_private, make_private_folders, sync_folder, with_suffix};
use crate::format::Timestamp;
use crate::keys::SealingKey;

const PIECE: usize = 256 << 10;

/// An archive that another program has encrypted.
pub struct ImportFolder<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// The archive, open.
    pub file: &'a File,
    /// What it was when it was opened.
    pub before: &'a FileMetadata,
    /// The folder that it becomes.
    pub target: &'a Path,
}

/// A member of an archive.
pub struct Member<'a> {
    /// Where it is in the archive.
    pub path: &'a Path,
    /// When it was modified, in seconds since 1970.
    pub modified: Option<i64>,
    /// It does not prove by itself that nobody has altered it.
    pub is_unauthenticated: bool,
}

/// A folder that is being filled.
pub struct Filling<'a> {
    import: ImportFolder<'a>,
    folder: NewFolder<'a>,
    folders: BTreeSet<PathBuf>,
}

impl<'a> ImportFolder<'a> {
    /// Begins the folder under a name that is not its own yet.
    ///
    /// # Errors
    /// If something has its name, or the system refuses.
    pub fn begin(self) -> Result<Filling<'a>, FilesError> {
        check_free(self.target)?;
        let failed = |error| FilesError::output(self.target, OutputError::System(error));
        let folder = NewFolder::begin(self.target).map_err(failed)?;
        Ok(Filling { import: self, folder, folders: BTreeSet::new() })
    }
}

impl Filling<'_> {
    /// Makes a folder that is in the archive, or that a member is in.
    ///
    /// # Errors
    /// If its name cannot be used here, or the system refuses.
    pub fn make_folder(&mut self, path: &Path) -> Result<(), FilesError> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Ok(());
        }
        let path = checked(self.import.path, path)?;
        let failed = |error| self.not_written(&path, error);
        make_private_folders(&self.folder.path().join(&path)).map_err(failed)?;
        let parents = path.ancestors().filter(|parent| !parent.as_os_str().is_empty());
        self.folders.extend(parents.map(Path::to_path_buf));
        Ok(())
    }

    /// Seals a member, and returns where it will be.
    ///
    /// # Errors
    /// Those of either side. An error of the reader is the source of [`InputError::Read`].
    pub fn seal(
        &mut self,
        key: SealingKey<'_>,
        member: &Member<'_>,
        plaintext: &mut dyn Read,
        observer: &dyn Observer,
    ) -> Result<PathBuf, FilesError> {
        let path = checked(self.import.path, member.path)?;
        self.make_folder(path.parent().unwrap_or(Path::new("")))?;
        let sealed = with_suffix(&path, ".sealed");
        let failed = |error: io::Error| self.not_written(&sealed, error);
        let file = create_private(&self.folder.path().join(&sealed)).map_err(failed)?;
        let mut sealer = Sealer::new(key, &metadata_of(member), &file).map_err(|error| {
            let what = self.import.path.display().to_string();
            let error = error.named(&what);
            FilesError::sealed(Task::Encrypt, what, error)
        })?;
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        loop {
            match plaintext.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    sealer.write_all(&piece[..read]).map_err(failed)?;
                    observer.advanced(read as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FilesError::input(self.import.path, InputError::Read(error))),
            }
        }
        sealer.finish().map_err(failed)?;
        file.sync_all().map_err(failed)?;
        Ok(self.import.target.join(sealed))
    }

    /// Gives the folder its name, if the archive is still what it was.
    ///
    /// # Errors
    /// If it is another, something has come to be at the folder's name, or the system refuses.
    pub fn publish(self) -> Result<(), FilesError> {
        let ImportFolder { path, file, before, target } = self.import;
        let failed = |error| FilesError::file(Task::Encrypt, path, FileError::System(error));
        let after = file.metadata().map_err(failed)?;
        if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
            return Err(FilesError::file(Task::Encrypt, path, FileError::Changed));
        }
        let failed = |error: io::Error| FilesError::output(target, OutputError::System(error));
        for folder in self.folders.iter().rev() {
            sync_folder(&self.folder.path().join(folder)).map_err(failed)?;
        }
        sync_folder(self.folder.path()).map_err(failed)?;
        self.folder.publish().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                check_free(target).err().unwrap_or_else(|| failed(error))
            }
            _ => failed(error),
        })
    }

    /// Names the place where the member would have been, and not the unfinished folder.
    fn not_written(&self, path: &Path, error: io::Error) -> FilesError {
        FilesError::output(&self.import.target.join(path), OutputError::System(error))
    }
}

fn metadata_of(member: &Member<'_>) -> Metadata {
    let (path, path_bytes) = sealed_path(member.path);
    Metadata {
        name: member.path.file_name().and_then(|name| name.to_str()).map(str::to_owned),
        modified: member.modified.map(Timestamp::from_unix),
        path,
        path_bytes,
        hidden: Some(false),
        sealed: Some(SystemTime::now().into()),
        unauthenticated_source: member.is_unauthenticated.then_some(true),
        ..Metadata::default()
    }
}
