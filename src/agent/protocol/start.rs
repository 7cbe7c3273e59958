//! What the process that unlocked a vault says to the one that is to keep it unlocked, and what comes back. Both are of
//! one program, and speak over pipes that nobody else has.

use serde::{Deserialize, Serialize};

use super::answer::Watching;
use super::failure::Failed;
use super::line::{self, Line};
use super::{Unread, secret};
use crate::crypto::secret::DataKey;

/// What an agent is started with. The vault's folder is in its environment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The kind of keychain, by its whole path.
    pub keychain: String,
    /// After how many seconds it locks if it stays unused.
    pub idle_seconds: u64,
    /// After how many seconds it locks in any case.
    pub life_seconds: u64,
    /// The projects that it answers for; all of them if there is no list.
    pub projects: Option<Vec<String>>,
    /// The program that asks the user before a key is shown.
    pub askpass: Option<String>,
    /// What the master password has opened.
    #[serde(with = "secret")]
    pub data_key: DataKey,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Started {
    /// It answers.
    Ready {
        /// Its process.
        pid: u32,
        /// What it watches.
        watching: Watching,
    },
    /// Another agent of this vault is running.
    Taken,
    /// It cannot have a socket.
    NoPlace {
        /// Why, in a sentence.
        reason: String,
        /// Whether the disk has no room for one.
        is_full: bool,
    },
    /// It cannot read what it is started with, or find the vault.
    NotBegun {
        /// Why, in a sentence.
        reason: String,
    },
    /// The vault says no.
    Failed(Box<Failed>),
}

impl Start {
    /// Writes it as one line.
    #[must_use]
    pub fn to_line(&self) -> Line {
        line::write(self)
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// [`Unread::Malformed`].
    pub fn read(line: &[u8]) -> Result<Self, Unread> {
        serde_json::from_slice(line).map_err(|_| Unread::Malformed)
    }
}

impl Started {
    /// Writes it as one line.
    #[must_use]
    pub fn to_line(&self) -> Line {
        line::write(self)
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// [`Unread::Malformed`].
    pub fn read(line: &[u8]) -> Result<Self, Unread> {
        serde_json::from_slice(line).map_err(|_| Unread::Malformed)
    }
}
