//! What one run of `strongroom encrypt` has before it.

use crate::cli::output::Announced;
use crate::cli::setup::KeyPlace;
use crate::files::find::{Found, Named};
use crate::files::own::OwnFiles;
use crate::files::place::Destination;
use crate::files::seal::Job;

/// What is to be done, settled before anybody types a password.
pub struct Work {
    pub named: Vec<Named>,
    pub destination: Destination,
    pub found: Found,
    pub jobs: Vec<Job>,
    pub own: OwnFiles,
}

/// What belongs to a vault that this run made.
pub struct New<'a> {
    pub key: &'a KeyPlace,
    pub announced: Announced,
}
