//! Sealing what another program has encrypted. Its plaintext comes from a reader, and is nowhere but in the sealed file.

use std::fs::{File, Metadata as FileMetadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Observer;
use super::error::{FileError, FilesError, InputError, OutputError, Task};
use super::names::sealed_path;
use super::publish::OutputFile;
use crate::body::{BodyError, Input, Metadata, Output, Run, seal};
use crate::format::Timestamp;
use crate::keys::SealingKey;

/// The endings that programs and people give to what they encrypt.
const ENDINGS: &[&str] = &["enc", "aes", "encrypted", "fernet", "openssl", "age", "gpg", "pgp", "asc"];

/// A file that another program has encrypted.
pub struct Import<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// The file, open.
    pub file: &'a File,
    /// What it was when it was opened.
    pub before: &'a FileMetadata,
    /// What it was called before it was encrypted.
    pub name: &'a Path,
    /// It does not prove by itself that nobody has altered it.
    pub is_unauthenticated: bool,
}

/// Returns the path that a file probably had before it was encrypted: without the ending of encrypted files.
pub fn decrypted_name(path: &Path) -> PathBuf {
    let is_ending = |ending: &std::ffi::OsStr| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    match path.extension() {
        Some(ending) if is_ending(ending) => path.with_extension(""),
        _ => path.to_path_buf(),
    }
}

impl Import<'_> {
    /// Seals the plaintext into a new file, and returns its length in bytes. The file appears only if the reader came to
    /// its end without an error, and the old file is what it was.
    ///
    /// # Errors
    /// Those of either side. An error of the reader is the source of [`InputError::Read`].
    pub fn seal(
        &self,
        key: SealingKey<'_>,
        plaintext: &mut (dyn Read + Send),
        output: &Path,
        force: bool,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<u64, FilesError> {
        let sink = OutputFile::create(output, force)?;
        let run = Run { threads, progress: &|more| observer.advanced(more) };
        let sealed = seal(key, &self.metadata(), Input::Stream(plaintext), Output::At(sink.file()), run);
        let sealed = sealed.map_err(|error| match error {
            BodyError::Read(source) => FilesError::input(self.path, InputError::Read(source)),
            BodyError::Write(source) => FilesError::output(output, OutputError::Content(source)),
            error => {
                let what = self.path.display().to_string();
                let error = error.named(&what);
                FilesError::sealed(Task::Encrypt, what, error)
            }
        })?;
        let failed = |error| FilesError::file(Task::Encrypt, self.path, FileError::System(error));
        let after = self.file.metadata().map_err(failed)?;
        if after.len() != self.before.len() || after.modified().ok() != self.before.modified().ok() {
            return Err(FilesError::file(Task::Encrypt, self.path, FileError::Changed));
        }
        sink.publish()?;
        Ok(sealed.bytes)
    }

    fn metadata(&self) -> Metadata {
        let modified = self.before.modified().ok().map(Timestamp::split);
        let name = self.name.file_name().map(Path::new).unwrap_or(self.name);
        let (path, path_bytes) = sealed_path(name);
        Metadata {
            name: name.to_str().map(str::to_owned),
            modified: modified.map(|(seconds, _)| seconds),
            modified_ns: modified.map(|(_, nanoseconds)| nanoseconds),
            path,
            path_bytes,
            hidden: Some(false),
            sealed: Some(SystemTime::now().into()),
            unauthenticated_source: self.is_unauthenticated.then_some(true),
            ..Metadata::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_encrypted_files_is_taken_off() {
        for (path, name) in [
            ("a/clients.csv.enc", "a/clients.csv"),
            ("clients.csv.AES", "clients.csv"),
            ("clients.csv", "clients.csv"),
            ("clients.enc.csv", "clients.enc.csv"),
            (".enc", ".enc"),
        ] {
            assert_eq!(decrypted_name(Path::new(path)), Path::new(name));
        }
    }
}
