//! What the entries of the access logs say of a project: how often it was opened, by whom, and what else was done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::bundle::{Bundle, LogPart};
use crate::format::{EnrolmentId, ProjectId, Timestamp};

/// What hands out readable data, or a key that opens them.
const RELEASING: [&str; 6] = ["file.open", "file.range", "key.show", "run", "secret.show", "secret.export"];

/// A time that readable data, or a key, was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The log that says so.
    pub enrolment: EnrolmentId,
    /// The entry's number.
    pub seq: u64,
    /// When it began.
    pub at: Timestamp,
    /// What was done.
    pub action: String,
    /// The account, as its computer claims.
    pub account: String,
    /// The computer's name, as it claims.
    pub computer: String,
    /// Why, in the user's words; may be empty.
    pub reason: String,
    /// How many files are on record.
    pub files: u64,
    /// Where it went; may be empty.
    pub to: String,
    /// Whether it is known which project it was of. If not, it may have been another one.
    pub certain: bool,
}

/// Returns every opening that is disclosed, in the order of time.
#[must_use]
pub fn openings(bundle: &Bundle) -> Vec<Opening> {
    bundle.log.as_ref().map(|log| openings_of(log, bundle.project.id)).unwrap_or_default()
}

/// As [`openings`], of a record of accesses.
#[must_use]
pub fn openings_of(log: &LogPart, project: ProjectId) -> Vec<Opening> {
    let project = project.to_string();
    let mut files: BTreeMap<(EnrolmentId, u64), u64> = BTreeMap::new();
    let mut failed: BTreeSet<(EnrolmentId, u64)> = BTreeSet::new();
    for entry in &log.entries {
        let value = entry.json.as_value();
        if value["phase"] == "end" && value["outcome"] == "failed" && value["what"]["files"].as_u64() == Some(0) {
            failed.extend(value["of"].as_u64().map(|of| (entry.enrolment, of)));
        }
        if value["phase"] == "files"
            && let (Some(of), Some(list)) = (value["of"].as_u64(), value["files"].as_array())
        {
            let own = list.iter().filter(|file| file["project"].as_str().is_none_or(|id| id == project));
            *files.entry((entry.enrolment, of)).or_default() += own.count() as u64;
        }
    }
    let mut openings: Vec<Opening> = log
        .entries
        .iter()
        .filter_map(|entry| {
            let value = entry.json.as_value();
            let action = text(&value["action"]);
            if !matches!(value["phase"].as_str(), Some("begin" | "note")) || !RELEASING.contains(&action.as_str()) {
                return None;
            }
            let listed = files.get(&(entry.enrolment, entry.seq)).copied();
            if listed.is_none() && failed.contains(&(entry.enrolment, entry.seq)) {
                return None;
            }
            let named = value["projects"].as_array().is_some_and(|all| all.iter().any(|id| *id == *project));
            Some(Opening {
                enrolment: entry.enrolment,
                seq: entry.seq,
                at: text(&value["at"]).parse().ok()?,
                action,
                account: text(&value["who"]["account"]),
                computer: text(&value["who"]["name"]),
                reason: text(&value["reason"]),
                files: listed.or_else(|| value["what"]["files"].as_u64()).unwrap_or(0),
                to: text(&value["what"]["to"]),
                certain: named || listed.is_some(),
            })
        })
        .collect();
    let withheld = log.withheld.iter().filter(|entry| RELEASING.contains(&entry.action.as_str()));
    openings.extend(withheld.map(|entry| Opening {
        enrolment: entry.enrolment,
        seq: entry.seq,
        at: entry.at,
        action: entry.action.clone(),
        account: String::new(),
        computer: String::new(),
        reason: String::new(),
        files: 0,
        to: String::new(),
        certain: entry.certain,
    }));
    openings.sort_by_key(|opening| (opening.at, opening.enrolment, opening.seq));
    openings
}

/// Returns how many openings each account had, as their computers claim, the busiest first.
#[must_use]
pub fn by_account(openings: &[Opening]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for opening in openings {
        let account = if opening.account.is_empty() { "an account not shown here" } else { &opening.account };
        let on = if opening.computer.is_empty() { String::new() } else { format!(" on {}", opening.computer) };
        *counts.entry(format!("{account}{on}")).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts
}

/// Returns the latest time that an action of this name is on record; `None` also if there is no record.
#[must_use]
pub fn last_done(bundle: &Bundle, action: &str, subject: Option<&str>) -> Option<Timestamp> {
    let entries = bundle.log.iter().flat_map(|log| &log.entries).map(|entry| entry.json.as_value());
    let matching = entries.filter(|value| {
        value["action"] == action
            && subject.is_none_or(|subject| value["what"]["subject"].as_str().is_some_and(|s| s.contains(subject)))
    });
    matching.filter_map(|value| text(&value["at"]).parse().ok()).max()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
