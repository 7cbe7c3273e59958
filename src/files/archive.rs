//! A whole folder as one sealed tar stream, and back.
//!
//! Only folders and regular files go in and come out: what else a folder holds is reported by the caller, and an
//! archive that holds anything else, or a name that leads out of its folder, is refused as a whole.

pub mod entries;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use entries::{Entries, Entry, Kind, Refusal, TarError, check_count, check_path};

use super::Observer;
use super::edges::Edges;
use super::error::{ArchiveError, FileError, FilesError, InputError, OutputError, Task};
use super::find::{Found, open_found};
use super::holes::{Sparse, WithHoles};
use super::names::checked;
use super::publish::{Attributes, Permissions, Refused, set_attributes};
use super::spelling::{steps, twin_of};
use crate::body::{BodyError, Metadata, Opener, Sealer};
use crate::disk::publish::NewFolder;
use crate::disk::{make_private_folder, sync_folder};
use crate::format::Timestamp;
use crate::keys::SealingKey;

/// The media type that marks what [`pack`] made, and nothing else is marked by.
const MEDIA: &str = "application/x-tar";
/// How many bytes the paths of an archive's folders may have together: they are in memory until all files are there.
const FOLDERS_LIMIT: usize = 256 << 20;

/// Packs what was found in one folder into `output`, sealed, and returns how many bytes of files it holds.
///
/// # Errors
/// Where a file cannot be read or changes meanwhile, or the output cannot be written: half an archive is none.
pub fn pack(
    key: SealingKey<'_>,
    folder: &Path,
    found: &Found,
    output: impl Write,
    observer: &dyn Observer,
) -> Result<u64, FilesError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let metadata = Metadata {
        name: name.map(|name| format!("{name}.tar")),
        modified: fs::metadata(folder).and_then(|metadata| metadata.modified()).ok().map(Into::into),
        media: Some(MEDIA.into()),
        ..Metadata::default()
    };
    let failed = |error: io::Error| FilesError::file(Task::Encrypt, folder, FileError::System(error));
    // What could not be unpacked again is not packed.
    let not_packed = |why: TarError| archive_error(Task::Encrypt, folder, why.into());
    check_count(found.folders.len() + found.items.len()).map_err(not_packed)?;
    let paths = found.folders.iter().map(|(_, path)| path).chain(found.items.iter().map(|item| &item.relative));
    for path in paths {
        check_path(path).map_err(not_packed)?;
    }
    let sealer = Sealer::new(key, &metadata, output).map_err(|error| {
        let what = folder.display().to_string();
        let error = error.named(&what);
        FilesError::sealed(Task::Encrypt, what, error)
    })?;
    let mut builder = tar::Builder::new(sealer);
    // Each folder before what is in it, as the walk has found them.
    // The folder itself has no name in its own archive.
    for (_, relative) in found.folders.iter().filter(|(_, relative)| !relative.as_os_str().is_empty()) {
        let found = fs::metadata(folder.join(relative)).map_err(failed)?;
        let entry = builder.append_data(&mut header_of(&found), relative, io::empty());
        entry.map_err(failed)?;
    }
    let mut bytes = 0;
    for item in &found.items {
        let (file, before) = open_found(&item.path, item.is_link)?;
        let mut counted = Counted { file: &file, left: before.len(), observer };
        builder.append_data(&mut header_of(&before), &item.relative, &mut counted).map_err(failed)?;
        let after = file.metadata().map_err(failed)?;
        let is_same = after.len() == before.len() && after.modified().ok() == before.modified().ok();
        if counted.left > 0 || !is_same {
            return Err(FilesError::file(Task::Encrypt, &item.path, FileError::Changed));
        }
        bytes += before.len();
        observer.file_done();
    }
    let sealer = builder.into_inner().map_err(failed)?;
    sealer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Returns a header that says what the system says of a file or folder.
fn header_of(found: &fs::Metadata) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(found);
    // The crate writes a time before 1970 as the number that wraps round to it, which GNU tar takes for far in the
    // future. GNU's own way is a number of 12 bytes in two's complement (GNU tar manual, "Extensions").
    if header.mtime().is_ok_and(|seconds| seconds > i64::MAX as u64) {
        header.as_old_mut().mtime[..4].fill(0xff);
    }
    header
}

/// Reads as much of a file as its header says, and tells of it.
struct Counted<'a> {
    file: &'a File,
    left: u64,
    observer: &'a dyn Observer,
}

impl Read for Counted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.take(self.left).read(bytes)?;
        self.left -= read as u64;
        self.observer.advanced(read as u64);
        Ok(read)
    }
}

/// What came out of an archive.
#[derive(Default)]
pub struct Extracted {
    /// How many files.
    pub files: usize,
    /// Their length together, in bytes.
    pub bytes: u64,
    /// Each file, its length, and how it begins and ends.
    pub copies: Vec<(PathBuf, u64, Edges)>,
}

/// Returns the folder that an archive is unpacked into: the name of its file once it is decrypted, without `.tar`.
pub fn folder_for(opened: &Path) -> PathBuf {
    if opened.extension() == Some(OsStr::new("tar")) { opened.with_extension("") } else { opened.into() }
}

/// Refuses to unpack where something is in the way.
///
/// # Errors
/// [`OutputError::Taken`].
pub fn check_free(target: &Path) -> Result<(), FilesError> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(());
    }
    Err(FilesError::output(target, OutputError::Taken))
}

/// How an archive is unpacked.
pub struct How<'a> {
    /// An archive that [`pack`] did not make is unpacked too.
    pub any_tar: bool,
    /// Who may read what comes out.
    pub permissions: Permissions,
    /// Whether zeros become holes.
    pub sparse: Sparse,
    /// Takes what could not be set of what comes out.
    pub refused: &'a Refused,
}

/// Unpacks an opened archive into the new folder `target`, which appears when all of the archive has proven authentic.
///
/// # Errors
/// If something exists at `target`, an entry is refused, or the archive is damaged: nothing is left then.
pub fn extract(
    opener: &Opener<File>,
    input: &Path,
    target: &Path,
    how: &How<'_>,
    observer: &dyn Observer,
) -> Result<Extracted, FilesError> {
    if !how.any_tar && opener.header().metadata.media.as_deref() != Some(MEDIA) {
        return Err(archive_error(Task::Extract, input, ArchiveError::NotOurs));
    }
    check_free(target)?;
    let failed = |error: io::Error| FilesError::output(target, OutputError::System(error));
    let folder = NewFolder::begin(target).map_err(failed)?;
    let mut reader = opener.reader();
    let extracted = Unpacking { input, target, root: folder.path(), how, observer }.unpack(&mut reader)?;
    // What follows the archive's end is part of the file, and has to prove authentic too.
    io::copy(&mut reader, &mut io::sink()).map_err(|error| reading(input, error))?;
    folder.publish().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
            check_free(target).err().unwrap_or_else(|| failed(error))
        }
        _ => failed(error),
    })?;
    Ok(extracted)
}

/// The folders that an archive has made so far.
#[derive(Default)]
struct Made {
    paths: HashSet<PathBuf>,
    /// The length of their paths together, in bytes.
    len: usize,
}

/// An archive that is being unpacked.
struct Unpacking<'a> {
    /// The encrypted file.
    input: &'a Path,
    /// The folder's name once it is whole, for messages.
    target: &'a Path,
    /// The folder's name until then.
    root: &'a Path,
    how: &'a How<'a>,
    observer: &'a dyn Observer,
}

impl Unpacking<'_> {
    fn unpack(&self, reader: &mut impl Read) -> Result<Extracted, FilesError> {
        let mut extracted = Extracted::default();
        let (mut folders, mut made) = (Vec::new(), Made::default());
        let mut entries = Entries::new(reader);
        while let Some(entry) = entries.next().map_err(|refusal| self.refused(refusal))? {
            let Some(path) = self.path_of(&entry)? else { continue };
            let modified = Some(Timestamp::from_unix(entry.modified).into());
            let failed = |error: io::Error| self.not_written(&path, error);
            let whole = self.root.join(&path);
            match entry.kind {
                Kind::Folder => {
                    self.make_folder(&mut made, &path)?;
                    // A folder that nobody may enter could not be filled.
                    let mode = self.how.permissions.of(entry.mode | 0o100);
                    folders.push((path, Attributes { mode: Some(mode), modified }));
                }
                Kind::File => {
                    if let Some(folder) = path.parent() {
                        self.make_folder(&mut made, folder)?;
                    }
                    let file = crate::disk::create_private(&whole).map_err(|error| self.in_the_way(&path, error))?;
                    let bytes = self.copy(&mut entries, &file, &path)?;
                    extracted.bytes += bytes;
                    extracted.files += 1;
                    let mode = Some(self.how.permissions.of(entry.mode));
                    let target = self.target.join(&path);
                    set_attributes(&file, &target, &Attributes { mode, modified }, self.how.refused);
                    self.how.refused.note_if_open(&file, mode, &target);
                    extracted.copies.push((target, bytes, Edges::of(&file).map_err(failed)?));
                    file.sync_all().map_err(failed)?;
                }
                Kind::Other => {
                    return Err(self.refused_as(ArchiveError::NotAFile(path)));
                }
            }
        }
        // From within outwards: a folder that may not be written to, or whose time is set, must not change any more.
        for (path, attributes) in folders.iter().rev() {
            let failed = |error: io::Error| self.not_written(path, error);
            let folder = File::open(self.root.join(path)).map_err(failed)?;
            folder.sync_all().map_err(failed)?;
            set_attributes(&folder, &self.target.join(path), attributes, self.how.refused);
        }
        sync_folder(self.root).map_err(|error| self.not_written(Path::new(""), error))?;
        Ok(extracted)
    }

    /// Makes a folder and its missing parents. What is there already, and was not made under exactly this name, is a
    /// folder whose name the drive does not tell from this one.
    fn make_folder(&self, made: &mut Made, folder: &Path) -> Result<(), FilesError> {
        for step in steps(Path::new(""), folder) {
            if made.paths.contains(step) {
                continue;
            }
            make_private_folder(&self.root.join(step)).map_err(|error| self.in_the_way(step, error))?;
            made.len += step.as_os_str().len();
            if made.len > FOLDERS_LIMIT {
                return Err(self.refused_as(ArchiveError::TooManyFolders));
            }
            made.paths.insert(step.into());
        }
        Ok(())
    }

    /// Says what is in the way of an entry, if that is its twin on this drive.
    fn in_the_way(&self, path: &Path, error: io::Error) -> FilesError {
        let twin = || twin_of(self.root, &self.root.join(path));
        match (error.kind() == io::ErrorKind::AlreadyExists).then(twin).flatten() {
            Some(twin) => {
                let twin = twin.strip_prefix(self.root).unwrap_or(&twin).to_path_buf();
                self.refused_as(ArchiveError::Clash { twin, path: path.into() })
            }
            None => self.not_written(path, error),
        }
    }

    /// Returns where an entry goes below the root; nothing for the root itself, which some programs name `./`.
    fn path_of(&self, entry: &Entry) -> Result<Option<PathBuf>, FilesError> {
        let mut parts = entry.path.components();
        while parts.as_path().components().next() == Some(Component::CurDir) {
            parts.next();
        }
        if entry.kind == Kind::Folder && parts.as_path().as_os_str().is_empty() && !entry.path.as_os_str().is_empty() {
            return Ok(None);
        }
        match checked(self.input, parts.as_path()) {
            Ok(path) => Ok(Some(path)),
            Err(_) => Err(self.refused_as(ArchiveError::UnusableName(entry.path.clone()))),
        }
    }

    fn copy(&self, entries: &mut Entries<impl Read>, file: &File, path: &Path) -> Result<u64, FilesError> {
        let mut buffer = zeroize::Zeroizing::new(vec![0; 256 << 10]);
        let mut copied = 0;
        let holes = WithHoles::in_file(file, self.how.sparse);
        loop {
            let read = match entries.read(&mut buffer) {
                Ok(0) => {
                    holes.finish(copied).map_err(|error| self.not_written(path, error))?;
                    return Ok(copied);
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.refused(error.into())),
            };
            holes.write_all_at(&buffer[..read], copied).map_err(|error| self.not_written(path, error))?;
            self.observer.advanced(read as u64);
            copied += read as u64;
        }
    }

    fn refused(&self, refusal: Refusal) -> FilesError {
        match refusal {
            Refusal::Source(error) => reading(self.input, error),
            Refusal::NotTar => self.refused_as(ArchiveError::NotTar),
            Refusal::Refused(why) => self.refused_as(why.into()),
        }
    }

    fn refused_as(&self, why: ArchiveError) -> FilesError {
        archive_error(Task::Extract, self.input, why)
    }

    /// Names the place where the entry would have been, and not the unfinished folder.
    fn not_written(&self, path: &Path, error: io::Error) -> FilesError {
        FilesError::Output { path: self.target.join(path), why: OutputError::System(error) }
    }
}

/// A chunk that failed comes out of the reader as an error of the body, inside the system's.
fn reading(input: &Path, error: io::Error) -> FilesError {
    match error.downcast::<BodyError>() {
        Ok(own) => {
            let source = Box::new(own.named(&input.display().to_string()));
            archive_error(Task::Extract, input, ArchiveError::Damaged(source))
        }
        Err(error) => FilesError::input(input, InputError::Read(error)),
    }
}

fn archive_error(task: Task, path: &Path, why: ArchiveError) -> FilesError {
    FilesError::Archive { task, path: path.into(), why }
}

#[cfg(test)]
mod tests;
