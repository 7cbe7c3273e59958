//! Files: encrypted, decrypted, verified, moved to another key.

use serde::Serialize;

use super::vault::VaultPlace;
use crate::files::seal::{Job, Outcome, Sealed};
use crate::files::{manifest::Listed, open::Opened};
use crate::format::Timestamp;
use crate::format::name::printable;
use crate::keys::OpenedBy;
use crate::keys::SealingKey;

/// Names a project and the version of its key, as lines about files do.
fn by(project: &str, key_version: u32) -> String {
    format!("project {}, key version {key_version}", printable(project))
}

/// A file that was encrypted, or was so already.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EncryptedFile {
    /// The original; `-` if it came as a stream or from a command.
    pub input: String,
    /// The encrypted file.
    pub output: String,
    /// Length of the plaintext, in bytes.
    pub bytes: u64,
    /// The project's name.
    pub project: String,
    /// The version of the project's key; of a file that was left out, the copy's.
    pub key_version: u32,
    /// `true` if `--update` left the file out; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub up_to_date: bool,
    /// What the copy that is up to date says of its original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<SealedCopy>,
    /// What the copy that `--update` replaced says of its original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<SealedCopy>,
}

/// What an encrypted file says of its original.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SealedCopy {
    /// Length of the plaintext, in bytes.
    pub bytes: u64,
    /// When the original was last modified.
    pub modified: Option<Timestamp>,
    /// The version of the project's key that opens it.
    pub key_version: u32,
}

impl From<&Sealed> for SealedCopy {
    fn from(copy: &Sealed) -> Self {
        Self { bytes: copy.bytes, modified: copy.modified, key_version: copy.version }
    }
}

impl EncryptedFile {
    /// Returns what became of a file.
    pub fn of(key: SealingKey<'_>, job: &Job, outcome: &Outcome) -> Self {
        let file = Self {
            input: job.item.path.display().to_string(),
            output: job.output.display().to_string(),
            bytes: 0,
            project: key.project.to_owned(),
            key_version: key.version,
            up_to_date: false,
            compared: None,
            replaced: None,
        };
        match outcome {
            Outcome::Done { bytes, older, .. } => {
                Self { bytes: *bytes, replaced: older.as_ref().map(SealedCopy::from), ..file }
            }
            Outcome::UpToDate(copy) => Self {
                bytes: copy.bytes,
                key_version: copy.version,
                up_to_date: true,
                compared: Some(copy.into()),
                ..file
            },
        }
    }

    /// Says what was encrypted, which is called `source`.
    pub fn text(&self, source: &str) -> String {
        format!("{source} -> {} ({})", printable(&self.output), by(&self.project, self.key_version))
    }
}

/// Files that were encrypted, and the vault that was made for them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EncryptedInNewVault {
    /// The files.
    pub files: Vec<EncryptedFile>,
    /// The vault.
    pub vault: VaultPlace,
}

/// A folder that was packed into an encrypted archive, or unpacked from one.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Archived {
    /// The folder that was packed, or the archive that was unpacked.
    pub input: String,
    /// The archive, or the folder.
    pub output: String,
    /// How many files are in it.
    pub files: u64,
    /// Their length together, in bytes.
    pub bytes: u64,
    /// The project's name.
    pub project: String,
    /// The version of the project's key.
    pub key_version: u32,
}

impl Archived {
    /// Says what was packed, of which `summary` is the sum.
    pub fn packed_text(&self, summary: &str) -> String {
        format!("{} -> {}: {summary}", printable(&self.input), printable(&self.output))
    }

    /// Says what was unpacked.
    pub fn extracted_text(&self) -> String {
        format!(
            "{} -> {}: {} file{}, {} ({})",
            printable(&self.input),
            printable(&self.output),
            self.files,
            if self.files == 1 { "" } else { "s" },
            indicatif::HumanBytes(self.bytes),
            by(&self.project, self.key_version)
        )
    }
}

/// A file that was decrypted, or was so already.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DecryptedFile {
    /// The encrypted file; `-` if it came as a stream.
    pub input: String,
    /// The decrypted file.
    pub output: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The project's name.
    pub project: String,
    /// The version of the project's key that opened it.
    pub key_version: u32,
    /// The name that the original had, as it is sealed in.
    pub name: Option<String>,
    /// Where the original was in what was encrypted, as it is sealed in.
    pub path: Option<String>,
    /// When the original was last modified, as it is sealed in.
    pub modified: Option<Timestamp>,
    /// `true` if `--update` left the file out; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub up_to_date: bool,
    /// Whether the encrypted file's name is not the one that is sealed in it; left out of a stream, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed: Option<bool>,
}

impl DecryptedFile {
    /// Returns what was made of an input, which is called `input`.
    pub fn of(input: String, opened: &Opened, renamed: Option<bool>) -> Self {
        let metadata = &opened.metadata;
        Self {
            input,
            output: opened.output.display().to_string(),
            bytes: opened.bytes,
            project: opened.by.project.clone(),
            key_version: opened.by.version,
            name: metadata.name.clone(),
            path: metadata.path.clone(),
            modified: metadata.modified,
            up_to_date: opened.up_to_date,
            renamed,
        }
    }

    /// Says what was decrypted, which is called `source`.
    pub fn text(&self, source: &str) -> String {
        let mut text = format!("{source} -> {} ({})", printable(&self.output), by(&self.project, self.key_version));
        if let Some(name) = &self.name {
            let modified = self.modified.map(|time| format!(", last modified {time}")).unwrap_or_default();
            text += &format!("\n  encrypted as {}{modified}", printable(name));
        }
        text
    }
}

/// What `verify` found of a file.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerifiedFile {
    /// The file.
    pub file: String,
    /// `whole`, `missing` (the manifest lists it, and it was not found) or a kind of error.
    pub state: &'static str,
    /// Length of the plaintext, in bytes, if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The project's name, if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The version of the project's key that opened it, if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_version: Option<u32>,
    /// Whether one of its two header blocks is damaged or older, if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_block_only: Option<bool>,
    /// Where the original was in what was encrypted, as it is sealed in, or `null`; if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Option<String>>,
    /// Whether its name is not the one that is sealed in it, if it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed: Option<bool>,
    /// What the manifest says of it, if there is one and the file is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifested>,
}

/// What a manifest says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Manifested {
    /// It is listed where it is.
    Listed,
    /// It is listed at another path.
    Moved,
    /// Another file is listed at its path.
    Replaced,
    /// It is not listed.
    Added,
    /// It is a second copy of a file that is listed.
    Copied,
}

impl From<Listed> for Manifested {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Here => Self::Listed,
            Listed::Moved => Self::Moved,
            Listed::Replaced => Self::Replaced,
            Listed::Added => Self::Added,
            Listed::Again => Self::Copied,
        }
    }
}

impl Manifested {
    /// Returns the word for it in a table.
    fn word(self) -> &'static str {
        match self {
            Self::Listed => "LISTED",
            Self::Moved => "MOVED",
            Self::Replaced => "REPLACED",
            Self::Added => "ADDED",
            Self::Copied => "COPIED",
        }
    }
}

impl VerifiedFile {
    /// The state of a file that is whole.
    pub const WHOLE: &'static str = "whole";
    /// The state of a file that is listed and was not found.
    pub const MISSING: &'static str = "missing";

    /// Returns its line in a table.
    pub fn row(&self) -> Vec<String> {
        let state = match self.manifest {
            _ if self.state != Self::WHOLE => self.state.to_uppercase(),
            None | Some(Manifested::Listed) => self.state.to_owned(),
            Some(listing) => format!("whole, but {}", listing.word()),
        };
        let key = |version: u32| format!("{}, key version {version}", self.project.as_deref().unwrap_or_default());
        vec![self.file.clone(), state, self.key_version.map(key).unwrap_or_default()]
    }
}

/// What `rewrap` did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rewrap {
    /// The project's name.
    pub project: String,
    /// The current version of the project's key.
    pub current: u32,
    /// Whether files were counted alone.
    pub dry_run: bool,
    /// The files.
    pub files: Vec<RewrappedFile>,
    /// How many files are under which version now.
    pub versions: Vec<FilesOfVersion>,
    #[serde(skip)]
    pub changed: u64,
    #[serde(skip)]
    pub others: u64,
    #[serde(skip)]
    pub not_sealed: u64,
    #[serde(skip)]
    pub has_failed: bool,
}

/// How many files are under a version of a key.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FilesOfVersion {
    /// The version.
    pub version: u32,
    /// How many files.
    pub files: u64,
}

/// What became of a file that was to be rewrapped.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RewrappedFile {
    /// The file.
    pub file: String,
    /// What became of it.
    pub state: RewrapState,
    /// The version of the project's key that it is under now.
    pub key_version: u32,
    /// The version that it was under; left out of another project's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<u32>,
    /// The other project's name; left out of a file of the project itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// What became of a file that was to be rewrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RewrapState {
    /// It was moved to the current key.
    Rewrapped,
    /// It was under the current key.
    Unchanged,
    /// A header block was repaired, or would be without `--dry-run`.
    Repaired,
    /// It is under an earlier key, in a dry run.
    Due,
    /// It belongs to another project and was left alone.
    OtherProject,
}

impl Rewrap {
    /// Says how many files are under which key.
    pub fn text(&self) -> String {
        let files = |count: u64| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let by = by(&self.project, self.current);
        let mut text = match self.dry_run {
            true => format!("nothing was changed ({by})"),
            false => format!("{} rewrapped ({by})", files(self.changed)),
        };
        for (count, what) in [(self.others, "of other projects"), (self.not_sealed, "not sealed")] {
            if count > 0 {
                text += &format!(", {} {what} left alone", files(count));
            }
        }
        let mut earlier = self.versions.iter().filter(|counted| counted.version != self.current).peekable();
        let is_done = earlier.peek().is_none();
        for counted in earlier {
            text += &format!("\nstill under version {}: {}", counted.version, files(counted.files));
        }
        if self.has_failed {
            text += "\nfiles that failed may be under an earlier version, so the counts are not recorded";
        } else if is_done {
            text += "\nno file here is under an earlier version";
        }
        text
    }
}

/// What became of a file that was to be encrypted again.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReencryptedFile {
    /// The file.
    pub file: String,
    /// What became of it.
    pub state: ReencryptState,
    /// The version of the project's key that it is under now.
    pub key_version: u32,
    /// Length of the plaintext, in bytes, if it was encrypted again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The version that it was under, if it was encrypted again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<u32>,
    /// How many recipients cannot open it any more, if it was encrypted again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients_dropped: Option<usize>,
}

/// What became of a file that was to be encrypted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ReencryptState {
    /// It has a new key of its own.
    Reencrypted,
    /// It was sealed under the current key already.
    Unchanged,
}

impl ReencryptedFile {
    /// Returns a file that was encrypted under the current key already.
    pub fn unchanged(file: String, key_version: u32) -> Self {
        let state = ReencryptState::Unchanged;
        Self { file, state, key_version, bytes: None, was: None, recipients_dropped: None }
    }

    /// Returns a file that was encrypted again.
    pub fn done(file: String, key_version: u32, bytes: u64, was: u32, recipients: usize) -> Self {
        let state = ReencryptState::Reencrypted;
        Self { file, state, key_version, bytes: Some(bytes), was: Some(was), recipients_dropped: Some(recipients) }
    }
}

impl RewrappedFile {
    /// Returns a file of another project, which was left alone.
    pub fn of_other(file: String, by: &OpenedBy) -> Self {
        let state = RewrapState::OtherProject;
        Self { file, state, key_version: by.version, was: None, project: Some(printable(&by.project)) }
    }
}
