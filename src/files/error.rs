//! Why work on files failed. Each value says what happened, to which file, and on which side; it keeps its source.
//! Which exit code, hint and flag go with it is not known here.

mod output;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub use output::{NotACopy, OutputError, Twin};

use super::archive::entries::TarError;
use crate::disk::plain;
use crate::error::Error;
use crate::format::name::printable;

/// Why a file, or a run over many, could not be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// It was asked for in a way that cannot be done. Nothing was written.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// An input could not be found, looked at or read.
    #[error("cannot read {}: {why}", .path.display())]
    Input {
        /// The input.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        why: InputError,
    },
    /// A line of a list of files names nothing. The line may be a secret, if the list was named by mistake.
    #[error("cannot read the file that line {line} of {list} names: {}", plain(.source))]
    ListedInput {
        /// The list's name.
        list: String,
        /// The number of the line, from 1.
        line: usize,
        /// The system's error.
        source: io::Error,
    },
    /// A stream could not be read.
    #[error("cannot read {name}: {}", plain(.source))]
    InputStream {
        /// What the stream is called.
        name: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// An output could not be written, or could not get its name.
    #[error("cannot write {}: {why}", .path.display())]
    Output {
        /// The output.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        why: OutputError,
    },
    /// The stream that results go to could not be written.
    #[error("cannot write the output: {}", plain(.0))]
    OutputStream(#[source] io::Error),
    /// A sealed file could not be made, opened, proven or moved.
    #[error("cannot {task} {what}: {source}")]
    Sealed {
        /// What was being done.
        task: Task,
        /// The file's name, or the stream's.
        what: String,
        /// Why not; it names the file too.
        source: Box<Error>,
        /// What else is to be known about it.
        aside: Aside,
    },
    /// A file was not worked on, or a folder not made.
    #[error("cannot {task} {}: {why}", .path.display())]
    File {
        /// What was being done.
        task: Task,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        why: FileError,
    },
    /// An archive could not be made or unpacked.
    #[error("cannot {task} {}: {why}", .path.display())]
    Archive {
        /// What was being done.
        task: Task,
        /// The folder that was to be packed, or the encrypted file that was to be unpacked.
        path: PathBuf,
        /// Why not.
        #[source]
        why: ArchiveError,
    },
    /// The command whose output was to be encrypted failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A file is sealed, or a folder packed.
    Encrypt,
    /// A sealed file is opened.
    Decrypt,
    /// An archive is unpacked.
    Extract,
    /// A sealed file is proven.
    Verify,
    /// A sealed file is moved to another key.
    Rewrap,
    /// A sealed file is sealed again.
    Reencrypt,
    /// A sealed file is looked at.
    Inspect,
    /// An original is deleted.
    Remove,
    /// A file is read.
    Read,
    /// A manifest is read.
    ReadManifest,
    /// A manifest is written.
    WriteManifest,
    /// A list of files is read.
    ReadList,
    /// A folder is listed.
    ListFolder,
    /// A folder is made.
    MakeFolder,
    /// A folder is synced.
    SyncFolder,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Extract => "extract",
            Self::Verify => "verify",
            Self::Rewrap => "rewrap",
            Self::Reencrypt => "reencrypt",
            Self::Inspect => "inspect",
            Self::Remove => "remove",
            Self::Read => "read",
            Self::ReadManifest => "read the manifest",
            Self::WriteManifest => "write the manifest",
            Self::ReadList => "read the list of files",
            Self::ListFolder => "list the folder",
            Self::MakeFolder => "make the folder",
            Self::SyncFolder => "sync the folder",
        })
    }
}

/// What is to be known when a sealed file could not be made, opened, proven or moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aside {
    /// Nothing else.
    Nothing,
    /// Only the keys of one project were tried; the file may be another one's.
    OneProject,
    /// Only the keys of the project were tried under whose key it was to be sealed again.
    TargetProject,
    /// Nothing was written to this output.
    Unwritten(PathBuf),
    /// What was written to the stream is authentic, but not whole.
    CutShort,
    /// The original was kept.
    Kept,
}

/// Why something cannot be done in the way that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A stream is named among files.
    #[error("standard input cannot be combined with other files")]
    StreamAmongFiles,
    /// Several files are to go to one stream.
    #[error("standard output takes one file")]
    StreamTakesOne,
    /// What comes as a stream has no name, and is to go into a folder.
    #[error("{} is a folder", .0.display())]
    StreamIntoFolder(PathBuf),
    /// Results need a folder.
    #[error("{} is not a folder", .output.display())]
    NotAFolder {
        /// What is there, or not.
        output: PathBuf,
        /// How many paths were named.
        named: usize,
        /// A folder is among them, so that the output may be made.
        has_folder: bool,
    },
    /// A folder would be sealed into itself: the next run would seal what is sealed.
    #[error("{} would be encrypted into itself", .0.display())]
    IntoItself(PathBuf),
    /// A folder without a name, as `..`.
    #[error("{} has no name of its own", .0.display())]
    Nameless(PathBuf),
    /// A name that does not say what the opened file is called.
    #[error("cannot choose a name for {} once it is decrypted", .0.display())]
    NoSuffix(PathBuf),
    /// Two inputs have one output.
    #[error("two files would become {}", .output.display())]
    SameOutput {
        /// The output.
        output: PathBuf,
        /// The names are those that are sealed in.
        is_sealed_in: bool,
    },
    /// An output is one of the inputs.
    #[error("{} is an input, and would be replaced by an output", .0.display())]
    OutputIsInput(PathBuf),
    /// An input is one of the program's own files.
    #[error("{} is {what}", .path.display())]
    OwnInput {
        /// The input.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// An output would replace one of the program's own files, or take its name.
    #[error("{} is {what}, and is never replaced", .path.display())]
    OwnOutput {
        /// The output.
        path: PathBuf,
        /// What it is, or would be taken for.
        what: &'static str,
    },
    /// A pattern that cannot be read.
    #[error("cannot read the pattern {pattern}: {source}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        source: glob::PatternError,
    },
    /// A pattern that leads through a folder that cannot be read.
    #[error("cannot read the pattern {pattern}: {}", plain(.source))]
    PatternFolder {
        /// The pattern.
        pattern: String,
        /// The system's error.
        source: io::Error,
    },
    /// A list of files that is longer than any such list.
    #[error("the list of files {} is too long", .0.display())]
    ListTooLong(PathBuf),
    /// A list of files with a line that is no name on this system.
    #[cfg(not(unix))]
    #[error("cannot read the list of files {}: it is not UTF-8", .0.display())]
    ListNotText(PathBuf),
}

/// What is wrong with an input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is not there, or cannot be looked at.
    #[error("{}", plain(.0))]
    Missing(#[source] io::Error),
    /// Nothing matches the pattern.
    #[error("nothing matches this pattern")]
    NoMatch,
    /// It is a folder.
    #[error("it is a folder")]
    Folder,
    /// It is neither a regular file nor a folder.
    #[error("it is not a regular file")]
    NotAFile,
    /// It may be read, but not changed.
    #[error("the file is read-only")]
    ReadOnly(#[source] io::Error),
    /// It is there, and cannot be read.
    #[error("{}", plain(.0))]
    Read(#[source] io::Error),
    /// A folder that a link in it leads back to.
    #[error("{0}")]
    Loop(#[source] walkdir::Error),
}

/// Why a file was not worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}", plain(.0))]
    System(#[source] io::Error),
    /// It changed meanwhile.
    #[error("it changed while it was being read, so the encrypted copy would be inconsistent")]
    Changed,
    /// Its output was changed after it was sealed.
    #[error("{} holds something else, written after this was encrypted, and was left as it is", .output.display())]
    Edited {
        /// The output.
        output: PathBuf,
    },
    /// It was not tried, since others have found no space.
    #[error("it was not tried, since the disk is full")]
    DiskFull,
    /// Its output would replace one of the program's own files.
    #[error("its output {} is {what}, and is never replaced", .output.display())]
    OwnOutput {
        /// The output.
        output: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The name that is sealed in leads elsewhere, or is none on this system.
    #[error("the name sealed in it, \"{}\", cannot be used here", printable(.0))]
    UnusableName(String),
    /// No name is sealed in.
    #[error("no name is sealed in it")]
    NoName,
    /// Two sealed copies with hidden names are its copies.
    #[error("{} and {} are both encrypted copies of it", .0.display(), .1.display())]
    TwoCopies(PathBuf, PathBuf),
    /// It is a link, and was to be deleted.
    #[error("it is a symbolic link: deleting the link would not delete the file it points to")]
    Link,
    /// It is a copy of the vault, and was to be deleted.
    #[error("it is a copy of the vault: its encrypted copy can be opened only with another copy of the vault")]
    VaultCopy,
    /// It is a recovery kit, and was to be deleted.
    #[error("it is a recovery kit: when you need the kit, you cannot open its encrypted copy")]
    Kit,
    /// Its sealed copy holds something else, and it was to be deleted.
    #[error("its encrypted copy holds other bytes, though its length and time are the same")]
    OtherCopy,
    /// It is not the copy that a sweep has found any more.
    #[error("it is not the file that was found any more, and was left as it is")]
    NotTheCopy,
    /// The sealed file that holds the same was not found, or does not open.
    #[error("no encrypted file that opens was found to hold the same, so this may be the last copy")]
    LastCopy,
    /// A manifest would list fewer files than were to be sealed.
    #[error("not every file was encrypted, and a list of the others would hide that")]
    NotAll,
    /// It is sealed, and is no manifest.
    #[error("it is an encrypted file, but not a manifest")]
    NotAManifest,
    /// It is marked as a manifest, and cannot be read as one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Why an archive was not made or unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It holds what is not unpacked, or would hold it.
    #[error(transparent)]
    Refused(#[from] TarError),
    /// This program did not pack it.
    #[error("it was not packed by this program")]
    NotOurs,
    /// It is no tar archive, or one that is cut short.
    #[error("what is sealed in it is not a tar archive, or one that is cut short")]
    NotTar,
    /// A chunk of the sealed file failed.
    #[error("{0}; nothing was written")]
    Damaged(#[source] Box<Error>),
    /// An entry leads out of the folder, or has a name that is none on this system.
    #[error("the name \"{}\" in it cannot be used here", .0.display())]
    UnusableName(PathBuf),
    /// An entry is a link or a device.
    #[error("{} in it is neither a file nor a folder", .0.display())]
    NotAFile(PathBuf),
    /// It has more folders than fit into memory.
    #[error("it holds more folders than are unpacked at once")]
    TooManyFolders,
    /// The drive does not tell two names in it apart.
    #[error(
        "it holds {} and {}, and this drive treats the two names as one; nothing was written",
        printable(&.twin.display().to_string()),
        printable(&.path.display().to_string())
    )]
    Clash {
        /// The first of them.
        twin: PathBuf,
        /// The second.
        path: PathBuf,
    },
}

/// What went wrong with a command whose output was to be encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot run the command: {}", plain(.0))]
    Start(#[source] io::Error),
    /// Its end could not be waited for.
    #[error("cannot wait for the command: {}", plain(.0))]
    Wait(#[source] io::Error),
    /// It ended with a failure, so that its output may not be whole.
    #[error("the command {}; nothing was kept", in_words(*.0))]
    Ended(ExitStatus),
}

impl FilesError {
    /// Says what is wrong with an input.
    pub fn input(path: &Path, why: InputError) -> Self {
        Self::Input { path: path.into(), why }
    }

    /// Says what is wrong with an output.
    pub fn output(path: &Path, why: OutputError) -> Self {
        Self::Output { path: path.into(), why }
    }

    /// Says why a file was not worked on.
    pub fn file(task: Task, path: &Path, why: FileError) -> Self {
        Self::File { task, path: path.into(), why }
    }

    /// Says why a sealed file could not be made, opened, proven or moved. `error` names it.
    pub fn sealed(task: Task, what: impl Into<String>, error: Error) -> Self {
        Self::Sealed { task, what: what.into(), source: Box::new(error), aside: Aside::Nothing }
    }

    /// Adds what else is to be known.
    #[must_use]
    pub fn aside(self, aside: Aside) -> Self {
        match self {
            Self::Sealed { task, what, source, .. } => Self::Sealed { task, what, source, aside },
            other => other,
        }
    }

    /// Tells whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        if matches!(self, Self::File { why: FileError::DiskFull, .. }) {
            return true;
        }
        let first: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(first), |error| error.source())
            .filter_map(|error| error.downcast_ref::<io::Error>())
            .any(|error| error.kind() == io::ErrorKind::StorageFull)
    }
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It does not parse.
    #[error("it is not a manifest")]
    Malformed,
    /// Another version wrote it.
    #[error("it is a manifest of version {0}, which this program cannot read")]
    Version(u32),
}

fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by signal {signal}");
    }
    status.code().map_or_else(|| "failed".into(), |code| format!("ended with exit code {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::BodyError;

    #[test]
    fn a_full_disk_shows_however_deep_its_error_is() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let path = Path::new("a");
        let inner = BodyError::Write(full()).named("a");
        for error in [
            FilesError::output(path, OutputError::Content(full())),
            FilesError::output(path, OutputError::Name(full())),
            FilesError::sealed(Task::Encrypt, "a", inner),
            FilesError::file(Task::Encrypt, path, FileError::DiskFull),
        ] {
            assert!(error.is_disk_full(), "{error}");
        }
        let other = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(!FilesError::output(path, OutputError::Content(other)).is_disk_full());
    }
}
