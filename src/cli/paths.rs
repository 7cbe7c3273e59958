//! What a command is given to work on: paths, patterns, lists of paths, standard input.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::context::Context;
use super::pipes;
use crate::failure::Failure;
use crate::files::find::{Named, STREAM, look};
use crate::files::lists::{listed, matches_of, nameless};

/// The paths of a command.
#[derive(Debug, Args)]
pub struct Paths {
    /// Files and folders, or - for standard input
    #[arg(required_unless_present = "files_from", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Read more paths from this file (- for standard input), one per line or each ended by a NUL byte
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
                named.push(look(path).map_err(|error| nameless(error, list, number))?);
            }
        }
        Ok(named)
    }
}
