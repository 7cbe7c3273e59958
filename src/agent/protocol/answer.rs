//! What the agent answers.

use serde::{Deserialize, Serialize};

use super::failure::Failed;
use super::log::LoggingOf;
use super::secret;
use super::secrets::Secret;
use crate::crypto::secret::{ContentKey, FileKey};
use crate::format::scalar::Base64;
use crate::format::secret::SecretValue;
use crate::format::vault::{DestructionRecord, Engagement};
use crate::format::{KitId, KitName, ProjectId, Timestamp, VaultId, vault};
use crate::vault::{Effect, HoldInfo, KeyInfo, KitInfo, Notice, ProjectInfo};

/// One answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// Which agent this is.
    Hello {
        /// The vault.
        vault: VaultId,
        /// The program's version.
        program: String,
        /// The process.
        pid: u32,
        /// The projects that it answers for; all of them if there is no list.
        projects: Option<Vec<String>>,
        /// Whether the user is asked before a key is shown.
        confirms: bool,
    },
    /// What the agent does.
    Status(Box<Status>),
    /// The keys are wiped and the socket is gone. The connection closes when the process has ended.
    Locked,
    /// The content keys in the order of the question, as far as they were unwrapped: one at least. `None` for one that
    /// none of the keys fits.
    Unwrapped(Vec<Option<UnwrappedKey>>),
    /// The bodies of the project stanzas, in the order of the content keys.
    Wrapped(Vec<Base64>),
    /// Every project, by name.
    Projects(Vec<Project>),
    /// One project.
    Project(Box<Project>),
    /// The names of the projects that can be used, in order.
    Names(Vec<String>),
    /// Every recovery kit there ever was.
    Kits(Vec<Kit>),
    /// The newest time in the vault.
    NewestTime(Timestamp),
    /// The vault may be changed.
    Writable,
    /// A file key.
    FileKey {
        /// The project.
        project: String,
        /// The version.
        version: u32,
        /// The key.
        #[serde(with = "secret")]
        key: FileKey,
    },
    /// Every secret without its value, by name.
    Secrets(Vec<Secret>),
    /// One secret without its value.
    Secret(Box<Secret>),
    /// The value of a secret.
    SecretValue(SecretValue),
    /// A secret was edited, or was so already.
    SecretChanged {
        /// Whether anything had to be changed.
        effect: EffectOf,
        /// What the user should know.
        notices: Vec<NoticeOf>,
    },
    /// The vault was changed, or was so already.
    Changed {
        /// Whether anything had to be changed.
        effect: EffectOf,
        /// The project as it is now.
        project: Box<Project>,
        /// What the user should know.
        notices: Vec<NoticeOf>,
    },
    /// What the vault wants logged.
    Logging(LoggingOf),
    /// The number of the entry that began it.
    Begun(u64),
    /// It is recorded.
    Recorded,
    /// The vault says no, as it would without an agent.
    Failed(Failed),
    /// The agent says no, and the question is for whoever has the password.
    Refused(Refusal),
}

/// A content key, and the file key that opened it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnwrappedKey {
    /// The key.
    #[serde(with = "secret")]
    pub content_key: ContentKey,
    /// The project.
    pub project: String,
    /// The version.
    pub version: u32,
}

/// Why the agent does not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Refusal {
    /// The question has another protocol number.
    #[error("the agent is of another version of Strongroom")]
    OtherProtocol {
        /// The agent's number.
        speaks: u32,
    },
    /// The line is no question.
    #[error("the agent did not understand the question")]
    Malformed,
    /// The line is longer than [`QUESTION_LIMIT`](crate::agent::limits::QUESTION_LIMIT).
    #[error("the question is longer than the agent takes")]
    TooLong,
    /// The line took longer than [`LINE_TIME`](crate::agent::limits::LINE_TIME).
    #[error("the question took too long to arrive")]
    TooSlow,
    /// More keys than are wrapped or unwrapped at once.
    #[error("the question holds more keys than the agent takes at once")]
    TooMany,
    /// As many connections as there may be, and all at work.
    #[error("the agent has too many connections")]
    Busy,
    /// The agent was unlocked for other projects.
    #[error("the agent was unlocked for other projects")]
    OutsideScope,
    /// The user said no, or could not be asked.
    #[error("it was not confirmed that the agent may hand this out")]
    NotConfirmed,
    /// The vault wants a reason, and the client gave none.
    #[error("a reason has to be given for the access log")]
    NoReason,
    /// The agent is locking.
    #[error("{reason}")]
    Locked {
        /// Why, in a sentence about the agent.
        reason: String,
    },
}

/// What the agent does, what it has handed out, and how long it lives yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The vault.
    pub vault: VaultId,
    /// The program's version.
    pub program: String,
    /// The process.
    pub pid: u32,
    /// When it was unlocked.
    pub unlocked_at: Timestamp,
    /// The seconds until it locks if it stays unused.
    pub idle_seconds_left: u64,
    /// The seconds until it locks in any case.
    pub life_seconds_left: u64,
    /// The projects that it answers for; all of them if there is no list.
    pub projects: Option<Vec<String>>,
    /// Whether the user is asked before a key is shown.
    pub confirms: bool,
    /// What tells it to lock besides the clock.
    pub watching: Watching,
    /// What it has handed out.
    pub shown: Shown,
    /// How many questions it has answered.
    pub answered: u64,
    /// How many connections are open.
    pub connections: usize,
    /// How often it took a vault file that another process wrote.
    pub adopted: u64,
    /// A rotation of the data key waits for the next unlock.
    pub rotation_waits: bool,
}

/// What tells the agent to lock besides the clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watching {
    /// The bus tells of suspend, of a locked screen and of the end of a session.
    pub sessions: bool,
    /// The system waits with suspend until the keys are wiped.
    pub delays_sleep: bool,
    /// Why it watches less than that.
    pub lacking: Option<String>,
    /// The seconds since the bus last told anything.
    pub heard_seconds_ago: Option<u64>,
}

/// What the agent has handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// File keys.
    pub keys: u64,
    /// Values of secrets.
    pub secrets: u64,
    /// Content keys, unwrapped.
    pub unwrapped: u64,
    /// Content keys, wrapped.
    pub wrapped: u64,
}

/// A project as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The client as it is now; may be empty.
    pub client: String,
    /// The client that it was added with; may be empty.
    pub first_client: String,
    /// A note; may be empty.
    pub note: String,
    /// When it was added.
    pub created: Timestamp,
    /// Its keys, by version.
    pub keys: Vec<Key>,
    /// What keeps it from being destroyed.
    pub hold: Option<Hold>,
    /// When it was destroyed.
    pub destroyed: Option<Timestamp>,
    /// What was agreed about it, with every change.
    pub engagement: Engagement,
    /// Its destruction, if that was ordered.
    pub destruction: Option<DestructionRecord>,
}

/// One version of a file key as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Counts from 1.
    pub version: u32,
    /// What it is used for.
    pub state: KeyState,
    /// Whether it is the one that encrypts.
    pub current: bool,
    /// When it was made.
    pub created: Timestamp,
    /// How many files the last scan found under it, and when.
    pub seen: Option<(u64, Timestamp)>,
    /// It came from elsewhere.
    pub imported: bool,
    /// When a file was first sealed under it.
    pub sealed: Option<Timestamp>,
}

/// What a version of a file key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// Opens files; the highest active version also encrypts.
    Active,
    /// Opens files, but none should be under it any more.
    Retired,
    /// Gone.
    Destroyed,
}

/// A recovery kit as it is on the wire, without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kit {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: KitId,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it opens the vault.
    pub valid: bool,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When the user said that its paper is destroyed.
    pub destroyed: Option<Timestamp>,
}

impl From<KitInfo> for Kit {
    fn from(kit: KitInfo) -> Self {
        let KitInfo { name: KitName { number, id }, created, valid, ended, destroyed } = kit;
        Self { number, id, created, valid, ended, destroyed }
    }
}

impl From<Kit> for KitInfo {
    fn from(kit: Kit) -> Self {
        let Kit { number, id, created, valid, ended, destroyed } = kit;
        Self { name: KitName { number, id }, created, valid, ended, destroyed }
    }
}

/// A hold as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

/// Whether a change had anything to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectOf {
    /// The vault was changed.
    Changed,
    /// Everything was so already.
    AlreadySo,
}

/// What a change can leave to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum NoticeOf {
    /// The memory of the last write could not be renewed.
    AnchorNotWritten {
        /// Why.
        reason: String,
    },
    /// The second copy of the vault file was not written.
    NoSecondCopy {
        /// Why.
        reason: String,
    },
}

impl NoticeOf {
    /// Takes a notice; `None` for one that belongs to an unlock, which has told it.
    #[must_use]
    pub fn of(notice: Notice) -> Option<Self> {
        match notice {
            Notice::AnchorNotWritten { reason } => Some(Self::AnchorNotWritten { reason }),
            Notice::NoSecondCopy { reason } => Some(Self::NoSecondCopy { reason }),
            _ => None,
        }
    }
}

impl From<NoticeOf> for Notice {
    fn from(notice: NoticeOf) -> Self {
        match notice {
            NoticeOf::AnchorNotWritten { reason } => Self::AnchorNotWritten { reason },
            NoticeOf::NoSecondCopy { reason } => Self::NoSecondCopy { reason },
        }
    }
}

impl From<Effect> for EffectOf {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Changed => Self::Changed,
            Effect::AlreadySo => Self::AlreadySo,
        }
    }
}

impl From<EffectOf> for Effect {
    fn from(effect: EffectOf) -> Self {
        match effect {
            EffectOf::Changed => Self::Changed,
            EffectOf::AlreadySo => Self::AlreadySo,
        }
    }
}

impl From<vault::KeyState> for KeyState {
    fn from(state: vault::KeyState) -> Self {
        match state {
            vault::KeyState::Active => Self::Active,
            vault::KeyState::Retired => Self::Retired,
            vault::KeyState::Destroyed => Self::Destroyed,
        }
    }
}

impl From<KeyState> for vault::KeyState {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Active => Self::Active,
            KeyState::Retired => Self::Retired,
            KeyState::Destroyed => Self::Destroyed,
        }
    }
}

impl From<ProjectInfo> for Project {
    fn from(project: ProjectInfo) -> Self {
        let ProjectInfo {
            id,
            name,
            client,
            first_client,
            note,
            created,
            keys,
            hold,
            destroyed,
            engagement,
            destruction,
        } = project;
        let keys = keys.into_iter().map(|KeyInfo { version, state, current, created, seen, imported, sealed }| {
            let state = state.into();
            Key { version, state, current, created, seen, imported, sealed }
        });
        let hold = hold.map(|HoldInfo { since, reason }| Hold { since, reason });
        Self {
            id,
            name,
            client,
            first_client,
            note,
            created,
            keys: keys.collect(),
            hold,
            destroyed,
            engagement,
            destruction,
        }
    }
}

impl From<Project> for ProjectInfo {
    fn from(project: Project) -> Self {
        let Project { id, name, client, first_client, note, created, keys, hold, destroyed, engagement, destruction } =
            project;
        let keys = keys.into_iter().map(|Key { version, state, current, created, seen, imported, sealed }| {
            let state = state.into();
            KeyInfo { version, state, current, created, seen, imported, sealed }
        });
        let hold = hold.map(|Hold { since, reason }| HoldInfo { since, reason });
        Self {
            id,
            name,
            client,
            first_client,
            note,
            created,
            keys: keys.collect(),
            hold,
            destroyed,
            engagement,
            destruction,
        }
    }
}
