//! What `doctor` found, and what it removed.

use serde::Serialize;

use crate::cli::layout::counted;
use crate::format::name::printable;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Something is to be done.
    Problem,
}

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
    pub text: String,
    /// What to do about it.
    pub remedy: Option<Remedy>,
}

/// What to do about a problem: a command or a sentence. It is never empty.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Remedy(String);

impl Remedy {
    /// Returns it as a sentence or a command.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Remedy {
    fn from(text: T) -> Self {
        let text = text.into();
        Self(if text.trim().is_empty() { "fix this problem, and run the command again".into() } else { text })
    }
}

impl Finding {
    /// Says that something is as it should be.
    pub fn good(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Good, text: text.into(), remedy: None }
    }

    /// Says something worth knowing.
    pub fn note(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, level: Level::Note, text: text.into(), remedy: None }
    }

    /// Says what is wrong and what to do about it.
    pub fn problem(check: &'static str, text: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Self { check, level: Level::Problem, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// Returns its lines, with the check's name in a column of this width.
    pub fn text(&self, width: usize) -> String {
        let mark = match self.level {
            Level::Good => "ok      ",
            Level::Note => "note    ",
            Level::Problem => "PROBLEM ",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!("\n{:1$}fix: {2}", "", width + 10, remedy.as_str()));
        format!("{mark}{:width$}  {}{}", self.check, printable(&self.text), remedy.unwrap_or_default())
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
