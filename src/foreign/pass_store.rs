//! A store of `pass`: a folder with a file for each entry, encrypted by gpg. gpg gets each file on its standard input, so
//! that no name reaches it, and one runs at a time, so that the user is asked for one passphrase at a time.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use walkdir::{DirEntry, WalkDir};
use zeroize::Zeroizing;

use super::gpg::{self, Said};
use crate::crypto::secret::SecretText;
use crate::imports::{ImportError, Imported, PassStore, limits};

/// Says who may read a folder's entries: every store has it.
const ID_FILE: &str = ".gpg-id";
/// How a file of an entry ends.
const SUFFIX: &str = ".gpg";
/// Folders that `pass` and git keep for themselves.
const OTHERS: [&str; 3] = [".git", ".extensions", ".public-keys"];
/// The deepest that folders may be in each other.
const DEPTH: usize = 64;

mod reason {
    pub const LEADS_OUT: &str = "it is a link that leads out of the store";
    pub const LINKED_FOLDER: &str = "it is a link to a folder; what is in that folder is read there";
    pub const LEADS_NOWHERE: &str = "it is a link that leads to nothing";
    pub const UNREADABLE: &str = "it cannot be read";
    pub const NO_ENTRY: &str = "it is not an entry: its name does not end in .gpg";
    pub const NO_FILE: &str = "it is not a file";
    pub const NAME: &str = "its name is not text in UTF-8";
    pub const NOT_ENCRYPTED: &str = "it is not encrypted";
    pub const NO_KEY: &str = "none of the keys that it is encrypted for is here";
    pub const NO_KEY_UNASKED: &str =
        "none of its keys is here, or the key has a passphrase, which --no-input forbids to ask for";
    pub const NOT_OPENED: &str = "gpg cannot decrypt it";
    pub const NOT_TEXT: &str = "it is not text in UTF-8";
    pub const TOO_LONG: &str = "it is longer than 1 MiB";
    pub const TOO_DEEP: &str = "folders are nested more than 64 deep there";
}

/// Why nothing of a store is read.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The folder itself cannot be read.
    #[error(transparent)]
    Folder(io::Error),
    /// gpg cannot be started.
    #[error(transparent)]
    Gpg(io::Error),
    /// Who was asked for the passphrase has cancelled.
    #[error("the passphrase of the key was not given")]
    Cancelled,
    /// There is too much of it.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Tells whether a folder is a store of `pass`.
pub fn is_store(folder: &Path) -> bool {
    folder.join(ID_FILE).is_file()
}

/// Reads a store. gpg may ask for a passphrase only if it `may_ask`. `progress` is told how many of how many files are
/// done.
///
/// # Errors
/// [`PassError`] if nothing can be read. A file that gpg cannot decrypt is no error: it is in [`Imported::skipped`].
pub fn read(folder: &Path, may_ask: bool, progress: &mut dyn FnMut(usize, usize)) -> Result<Imported, PassError> {
    let root = folder.canonicalize().map_err(PassError::Folder)?;
    if !root.is_dir() {
        return Err(PassError::Folder(io::ErrorKind::NotADirectory.into()));
    }
    let mut store = PassStore::default();
    let files = files(&root, &mut store)?;
    for (done, (name, file)) in files.iter().enumerate() {
        progress(done, files.len());
        match decrypt(file, may_ask)? {
            Ok(text) => store.take(name, &text)?,
            Err(reason) => store.skip(name, reason)?,
        }
    }
    progress(files.len(), files.len());
    Ok(store.finish())
}

/// Returns each entry's path in the store, without its ending, and its file.
fn files(root: &Path, store: &mut PassStore) -> Result<Vec<(String, PathBuf)>, PassError> {
    let mut files = Vec::new();
    let walk = WalkDir::new(root).min_depth(1).max_depth(DEPTH).sort_by_file_name();
    for found in walk.into_iter().filter_entry(|found| !is_other(found)) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let path = error.path().and_then(|path| path.strip_prefix(root).ok()).unwrap_or(Path::new(""));
                store.skip(&path.to_string_lossy(), reason::UNREADABLE)?;
                continue;
            }
        };
        let path = found.path().strip_prefix(root).unwrap_or(found.path());
        match entry(root, path, &found) {
            Ok(None) => {}
            Ok(Some(entry)) if files.len() < limits::ITEMS => files.push(entry),
            Ok(Some(_)) => return Err(ImportError::TooManyItems.into()),
            Err(reason) => store.skip(&path.to_string_lossy(), reason)?,
        }
    }
    Ok(files)
}

/// Tells whether something is no part of the store's contents.
fn is_other(found: &DirEntry) -> bool {
    let name = found.file_name().as_encoded_bytes();
    let is_hidden_file = name.starts_with(b".") && !name.ends_with(SUFFIX.as_bytes()) && !found.file_type().is_dir();
    is_hidden_file || OTHERS.iter().any(|other| name == other.as_bytes())
}

fn entry(root: &Path, path: &Path, found: &DirEntry) -> Result<Option<(String, PathBuf)>, &'static str> {
    let kind = found.file_type();
    if kind.is_dir() {
        return if found.depth() < DEPTH { Ok(None) } else { Err(reason::TOO_DEEP) };
    }
    let mut file = found.path().to_path_buf();
    if kind.is_symlink() {
        file = file.canonicalize().map_err(|_| reason::LEADS_NOWHERE)?;
        if !file.starts_with(root) {
            return Err(reason::LEADS_OUT);
        }
        if file.is_dir() {
            return Err(reason::LINKED_FOLDER);
        }
    }
    let Some(name) = path.to_str() else { return Err(reason::NAME) };
    match name.strip_suffix(SUFFIX) {
        // As git and `pass` write it, on every system.
        Some(name) => Ok(Some((name.replace(std::path::MAIN_SEPARATOR, "/"), file))),
        None => Err(reason::NO_ENTRY),
    }
}

/// Opens a file, and not what has taken its place since it was found: no link is followed, and no pipe is waited for.
fn open(file: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(file)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// Decrypts a file, or says why it is left out.
fn decrypt(file: &Path, may_ask: bool) -> Result<Result<SecretText, &'static str>, PassError> {
    let Ok((file, metadata)) = open(file) else { return Ok(Err(reason::UNREADABLE)) };
    if !metadata.is_file() {
        return Ok(Err(reason::NO_FILE));
    }
    let mut command = gpg::decrypting(may_ask);
    command.arg("--decrypt").stdin(file).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().map_err(PassError::Gpg)?;
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let report = std::thread::spawn(move || {
        let mut report = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.by_ref().take(gpg::REPORT).read_to_end(&mut report);
            // What nobody reads would stop it.
            let _ = io::copy(&mut stderr, &mut io::sink());
        }
        String::from_utf8_lossy(&report).into_owned()
    });
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    let read = stdout.map(|stdout| stdout.take(limits::FIELD as u64 + 1).read_to_end(&mut text));
    let is_too_long = text.len() > limits::FIELD;
    if is_too_long {
        let _ = process.kill();
    }
    let status = process.wait().map_err(PassError::Gpg)?;
    let report = report.join().unwrap_or_default();
    if is_too_long {
        return Ok(Err(reason::TOO_LONG));
    }
    let is_read = matches!(read, Some(Ok(_)));
    let said = Said::read(&report);
    Ok(match said {
        Said::Cancelled => return Err(PassError::Cancelled),
        // gpg passes on what it decrypts before it has seen whether that is whole: the exit code tells.
        // As `pass` itself, which opens what has no check of its integrity, too, as long as gpg does.
        Said::Decrypted | Said::Unchecked if status.success() && is_read => {
            SecretText::from_bytes(text).ok_or(reason::NOT_TEXT)
        }
        // If gpg may not ask, it reports a key with a passphrase as one that is not here.
        Said::NoKey if !may_ask => Err(reason::NO_KEY_UNASKED),
        Said::NoKey => Err(reason::NO_KEY),
        // gpg passes on what is not encrypted as if it were.
        Said::Nothing if status.success() => Err(reason::NOT_ENCRYPTED),
        Said::Decrypted | Said::Unchecked | Said::Nothing => Err(reason::NOT_OPENED),
    })
}
