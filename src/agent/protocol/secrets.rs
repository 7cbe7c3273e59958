//! Secrets on the wire: what each tells of itself, and edits.

use serde::{Deserialize, Serialize};

use crate::crypto::secret::SecretText;
use crate::format::secret::SecretField;
use crate::format::{SecretId, Timestamp};
use crate::vault::{self, Before, SecretInfo, SecretVersion};

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// Its name.
    pub name: String,
    /// The project that it belongs to, if any.
    pub project: Option<String>,
    /// What kind of secret it is; may be empty, as the next ones.
    pub kind: String,
    /// The account.
    pub user: String,
    /// Where it is used.
    pub urls: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it was imported from.
    pub from: String,
    /// When the version was made that is shown.
    pub changed: Timestamp,
    /// Its versions, the oldest first.
    pub versions: Vec<Version>,
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// When it was made.
    pub made: Timestamp,
    /// The account.
    pub user: String,
    /// Whether it is the one that is shown.
    pub current: bool,
    /// Whether no other version replaces it.
    pub is_head: bool,
}

/// An edit of a secret: what is missing stays as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Whether there may be, or has to be, a secret of the name.
    pub before: MayBe,
    /// Its new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is to belong to the project below, or to none.
    pub moves: bool,
    /// The project that it is to belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What kind of secret it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What it was imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretText>,
    /// What one-time codes are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp: Option<SecretText>,
    /// A note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<SecretText>,
    /// Fields by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<SecretField>,
}

/// Whether there may be, or has to be, a secret of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MayBe {
    /// It is made if there is none.
    Any,
    /// There must be none.
    None,
    /// There must be one.
    Some,
}

impl Edit {
    /// Puts an edit into a question.
    #[must_use]
    pub fn new(edit: vault::SecretEdit, before: Before) -> Self {
        let vault::SecretEdit { name, project, kind, user, urls, tags, from, password, totp, note, fields } = edit;
        let before = match before {
            Before::Any => MayBe::Any,
            Before::None => MayBe::None,
            Before::Some => MayBe::Some,
        };
        let (moves, project) = (project.is_some(), project.flatten());
        Self { before, name, moves, project, kind, user, urls, tags, from, password, totp, note, fields }
    }

    /// Returns the project that the secret is to belong to.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref().filter(|_| self.moves)
    }

    /// Takes the edit out of a question.
    #[must_use]
    pub fn into_edit(self) -> (vault::SecretEdit, Before) {
        let Self { before, name, moves, project, kind, user, urls, tags, from, password, totp, note, fields } = self;
        let before = match before {
            MayBe::Any => Before::Any,
            MayBe::None => Before::None,
            MayBe::Some => Before::Some,
        };
        let project = moves.then_some(project);
        (vault::SecretEdit { name, project, kind, user, urls, tags, from, password, totp, note, fields }, before)
    }
}

impl From<SecretInfo> for Secret {
    fn from(secret: SecretInfo) -> Self {
        let SecretInfo { id, name, project, kind, user, urls, tags, from, changed, versions } = secret;
        let versions = versions.into_iter().map(|SecretVersion { made, user, current, is_head }| Version {
            made,
            user,
            current,
            is_head,
        });
        Self { id, name, project, kind, user, urls, tags, from, changed, versions: versions.collect() }
    }
}

impl From<Secret> for SecretInfo {
    fn from(secret: Secret) -> Self {
        let Secret { id, name, project, kind, user, urls, tags, from, changed, versions } = secret;
        let versions = versions.into_iter().map(|Version { made, user, current, is_head }| SecretVersion {
            made,
            user,
            current,
            is_head,
        });
        Self { id, name, project, kind, user, urls, tags, from, changed, versions: versions.collect() }
    }
}
