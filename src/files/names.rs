//! The names and paths that are sealed in files: how they are put in, and what of them is believed.

use std::path::{Component, Path, PathBuf};

use super::error::{FileError, FilesError, Task};
use crate::body::Metadata;
use crate::format::name::is_file_name;
use crate::format::scalar::Base64;

/// Returns a relative path as it is sealed in: as text, or where it is none as bytes.
pub fn sealed_path(relative: &Path) -> (Option<String>, Option<Base64>) {
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str()).collect();
    if let Some(parts) = parts.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>() {
        return (Some(parts.join("/")), None);
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_encoded_bytes()).collect();
    (None, Some(Base64(parts.join(&b'/'))))
}

/// Returns the path that is sealed in a file. It is not to be trusted before it was [`checked`].
pub fn path_in(metadata: &Metadata) -> Option<PathBuf> {
    if let Some(path) = &metadata.path {
        // As it is if a slash is too many, which putting it together again would hide.
        let is_plain = path.split('/').all(|part| !part.is_empty());
        return Some(if is_plain { path.split('/').collect() } else { path.into() });
    }
    #[cfg(unix)]
    if let Some(bytes) = &metadata.path_bytes {
        use std::os::unix::ffi::OsStrExt;
        return Some(std::ffi::OsStr::from_bytes(&bytes.0).into());
    }
    None
}

/// Tells whether a file was sealed under a random name and belongs at the path that is sealed in it (docs/format.md,
/// section 4.3).
pub fn is_hidden(metadata: &Metadata) -> bool {
    metadata.hidden.unwrap_or(metadata.path.is_some() || metadata.path_bytes.is_some())
}

/// Tells whether a sealed file has a random name, or one that a sync service has added something to.
pub fn has_hidden_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.split(|byte| !byte.is_ascii_hexdigit()).any(|digits| digits.len() >= 32)
}

/// Refuses a sealed-in path that would lead out of its folder.
pub fn checked(input: &Path, hidden: &Path) -> Result<PathBuf, FilesError> {
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(name) => name.to_str().map_or(cfg!(unix), is_path_part),
        _ => false,
    };
    let whole: PathBuf = hidden.components().collect();
    // What components leave out, as a slash too many, is not to be believed either.
    let is_same = whole.as_os_str() == hidden.as_os_str() && !whole.as_os_str().is_empty();
    if is_same && hidden.components().all(is_plain) {
        Ok(whole)
    } else {
        Err(unusable(input, &hidden.to_string_lossy()))
    }
}

/// Tells whether a component of a path that was found in a folder of this kind of system may stand in one again.
fn is_path_part(part: &str) -> bool {
    if cfg!(windows) { is_file_name(part) } else { !part.contains('\0') }
}

/// Says that a sealed-in name cannot be used.
pub fn unusable(input: &Path, name: &str) -> FilesError {
    FilesError::file(Task::Decrypt, input, FileError::UnusableName(name.into()))
}
