//! Whose a file is. A command under sudo works for the user whose files it finds: what root makes there must stay that
//! user's, or the next command without sudo is shut out.

#[cfg(any(unix, feature = "cli"))]
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
#[cfg(feature = "home")]
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::OnceLock;

/// The user and group whose vault root works with in this process.
#[cfg(unix)]
static SERVED: OnceLock<(u32, u32)> = OnceLock::new();

/// Remembers whose vault is at `path`, or is to be made there, if root runs this: what root makes in folders of that
/// user from then on is given to the user. Elsewhere it stays root's, so that nobody else gets to read it.
#[cfg(all(unix, feature = "home"))]
pub fn work_for_owner_of(path: &Path) {
    use std::os::unix::fs::MetadataExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    if let Some(there) = path.ancestors().find_map(|path| fs::metadata(path).ok()) {
        // Of several vaults in one process the first is the one that its files go by.
        let _ = SERVED.set((there.uid(), there.gid()));
    }
}

/// Does nothing: here a file is its maker's.
#[cfg(all(not(unix), feature = "home"))]
pub fn work_for_owner_of(_: &Path) {}

/// Gives what this process has just made at `path` to the user it works for, if it is in a folder of that user. What
/// the system keeps root from giving away, as on a drive without owners, stays as it is.
#[cfg(unix)]
pub(super) fn give_to_served(made: &File, path: &Path) {
    use std::os::unix::fs::fchown;
    let Some((user, group)) = SERVED.get().copied().filter(|(user, _)| *user != 0) else { return };
    if is_in_folder_of(user, made, path).unwrap_or(false) {
        let _ = fchown(made, Some(user), Some(group));
    }
}

#[cfg(not(unix))]
pub(super) fn give_to_served(_: &File, _: &Path) {}

/// As [`give_to_served`], of a folder.
pub(super) fn give_folder_to_served(made: &Path) {
    #[cfg(unix)]
    if SERVED.get().is_some_and(|(user, _)| *user != 0)
        && let Ok(folder) = open_folder(made)
    {
        give_to_served(&folder, made);
    }
    #[cfg(not(unix))]
    let _ = made;
}

/// Tells whether this very file or folder is in a folder of that user. The folder is opened once: the user can lead its
/// path elsewhere at any moment, and must not be given what root has made there.
#[cfg(unix)]
fn is_in_folder_of(user: u32, made: &File, path: &Path) -> io::Result<bool> {
    use rustix::fs::{AtFlags, fstat, statat};
    use std::os::unix::fs::MetadataExt;
    let Some(name) = path.file_name() else { return Ok(false) };
    let folder = File::open(super::folder_of(path))?;
    let (own, there) = (fstat(made)?, statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?);
    Ok(folder.metadata()?.uid() == user && (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino))
}

/// Opens a folder, and no link in its place: the owner of its parent may have put one there.
#[cfg(unix)]
fn open_folder(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    Ok(File::from(open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?))
}

/// Gives a file that this process has just made to the owner and group of the file whose place it is to take, or of the
/// folder where there is none. Does nothing unless root runs this.
///
/// # Errors
/// The system's error, if the owner of what is replaced would lose it to root.
#[cfg(unix)]
pub fn keep_owner(made: &File, replaced: &Path) -> io::Result<()> {
    use std::os::unix::fs::fchown;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    match fs::symlink_metadata(replaced) {
        Ok(former) => match other_owner(made, &former)? {
            Some((user, group)) => fchown(made, Some(user), Some(group)),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => give_to_owner_of(made, super::folder_of(replaced)),
        Err(error) => Err(error),
    }
}

/// Does nothing: here a file is its maker's.
#[cfg(not(unix))]
pub fn keep_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a new file or folder that this process has just made to the owner and group of a folder. Does nothing unless
/// root runs this.
///
/// # Errors
/// The system's error, if the folder cannot be looked at. What it keeps root from giving away stays root's: such as
/// where the folder's owner is not known in the container of this root.
#[cfg(unix)]
pub fn give_to_owner_of(made: &File, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::fchown;
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    if let Some((user, group)) = other_owner(made, &fs::metadata(folder)?)? {
        let _ = fchown(made, Some(user), Some(group));
    }
    Ok(())
}

/// Does nothing: here a file is its maker's.
#[cfg(not(unix))]
pub fn give_to_owner_of(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns owner and group of a model, where those of a file differ.
#[cfg(unix)]
fn other_owner(file: &File, model: &fs::Metadata) -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    let model = (model.uid(), model.gid());
    Ok((model != (own.uid(), own.gid())).then_some(model))
}

/// Makes a folder of the program's own files and its missing parents, readable by their owner alone: by the owner of
/// the folder they are made in, where root makes them. Folders that exist are left as they are.
///
/// # Errors
/// The system's error.
pub fn create_own_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = super::folder_of(path);
    if parent != path {
        create_own_folder(parent)?;
    }
    match super::create_private_folder(path) {
        Ok(()) => give_folder(path, parent),
        // A file is in the way.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(io::ErrorKind::NotADirectory.into()),
        other => other,
    }
}

#[cfg(unix)]
fn give_folder(made: &Path, parent: &Path) -> io::Result<()> {
    give_to_owner_of(&open_folder(made)?, parent)
}

#[cfg(not(unix))]
fn give_folder(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns who owns a file, if what it says does not count as this user's own word. It does if this user owns it, or root,
/// who can do anything here; for root under sudo, also if the user owns it whom root works for.
#[cfg(all(unix, feature = "home"))]
pub fn untrusted_owner(file: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid();
    let is_served = || user.is_root() && SERVED.get().is_some_and(|(served, _)| *served == file.uid());
    let is_trusted = file.uid() == user.as_raw() || file.uid() == 0 || is_served();
    (!is_trusted).then(|| format!("user {}", file.uid()))
}

/// Says nothing: owners are not compared here.
#[cfg(all(not(unix), feature = "home"))]
pub fn untrusted_owner(_: &fs::Metadata) -> Option<String> {
    None
}

/// Whose files keep this user out, and what would give them back.
#[cfg(feature = "home")]
#[derive(Debug)]
pub struct Strangers {
    /// The files, or the one folder that cannot be looked into.
    pub paths: Vec<PathBuf>,
    /// There is a folder among them, so that what is in it is meant, too.
    pub is_folder: bool,
    /// The owner of the first, by name where it has one.
    pub owner: String,
    /// This user and its group, as chown takes them.
    pub own: String,
}

/// Finds the files that keep this user from `path` because they are another user's: `path` and what lies beside it
/// under its name, or the folder on the way to it.
#[cfg(all(unix, feature = "home"))]
pub fn strangers(path: &Path) -> Option<Strangers> {
    use std::os::unix::fs::MetadataExt;
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if user == 0 {
        return None;
    }
    let owner = |path: &Path| fs::symlink_metadata(path).ok().map(|metadata| metadata.uid());
    let is_strange = |path: &PathBuf| owner(path).is_some_and(|owner| owner != user);
    let folder = super::folder_of(path);
    let mut paths: Vec<PathBuf> = match path.file_name().map(|name| name.to_string_lossy().into_owned()) {
        Some(name) => {
            let beside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let is_named = |path: &PathBuf| {
                let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                own.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            beside.filter(is_named).filter(is_strange).collect()
        }
        None => Vec::new(),
    };
    paths.sort();
    if paths.is_empty() {
        // Not beyond a folder of this user: what is above it is nobody's mistake.
        let last = path.ancestors().skip(1).find(|folder| is_strange(&folder.to_path_buf()))?;
        owner(super::folder_of(last)).filter(|owner| *owner == user)?;
        paths.push(last.into());
    }
    let first = fs::symlink_metadata(&paths[0]).ok()?;
    Some(Strangers {
        is_folder: first.is_dir(),
        owner: if first.uid() == 0 { "root".into() } else { format!("user {}", first.uid()) },
        own: format!("{user}:{group}"),
        paths,
    })
}

/// Says nothing: owners are not compared here.
#[cfg(all(not(unix), feature = "home"))]
pub fn strangers(_: &Path) -> Option<Strangers> {
    None
}
