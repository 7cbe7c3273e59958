//! What a client asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::log::{LoggedEnd, LoggedEntry};
use super::secret;
use super::secrets::Edit;
use crate::crypto::secret::ContentKey;
use crate::format::log::LoggedFile;
use crate::format::scalar::{Base64, FixedBase64};
use crate::format::sealed::PRELUDE_LEN;
use crate::format::vault::Terms;

/// One question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// Which agent is this?
    Hello,
    /// What does it do, and how long yet?
    Status,
    /// Forget everything, and end.
    Lock,
    /// Which content keys are these?
    Unwrap {
        /// Not more than [`KEYS_AT_ONCE`](crate::agent::limits::KEYS_AT_ONCE).
        keys: Vec<KeyToUnwrap>,
        /// Whose keys are tried.
        among: Among,
        /// The entry of the access log that it is asked under: one that this agent has begun for whoever asks.
        under: Option<u64>,
    },
    /// What are these content keys under a file key?
    Wrap {
        /// The project.
        project: String,
        /// The version of its file key.
        version: u32,
        /// Not more than [`KEYS_AT_ONCE`](crate::agent::limits::KEYS_AT_ONCE).
        keys: Vec<KeyToWrap>,
    },
    /// Which projects are there?
    Projects,
    /// What is one project?
    Project {
        /// Its name.
        name: String,
    },
    /// What are the projects called that can be used?
    Names,
    /// Which recovery kits were there ever?
    Kits,
    /// Which is the newest time in the vault?
    NewestTime,
    /// May the vault be changed, and new files sealed under its keys?
    Writable,
    /// What is this file key? The one way in which a file key leaves the agent.
    FileKey {
        /// The project.
        project: String,
        /// The version; the current one if there is none.
        version: Option<u32>,
        /// The entry of the access log that it is asked under: one that this agent has begun for whoever asks.
        under: Option<u64>,
    },
    /// Which secrets are there?
    Secrets,
    /// What does one secret tell of itself?
    Secret {
        /// Its name.
        name: String,
    },
    /// What is the value of this secret? The one way in which one leaves the agent.
    SecretValue {
        /// Its name.
        name: String,
        /// Which version, counted from 1; the one that counts if there is none.
        version: Option<usize>,
        /// The entry of the access log that it is asked under: one that this agent has begun for whoever asks.
        under: Option<u64>,
    },
    /// Edit a secret, or make it.
    EditSecret {
        /// Its name.
        secret: String,
        /// The edit.
        edit: Box<Edit>,
    },
    /// Change the vault.
    Change(Change),
    /// What has to be logged of a project, or of any of them?
    Logging {
        /// The project.
        project: Option<String>,
    },
    /// Record what is about to be done.
    LogBegin(Box<LoggedEntry>),
    /// Record files that it was done to.
    LogFiles {
        /// The entry that began it.
        of: u64,
        /// The files.
        files: Vec<LoggedFile>,
    },
    /// Record how it ended.
    LogEnd {
        /// The entry that began it.
        of: u64,
        /// How.
        end: Box<LoggedEnd>,
    },
}

/// Which file keys may open a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Among {
    /// Those of the whole vault.
    Vault {
        /// The project whose keys are tried before the others.
        first: Option<String>,
    },
    /// Those of this project.
    Project(String),
}

/// A content key that is to be unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyToUnwrap {
    /// The prelude of its file.
    pub prelude: FixedBase64<PRELUDE_LEN>,
    /// The body of the file's project stanza.
    pub stanza: Base64,
}

/// A content key that is to be wrapped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyToWrap {
    /// The prelude of its file, which is bound into the wrapped key.
    pub prelude: FixedBase64<PRELUDE_LEN>,
    /// The key.
    #[serde(with = "secret")]
    pub content_key: ContentKey,
}

/// One change of the vault. Each keeps all that was there: whatever takes something away asks for the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Adds a project with its first file key.
    AddProject {
        /// Its name.
        name: String,
        /// The client; may be empty.
        client: String,
        /// A note; may be empty.
        note: String,
        /// What is agreed about it already.
        terms: Box<Terms>,
        /// Who says so; may be empty.
        by: String,
    },
    /// Records what else is agreed about a project.
    SetEngagement {
        /// The project.
        project: String,
        /// What is agreed.
        terms: Box<Terms>,
        /// Who says so; may be empty.
        by: String,
    },
    /// Gives a project another name.
    RenameProject {
        /// The project.
        project: String,
        /// Its new name.
        name: String,
    },
    /// Keeps a project from being destroyed.
    HoldProject {
        /// The project.
        project: String,
        /// Why; may be empty.
        reason: String,
        /// Who says so; may be empty.
        by: String,
    },
    /// Makes a new file key the project's current one.
    RotateKey {
        /// The project.
        project: String,
    },
    /// Marks a version that no file should be under any more, or takes the mark off.
    RetireKey {
        /// The project.
        project: String,
        /// The version.
        version: u32,
        /// Whether the mark is to be there.
        retired: bool,
    },
    /// Notes that a file was sealed under a project's current key.
    NoteSealed {
        /// The project.
        project: String,
    },
    /// Remembers how many files a scan found under each version of a project's key.
    RememberScan {
        /// The project.
        project: String,
        /// The number of files by version.
        files: BTreeMap<u32, u64>,
    },
}

impl Change {
    /// Returns the project that is changed.
    #[must_use]
    pub fn project(&self) -> &str {
        match self {
            Self::AddProject { name, .. } => name,
            Self::RenameProject { project, .. }
            | Self::SetEngagement { project, .. }
            | Self::HoldProject { project, .. }
            | Self::RotateKey { project }
            | Self::RetireKey { project, .. }
            | Self::NoteSealed { project }
            | Self::RememberScan { project, .. } => project,
        }
    }
}
