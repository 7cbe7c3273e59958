//! Encrypting sealed files again under their project's current key, including the data. The plaintext is never written
//! to disk.

use std::fs;

use super::Observer;
use super::find::{Item, is_same_file, names_of, open_input};
use super::keys::Keys;
use super::publish::{Attributes, OutputFile, Refused};
use super::rewrap::LOCK_WAIT;
use super::seal::write_failed;
use super::tree::{DiskSpace, Tree};
use crate::body::{BodyError, Metadata, Output, Run, lock};
use crate::crypto::secret::ProjectFileKey;
use crate::disk::{keep_owner, plain};
use crate::error::Error;
use crate::failure::{Failure, shell_word};
use crate::format::Timestamp;

/// What became of a file.
pub enum Outcome {
    /// It was encrypted again.
    Done {
        /// Length of the plaintext, in bytes.
        bytes: u64,
        /// The version of the key that it was under.
        was: u32,
        /// Another name still holds the file as it was.
        is_linked: bool,
        /// How many recipients could open the file as it was.
        recipients: usize,
        /// One of its header blocks was damaged or older.
        one_block_only: bool,
    },
    /// Its own key is one that no earlier file key ever opened.
    Current {
        /// One of its header blocks is damaged or older.
        one_block_only: bool,
    },
}

/// What all files of a run share.
pub struct Reencrypting<'a> {
    /// The folders of what is replaced.
    pub tree: Tree,
    /// What could not be set of the new files.
    pub refused: Refused,
    keys: Keys<'a>,
    to: &'a ProjectFileKey,
    /// Files under the current key are encrypted again if they were sealed before this.
    before: Option<Timestamp>,
    now: Timestamp,
    room: DiskSpace,
}

impl<'a> Reencrypting<'a> {
    /// Settles under which key, and which files are left as they are. `keys` are the project's.
    pub fn begin(keys: Keys<'a>, to: &'a ProjectFileKey, before: Option<Timestamp>) -> Self {
        let now = std::time::SystemTime::now().into();
        Self { tree: Tree::default(), refused: Refused::default(), keys, to, before, now, room: DiskSpace::default() }
    }

    /// Encrypts one file again, unless that is done already.
    ///
    /// # Errors
    /// If it is not one of the project's, another process holds it, or it cannot be read or replaced.
    pub fn one(&self, item: &Item, threads: usize, observer: &dyn Observer) -> Result<Outcome, Failure> {
        let path = &item.path;
        let doing = || format!("reencrypt {}", path.display());
        // A link's target is what is replaced. It is replaced by another file, so it may be read-only.
        let target = fs::canonicalize(path).map_err(|error| Failure::io(doing(), &error))?;
        let (file, before) = open_input(&target)?;
        if !lock(&file, LOCK_WAIT).map_err(|error| Failure::io(doing(), &error))? {
            let busy = Error::Busy { what: path.display().to_string(), waited: LOCK_WAIT };
            return Err(Failure::of(doing(), busy));
        }
        let opener = self.keys.try_open(path, file).map_err(|error| {
            let what = path.display().to_string();
            let of_other_project = matches!(error, Error::WrongKey { is_delivery: false, .. });
            let failure = self.keys.explain(&what, error);
            if of_other_project {
                failure
                    .hint(format!("see which project it belongs to: strongroom inspect --unlock {}", shell_word(&what)))
            } else {
                failure
            }
        })?;
        let header = opener.header();
        let (was, recipients, one_block_only) = (header.opened_by.version, header.recipients, header.one_block_only);
        let is_new = self.before.is_none_or(|before| header.metadata.sealed.is_some_and(|sealed| sealed >= before));
        // A rewrapped file is under the current key, but its own key is the one that an earlier key opened.
        if was == self.to.version && header.sequence == 0 && is_new {
            observer.advanced(item.len);
            return Ok(Outcome::Current { one_block_only });
        }
        let is_linked = names_of(&before) > 1;
        let metadata = Metadata { sealed: Some(self.now), ..header.metadata.clone() };
        #[cfg(unix)]
        let mode = Some(std::os::unix::fs::PermissionsExt::mode(&before.permissions()) & 0o777);
        #[cfg(not(unix))]
        let mode = {
            let _ = before;
            None
        };
        let bytes = self.room.write(&doing(), || {
            let output = OutputFile::create(&target, true)?;
            let run = Run { threads, progress: &|more| observer.advanced(more) };
            let bytes = opener.reseal_to(self.to, &metadata, Output::At(output.file()), run);
            let bytes = bytes.map_err(|error| match error {
                BodyError::Write(source) => write_failed(&target, &source),
                error => Failure::of(doing(), error.named(&path.display().to_string())),
            })?;
            output.set_attributes(&Attributes { modified: None, mode }, &self.refused);
            if let Err(error) = keep_owner(output.file(), &target) {
                self.refused.note(&target, &plain(&error));
            }
            // Whatever has come to stand there since is not what was read, and must not be replaced by it.
            if !is_same_file(&before, &target) {
                return Err(Failure::of(doing(), Error::Changed { what: path.display().to_string() }));
            }
            output.name()?;
            Ok(bytes)
        })?;
        self.tree.named(&target);
        Ok(Outcome::Done { bytes, was, is_linked, recipients, one_block_only })
    }
}
