//! What a command is given to work on: paths, patterns, lists of paths, standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::context::Context;
use super::pipes;
use crate::disk::plain;
use crate::failure::{Exit, Failure};
use crate::files::find::{Named, STREAM, look};

/// The paths of a command.
#[derive(Debug, Args)]
pub struct Paths {
    /// Files and folders; - is standard input
    #[arg(required_unless_present = "files_from", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Read more paths from a file, one per line or each ended by a NUL byte; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files_from: Option<PathBuf>,
}

impl Paths {
    /// Returns the file of `--files-from`, if it was given and is a file.
    pub fn list(&self) -> Option<&Path> {
        self.files_from.as_deref().filter(|list| *list != Path::new(STREAM))
    }

    /// Looks at every path that was given, listed or matched by a pattern.
    ///
    /// # Errors
    /// Where one is missing, or is neither a regular file nor a folder: nothing is opened before all of them are
    /// known to be there.
    pub fn named(&self, context: &Context) -> Result<Vec<Named>, Failure> {
        let is_stream = |path: &PathBuf| path == Path::new(STREAM);
        let (data, list) = (self.paths.iter().any(is_stream), self.files_from.as_deref());
        pipes::check_apart_from_password(&context.global, data, list)?;
        let mut named = Vec::new();
        for path in &self.paths {
            if is_stream(path) {
                named.push(Named::Stream);
            } else if let Some(matched) = matches_of(path)? {
                for path in matched {
                    named.push(look(path)?);
                }
            } else {
                named.push(look(path.clone())?);
            }
        }
        if let Some(list) = &self.files_from {
            if list == Path::new(STREAM) && named.contains(&Named::Stream) {
                return Err(Failure::usage("standard input cannot be both the list of files and a file")
                    .hint("write the list to a file, and name that with --files-from"));
            }
            for (number, path) in listed(list)? {
                named.push(look(path.clone()).map_err(|failure| nameless(failure, list, number, &path))?);
            }
        }
        Ok(named)
    }
}

/// Expands a pattern for shells that do not; `None` where the path stands as it is or is no pattern.
fn matches_of(path: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
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
fn nameless(failure: Failure, list: &Path, number: usize, path: &Path) -> Failure {
    let Err(error) = fs::metadata(path) else { return failure };
    let list = if list == Path::new(STREAM) { pipes::STDIN.into() } else { list.display().to_string() };
    Failure::io(format!("read the file that line {number} of {list} names"), &error)
        .hint("check that line of the list; nothing was written")
}

/// Reads a list of paths, each with the number of its line.
fn listed(list: &Path) -> Result<Vec<(usize, PathBuf)>, Failure> {
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
