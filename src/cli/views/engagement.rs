//! What was agreed about a project, and the state that follows from it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::format::{Date, RevisionId, Timestamp};
use crate::vault::{EngagementState, ProjectInfo, Setting, Term, TermChange};
use crate::words::counted;

/// What was agreed about a project.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Engagement {
    /// What is agreed now.
    pub now: Agreed,
    /// Every change, oldest first. None is ever taken away.
    pub changes: Vec<Change>,
}

/// What is agreed now. What was never recorded, or was taken back, is left out.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Agreed {
    /// Whose data it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What the data are processed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// In which role: `processor`, `controller`, `joint`, `business-associate` or `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// On what basis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The SHA-256 of the document that states the basis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_sha256: Option<String>,
    /// Who holds the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custodian: Option<String>,
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The last day of the engagement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Date>,
    /// The last day on which the data may be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destroy_by: Option<Date>,
    /// What is done at the end: `destroy`, `return` or `return-then-destroy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_end: Option<String>,
    /// Whether each access has to be logged: `required` or `best-effort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Whether each access needs a reason: `required` or `optional`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was declared, by what it is about. Nothing checks it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub declared: BTreeMap<String, String>,
}

/// A change of what was agreed, or a hold that began or was released.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Change {
    /// When it was made.
    pub at: Timestamp,
    /// Who made it; may be empty.
    pub by: String,
    /// The revision that made it.
    pub revision: RevisionId,
    /// What was changed: a member of `now`, `declared.` and what it is about, or `hold` or `released`, which have the
    /// reason.
    pub what: String,
    /// What it was before, if anything.
    pub was: Option<String>,
    /// What it has been since; `null` if it was taken back.
    pub now: Option<String>,
}

/// Where a project is between the first agreement and the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProjectState {
    /// No file is known to be under its keys yet.
    Intake,
    /// There are files under its keys.
    Active,
    /// Its date has passed.
    Due,
    /// Its destruction is under way.
    Destroying,
    /// It was destroyed.
    Destroyed,
    /// A hold keeps it.
    Held,
}

/// The date that counts for a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NextDate {
    /// What is on that day: `destroy_by`, or `ends` if there is no other.
    pub what: &'static str,
    /// The day.
    pub date: Date,
    /// How many days are left; negative if it has passed.
    pub days_left: i64,
}

impl From<EngagementState> for ProjectState {
    fn from(state: EngagementState) -> Self {
        match state {
            EngagementState::Intake => Self::Intake,
            EngagementState::Active => Self::Active,
            EngagementState::Due => Self::Due,
            EngagementState::Destroying => Self::Destroying,
            EngagementState::Destroyed => Self::Destroyed,
            EngagementState::Held => Self::Held,
        }
    }
}

impl std::fmt::Display for ProjectState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Intake => "intake",
            Self::Active => "active",
            Self::Due => "due",
            Self::Destroying => "destroying",
            Self::Destroyed => "destroyed",
            Self::Held => "on hold",
        })
    }
}

impl ProjectState {
    /// Returns the state of a project on a day.
    pub fn of(project: &ProjectInfo, today: Date) -> Self {
        project.facts(project.has_sealed()).state(today).into()
    }
}

impl NextDate {
    /// Returns the date that counts for a project that was not destroyed.
    pub fn of(project: &ProjectInfo, today: Date) -> Option<Self> {
        let terms = project.terms();
        let dates = [("destroy_by", terms.destroy_by.given()), ("ends", terms.ends.given())];
        let next = dates.into_iter().find_map(|(what, date)| Some((what, *date?)));
        let next = next.filter(|_| project.destroyed.is_none());
        next.map(|(what, date)| Self { what, date, days_left: today.days_until(date) })
    }

    /// Says which day it is, and what is on it.
    pub fn text(self) -> String {
        format!("{} {} ({})", term_text(self.what), self.date, self.when())
    }

    /// Says how far away it is.
    pub fn when(self) -> String {
        when(self.days_left)
    }
}

/// Says how far away a day is.
pub fn when(days: i64) -> String {
    let count = counted(usize::try_from(days.unsigned_abs()).unwrap_or(usize::MAX), "day");
    match days {
        0 => "today".into(),
        1.. => format!("in {count}"),
        _ => format!("{count} ago"),
    }
}

/// Returns what a term is called in text.
fn term_text(what: &str) -> String {
    match what {
        "basis_sha256" => "basis SHA-256".into(),
        "at_end" => "at the end".into(),
        "log" => "access log".into(),
        "reason" => "reasons".into(),
        "hold" => "put on hold".into(),
        other => other.replace('_', " "),
    }
}

impl From<TermChange> for Change {
    fn from(change: TermChange) -> Self {
        let TermChange { at, by, revision, term, was, now } = change;
        Self { at, by, revision, what: term.to_string(), was, now }
    }
}

impl Engagement {
    /// Returns what was agreed about a project.
    pub fn of(project: &ProjectInfo) -> Self {
        let terms = project.terms();
        let text = |setting: &Setting<String>| setting.given().cloned();
        let declared = terms.declared.0.iter();
        let now = Agreed {
            client: text(&terms.client),
            purpose: text(&terms.purpose),
            role: text(&terms.role),
            basis: text(&terms.basis),
            basis_sha256: text(&terms.basis_sha256),
            custodian: text(&terms.custodian),
            contact: text(&terms.contact),
            ends: terms.ends.given().copied(),
            destroy_by: terms.destroy_by.given().copied(),
            at_end: text(&terms.at_end),
            log: text(&terms.log),
            reason: text(&terms.reason),
            declared: declared.filter_map(|(about, value)| Some((about.clone(), text(value)?))).collect(),
        };
        Self { now, changes: project.term_changes().into_iter().map(Change::from).collect() }
    }

    /// Names what the newest revision has changed.
    pub fn last_change(&self) -> String {
        let newest = self.changes.last().map(|change| change.revision);
        let changed = self.changes.iter().filter(|change| Some(change.revision) == newest);
        changed.map(|change| term_text(&change.what)).collect::<Vec<_>>().join(", ")
    }

    /// Returns a row for each thing that is agreed, but for the client, which every project has.
    pub fn rows(&self, today: Date) -> Vec<Vec<String>> {
        let now = &self.now;
        let dated = |date: &Option<Date>| date.map(|date| format!("{date}, {}", when(today.days_until(date))));
        let mut rows: Vec<Vec<String>> = [
            (Term::Purpose, now.purpose.clone()),
            (Term::Role, now.role.clone()),
            (Term::Basis, now.basis.clone()),
            (Term::BasisSha256, now.basis_sha256.clone()),
            (Term::Custodian, now.custodian.clone()),
            (Term::Contact, now.contact.clone()),
            (Term::Ends, dated(&now.ends)),
            (Term::DestroyBy, dated(&now.destroy_by)),
            (Term::AtEnd, now.at_end.clone()),
            (Term::Log, now.log.clone()),
            (Term::Reason, now.reason.clone()),
        ]
        .into_iter()
        .filter_map(|(term, text)| Some(vec![term_text(&term.to_string()), text?]))
        .collect();
        rows.extend(now.declared.iter().map(|(about, text)| vec![format!("declared {about}"), text.clone()]));
        rows
    }

    /// Returns a row for each change of what had been agreed before, and for each hold and its release. What was
    /// recorded for the first time is among what is agreed now.
    pub fn change_rows(&self) -> Vec<Vec<String>> {
        let is_change = |change: &&Change| {
            change.was.is_some() || change.now.is_none() || matches!(&*change.what, "hold" | "released")
        };
        let changed = self.changes.iter().filter(is_change).map(|change| {
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let row = [change.at.to_string(), term_text(&change.what), text(&change.was), text(&change.now)];
            row.into_iter().chain([change.by.clone()]).collect()
        });
        changed.collect()
    }
}
