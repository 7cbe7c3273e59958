//! What one run of `strongroom encrypt` has before it.

use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::output::Announced;
use crate::cli::project_flags::{Decided, warn_of_file};
use crate::cli::setup::KeyPlace;
use crate::disk::folder_of;
use crate::failure::{Exit, Failure};
use crate::files::exclude::Excludes;
use crate::files::find::{Found, Item, Named};
use crate::files::own::OwnFiles;
use crate::files::place::{Destination, folder_name};
use crate::files::seal::Job;

/// What is to be done, settled before anybody types a password.
pub struct Work {
    pub project: String,
    pub named: Vec<Named>,
    pub destination: Destination,
    pub found: Found,
    pub jobs: Vec<Job>,
    pub own: OwnFiles,
    pub excludes: Excludes,
}

/// What belongs to a vault that this run made.
pub struct New<'a> {
    pub key: &'a KeyPlace,
    pub announced: Announced,
}

/// Returns what is left out of folders: by the flags, and by the project file.
pub fn excludes(context: &Context, flags: &[String], of: &Decided) -> Result<Excludes, Failure> {
    let mut excludes = Excludes::default();
    if let Some(file) = &of.file {
        match Excludes::default().below(folder_of(&file.path), &file.exclude) {
            Ok(below) => excludes = below,
            Err(error) => {
                let failure = Failure::new(Exit::Failed, "project-file", format!("cannot use {}", file.path.display()))
                    .cause(error.to_string())
                    .hint("correct the pattern, or name the project with --project");
                if !of.is_flagged {
                    return Err(failure);
                }
                warn_of_file(context, failure);
            }
        }
    }
    excludes.within_named(flags).map_err(|error| {
        Failure::usage(error.to_string()).hint("write it as in a .gitignore, such as *.tmp, cache/ or /top")
    })
}

/// Returns the path that is sealed in a file: where it is in what was named, below its folder's name if there are
/// several.
pub fn sealed_in(named: &[Named], item: &Item) -> Result<PathBuf, Failure> {
    match named.get(item.named) {
        Some(Named::Folder(folder)) if named.len() > 1 => Ok(folder_name(folder)?.join(&item.relative)),
        _ => Ok(item.relative.clone()),
    }
}

/// Returns a name that tells nothing.
pub fn random_name() -> Result<String, Failure> {
    let mut random = [0; 16];
    crate::crypto::random(&mut random).map_err(|error| Failure::of("name a file", error.into()))?;
    Ok(format!("{:032x}.sealed", u128::from_be_bytes(random)))
}
