//! Moving sealed files to another key of their project, by their headers alone.

use std::time::Duration;

use super::error::{FilesError, Task};
use super::find::{Item, open_for_change, open_found};
use super::keys::Keys;
use crate::body::{BodyError, Header, Metadata, Rewrapped, rewrap};
use crate::keys::{OpenedBy, SealingKey};
use crate::vault::OpenVault;

/// How long another process may hold a file's lock.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// What became of a file.
pub enum Outcome {
    /// It is under `version` now, and was under `was`.
    Is {
        /// The version it is under.
        version: u32,
        /// The version it was under.
        was: u32,
        /// One of its blocks was damaged or older, and was repaired.
        repaired: bool,
        /// What is sealed in, if its header opened before.
        metadata: Option<Box<Metadata>>,
    },
    /// It is another project's.
    OtherProject(OpenedBy),
}

/// Moves a file to the file key `to`; `keys` are its project's. With `dry_run`, only says what it is under.
///
/// # Errors
/// If no key of the vault opens it, or it cannot be read or written.
pub fn move_to(
    to: SealingKey<'_>,
    keys: &Keys<'_>,
    vault: &dyn OpenVault,
    item: &Item,
    dry_run: bool,
) -> Result<Outcome, FilesError> {
    let failed = |error: BodyError| {
        let what = item.path.display().to_string();
        let error = keys.named(&what, error);
        FilesError::sealed(Task::Rewrap, what, error)
    };
    let (file, _) = open_found(&item.path, item.is_link)?;
    let seen = Header::open(&file, keys);
    let metadata = seen.as_ref().ok().map(|header| Box::new(header.metadata.clone()));
    let is = |version, was, repaired| Outcome::Is { version, was, repaired, metadata: metadata.clone() };
    let result = match seen {
        Ok(header) if dry_run => {
            let version = header.opened_by.version;
            Ok(is(version, version, header.one_block_only))
        }
        // A file that is as it should be need not be writable.
        Ok(header) if header.opened_by.version == to.version && !header.one_block_only => {
            Ok(is(to.version, to.version, false))
        }
        _ if !dry_run => {
            let file = open_for_change(&item.path)?;
            rewrap(&file, keys, to, LOCK_WAIT).map(|done| match done {
                Rewrapped::From(was) => is(to.version, was, false),
                Rewrapped::Current => is(to.version, to.version, false),
                Rewrapped::Repaired => is(to.version, to.version, true),
            })
        }
        Ok(_) => return Err(failed(BodyError::Changed)),
        Err(error) => Err(error),
    };
    match result {
        // Another project's file among them is nobody's mistake.
        Err(error @ BodyError::WrongKey { .. }) => {
            let (file, _) = open_found(&item.path, item.is_link)?;
            match Header::open(&file, vault) {
                Ok(header) => Ok(Outcome::OtherProject(header.opened_by)),
                Err(_) => Err(failed(error)),
            }
        }
        other => other.map_err(failed),
    }
}
