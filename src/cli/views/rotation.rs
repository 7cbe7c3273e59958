//! Rotations of the data key, and what they are for: the destruction of a project.

use serde::Serialize;

use super::destruction::DestructionOf;
use super::kit::Kit;
use crate::format::kit::KitName;
use crate::vault::{self, SharedKey};
use crate::words::{Words, command, words};

/// How far a rotation of the data key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rotation {
    /// How far it is.
    pub state: RotationState,
    /// How many seconds of the boot-time clock until a command can finish it; `null` if only a restart of the computer
    /// or `--settle-now` lets it finish, or another computer began it.
    pub seconds_left: Option<u64>,
}

/// How far a rotation of the data key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RotationState {
    /// It is finished.
    Settled,
    /// The keychain is given time to keep the new key.
    Waiting,
    /// It is under way on another computer.
    Elsewhere,
}

impl From<vault::Rotation> for Rotation {
    fn from(rotation: vault::Rotation) -> Self {
        let (state, seconds_left) = match rotation {
            vault::Rotation::Settled => (RotationState::Settled, Some(0)),
            vault::Rotation::Waits { left } => (RotationState::Waiting, left),
            vault::Rotation::Elsewhere => (RotationState::Elsewhere, None),
        };
        Self { state, seconds_left }
    }
}

impl Rotation {
    /// Tells in a line or two how far it is.
    pub fn text(self) -> Words {
        match (self.state, self.seconds_left) {
            (RotationState::Settled, _) => {
                "the data key is rotated: vault files from before no longer open with this computer's keychain".into()
            }
            (RotationState::Waiting, Some(left)) => format!(
                "the rotation of the data key has started: the keychain now gets time to store the new key safely. \
                 The first command that asks for the master password in {} min or later, or after a restart of the \
                 computer, finishes the rotation; until then older vault files still open",
                left.div_ceil(60)
            )
            .into(),
            (RotationState::Waiting, None) => words![
                "the rotation of the data key is under way: finish it with ",
                command("vault rotate --settle-now"),
                " once the computer has started again; until then older vault files still open"
            ],
            (RotationState::Elsewhere, _) => "a rotation of the data key is under way on another computer".into(),
        }
    }

    /// Tells how far it is in one line of a table.
    pub fn line(self) -> Words {
        match (self.state, self.seconds_left) {
            (RotationState::Waiting, Some(left)) => format!(
                "under way: the first command that asks for the password after {} min or a restart finishes it",
                left.div_ceil(60)
            )
            .into(),
            (RotationState::Waiting, None) => {
                words!["under way: finish it with ", command("vault rotate --settle-now"), " after a restart"]
            }
            (RotationState::Elsewhere, _) => "under way on another computer".into(),
            (RotationState::Settled, _) => "finished".into(),
        }
    }

    /// Says what the kit opens that was made with it.
    pub fn new_kit(self, kit: KitName) -> String {
        let until = if self.state == RotationState::Settled { "" } else { ", now and after the rotation is finished" };
        format!("\nrecovery kit {kit} opens the vault{until}")
    }

    /// Says what it means for backups.
    pub fn old_backups(self) -> Words {
        let since = if self.state == RotationState::Settled { "" } else { "once it is finished, " };
        words![
            "\n",
            since,
            "old backups no longer open with this computer's keychain, but they still open with a kit from their time, \
             also with a kit that was kept: destroy them, and make a new backup with ",
            command("vault backup FILE")
        ]
    }
}

/// A rotation of the data key that was started, continued or finished.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RotatedDataKey {
    /// How far it is.
    #[serde(flatten)]
    pub rotation: Rotation,
    /// What the kit is called that was made with it, if one was.
    pub kit: Option<String>,
    /// Every kit of the vault.
    pub kits: Vec<Kit>,
}

/// A recovery kit that was revoked together with a rotation of the data key.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RevokedKit {
    /// The kit.
    #[serde(flatten)]
    pub kit: Kit,
    /// How far the rotation of the data key is.
    pub rotation: Rotation,
    /// What the kit is called that was made instead, if one was.
    pub new_kit: Option<String>,
}

/// A project whose keys were destroyed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DestroyedProject {
    /// The project's name.
    pub project: String,
    /// How far the rotation of the data key is that goes with it.
    pub rotation: Rotation,
    /// What the kit is called that was made with it, if one was.
    pub kit: Option<String>,
    /// Its keys that other projects of the vault still hold.
    pub shared: Vec<SharedKeyVersion>,
    /// Its secrets that were deleted with it, by name: the systems that they are for still accept them.
    pub secrets_deleted: Vec<String>,
    /// Its secrets that were kept, and belong to no project now.
    pub secrets_kept: Vec<String>,
    /// The record of the destruction, which is open until each step is done.
    pub destruction: DestructionOf,
    /// What is known to open the project's files still, one sentence each.
    pub could_undo: Vec<String>,
    /// What could open the project's files and cannot be known of.
    pub cannot_know: &'static [&'static str],
}

/// A key that another project of the vault holds too.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SharedKeyVersion {
    /// The version it has in the destroyed project.
    pub version: u32,
    /// The other project's name.
    pub project: String,
    /// The version it has there.
    pub project_version: u32,
}

impl From<&SharedKey> for SharedKeyVersion {
    fn from(key: &SharedKey) -> Self {
        Self { version: key.version, project: key.elsewhere.project.clone(), project_version: key.elsewhere.version }
    }
}

impl DestroyedProject {
    /// Says that it is destroyed, and what of it is left.
    pub fn text(&self) -> String {
        match &self.shared[..] {
            [] => format!("project {} is destroyed: its keys are gone from the vault\n", self.project),
            shared => {
                let elsewhere: Vec<_> = shared
                    .iter()
                    .map(|key| format!("project {:?} (key version {})", key.project, key.project_version))
                    .collect();
                let elsewhere = elsewhere.join(", ");
                format!("project {} is destroyed, but this vault still opens files of it: {elsewhere}\n", self.project)
            }
        }
    }

    /// Says what became of its secrets.
    pub fn secrets(&self) -> String {
        let mut text = String::new();
        if !self.secrets_deleted.is_empty() {
            text += &format!(
                "\nits secrets are deleted: {}; the client's systems still accept them: change them there",
                self.secrets_deleted.join(", ")
            );
        }
        if !self.secrets_kept.is_empty() {
            text += &format!("\nits secrets are kept, and belong to no project now: {}", self.secrets_kept.join(", "));
        }
        text
    }

    /// Lists what could still open its files.
    pub fn copies(&self) -> String {
        let mut text =
            "\n\nwhat this program knows of that could still open the files, or holds what is in them:".to_owned();
        for line in &self.could_undo {
            text += &format!("\n  - {line}");
        }
        if self.could_undo.is_empty() {
            text += "\n  - none";
        }
        text += "\nwhat it cannot know about:";
        for line in self.cannot_know {
            text += &format!("\n  - {line}");
        }
        text
    }
}
