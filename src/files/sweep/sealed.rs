//! Sealed files that a plaintext can be compared with.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::Entry;
use crate::body::{BodyError, Opener, Output, ReadAt, Run};
use crate::disk::{plain, with_suffix};
use crate::files::comparing::Comparing;
use crate::files::find::open_found;
use crate::format::FileId;
use crate::format::sealed::{PRELUDE_LEN, Prelude};
use crate::keys::FileKeys;

/// Where sealed files are, by their ids.
#[derive(Debug, Default)]
pub struct SealedCopies(HashMap<FileId, Vec<PathBuf>>);

/// What comes of comparing a file with the sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Every byte is the same.
    Same,
    /// A byte or the length differs.
    Differs,
    /// They could not be compared.
    Unproven(Unproven),
}

/// Why a file could not be compared with the sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// The sealed file was not found.
    NoSealedFile,
    /// It was found, and does not open.
    NotOpened(String),
    /// The file itself cannot be read.
    Unreadable(String),
}

impl SealedCopies {
    /// Adds one.
    pub fn add(&mut self, file: FileId, path: PathBuf) {
        self.0.entry(file).or_default().push(path);
    }

    /// Returns where an entry's sealed file may be: where it is known to be, where it was found, and where it is if
    /// nobody chose another name.
    fn places(&self, entry: &Entry) -> Vec<PathBuf> {
        let mut places: Vec<PathBuf> = entry.sealed.iter().cloned().collect();
        places.extend(self.0.get(&entry.file).into_iter().flatten().cloned());
        places.push(with_suffix(&entry.path, ".sealed"));
        places.dedup();
        places
    }

    /// Compares a file with the sealed file of an entry, byte for byte.
    pub fn prove(&self, file: &File, entry: &Entry, keys: &dyn FileKeys, compared: &(dyn Fn(u64) + Sync)) -> Proof {
        let mut why = Unproven::NoSealedFile;
        for place in self.places(entry) {
            if id_at(&place) != Some(entry.file) {
                continue;
            }
            let Ok((sealed, _)) = open_found(&place, false) else { continue };
            match compare(file, sealed, entry.file, keys, compared) {
                Ok(true) => return Proof::Same,
                Ok(false) => return Proof::Differs,
                Err(unproven) => why = unproven,
            }
        }
        Proof::Unproven(why)
    }
}

fn compare(
    file: &File,
    sealed: File,
    id: FileId,
    keys: &dyn FileKeys,
    compared: &(dyn Fn(u64) + Sync),
) -> Result<bool, Unproven> {
    let not_opened = |error: BodyError| Unproven::NotOpened(error.to_string());
    let opener = Opener::new(sealed, keys).map_err(not_opened)?;
    if opener.header().prelude.file != id {
        return Err(Unproven::NoSealedFile);
    }
    let len = file.size().map_err(|error| Unproven::Unreadable(plain(&error)))?;
    if opener.plaintext_len() != len {
        return Ok(false);
    }
    let mut same = Comparing::with(file);
    match opener.copy_to(Output::Stream(&mut same), Run { threads: 1, progress: compared }) {
        Ok(copied) => Ok(copied == len),
        // The system's own errors have a number.
        Err(BodyError::Write(error)) if error.raw_os_error().is_some() => Err(Unproven::Unreadable(plain(&error))),
        Err(BodyError::Write(_)) => Ok(false),
        Err(error) => Err(not_opened(error)),
    }
}

/// Returns the id of the sealed file at a path, as it is in clear there.
pub fn id_at(path: &Path) -> Option<FileId> {
    let (file, _) = open_found(path, false).ok()?;
    let mut bytes = [0; PRELUDE_LEN];
    let mut filled = 0;
    while filled < PRELUDE_LEN {
        match file.read_at(&mut bytes[filled..], filled as u64).ok()? {
            0 => return None,
            read => filled += read,
        }
    }
    Prelude::parse(&bytes).ok().map(|prelude| prelude.file)
}
