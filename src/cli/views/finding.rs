//! What `doctor` found, and what it removed.

use serde::Serialize;

use crate::doctor::{self, Level};
use crate::format::name::printable;
use crate::words::{Flags, counted};

/// What a check found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Which check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    #[serde(rename = "message")]
    pub text: Told,
    /// What to do about it.
    pub remedy: Option<Told>,
}

/// A sentence, or a command to type.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Told(String);

impl Finding {
    /// Words a finding. The commands that it names get these flags.
    pub fn of(finding: doctor::Finding, flags: &Flags) -> Self {
        let doctor::Finding { check, level, text, remedy } = finding;
        Self { check, level, text: Told(text.with(flags)), remedy: remedy.map(|remedy| Told(remedy.with(flags))) }
    }

    /// Returns its lines, with the check's name in a column of this width.
    pub fn text(&self, width: usize) -> String {
        let mark = match self.level {
            Level::Good => "ok      ",
            Level::Note => "note    ",
            Level::Problem => "PROBLEM ",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!("\n{:1$}fix: {2}", "", width + 10, remedy.0));
        format!("{mark}{:width$}  {}{}", self.check, printable(&self.text.0), remedy.unwrap_or_default())
    }
}

/// Items of a keychain that were deleted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RemovedItems {
    /// How many.
    pub removed: usize,
}

impl RemovedItems {
    /// Says how many.
    pub fn text(&self) -> String {
        format!("removed {}", counted(self.removed, "keychain item"))
    }
}
