//! What the access log has.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::accesses::Access;
use crate::cli::layout::table;
use crate::error::LogAlarm;
use crate::format::log::{Outcome, Who};
use crate::format::{EnrolmentId, ProjectId, Timestamp};
use crate::vault::{LogPolicy, LogState, Logging, ReadLog, ReasonPolicy};
use crate::words::{Words, command, counted, words};

/// Something that was done, as the access log has it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoggedAccess {
    /// Whose log has it: the id of a computer's enrolment.
    pub log: EnrolmentId,
    /// The number of the entry that began it.
    pub entry: u64,
    /// When it was begun.
    pub at: Timestamp,
    /// When it ended; `null` if it has not, or is recorded by one entry.
    pub ended: Option<Timestamp>,
    /// What was done, such as `file.open`.
    pub action: String,
    /// The projects by name, or by id if the vault does not have one any more; `null` if it may have been any.
    pub projects: Option<Vec<String>>,
    /// The account, as the computer claims it.
    pub account: String,
    /// The computer, as it calls itself.
    pub computer: String,
    /// By which way: `terminal`, `script`, `agent` or `library`.
    pub via: String,
    /// The program that asked.
    pub parent: String,
    /// Why, as the user said.
    pub reason: String,
    /// What it was done to, in words.
    pub subject: String,
    /// How many files; `null` if that is not known.
    pub files: Option<u64>,
    /// How many bytes of plaintext; `null` if that is not known.
    pub bytes: Option<u64>,
    /// Where it went: `disk`, `pipe`, `memory`, `program`, `clipboard` or `terminal`.
    pub to: String,
    /// The folder, or the program.
    pub place: String,
    /// How it ended: `done`, `failed` or `interrupted`; `null` if it has not ended.
    pub outcome: Option<&'static str>,
    /// The kind of the error that it ended with.
    pub error: Option<String>,
    /// The readable copies that it left.
    pub copies: Vec<String>,
    /// How many entries before this one could not be written.
    pub lost: u64,
    /// It is in a gap that somebody has accepted: nothing vouches for it.
    pub disputed: bool,
}

impl LoggedAccess {
    /// Shows an access. `names` has the names of the projects.
    pub fn of(access: &Access<'_>, names: &BTreeMap<ProjectId, String>) -> Self {
        let nobody = Who::default();
        let entry = access.entry;
        let who = entry.who.as_ref().unwrap_or(&nobody);
        let what = entry.what.clone().unwrap_or_default();
        let name = |id: &ProjectId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        Self {
            log: access.enrolment,
            entry: entry.seq,
            at: entry.at,
            ended: access.end.map(|end| end.at),
            action: entry.action.clone(),
            projects: if entry.action.starts_with("log.") { Some(&[][..]) } else { access.projects() }
                .map(|projects| projects.iter().map(name).collect()),
            account: who.account.clone(),
            computer: who.name.clone(),
            via: who.via.clone(),
            parent: who.parent.clone(),
            reason: entry.reason.clone(),
            subject: what.subject,
            files: access.file_count(),
            bytes: access.bytes(),
            to: what.to,
            place: what.place,
            outcome: access.outcome().map(|outcome| match outcome {
                Outcome::Done => "done",
                Outcome::Failed => "failed",
                Outcome::Interrupted => "interrupted",
            }),
            error: access.end.and_then(|end| end.error.clone()),
            copies: access.files.iter().filter(|file| !file.path.is_empty()).map(|file| file.path.clone()).collect(),
            lost: entry.lost,
            disputed: access.is_disputed,
        }
    }

    fn row(&self) -> Vec<String> {
        let projects = match &self.projects {
            None => "any".into(),
            Some(projects) if projects.is_empty() => "-".into(),
            Some(projects) => projects.join(", "),
        };
        let files = self.files.map(|files| counted(usize::try_from(files).unwrap_or(usize::MAX), "file"));
        let to = (!self.to.is_empty()).then(|| match self.place.is_empty() {
            true => format!("to {}", self.to),
            false => format!("to {} {}", self.to, self.place),
        });
        let subject = (!self.subject.is_empty()).then(|| self.subject.clone());
        let what: Vec<String> = [subject, files, to].into_iter().flatten().collect();
        let mut outcome = self.outcome.unwrap_or("not ended").to_owned();
        if self.disputed {
            outcome += ", disputed";
        }
        vec![
            self.at.to_string(),
            format!("{}@{}", self.account, self.computer),
            self.action.clone(),
            projects,
            what.join(", "),
            outcome,
            self.reason.clone(),
        ]
    }
}

/// Returns accesses in lines.
pub fn accesses_text(accesses: &[LoggedAccess]) -> Words {
    if accesses.is_empty() {
        return "nothing is recorded".into();
    }
    let headings = ["WHEN", "WHO (CLAIMED)", "ACTION", "PROJECT", "WHAT", "OUTCOME", "REASON"];
    table(&headings, accesses.iter().map(LoggedAccess::row).collect()).into()
}

/// Tells whether a log is another computer's, of which nothing has come here.
pub fn is_elsewhere(log: &ReadLog) -> bool {
    !log.is_own && log.records.is_empty() && log.forgotten == 0
}

/// An access log, as it was verified.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerifiedLog {
    /// Whose it is: the id of a computer's enrolment.
    pub log: EnrolmentId,
    /// It is this computer's.
    pub own: bool,
    /// How it compares with what was recorded of it: `absent`, `current`, `ahead`, `unrecorded`, `elsewhere`,
    /// `cut`, `rewritten` or `damaged`.
    pub state: String,
    /// The same in words.
    pub says: String,
    /// How many entries it has.
    pub entries: u64,
    /// How many were recorded.
    pub recorded: u64,
    /// How many entries were deleted on request.
    pub forgotten: u64,
    /// How many gaps somebody has accepted.
    pub gaps: usize,
    /// SHA-256 of its last entry in hexadecimal; `null` if it has none.
    pub tip: Option<String>,
}

impl VerifiedLog {
    /// Shows a log.
    pub fn of(log: &ReadLog) -> Self {
        let last = log.records.last();
        let (state, says) = match &log.state {
            LogState::Absent => ("absent".to_owned(), "nothing was recorded yet".to_owned()),
            LogState::Current => ("current".into(), "it is as it was last recorded, and no entry is missing".into()),
            LogState::Ahead { by: 1 } => {
                ("ahead".into(), "no entry is missing; this computer has not counted the last one yet".into())
            }
            LogState::Ahead { by } => {
                ("ahead".into(), format!("no entry is missing; this computer has not counted the last {by} yet"))
            }
            LogState::Unrecorded { witnessed: 0 } => (
                "unrecorded".into(),
                "its entries follow from one another; how many there should be is not known".into(),
            ),
            LogState::Unrecorded { witnessed } => (
                "unrecorded".into(),
                format!("the vault has counted the first {witnessed}; how many should follow is not known"),
            ),
            LogState::Altered(alarm) if is_elsewhere(log) => (
                "elsewhere".into(),
                format!("this computer does not have it; the vault knows of {} entries", alarm.recorded),
            ),
            LogState::Altered(alarm) => (alarm.difference.kind().to_owned(), alarm.to_string()),
        };
        Self {
            log: log.enrolment,
            own: log.is_own,
            state,
            says,
            entries: last.map_or(log.forgotten, |record| record.number),
            recorded: log.recorded,
            forgotten: log.forgotten,
            gaps: log.gaps.len(),
            tip: last.map(|record| record.hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    fn row(&self) -> Vec<String> {
        let whose = if self.own { "this computer" } else { "another one" };
        vec![whose.into(), self.log.to_string(), self.entries.to_string(), self.gaps.to_string(), self.says.clone()]
    }
}

/// Returns logs in lines.
pub fn logs_text(logs: &[VerifiedLog]) -> Words {
    if logs.is_empty() {
        return "there is no access log yet: it begins with the next command that opens or changes something".into();
    }
    let headings = ["WHOSE", "LOG", "ENTRIES", "GAPS", "STATE"];
    table(&headings, logs.iter().map(VerifiedLog::row).collect()).into()
}

/// A gap of the access log that was accepted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AcceptedLog {
    /// Whether anything had to be accepted.
    pub accepted: bool,
    /// What was found.
    pub found: Option<String>,
}

impl AcceptedLog {
    /// Shows what was accepted.
    pub fn of(alarm: Option<&LogAlarm>) -> Self {
        Self { accepted: alarm.is_some(), found: alarm.map(ToString::to_string) }
    }

    /// Says it.
    pub fn text(&self) -> Words {
        match &self.found {
            Some(found) => words![
                format!("accepted: {found}\nthe gap stays in the log, and every report names it; see it with "),
                command("log verify")
            ],
            None => "the access log is as it was recorded; nothing had to be accepted".into(),
        }
    }
}

/// Old entries that were deleted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForgottenEntries {
    /// How many entries.
    pub entries: u64,
    /// How many files of the log they were in.
    pub files: usize,
}

/// Accesses that were written to a file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExportedLog {
    /// The file.
    pub file: String,
    /// How many accesses it has.
    pub accesses: usize,
}

impl ExportedLog {
    /// Says so.
    pub fn text(&self) -> String {
        let accesses = if self.accesses == 1 { "access" } else { "accesses" };
        format!("{} {accesses} -> {}\nanybody who has the file can read it", self.accesses, self.file)
    }
}

/// What has to be logged.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogRules {
    /// `required` or `best-effort`.
    pub log: &'static str,
    /// `required` or `optional`.
    pub reason: &'static str,
    /// When that was decided; `null` if it is what a new vault begins with.
    pub since: Option<Timestamp>,
}

impl From<Logging> for LogRules {
    fn from(logging: Logging) -> Self {
        Self {
            log: match logging.log {
                LogPolicy::Required => "required",
                LogPolicy::BestEffort => "best-effort",
            },
            reason: match logging.reason {
                ReasonPolicy::Required => "required",
                ReasonPolicy::Optional => "optional",
            },
            since: logging.since,
        }
    }
}

impl LogRules {
    /// Says them.
    pub fn text(&self) -> String {
        let log = match self.log {
            "required" => "what cannot be recorded is refused",
            _ => "an access that cannot be recorded is allowed, with a warning",
        };
        let reason = match self.reason {
            "required" => "--reason must be given",
            _ => "--reason may be left out",
        };
        format!("log     {}: {log}\nreason  {}: {reason}", self.log, self.reason)
    }
}
