//! What a record says, as JSON. Members that a later program added are kept.

use serde::{Deserialize, Serialize};

use super::Action;
use crate::format::json::{open_object, parse};
use crate::format::scalar::FixedBase64;
use crate::format::{EnrolmentId, FileId, FormatError, ProjectId, Timestamp};

/// The most files that one record lists.
pub const FILES_LIMIT: usize = 4096;

/// Which part of what was done an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is about to be done: nothing has been released yet.
    Begin,
    /// Files that it was done to.
    Files,
    /// It is over.
    End,
    /// It is recorded by this entry alone.
    Note,
}

/// How something that was begun ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// It was not, or not all of it.
    Failed,
    /// The process that began it is gone, and nobody knows how far it got.
    Interrupted,
}

/// By which way something was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Somebody at a terminal.
    Terminal,
    /// A client of the agent.
    Agent,
    /// A program without a terminal.
    Script,
    /// A program that uses the library.
    Library,
}

impl Via {
    /// Returns the word that an entry holds.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Agent => "agent",
            Self::Script => "script",
            Self::Library => "library",
        }
    }
}

/// Where plaintext or a secret went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Files on a disk.
    Disk,
    /// A pipe.
    Pipe,
    /// The memory of the program that asked.
    Memory,
    /// A program that was started.
    Program,
    /// The clipboard.
    Clipboard,
    /// A terminal.
    Terminal,
}

impl Destination {
    /// Returns the word that an entry holds.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Pipe => "pipe",
            Self::Memory => "memory",
            Self::Program => "program",
            Self::Clipboard => "clipboard",
            Self::Terminal => "terminal",
        }
    }
}

open_object! {
    /// Who did something, as the computer claims it.
    #[derive(Default, Eq)]
    pub struct Who {
        /// The name of the account.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub account: String = default,
        /// The number of the account, where the system has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub uid: Option<u32> = default,
        /// The computer's name.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub name: String = default,
        /// The process.
        pub pid: u32 = default,
        /// What tells the process from an earlier one of the same number.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub started: String = default,
        /// By which way: a word of [`Via`], or a later program's.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub via: String = default,
        /// The program that started it.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub parent: String = default,
    }
}

open_object! {
    /// What something was done to.
    #[derive(Default, Eq)]
    pub struct What {
        /// The thing in words, such as `recovery kit 3-KT`.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub subject: String = default,
        /// How many files.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub files: Option<u64> = default,
        /// How many bytes of plaintext.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u64> = default,
        /// Where it went: a word of [`Destination`], or a later program's.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub to: String = default,
        /// The folder, or the program.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub place: String = default,
    }
}

open_object! {
    /// A file that something was done to.
    #[derive(Eq)]
    pub struct LoggedFile {
        /// The sealed file's id.
        pub file: FileId,
        /// Its project.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub project: Option<ProjectId> = default,
        /// The version of the file key that it is sealed under.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub key_version: Option<u32> = default,
        /// The length of the plaintext, in bytes.
        pub size: u64,
        /// Where the plaintext is; empty if it has no name.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub path: String = default,
        /// SHA-256 of the first and the last 16 KiB of the plaintext, of which it is all if there are up to 32 KiB.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub edges: Option<FixedBase64<32>> = default,
    }
}

open_object! {
    /// What an entry says of the log itself.
    #[derive(Default, Eq)]
    pub struct LogFact {
        /// The first entry that it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub from: Option<u64> = default,
        /// The last one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub to: Option<u64> = default,
        /// SHA-256 of a record: for `log.gap` the one before `from`, for `log.forgotten` the one of the number `to`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub tip: Option<FixedBase64<32>> = default,
        /// Another log of this computer, which `count` and `tip` are about.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub enrolment: Option<EnrolmentId> = default,
        /// How many records that one had.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub count: Option<u64> = default,
        /// What was found, in a word.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub found: String = default,
        /// How many bytes were set aside.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u64> = default,
    }
}

open_object! {
    /// An entry of the phase `begin` that has no end yet.
    #[derive(Eq)]
    pub struct OpenBegin {
        /// Its number.
        pub seq: u64,
        /// The process that is to write the end.
        pub pid: u32,
        /// What tells it from an earlier one of the same number.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub started: String = default,
        /// The boot that it is of; `None` if that is the entry's own.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub boot: Option<String> = default,
        /// When it began, if the computer does not say when a process was started.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub at: Option<Timestamp> = default,
    }
}

open_object! {
    /// An entry of the access log.
    pub struct Entry {
        /// Its number, which is the record's.
        pub seq: u64,
        /// When it was written.
        pub at: Timestamp,
        /// The boot in which it was written; empty if the computer knows none.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub boot: String = default,
        /// Which part of what was done it records.
        pub phase: Phase,
        /// Of `files` and `end`, the entry that began it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub of: Option<u64> = default,
        /// What is done: a word of [`Action`], or a later program's. Empty in `files` and `end`.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub action: String = default,
        /// The projects; in `begin`, `None` if they are not known before the files are read: any.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub projects: Option<Vec<ProjectId>> = default,
        /// The version of the file key.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub key_version: Option<u32> = default,
        /// Who, as this computer claims it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub who: Option<Who> = default,
        /// Why, in the user's words.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub reason: String = default,
        /// To what.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub what: Option<What> = default,
        /// The files, of the phase `files`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub files: Vec<LoggedFile> = default,
        /// How it ended, of the phase `end`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub outcome: Option<Outcome> = default,
        /// The kind of the error that it ended with.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub error: Option<String> = default,
        /// What it says of the log itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub log: Option<LogFact> = default,
        /// What had begun and not ended as of this entry.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub open: Vec<OpenBegin> = default,
        /// How many entries could not be written before this one.
        #[serde(skip_serializing_if = "is_zero")]
        pub lost: u64 = default,
        /// The version of the program that wrote it.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub tool: String = default,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Entry {
    /// Begins an entry that says nothing yet but when it is written.
    #[must_use]
    pub fn new(phase: Phase, seq: u64, at: Timestamp) -> Self {
        Self {
            seq,
            at,
            boot: String::new(),
            phase,
            of: None,
            action: String::new(),
            projects: None,
            key_version: None,
            who: None,
            reason: String::new(),
            what: None,
            files: Vec::new(),
            outcome: None,
            error: None,
            log: None,
            open: Vec::new(),
            lost: 0,
            tool: String::new(),
            others: Default::default(),
        }
    }

    /// Reads an opened record.
    ///
    /// # Errors
    /// [`FormatError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        parse("the entry", bytes)
    }

    /// Returns the action; `None` for that of a later program, and for an entry that names none.
    #[must_use]
    pub fn known_action(&self) -> Option<Action> {
        Action::of(&self.action)
    }
}

/// What is to be recorded before it is done, or by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// What is done.
    pub action: Action,
    /// The projects; `None` if they are not known before the files are read: any.
    pub projects: Option<Vec<ProjectId>>,
    /// The version of the file key.
    pub key_version: Option<u32>,
    /// Who.
    pub who: Who,
    /// Why, in the user's words; may be empty.
    pub reason: String,
    /// To what.
    pub what: What,
}

impl NewEntry {
    /// Begins an entry about no project.
    #[must_use]
    pub fn new(action: Action, who: Who) -> Self {
        Self {
            action,
            projects: Some(Vec::new()),
            key_version: None,
            who,
            reason: String::new(),
            what: What::default(),
        }
    }
}

/// How something that was begun ended.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEnd {
    /// How.
    pub outcome: Outcome,
    /// The kind of the error that it ended with, as [`crate::Error::kind`] gives it.
    pub error: Option<String>,
    /// The projects, if they are known by now.
    pub projects: Option<Vec<ProjectId>>,
    /// What it was done to in the end.
    pub what: What,
}

impl LogEnd {
    /// Returns the end of what was done whole.
    #[must_use]
    pub fn done(what: What) -> Self {
        Self { outcome: Outcome::Done, error: None, projects: None, what }
    }

    /// Returns the end of what failed with an error of this kind.
    #[must_use]
    pub fn failed(error: &str, what: What) -> Self {
        Self { outcome: Outcome::Failed, error: Some(error.into()), projects: None, what }
    }
}
