//! What has to be found out for a report before it is made.

use super::bundle::{
    Check, Copies, Destruction, Engagement, FilePart, KeyPart, LogPart, ProjectPart, Read, Share, SignedBy, Tool,
    Unlock,
};
use crate::format::{Timestamp, VaultId};

/// A fact, or why nobody knows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Known<T> {
    /// It is this.
    Is(T),
    /// Why it is not known, as the page says it.
    Not(String),
}

impl<T> Known<T> {
    /// Returns the fact.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Is(fact) => Some(fact),
            Self::Not(_) => None,
        }
    }

    /// Returns why it is not known.
    pub fn why(&self) -> &str {
        match self {
            Self::Is(_) => "",
            Self::Not(why) => why,
        }
    }
}

/// All that a report is made of.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What the project's files are called, from its name.
    pub stem: String,
    /// The report's number.
    pub number: u32,
    /// When it is made.
    pub made: Timestamp,
    /// SHA-256 of the report before it.
    pub previous_sha256: Option<String>,
    /// The vault.
    pub vault: VaultId,
    /// The project.
    pub project: ProjectPart,
    /// What was agreed.
    pub engagement: Known<Engagement>,
    /// The state of the engagement, as the vault computes it.
    pub state: String,
    /// Where encrypted files were looked for.
    pub roots: Vec<String>,
    /// How much of them was read.
    pub read: Read,
    /// When they were read.
    pub read_at: Timestamp,
    /// The files.
    pub files: Vec<FilePart>,
    /// The project's keys.
    pub keys: Vec<KeyPart>,
    /// What opens them.
    pub unlock: Unlock,
    /// What was found of the computer: each as a check, of which the rules know the id.
    pub machine: Vec<Check>,
    /// The record of accesses.
    pub log: Known<LogPart>,
    /// Readable copies.
    pub copies: Known<Copies>,
    /// Who else it was shared with.
    pub shares: Vec<Share>,
    /// The destruction.
    pub destruction: Option<Destruction>,
    /// The program.
    pub tool: Tool,
    /// The key that signs.
    pub signed_by: SignedBy,
}
