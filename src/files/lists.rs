//! Patterns, and lists of paths that are read from a file or from standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{FileError, FilesError, InputError, RequestError, Task};
use super::find::STREAM;
use super::pipes::STDIN;

/// Expands a pattern for shells that do not; `None` if there is something at the path itself, or it is no pattern.
///
/// # Errors
/// If nothing matches.
pub fn matches_of(path: &Path) -> Result<Option<Vec<PathBuf>>, FilesError> {
    let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '['])) else { return Ok(None) };
    if fs::symlink_metadata(path).is_ok() {
        return Ok(None);
    }
    let paths = glob::glob(pattern).map_err(|source| RequestError::Pattern { pattern: pattern.into(), source })?;
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(|error: glob::GlobError| {
        RequestError::PatternFolder { pattern: pattern.into(), source: error.into() }
    })?;
    if paths.is_empty() {
        return Err(FilesError::input(path, InputError::NoMatch));
    }
    Ok(Some(paths))
}

/// Says which line of a list names nothing. The line itself is not shown: a list that was named by mistake may be a
/// secret.
pub fn nameless(error: FilesError, list: &Path, line: usize) -> FilesError {
    match error {
        FilesError::Input { why: InputError::Missing(source), .. } => {
            let list = if list == Path::new(STREAM) { STDIN.into() } else { list.display().to_string() };
            FilesError::ListedInput { list, line, source }
        }
        other => other,
    }
}

/// Reads a list of paths, each with the number of its line.
///
/// # Errors
/// If it cannot be read, or is too long.
pub fn listed(list: &Path) -> Result<Vec<(usize, PathBuf)>, FilesError> {
    /// Longer than the paths of a few million files.
    const LIMIT: u64 = 1 << 30;
    let failed = |error: io::Error| FilesError::file(Task::ReadList, list, FileError::System(error));
    let mut bytes = Vec::new();
    if list == Path::new(STREAM) {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(list).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(RequestError::ListTooLong(list.into()).into());
    }
    let end = if bytes.contains(&0) { 0 } else { b'\n' };
    let lines = bytes.split(|byte| *byte == end);
    let lines = lines.map(|line| if end == b'\n' { line.strip_suffix(b"\r").unwrap_or(line) } else { line });
    let lines = lines.enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| Ok((index + 1, path_of(line, list)?))).collect()
}

#[cfg(unix)]
fn path_of(line: &[u8], _: &Path) -> Result<PathBuf, FilesError> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(line).into())
}

#[cfg(not(unix))]
fn path_of(line: &[u8], list: &Path) -> Result<PathBuf, FilesError> {
    let text = std::str::from_utf8(line).map_err(|_| RequestError::ListNotText(list.into()))?;
    Ok(text.into())
}
