//! A file that appears under its name only when it is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{self, folder_of, plain, unfinished};
use crate::failure::{Exit, Failure};

/// What is written before it has its name: without any name where the system can do that, else under one that tells
/// what it is.
pub struct OutputFile {
    file: File,
    target: PathBuf,
    /// The name it has meanwhile, if any.
    temporary: Option<PathBuf>,
    force: bool,
}

impl OutputFile {
    /// Begins a file that will stand at `target`, private to its owner.
    ///
    /// # Errors
    /// Where something stands there and `force` is not given, or the folder cannot be written to.
    pub fn create(target: &Path, force: bool) -> Result<Self, Failure> {
        check_free(target, force)?;
        let failed = |error: io::Error| match error.kind() {
            // The output's folder: its absence is no missing input.
            io::ErrorKind::NotFound => {
                Failure::new(Exit::Failed, "output-folder", format!("cannot write {}", target.display()))
                    .cause(plain(&error))
                    .hint("make the folder first, or name another with -o")
            }
            io::ErrorKind::InvalidFilename => Failure::io(format!("write {}", target.display()), &error)
                .hint("name the output with -o, or use --hide-names"),
            _ => Failure::io(format!("write {}", target.display()), &error),
        };
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed(folder_of(target)).map_err(failed)? {
            return Ok(Self { file, target: target.into(), temporary: None, force });
        }
        let temporary = temporary_name(target).map_err(failed)?;
        let file = unfinished::make_unfinished(&temporary, || disk::create_private(&temporary)).map_err(failed)?;
        Ok(Self { file, target: target.into(), temporary: Some(temporary), force })
    }

    /// Returns the file to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file the time and permission bits it is to have.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn set_attributes(&self, attributes: &Attributes) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::io(format!("write {}", self.target.display()), &error);
        if let Some(modified) = attributes.modified {
            self.file.set_modified(modified).map_err(failed)?;
        }
        #[cfg(unix)]
        if let Some(mode) = attributes.mode {
            use std::os::unix::fs::PermissionsExt;
            self.file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
        Ok(())
    }

    /// Syncs the file, gives it its name in one step that replaces nothing unasked, and sees to it that both last.
    ///
    /// # Errors
    /// Where it cannot be synced, or something has come to stand at its name meanwhile. Nothing new is left then.
    pub fn publish(self) -> Result<(), Failure> {
        let (target, force) = (self.target.clone(), self.force);
        self.name()?;
        sync_folder_of(&target).inspect_err(|_| {
            if !force {
                // Best effort: this process gave it its name a moment ago.
                let _ = fs::remove_file(&target);
            }
        })
    }

    /// Syncs the file and gives it its name, which lasts once [`sync_folder_of`] has been called: of many files in a
    /// folder, once for all.
    ///
    /// # Errors
    /// As [`OutputFile::publish`].
    pub fn name(mut self) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return exists(&self.target);
            }
            if error.kind() == io::ErrorKind::InvalidFilename {
                return Failure::io(format!("write {}", self.target.display()), &error)
                    .hint("name the output with -o, or use --hide-names");
            }
            Failure::io(format!("write {}", self.target.display()), &error)
        };
        self.file.sync_all().map_err(failed)?;
        if self.force || self.temporary.is_some() {
            let temporary = match self.temporary.take() {
                Some(temporary) => temporary,
                None => self.name_temporarily().map_err(failed)?,
            };
            let named = if self.force {
                fs::rename(&temporary, &self.target)
            } else {
                rename_to_free(&temporary, &self.target)
            };
            // Where that failed, dropping removes the temporary file.
            self.temporary = Some(temporary);
            named.map_err(failed)?;
            if let Some(temporary) = self.temporary.take() {
                unfinished::keep(&temporary);
            }
        } else {
            self.link_to(&self.target).map_err(failed)?;
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn link_to(&self, path: &Path) -> io::Result<()> {
        use rustix::fs::{AtFlags, CWD, linkat};
        linkat(CWD, descriptor_path(&self.file), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn link_to(&self, _: &Path) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn name_temporarily(&self) -> io::Result<PathBuf> {
        let temporary = temporary_name(&self.target)?;
        unfinished::make_unfinished(&temporary, || self.link_to(&temporary))?;
        Ok(temporary)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // A file that cannot be removed keeps a name that tells what it is.
            let _ = fs::remove_file(&temporary);
            unfinished::keep(&temporary);
        }
    }
}

/// The time and permission bits of a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes {
    /// When it was last modified.
    pub modified: Option<std::time::SystemTime>,
    /// Its Unix permission bits.
    #[cfg_attr(not(unix), allow(dead_code, reason = "other systems have none"))]
    pub mode: Option<u32>,
}

/// Makes the names of the files in a file's folder last through a power cut.
///
/// # Errors
/// Where the folder cannot be synced.
pub fn sync_folder_of(target: &Path) -> Result<(), Failure> {
    disk::sync_folder(folder_of(target)).map_err(|error| Failure::io(format!("write {}", target.display()), &error))
}

/// Tells whether a name is one that an output has before it is whole.
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let digits = name.strip_prefix(".strongroom-").and_then(|rest| rest.strip_suffix(".tmp"));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Refuses an output that is one of the inputs: replacing it would lose what is yet to be read.
///
/// # Errors
/// A usage failure.
pub fn check_apart<'a>(inputs: &[PathBuf], outputs: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    let inputs: std::collections::HashSet<PathBuf> =
        inputs.iter().filter_map(|input| fs::canonicalize(input).ok()).collect();
    for output in outputs {
        if fs::canonicalize(output).is_ok_and(|whole| inputs.contains(&whole)) {
            return Err(Failure::usage(format!(
                "{} is an input, and would be replaced by an output",
                output.display()
            ))
            .hint("name another output with -o"));
        }
    }
    Ok(())
}

/// Refuses a name at which something stands, unless asked to replace it.
///
/// # Errors
/// Where something stands there.
pub fn check_free(target: &Path, force: bool) -> Result<(), Failure> {
    match fs::symlink_metadata(target) {
        Ok(metadata) if metadata.is_dir() => {
            Err(Failure::new(Exit::Failed, "output-exists", format!("cannot write {}", target.display()))
                .cause("a folder stands there")
                .hint("choose another name with -o"))
        }
        Ok(_) if !force => Err(exists(target)),
        Ok(metadata) if !metadata.is_file() => {
            Err(Failure::new(Exit::Failed, "output-exists", format!("cannot write {}", target.display()))
                .cause("what stands there is not a regular file, and is never replaced")
                .hint("choose another name with -o"))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::io(format!("write {}", target.display()), &error))
        }
        _ => Ok(()),
    }
}

fn exists(target: &Path) -> Failure {
    Failure::new(Exit::Failed, "output-exists", format!("cannot write {}", target.display()))
        .cause("a file stands there already, and was left as it is")
        .hint("choose another name with -o, or replace it with --force")
}

/// Words the hint of an output that cannot be written for a command that has neither -o nor --force.
pub fn without_flags(failure: Failure) -> Failure {
    match failure.kind {
        "output-exists" => failure.hint("name another file"),
        "output-folder" => failure.hint("make the folder first, or name another"),
        _ => failure,
    }
}

/// Makes up the name that an output has before it is whole.
///
/// # Errors
/// Where the system has no random bytes.
pub fn temporary_name(target: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    crate::crypto::random(&mut random).map_err(io::Error::other)?;
    let name = format!(".strongroom-{:016x}.tmp", u64::from_be_bytes(random));
    Ok(folder_of(target).join(name))
}

/// Opens a file without a name; `None` where the file system or the missing /proc does not allow that.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    use rustix::io::Errno;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(CWD, folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => {
            let file = File::from(descriptor);
            // Its later name is given through /proc (open(2), O_TMPFILE).
            Ok(fs::symlink_metadata(descriptor_path(&file)).is_ok().then_some(file))
        }
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
        // An old kernel takes the flag for a request to open the folder for writing.
        Err(Errno::NOENT) if folder.is_dir() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "linux")]
fn descriptor_path(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Gives a file a name at which nothing stands.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => {
            // No hard links here (FAT): claim the name first, so that nothing else is replaced.
            let claim = disk::create_private(to)?;
            drop(claim);
            fs::rename(from, to)
        }
    }
}
