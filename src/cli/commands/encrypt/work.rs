//! What one run of `strongroom encrypt` has before it.

use std::path::PathBuf;

use crate::cli::output::Announced;
use crate::cli::setup::KeyPlace;
use crate::failure::Failure;
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
