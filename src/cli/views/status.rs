//! What `status` tells of a vault.

use serde::Serialize;

use super::agent::Agent;
use super::due::{DueProject, OldKey};
use super::project::Project;
use super::rotation::Rotation;
use super::swept::OldCopies;
use super::vault::Kdf;
use crate::cli::layout::table;
use crate::format::{Timestamp, VaultId};
use crate::words::{Flags, Words, command, counted, kit_names, words};

/// Which vault and keychain there are, and which projects if the vault is unlocked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// The vault's file.
    pub path: String,
    /// The vault's id.
    pub vault: VaultId,
    /// When it was made.
    pub created: Timestamp,
    /// How often it was written.
    pub generation: u64,
    /// Why the vault file cannot be used, if the previous one was read instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// What the kits are called that open the vault.
    pub recovery_kits: Vec<String>,
    /// The kind of keychain that holds this computer's half of the vault's key.
    pub keychain: String,
    /// When the password was set, if the key is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_set: Option<Timestamp>,
    /// What the password costs to guess, if the key is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kdf: Option<Kdf>,
    /// Whether that is less than the default, if the key is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kdf_below_default: Option<bool>,
    /// Why there is no key: `missing`, `unusable`, or a kind of error of the keychain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<NoKey>,
    /// The file of `config`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
    /// The file that names the project of the working folder, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_file: Option<ProjectFileSeen>,
    /// Whether the vault was unlocked.
    pub unlocked: bool,
    /// The agent that keeps the vault unlocked, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// What a new password will cost to guess, if the vault was unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kdf_policy: Option<Kdf>,
    /// How far the rotation of the data key is, if one is under way and the vault was unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// The projects, if the vault was unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<Project>>,
    /// The projects whose date is within 30 days or has passed, if the vault was unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Vec<DueProject>>,
    /// The projects' current keys that are 22 months old or more, if the vault was unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_keys: Option<Vec<OldKey>>,
    /// Opened copies that are older than 30 days and still exist, if the vault was unlocked and there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_copies: Option<OldCopies>,
    /// Whether the policy is below the default.
    #[serde(skip)]
    pub policy_below_default: bool,
}

/// The file that names the project of the working folder.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProjectFileSeen {
    /// Where it is.
    pub path: String,
    /// The project that it names.
    pub project: Option<String>,
    /// The patterns of what it leaves out.
    pub exclude: Vec<String>,
    /// Why it is not used, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl ProjectFileSeen {
    fn text(&self) -> String {
        let says = match (&self.refused, &self.project, self.exclude.len()) {
            (Some(refused), ..) => format!("not used: {refused}"),
            (None, None, 0) => "names no project".into(),
            (None, None, patterns) => format!("names no project, {}", counted(patterns, "exclude pattern")),
            (None, Some(project), 0) => format!("project {project}"),
            (None, Some(project), patterns) => {
                format!("project {project}, {}", counted(patterns, "exclude pattern"))
            }
        };
        format!("{} ({says})", self.path)
    }
}

/// Why there is no key.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct NoKey {
    kind: &'static str,
    #[serde(skip)]
    text: String,
}

impl NoKey {
    /// Returns a reason, as a stable word and in words.
    pub fn of(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl Status {
    /// Returns all of it, in lines. The commands that it names get these flags.
    pub fn text(&self, flags: &Flags) -> String {
        let cost = |kdf: Kdf, is_below: bool| {
            let below = if is_below { " (below the default of 256 MiB, 3 passes)" } else { "" };
            format!("{kdf}{below}")
        };
        let warning = |reason: &String| format!("the vault file cannot be used: {reason}; this is the previous one");
        let kits = if self.recovery_kits.is_empty() { "none".into() } else { kit_names(&self.recovery_kits) };
        let projects = match &self.projects {
            Some(projects) => Words::from(projects.len().to_string()),
            None if self.agent.is_some() => words!["see them with ", command("project list")],
            None => words!["locked; see them with ", command("status --unlock")],
        };
        // An agent tells no more. How far it is depends on what this computer has noted, which `--unlock` reads.
        let waits = || self.agent.as_ref().is_some_and(|agent| agent.rotation_waits);
        let unseen = || waits().then(|| words!["under way: ", command("status --unlock"), " says how far it is"]);
        let rotation = self.rotation.map(Rotation::line).or_else(unseen);
        let agent = self.agent.iter().flat_map(Agent::rows).map(|(name, text)| (name, Some(text)));
        let rows = [
            ("path", Some(self.path.clone())),
            ("vault", Some(self.vault.to_string())),
            ("created", Some(self.created.to_string())),
            ("generation", Some(self.generation.to_string())),
            ("warning", self.warning.as_ref().map(warning)),
            ("recovery kits", Some(kits)),
            ("keychain", Some(self.keychain.clone())),
            ("key stored", self.password_set.map(|at| at.to_string())),
            ("kdf", self.kdf.map(|kdf| cost(kdf, self.kdf_below_default.unwrap_or_default()))),
            ("key", self.key.as_ref().map(|key| key.text.clone())),
            ("config file", self.config_file.clone()),
            ("project file", self.project_file.as_ref().map(ProjectFileSeen::text)),
            ("kdf policy", self.kdf_policy.map(|kdf| cost(kdf, self.policy_below_default))),
            ("rotation", rotation.map(|line| line.with(flags))),
            ("projects", Some(projects.with(flags))),
            ("old copies", self.old_copies.as_ref().map(OldCopies::text)),
        ];
        let rows = rows.into_iter().chain(agent).filter_map(|(name, text)| Some(vec![name.to_owned(), text?]));
        let mut text = table(&[], rows.collect());
        if let Some(projects) = self.projects.as_ref().filter(|projects| !projects.is_empty()) {
            let rows = projects.iter().map(Project::row_of_versions).collect();
            text += &format!("\n\n{}", table(&["PROJECT", "CLIENT", "KEY VERSIONS"], rows));
        }
        let due = self.due.iter().flatten().filter_map(DueProject::line);
        let lines: Vec<String> =
            due.chain(self.old_keys.iter().flatten().map(OldKey::line)).map(|line| line.with(flags)).collect();
        if !lines.is_empty() {
            text += &format!("\n\n{}", lines.join("\n"));
        }
        text
    }
}
