//! Vaults: made, recovered, copied, united.

use serde::Serialize;

use super::project::KeyInProject;
use crate::crypto::kdf::KdfCost;
use crate::format::{Timestamp, VaultId};
use crate::vault::{Effect, Joined, Merged, Restored};
use crate::words::{Words, command, words};

/// What the password costs to guess.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Kdf {
    /// How the key is derived from the password: `argon2id`.
    pub algorithm: &'static str,
    /// Memory for each guess, in MiB.
    pub memory_mib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl From<KdfCost> for Kdf {
    fn from(cost: KdfCost) -> Self {
        let KdfCost { memory_kib, passes, lanes } = cost;
        Self { algorithm: "argon2id", memory_mib: memory_kib / 1024, passes, lanes }
    }
}

impl std::fmt::Display for Kdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Argon2id, {} MiB, {} passes, {} lanes", self.memory_mib, self.passes, self.lanes)
    }
}

/// A vault that was made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NewVault {
    /// Its id.
    pub vault: VaultId,
    /// Its file.
    pub path: String,
    /// The kind of keychain that holds this computer's half of its key.
    pub keychain: String,
    /// What its password costs to guess.
    pub kdf: Kdf,
    /// What its recovery kit is called, if one was made.
    pub kit: Option<String>,
}

impl NewVault {
    /// Says that a kit was made with it.
    pub fn kit_text(&self) -> Words {
        let Some(kit) = &self.kit else { return Words::default() };
        words![
            format!("\nrecovery  kit {kit}, proven to open the vault, and backups made from now on: "),
            command("vault backup FILE")
        ]
    }
}

/// Where a vault and its key are.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VaultPlace {
    /// The vault's file.
    pub path: String,
    /// The kind of keychain that holds this computer's half of its key.
    pub keychain: String,
}

/// A vault that a recovery kit opened, with a new password on this computer.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecoveredVault {
    /// Its id.
    pub vault: VaultId,
    /// Its file.
    pub path: String,
    /// The kind of keychain that holds this computer's half of its key.
    pub keychain: String,
    /// What the kit is called that opened it.
    pub kit: String,
    /// What the new password costs to guess.
    pub kdf: Kdf,
}

/// A master password that was changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangedPassword {
    /// When.
    pub changed: Timestamp,
    /// What the new password costs to guess.
    pub kdf: Kdf,
}

/// A copy of the vault file that was written.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Backup {
    /// The vault's file.
    pub path: String,
    /// The copy.
    pub file: String,
    /// The vault's id.
    pub vault: VaultId,
    /// The generation of the vault that was copied.
    pub generation: u64,
    /// What the kits are called that open the copy.
    pub kits: Vec<String>,
    /// Whether it is known to be the vault file that this computer saw last; if not, open the vault to check.
    pub checked: bool,
}

/// A copy of the vault file that was put in the vault's place.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RestoredVault {
    /// The generation of the copy.
    pub from_generation: u64,
    /// The generation that the vault continues with.
    pub generation: u64,
    /// What the replaced file is called now, if there was one.
    pub set_aside: Option<String>,
    /// Projects of the copy that were destroyed since, and stay so.
    pub destroyed: Vec<String>,
    /// Projects that were put on hold since, and stay so.
    pub held: Vec<String>,
    /// Whether the replaced file could not be opened, so that only the copy says what was destroyed or held.
    pub unread: bool,
}

impl RestoredVault {
    /// Returns what was restored from a copy of this generation.
    pub fn of(from_generation: u64, restored: Restored) -> Self {
        let Restored { generation, aside, destroyed, held, unread } = restored;
        Self { from_generation, generation, set_aside: aside, destroyed, held, unread }
    }

    /// Says what was restored, and what was not.
    pub fn text(&self) -> String {
        let copied = self.from_generation;
        let kept = self.set_aside.as_ref().map(|name| format!("\nthe replaced file is kept as {name}"));
        let mut text = format!(
            "restored the vault of generation {copied}; it continues as generation {}{}\nchanges after generation \
             {copied} are not in it, such as new projects and keys that files may be under",
            self.generation,
            kept.unwrap_or_default()
        );
        for project in &self.destroyed {
            text += &format!("\nproject {project} was destroyed after the copy was made, and stays destroyed");
        }
        for project in &self.held {
            text += &format!("\nproject {project} is on hold since, and stays so");
        }
        if self.unread {
            text += "\nthe replaced file could not be opened, so projects, holds and kits are as they were in the \
                     copy: check which projects it had destroyed or put on hold";
        }
        text
    }
}

/// Two files of a vault that were united.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MergedVault {
    /// The generation that the vault continues with.
    pub generation: u64,
    /// Projects that only the other file had, as they are called here.
    pub projects: Vec<String>,
    /// Projects that are called otherwise here than in the other file.
    pub renamed: Vec<RenamedProject>,
    /// Projects that the other file knows to be destroyed, and that are so here now.
    pub destroyed: Vec<String>,
    /// Projects that are on hold in the other file, and are so here now.
    pub held: Vec<String>,
    /// Projects of whose engagement the other file had changes that were not here.
    pub engagements: Vec<String>,
    /// Keys that only the other file had.
    pub keys: Vec<KeyInProject>,
    /// Secrets that only the other file had, or of which it had a version that was not here.
    pub secrets: Vec<String>,
    /// Secrets that were changed in both files: the later change is shown, and the other one is in the history.
    pub secrets_apart: Vec<String>,
    /// Kits that opened one of the two files and do not open the united one.
    pub ended_kits: Vec<String>,
    /// Kits that the rotation of the data key under way will end.
    pub ending_kits: Vec<String>,
    #[serde(skip)]
    effect: Effect,
}

/// A project that is called otherwise here than in the other file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RenamedProject {
    /// Its name in the other file.
    pub from: String,
    /// Its name here.
    pub to: String,
}

impl From<Merged> for MergedVault {
    fn from(merged: Merged) -> Self {
        let Merged { came, generation, effect } = merged;
        let Joined {
            projects,
            keys,
            renamed,
            destroyed,
            held,
            engagements,
            secrets,
            secrets_apart,
            ended_kits,
            ending_kits,
        } = came;
        Self {
            generation,
            projects,
            renamed: renamed.into_iter().map(|(from, to)| RenamedProject { from, to }).collect(),
            destroyed,
            held,
            engagements,
            keys: keys.into_iter().map(|(project, version)| KeyInProject { project, version }).collect(),
            secrets,
            secrets_apart,
            ended_kits: ended_kits.iter().map(ToString::to_string).collect(),
            ending_kits: ending_kits.iter().map(ToString::to_string).collect(),
            effect,
        }
    }
}

impl MergedVault {
    /// Says what came from the other file, which is called `other`.
    pub fn text(&self, other: &str) -> Words {
        let mut lines: Vec<Words> = vec![match self.effect {
            Effect::Changed => format!("merged; the vault continues as generation {}", self.generation).into(),
            Effect::AlreadySo => format!("{other} has nothing that is not in the vault; nothing was changed").into(),
        }];
        lines.extend(self.projects.iter().map(|project| format!("added project {project}").into()));
        for RenamedProject { from, to } in &self.renamed {
            lines.push(format!("project {from} of the other file is named {to} here").into());
        }
        for project in &self.destroyed {
            lines.push(
                format!("project {project} was destroyed in the other file, and is now destroyed here too").into(),
            );
        }
        lines.extend(self.held.iter().map(|project| {
            format!("project {project} is on hold in the other file, and is now on hold here too").into()
        }));
        for project in &self.engagements {
            lines.push(words![
                format!("added changes to the engagement of {project}: see them with "),
                command("project show").arg(project)
            ]);
        }
        for KeyInProject { project, version } in &self.keys {
            lines.push(format!("added key version {version} of {project}").into());
        }
        lines.extend(self.secrets.iter().map(|secret| format!("added or changed secret {secret}").into()));
        for secret in &self.secrets_apart {
            lines.push(words![
                format!("secret {secret} was changed in both files: the later change is shown, see "),
                command("secret history").arg(secret)
            ]);
        }
        if lines.len() == 1 && self.effect == Effect::Changed {
            lines.push("nothing had to be added".into());
        }
        for kit in &self.ended_kits {
            lines.push(words![
                format!("recovery kit {kit} no longer opens the vault: it had ended in one of the two files. See "),
                command("kit list")
            ]);
        }
        for kit in &self.ending_kits {
            lines.push(words![
                format!(
                    "recovery kit {kit} stops working when the rotation of the data key is finished: make another kit \
                     with "
                ),
                command("kit new")
            ]);
        }
        if self.effect == Effect::Changed {
            lines.push("put the merged vault file on the other computer too, in place of its own".into());
        }
        Words::lines(lines)
    }
}
