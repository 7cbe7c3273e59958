//! A whole folder as one sealed tar stream, and back.
//!
//! Only folders and regular files go in and come out: what else a folder holds is reported by the caller, and an
//! archive that holds anything else, or a name that leads out of its folder, is refused as a whole.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::Observer;
use super::find::{Found, open_input};
use super::open::{checked, umask};
use super::seal::changed;
use crate::body::{Metadata, Opener, Sealer};
use crate::disk::publish::{rename_to_free, temporary_name};
use crate::disk::{create_private_folder, folder_of, sync_folder, unfinished};
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::vault::ProjectFileKey;

/// The media type that an archive is marked by.
pub const MEDIA: &str = "application/x-tar";

/// Packs what was found in one folder into `output`, sealed, and returns how many bytes of files it holds.
///
/// # Errors
/// Where a file cannot be read or changes meanwhile, or the output cannot be written: half an archive is none.
pub fn pack(
    key: &ProjectFileKey,
    folder: &Path,
    found: &Found,
    output: impl Write,
    observer: &dyn Observer,
) -> Result<u64, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let metadata = Metadata {
        name: name.map(|name| format!("{name}.tar")),
        modified: fs::metadata(folder).and_then(|metadata| metadata.modified()).ok().map(Into::into),
        media: Some(MEDIA.into()),
        ..Metadata::default()
    };
    let doing = || format!("encrypt {}", folder.display());
    let sealer = Sealer::new(&key.key, &metadata, output).map_err(|error| Failure::of(doing(), error))?;
    let mut builder = tar::Builder::new(sealer);
    // Each folder before what is in it, as the walk has found them.
    // The folder itself has no name in its own archive.
    for (_, relative) in found.folders.iter().filter(|(_, relative)| !relative.as_os_str().is_empty()) {
        builder.append_dir(relative, folder.join(relative)).map_err(|error| Failure::io(doing(), &error))?;
    }
    let mut bytes = 0;
    for item in &found.items {
        let (file, before) = open_input(&item.path)?;
        let mut header = tar::Header::new_gnu();
        header.set_metadata(&before);
        let mut counted = Counted { file: &file, left: before.len(), observer };
        builder.append_data(&mut header, &item.relative, &mut counted).map_err(|error| Failure::io(doing(), &error))?;
        let after = file.metadata().map_err(|error| Failure::io(doing(), &error))?;
        let is_same = after.len() == before.len() && after.modified().ok() == before.modified().ok();
        if counted.left > 0 || !is_same {
            return Err(changed(&item.path));
        }
        bytes += before.len();
        observer.file_done();
    }
    let sealer = builder.into_inner().map_err(|error| Failure::io(doing(), &error))?;
    sealer.finish().map_err(|error| Failure::io(doing(), &error))?;
    Ok(bytes)
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
pub struct Extracted {
    /// How many files.
    pub files: usize,
    /// Their length together, in bytes.
    pub bytes: u64,
}

/// Unpacks an opened archive into the new folder `target`, which appears when all of the archive has proven authentic.
///
/// # Errors
/// Where something stands at `target`, an entry is refused, or the archive is damaged: nothing is left then.
pub fn extract(
    opener: &Opener<File>,
    input: &Path,
    target: &Path,
    observer: &dyn Observer,
) -> Result<Extracted, Failure> {
    if fs::symlink_metadata(target).is_ok() {
        return Err(stands(target));
    }
    let failed = |error: io::Error| Failure::io(format!("write {}", target.display()), &error);
    let folder = Unfinished(temporary_name(target).map_err(failed)?);
    unfinished::make_unfinished(&folder.0, || create_private_folder(&folder.0)).map_err(failed)?;
    let mut reader = opener.reader();
    let extracted = unpack(&mut reader, input, &folder.0, observer)?;
    // What follows the archive's end is part of the file, and has to prove authentic too.
    io::copy(&mut reader, &mut io::sink()).map_err(|error| reading(input, error))?;
    rename_to_free(&folder.0, target).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => stands(target),
        _ => failed(error),
    })?;
    unfinished::keep(&folder.0);
    sync_folder(folder_of(target)).map_err(failed)?;
    Ok(extracted)
}

/// Removes an unfinished folder, unless it has got its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // A folder that cannot be removed keeps a name that tells what it is.
        let _ = fs::remove_dir_all(&self.0);
        unfinished::keep(&self.0);
    }
}

fn unpack(reader: &mut impl Read, input: &Path, root: &Path, observer: &dyn Observer) -> Result<Extracted, Failure> {
    let mut extracted = Extracted { files: 0, bytes: 0 };
    let mut folders = Vec::new();
    let mask = umask();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(|error| reading(input, error))? {
        let mut entry = entry.map_err(|error| reading(input, error))?;
        let path = entry.path().map_err(|error| reading(input, error))?.into_owned();
        let path = root.join(checked(input, path.components().as_path())?);
        let header = entry.header();
        let mode = header.mode().unwrap_or(0o600) & 0o777 & !mask;
        // A hostile archive may state a time that no clock can hold.
        let seconds = Duration::from_secs(header.mtime().unwrap_or_default());
        let modified = UNIX_EPOCH.checked_add(seconds).unwrap_or(UNIX_EPOCH);
        let failed = |error: io::Error| Failure::io(format!("write {}", path.display()), &error);
        match header.entry_type() {
            tar::EntryType::Directory => {
                create_private_folder(&path).map_err(failed)?;
                folders.push((path, mode, modified));
            }
            tar::EntryType::Regular => {
                create_private_folder(folder_of(&path)).map_err(failed)?;
                let mut file = crate::disk::create_private(&path).map_err(failed)?;
                extracted.bytes += copy(&mut entry, &mut file, input, &path, observer)?;
                extracted.files += 1;
                file.set_modified(modified).and_then(|()| set_mode(&file, mode)).map_err(failed)?;
                file.sync_all().map_err(failed)?;
            }
            _ => {
                return Err(Failure::new(Exit::Failed, "bad-archive", format!("cannot decrypt {}", input.display()))
                    .cause(format!("{} in it is neither a file nor a folder", path.display()))
                    .hint("leave out --extract, and look at the tar file with care"));
            }
        }
    }
    // From within outwards: a folder that may not be written to, or whose time is set, must not change any more.
    for (path, mode, modified) in folders.iter().rev() {
        let failed = |error: io::Error| Failure::io(format!("write {}", path.display()), &error);
        let folder = File::open(path).map_err(failed)?;
        folder.sync_all().map_err(failed)?;
        // Folders of other systems may not take a time.
        let _ = folder.set_modified(*modified);
        set_mode(&folder, *mode).map_err(failed)?;
    }
    sync_folder(root).map_err(|error| Failure::io(format!("write {}", root.display()), &error))?;
    Ok(extracted)
}

fn copy(
    entry: &mut impl Read,
    file: &mut File,
    input: &Path,
    path: &Path,
    observer: &dyn Observer,
) -> Result<u64, Failure> {
    let mut buffer = zeroize::Zeroizing::new(vec![0; 256 << 10]);
    let mut copied = 0;
    loop {
        let read = match entry.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(reading(input, error)),
        };
        file.write_all(&buffer[..read]).map_err(|error| Failure::io(format!("write {}", path.display()), &error))?;
        observer.advanced(read as u64);
        copied += read as u64;
    }
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// A chunk that failed comes out of the reader as the library's error, inside the system's and perhaps the archive's.
fn reading(input: &Path, error: io::Error) -> Failure {
    let failure = Failure::new(Exit::Damaged, "damaged", format!("cannot decrypt {}", input.display()));
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let inner = inner.map(|inner| inner as &(dyn std::error::Error + 'static));
        if let Some(own) = error.downcast_ref::<Error>().or_else(|| inner.and_then(|inner| inner.downcast_ref())) {
            return failure
                .cause(format!("{own}; nothing was written"))
                .hint("the file was changed, damaged or cut short after it was encrypted: restore it from a backup");
        }
        next = inner.or_else(|| error.source());
    }
    failure
        .cause("what is sealed in it is not a tar archive, or one that is cut short")
        .hint("leave out --extract to get the file that was encrypted")
}

fn stands(target: &Path) -> Failure {
    Failure::new(Exit::Failed, "output-exists", format!("cannot write {}", target.display()))
        .cause("something stands there already, and was left as it is")
        .hint("choose another name with -o")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Silent;

    fn archive(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, data) in entries {
            let mut header = tar::Header::new_gnu();
            // Past the builder's own checks: what a hostile archive would hold.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            if kind.is_symlink() {
                header.set_link_name("/etc").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, Result<Extracted, Failure>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        create_private_folder(&root).unwrap();
        let result = unpack(&mut &bytes[..], Path::new("x.tar.sealed"), &root, &Silent);
        (folder, result)
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for name in ["../evil", "/tmp/evil", "a/../../evil", "a/.."] {
            let (folder, result) = unpacked(&archive(&[(name, tar::EntryType::Regular, b"evil")]));
            assert_eq!(result.err().unwrap().kind, "bad-original-name", "{name}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{name}");
        }
    }

    #[test]
    fn links_and_devices_are_refused() {
        use tar::EntryType;
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
            let (folder, result) = unpacked(&archive(&[("x", kind, b"")]));
            assert_eq!(result.err().unwrap().kind, "bad-archive");
            assert_eq!(fs::read_dir(folder.path().join("root")).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_time_that_no_clock_holds_is_no_crash() {
        let mut bytes = archive(&[("a", tar::EntryType::Regular, b"1")]);
        // The field as a binary number (GNU tar), and the checksum that goes with it.
        bytes[136..148].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        bytes[148..156].fill(b' ');
        let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert_eq!(unpacked(&bytes).1.unwrap().files, 1);
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let twice = archive(&[("a", tar::EntryType::Regular, b"1"), ("a", tar::EntryType::Regular, b"2")]);
        assert!(unpacked(&twice).1.is_err());
    }

    #[test]
    fn an_archive_that_is_cut_short_is_refused() {
        let whole = archive(&[("a", tar::EntryType::Regular, &[7; 3000])]);
        assert_eq!(unpacked(&whole).1.unwrap().bytes, 3000);
        for length in [100, 511, 600, 2000] {
            assert_eq!(unpacked(&whole[..length]).1.err().unwrap().kind, "damaged", "{length}");
        }
    }
}
