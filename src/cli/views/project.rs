//! Projects and their keys.

use serde::Serialize;

use super::engagement::{Engagement, NextDate, ProjectState};
use crate::cli::layout::table;
use crate::error::KeyPlace;
use crate::format::vault::KeyState;
use crate::format::{Date, ProjectId, Timestamp};
use crate::vault::{HoldInfo, KeyInfo, ProjectInfo};
use crate::words::{Words, command, words};

/// A project of a vault.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Project {
    /// The project's name.
    pub project: String,
    /// Its id, which it keeps when it is renamed.
    pub id: ProjectId,
    /// Whose data it is; may be empty.
    pub client: String,
    /// A note; may be empty.
    pub note: String,
    /// When it was added.
    pub created: Timestamp,
    /// Every version of its key.
    pub keys: Vec<KeyVersion>,
    /// The legal hold, if it is under one: it cannot be destroyed.
    pub hold: Option<Hold>,
    /// When it was destroyed, if it was.
    pub destroyed: Option<Timestamp>,
    /// Where it is between the first agreement and the end. A hold goes before everything else.
    pub state: ProjectState,
    /// The date that counts for it, if one is set and it was not destroyed.
    pub next: Option<NextDate>,
    /// What was agreed about it.
    pub engagement: Engagement,
    /// The day that counts as today.
    #[serde(skip)]
    today: Date,
}

/// A legal hold.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

/// A version of a project's key.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyVersion {
    /// Counts from 1.
    pub version: u32,
    /// What it is used for.
    pub state: State,
    /// When it was made or imported.
    pub created: Timestamp,
    /// What the last `rewrap` in which nothing failed found under it; left out if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// What a version of a key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It encrypts and opens.
    Current,
    /// It opens what it encrypted.
    Earlier,
    /// It opens what it encrypted, and no file should be under it any more.
    Retired,
    /// It is gone.
    Destroyed,
}

/// How many files were found under a version of a key.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Seen {
    /// How many files.
    pub files: u64,
    /// When they were counted.
    pub at: Timestamp,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Earlier => "earlier",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        })
    }
}

impl From<&KeyInfo> for KeyVersion {
    fn from(key: &KeyInfo) -> Self {
        let state = match key.state {
            KeyState::Active if key.current => State::Current,
            KeyState::Active => State::Earlier,
            KeyState::Retired => State::Retired,
            KeyState::Destroyed => State::Destroyed,
        };
        let seen = key.seen.map(|(files, at)| Seen { files, at });
        Self { version: key.version, state, created: key.created, seen }
    }
}

impl From<&HoldInfo> for Hold {
    fn from(hold: &HoldInfo) -> Self {
        Self { since: hold.since, reason: hold.reason.clone() }
    }
}

impl Project {
    /// Returns a project as it is on a day.
    pub fn of(project: &ProjectInfo, today: Date) -> Self {
        Self {
            project: project.name.clone(),
            id: project.id,
            client: project.client.clone(),
            note: project.note.clone(),
            created: project.created,
            keys: project.keys.iter().map(KeyVersion::from).collect(),
            hold: project.hold.as_ref().map(Hold::from),
            destroyed: project.destroyed,
            state: ProjectState::of(project, today),
            next: NextDate::of(project, today),
            engagement: Engagement::of(project),
            today,
        }
    }

    /// Returns all that is known of the project, in lines.
    pub fn text(&self) -> String {
        let mut rows = vec![
            vec!["project".to_owned(), self.project.clone()],
            vec!["id".to_owned(), self.id.to_string()],
            vec!["added".to_owned(), self.created.to_string()],
            vec!["state".to_owned(), self.state.to_string()],
        ];
        if let Some(at) = self.destroyed {
            rows.push(vec!["destroyed".to_owned(), at.to_string()]);
        }
        if let Some(hold) = &self.hold {
            rows.push(vec!["on hold".to_owned(), format!("since {} {}", hold.since, hold.reason)]);
        }
        for (what, text) in [("client", &self.client), ("note", &self.note)] {
            if !text.is_empty() {
                rows.push(vec![what.to_owned(), text.clone()]);
            }
        }
        rows.extend(self.engagement.rows(self.today));
        for key in &self.keys {
            let text = format!("version {}, {}, made {}", key.version, key.state, key.created);
            rows.push(vec!["key".to_owned(), text]);
        }
        let mut text = table(&[], rows);
        let changes = self.engagement.change_rows();
        if !changes.is_empty() {
            text += &format!("\n\n{}", table(&["CHANGED", "WHAT", "WAS", "IS", "BY"], changes));
        }
        text
    }

    /// Returns its line in a list of projects.
    fn row(&self) -> Vec<String> {
        let state = match self.destroyed {
            Some(at) if self.state == ProjectState::Destroyed => format!("destroyed {}", at.date()),
            _ => self.state.to_string(),
        };
        let next = self.next.map(NextDate::text).unwrap_or_default();
        let keys = self.keys.len().to_string();
        vec![self.project.clone(), self.client.clone(), state, next, keys, self.created.to_string()]
    }

    /// Returns its line in the list that `status` ends with.
    pub fn row_of_versions(&self) -> Vec<String> {
        let versions: Vec<String> = self.keys.iter().map(|key| format!("{} {}", key.version, key.state)).collect();
        vec![self.project.clone(), self.client.clone(), versions.join(", ")]
    }
}

/// Returns the list of projects.
pub fn projects_text(projects: &[Project]) -> Words {
    if projects.is_empty() {
        return words!["no projects yet: add one with ", command("project add NAME")];
    }
    table(&["PROJECT", "CLIENT", "STATE", "NEXT", "KEYS", "ADDED"], projects.iter().map(Project::row).collect()).into()
}

/// The versions of a project's key.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyList {
    /// The project's name.
    pub project: String,
    /// Every version of its key.
    pub keys: Vec<KeyVersion>,
}

impl KeyList {
    /// Returns the versions in lines, with counts of files if there are any.
    pub fn text(&self) -> String {
        let is_counted = self.keys.iter().any(|key| key.seen.is_some());
        let rows = self.keys.iter().map(|key| {
            let mut row = vec![key.version.to_string(), key.state.to_string(), key.created.to_string()];
            if is_counted {
                let seen = key.seen.map(|seen| [seen.files.to_string(), seen.at.to_string()]);
                row.extend(seen.unwrap_or_default());
            }
            row
        });
        let headings = ["VERSION", "STATE", "MADE", "FILES", "COUNTED"];
        table(if is_counted { &headings } else { &headings[..3] }, rows.collect())
    }
}

/// A project's key in clear. It borrows the key, which is copied into wiped memory alone.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownKey<'a> {
    /// The project's name.
    pub project: &'a str,
    /// Which version of its key.
    pub version: u32,
    /// The 32 bytes of the key, in standard base64 or in hexadecimal digits.
    pub key: &'a str,
}

/// A key that was made for a project.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NewKey {
    /// The project's name.
    pub project: String,
    /// The new version, which is the current one.
    pub version: u32,
}

/// A key that was retired, or is so no longer.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RetiredKey {
    /// The project's name.
    pub project: String,
    /// Which version of its key.
    pub version: u32,
    /// Whether it is retired now.
    pub retired: bool,
}

/// A key that was imported into a project.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedKey {
    /// The project's name.
    pub project: String,
    /// The new version, which is the current one.
    pub version: u32,
    /// Where else in the vault the same key is.
    pub shared: Vec<KeyInProject>,
}

/// A version of a project's key.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyInProject {
    /// The project's name.
    pub project: String,
    /// The version it has there.
    pub version: u32,
}

impl From<KeyPlace> for KeyInProject {
    fn from(place: KeyPlace) -> Self {
        Self { project: place.project, version: place.version }
    }
}

impl std::fmt::Display for KeyInProject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "project {:?} (key version {})", self.project, self.version)
    }
}

impl ImportedKey {
    /// Says what was imported, and what else the key opens.
    pub fn text(&self) -> String {
        let mut text = format!("imported as version {} of {}'s key, now current", self.version, self.project);
        for place in &self.shared {
            text += &format!("\n{place} holds the same key: files of one project open through the other");
        }
        text
    }
}
