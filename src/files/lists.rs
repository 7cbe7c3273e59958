//! Patterns, and lists of paths that are read from a file or from standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::find::STREAM;
use super::pipes::STDIN;
use crate::disk::plain;
use crate::failure::{Exit, Failure};

/// Expands a pattern for shells that do not; `None` if there is something at the path itself, or it is no pattern.
///
/// # Errors
/// If nothing matches.
pub fn matches_of(path: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '['])) else { return Ok(None) };
    if fs::symlink_metadata(path).is_ok() {
        return Ok(None);
    }
    let bad = |cause: String| Failure::usage(format!("cannot read the pattern {pattern}")).cause(cause);
    let paths = glob::glob(pattern).map_err(|error| bad(error.to_string()))?;
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(|error| bad(plain(error.error())))?;
    if paths.is_empty() {
        return Err(Failure::new(Exit::NotFound, "input-not-found", format!("cannot read {pattern}"))
            .cause("nothing matches this pattern")
            .hint("check the path; nothing was written"));
    }
    Ok(Some(paths))
}

/// Says which line of a list names nothing. The line itself is not shown: a list that was named by mistake may be a
/// secret.
pub fn nameless(failure: Failure, list: &Path, number: usize, path: &Path) -> Failure {
    let Err(error) = fs::metadata(path) else { return failure };
    let list = if list == Path::new(STREAM) { STDIN.into() } else { list.display().to_string() };
    Failure::io(format!("read the file that line {number} of {list} names"), &error)
        .hint("check that line of the list; nothing was written")
}

/// Reads a list of paths, each with the number of its line.
///
/// # Errors
/// If it cannot be read, or is too long.
pub fn listed(list: &Path) -> Result<Vec<(usize, PathBuf)>, Failure> {
    /// Longer than the paths of a few million files.
    const LIMIT: u64 = 1 << 30;
    let failed = |error: io::Error| Failure::io(format!("read the list of files {}", list.display()), &error);
    let mut bytes = Vec::new();
    if list == Path::new(STREAM) {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        File::open(list).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(Failure::usage(format!("the list of files {} is too long", list.display()))
            .cause("it is longer than 1 GiB")
            .hint("name the folder that holds the files"));
    }
    let end = if bytes.contains(&0) { 0 } else { b'\n' };
    let lines = bytes.split(|byte| *byte == end);
    let lines = lines.map(|line| if end == b'\n' { line.strip_suffix(b"\r").unwrap_or(line) } else { line });
    let lines = lines.enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(index, line)| Ok((index + 1, path_of(line, list)?))).collect()
}

#[cfg(unix)]
fn path_of(line: &[u8], _: &Path) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(line).into())
}

#[cfg(not(unix))]
fn path_of(line: &[u8], list: &Path) -> Result<PathBuf, Failure> {
    let text = std::str::from_utf8(line).map_err(|_| {
        Failure::usage(format!("cannot read the list of files {}", list.display())).cause("it is not UTF-8")
    })?;
    Ok(text.into())
}
