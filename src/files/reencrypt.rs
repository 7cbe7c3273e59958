//! Encrypting sealed files again under their project's current key, including the data. The plaintext is never written
//! to disk.

use std::fs;
use std::io;

use super::Observer;
use super::error::{Aside, FileError, FilesError, OutputError, Task};
use super::find::{Item, is_same_file, names_of, open_input};
use super::keys::{Keys, is_wrong_key};
use super::publish::{Attributes, NotKept, OutputFile, Refused};
use super::rewrap::LOCK_WAIT;
use super::tree::{DiskSpace, Tree};
use crate::body::{BodyError, Metadata, Opener, Output, Run, lock};
use crate::disk::keep_owner;
use crate::format::Timestamp;
use crate::keys::SealingKey;

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
    to: SealingKey<'a>,
    /// Files under the current key are encrypted again if they were sealed before this.
    before: Option<Timestamp>,
    now: Timestamp,
    room: DiskSpace,
}

impl<'a> Reencrypting<'a> {
    /// Settles under which key, and which files are left as they are. `keys` are the project's.
    pub fn begin(keys: Keys<'a>, to: SealingKey<'a>, before: Option<Timestamp>) -> Self {
        let now = std::time::SystemTime::now().into();
        Self { tree: Tree::default(), refused: Refused::default(), keys, to, before, now, room: DiskSpace::default() }
    }

    /// Encrypts one file again, unless that is done already.
    ///
    /// # Errors
    /// If it is not one of the project's, another process holds it, or it cannot be read or replaced.
    pub fn one(&self, item: &Item, threads: usize, observer: &dyn Observer) -> Result<Outcome, FilesError> {
        let path = &item.path;
        let failed = |error: io::Error| FilesError::file(Task::Reencrypt, path, FileError::System(error));
        let not_sealed = |error: BodyError| {
            let what = path.display().to_string();
            let error = error.named(&what);
            FilesError::sealed(Task::Reencrypt, what, error)
        };
        // A link's target is what is replaced. It is replaced by another file, so it may be read-only.
        let target = fs::canonicalize(path).map_err(failed)?;
        let (file, before) = open_input(&target)?;
        if !lock(&file, LOCK_WAIT).map_err(failed)? {
            return Err(not_sealed(BodyError::Busy { waited: LOCK_WAIT }));
        }
        let opener = Opener::new(file, &self.keys).map_err(|error| {
            let aside = if is_wrong_key(&error) { Aside::TargetProject } else { Aside::Nothing };
            self.keys.not_opened(&path.display().to_string(), error).aside(aside)
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
        let bytes = self.room.write(Task::Reencrypt, path, || {
            let output = OutputFile::create(&target, true)?;
            let run = Run { threads, progress: &|more| observer.advanced(more) };
            let bytes = opener.reseal_to(self.to, &metadata, Output::At(output.file()), run);
            let bytes = bytes.map_err(|error| match error {
                BodyError::Write(source) => FilesError::output(&target, OutputError::Content(source)),
                error => not_sealed(error),
            })?;
            output.set_attributes(&Attributes { modified: None, mode }, &self.refused);
            if let Err(error) = keep_owner(output.file(), &target) {
                self.refused.note(&target, NotKept::System(error));
            }
            // Whatever has come to stand there since is not what was read, and must not be replaced by it.
            if !is_same_file(&before, &target) {
                return Err(not_sealed(BodyError::Changed));
            }
            output.name()?;
            Ok(bytes)
        })?;
        self.tree.named(&target);
        Ok(Outcome::Done { bytes, was, is_linked, recipients, one_block_only })
    }
}
