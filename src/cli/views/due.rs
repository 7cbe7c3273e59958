//! What is due, and keys that are old.

use serde::Serialize;

use super::engagement::{NextDate, ProjectState};
use super::project::Hold;
use crate::cli::layout::table;
use crate::format::{Date, Timestamp};
use crate::vault::{KeyAge, KitInfo, ProjectInfo};
use crate::words::{Flags, Words, command, words};

/// A project that was not destroyed, with the date that counts for it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DueProject {
    /// The project's name.
    pub project: String,
    /// Whose data it is; may be empty.
    pub client: String,
    /// Where it is between the first agreement and the end.
    pub state: ProjectState,
    /// The date that counts; `null` if none is set.
    pub next: Option<NextDate>,
    /// Whether the date has passed, and no hold keeps the project.
    pub overdue: bool,
    /// The legal hold, if it is under one.
    pub hold: Option<Hold>,
    /// What is agreed to be done at the end, if that is on record.
    pub at_end: Option<String>,
    /// What is missing for the end.
    pub missing: Vec<Missing>,
}

/// Something that is missing for the end of a project.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Missing {
    /// Which kind: `destroy-by` or `at-end` is not set, a `hold` keeps the project, or there are papers of recovery
    /// `kits` that open its keys.
    pub kind: &'static str,
    /// What it is, in words.
    pub text: String,
}

impl Missing {
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl DueProject {
    /// Returns the projects that were not destroyed, in the order of their dates; those without one come last.
    pub fn all(projects: &[ProjectInfo], kits: &[KitInfo], today: Date) -> Vec<Self> {
        let left = projects.iter().filter(|project| project.destroyed.is_none());
        let mut due: Vec<Self> = left.map(|project| Self::of(project, kits, today)).collect();
        due.sort_by_key(|project| (project.next.is_none(), project.next.map(|next| next.date)));
        due
    }

    fn of(project: &ProjectInfo, kits: &[KitInfo], today: Date) -> Self {
        let state = ProjectState::of(project, today);
        let terms = project.terms();
        let mut missing = Vec::new();
        if project.hold.is_some() {
            missing.push(Missing::new("hold", "the release of the hold"));
        }
        if terms.destroy_by.given().is_none() {
            missing.push(Missing::new("destroy-by", "a day to destroy it by"));
        }
        if terms.at_end.given().is_none() {
            missing.push(Missing::new("at-end", "what is done at the end"));
        }
        // One that ended before there was the project opens no file with its keys.
        let opens = |kit: &&KitInfo| kit.destroyed.is_none() && kit.ended.is_none_or(|ended| ended >= project.created);
        let papers: Vec<String> = kits.iter().filter(opens).map(|kit| kit.name.to_string()).collect();
        if !papers.is_empty() {
            let s = if papers.len() == 1 { "paper of kit" } else { "papers of kits" };
            missing.push(Missing::new("kits", format!("the end of the {s} {}", papers.join(", "))));
        }
        Self {
            project: project.name.clone(),
            client: project.client.clone(),
            state,
            next: NextDate::of(project, today),
            overdue: state == ProjectState::Due,
            hold: project.hold.as_ref().map(Hold::from),
            at_end: terms.at_end.given().cloned(),
            missing,
        }
    }

    /// Says when it is due, in a sentence.
    pub fn line(&self) -> Option<Words> {
        let next = self.next?;
        let project = &self.project;
        Some(match (self.overdue, &self.hold) {
            (true, _) => format!("project {project} is overdue: {}", next.text()).into(),
            (false, Some(_)) => format!("project {project} is on hold, and due: {}", next.text()).into(),
            (false, None) => format!("project {project} is due soon: {}", next.text()).into(),
        })
    }
}

/// Returns the list of what is due. The commands that it names get these flags.
pub fn due_text(due: &[DueProject], flags: &Flags) -> String {
    if due.is_empty() {
        return words!["no project is there that could be due: add one with ", command("project add NAME")].with(flags);
    }
    let rows = due.iter().map(|project| {
        let next = project.next.map(|next| (next.date.to_string(), next.when(), next.what.replace('_', " ")));
        let (date, when, what) = next.unwrap_or_default();
        let state = if project.overdue { "overdue".into() } else { project.state.to_string() };
        let missing: Vec<&str> = project.missing.iter().map(|missing| missing.text.as_str()).collect();
        vec![date, when, project.project.clone(), what, state, missing.join("; ")]
    });
    table(&["DATE", "WHEN", "PROJECT", "WHAT", "STATE", "MISSING FOR THE END"], rows.collect())
}

/// A key that is old.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OldKey {
    /// The project's name.
    pub project: String,
    /// The version, which is the current one.
    pub version: u32,
    /// When it was made or imported.
    pub created: Timestamp,
    /// How many whole months ago that was.
    pub months: i64,
    /// Whether that is more than the 24 months that NIST SP 800-57 recommends at most.
    pub past_period: bool,
}

impl OldKey {
    /// Returns the current keys that are old, of projects that were not destroyed.
    pub fn all(projects: &[ProjectInfo], today: Date) -> Vec<Self> {
        let aged = projects.iter().filter_map(|project| Some((project, project.current_key_age(today)?)));
        let old = aged.filter_map(|(project, (key, age))| {
            let (months, past_period) = match age {
                KeyAge::Young => return None,
                KeyAge::Ageing(months) => (months, false),
                KeyAge::Past(months) => (months, true),
            };
            let (version, created) = (key.version, key.created);
            Some(Self { project: project.name.clone(), version, created, months, past_period })
        });
        old.collect()
    }

    /// Says so, with the command that makes a new key.
    pub fn line(&self) -> Words {
        words![
            format!(
                "the key of project {} is {} months old, {} the period of 24 months that NIST SP 800-57 recommends: make \
                 a new one with ",
                self.project,
                self.months,
                if self.past_period { "past" } else { "near the end of" }
            ),
            command("key rotate").arg(&self.project)
        ]
    }
}
