//! Where results go: beside their inputs, into a file or a folder, to standard output.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use super::error::OutputError;
use super::error::{FilesError, RequestError};
use super::find::{Item, Named, STREAM};
use crate::disk::with_suffix;

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Each beside its input.
    Beside,
    /// The one result, under this name.
    File(PathBuf),
    /// Into this folder: what one named folder holds, or all that is named.
    Folder(PathBuf),
    /// To standard output.
    Stream,
}

/// Which way names change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `.sealed` is added.
    Sealing,
    /// `.sealed` is taken off.
    Opening,
}

impl Destination {
    /// Settles where the results of the named paths go.
    ///
    /// # Errors
    /// Where -o does not fit what is named.
    pub fn of(named: &[Named], output: Option<&Path>) -> Result<Self, FilesError> {
        let has_stream = named.contains(&Named::Stream);
        if has_stream && named.len() > 1 {
            return Err(RequestError::StreamAmongFiles.into());
        }
        let one_file = matches!(named, [Named::File(..) | Named::Stream]);
        let Some(output) = output else { return Ok(if has_stream { Self::Stream } else { Self::Beside }) };
        if output == Path::new(STREAM) {
            if one_file {
                return Ok(Self::Stream);
            }
            return Err(RequestError::StreamTakesOne.into());
        }
        let is_folder = output.is_dir();
        if has_stream && is_folder {
            return Err(RequestError::StreamIntoFolder(output.into()).into());
        }
        if one_file && !is_folder {
            return Ok(Self::File(output.into()));
        }
        let has_folder = named.iter().any(|named| matches!(named, Named::Folder(_)));
        let can_be_made = has_folder && fs::symlink_metadata(output).is_err();
        if !is_folder && !can_be_made {
            let named = named.len();
            return Err(RequestError::NotAFolder { output: output.into(), named, has_folder }.into());
        }
        Ok(Self::Folder(output.into()))
    }

    /// Returns the name of an item's result.
    ///
    /// # Errors
    /// Where a name to be opened does not end in `.sealed`, or a folder has no name of its own.
    pub fn of_item(&self, way: Direction, named: &[Named], item: &Item) -> Result<PathBuf, FilesError> {
        let folder = match named.get(item.named) {
            Some(Named::Folder(folder)) => Some(folder),
            _ => None,
        };
        match (self, folder) {
            (Self::Beside, Some(_)) => {
                Ok(self.mirror_of(way, named, item.named)?.join(result_name(way, &item.relative)?))
            }
            (Self::Beside, None) => result_name(way, &item.path),
            (Self::File(path), _) => Ok(path.clone()),
            (Self::Folder(root), None) => Ok(root.join(result_name(way, &item.relative)?)),
            (Self::Folder(_), Some(_)) => {
                Ok(self.mirror_of(way, named, item.named)?.join(result_name(way, &item.relative)?))
            }
            (Self::Stream, _) => Ok(STREAM.into()),
        }
    }

    /// Returns the folder that what a named folder holds goes to.
    ///
    /// # Errors
    /// Where a folder has no name of its own, or would be sealed into itself: the next run would seal what is sealed.
    pub fn root_of(&self, way: Direction, named: &[Named], index: usize) -> Result<PathBuf, FilesError> {
        let root = self.mirror_of(way, named, index)?;
        let whole = |path: &Path| fs::canonicalize(path).ok();
        if let (Direction::Sealing, Some(Named::Folder(folder))) = (way, named.get(index))
            && whole(&root).is_some_and(|root| Some(root) == whole(folder))
        {
            return Err(RequestError::IntoItself(folder.into()).into());
        }
        if let (Self::Beside, Some(Named::Folder(folder))) = (self, named.get(index))
            && root != *folder
        {
            refuse_foreign(&root, folder)?;
        }
        Ok(root)
    }

    fn mirror_of(&self, way: Direction, named: &[Named], index: usize) -> Result<PathBuf, FilesError> {
        let Some(Named::Folder(folder)) = named.get(index) else { return Ok(PathBuf::new()) };
        match self {
            Self::Folder(root) if named.len() == 1 => Ok(root.clone()),
            Self::Folder(root) => Ok(root.join(folder_name(folder)?)),
            _ => match way {
                Direction::Sealing => Ok(folder.with_file_name(with_suffix(&folder_name(folder)?, ".sealed"))),
                // A folder of sealed files among others is opened in place.
                Direction::Opening if folder.extension() != Some(OsStr::new("sealed")) => Ok(folder.clone()),
                Direction::Opening => Ok(folder.with_extension("")),
            },
        }
    }

    /// Returns the one folder that everything goes to, if there is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(root) => Some(root),
            _ => None,
        }
    }
}

/// Refuses an output folder whose name the user did not give, if it is a link, or belongs to somebody else: what is
/// written there would be led elsewhere, or be read.
#[cfg(unix)]
fn refuse_foreign(root: &Path, folder: &Path) -> Result<(), FilesError> {
    use std::os::unix::fs::MetadataExt;
    let Ok(there) = fs::symlink_metadata(root) else { return Ok(()) };
    let named = || folder.to_path_buf();
    if there.is_symlink() {
        return Err(FilesError::output(root, OutputError::ForeignLink { named: named() }));
    }
    // Root works for the user whose files it finds.
    let user = rustix::process::geteuid();
    let is_own = there.uid() == user.as_raw()
        || user.is_root() && fs::metadata(folder).is_ok_and(|folder| folder.uid() == there.uid());
    if is_own { Ok(()) } else { Err(FilesError::output(root, OutputError::ForeignOwner { named: named() })) }
}

#[cfg(not(unix))]
fn refuse_foreign(_: &Path, _: &Path) -> Result<(), FilesError> {
    Ok(())
}

/// Returns a folder's own name.
///
/// # Errors
/// Where it has none, as `..`.
pub fn folder_name(folder: &Path) -> Result<PathBuf, FilesError> {
    folder.file_name().map(PathBuf::from).ok_or_else(|| RequestError::Nameless(folder.into()).into())
}

/// Returns a name without `.sealed` at its end, however a drive has spelled that; `None` if nothing is left, or there
/// is none.
pub fn without_suffix(name: &str) -> Option<&str> {
    const SUFFIX: &str = ".sealed";
    let stem = name.len().checked_sub(SUFFIX.len()).filter(|length| *length > 0 && name.is_char_boundary(*length))?;
    name[stem..].eq_ignore_ascii_case(SUFFIX).then(|| &name[..stem])
}

/// Returns a path with the suffix, or without it.
fn result_name(way: Direction, path: &Path) -> Result<PathBuf, FilesError> {
    if way == Direction::Sealing {
        return Ok(with_suffix(path, ".sealed"));
    }
    if is_suffixed(path) {
        return Ok(path.with_extension(""));
    }
    Err(RequestError::NoSuffix(path.into()).into())
}

/// Tells whether a sealed file's name ends in `.sealed`, so that what is left of it is its result's.
pub fn is_suffixed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sealed"))
        && path.file_stem().is_some_and(|stem| !stem.is_empty())
}

/// Refuses two inputs that would become one output.
///
/// # Errors
/// [`RequestError::SameOutput`].
pub fn check_distinct<'a>(outputs: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), FilesError> {
    let mut taken = HashSet::new();
    match outputs.into_iter().find(|output| !taken.insert(*output)) {
        None => Ok(()),
        Some(twice) => Err(RequestError::SameOutput { output: twice.clone(), is_sealed_in: false }.into()),
    }
}
