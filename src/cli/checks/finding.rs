//! What a check found.

use serde_json::{Value, json};

use crate::cli::output::Output;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Something is to be done.
    Problem,
}

/// What a check found.
#[derive(Debug)]
pub struct Finding {
    /// Which check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<Remedy>,
}

/// What to do about a problem. It is never empty.
#[derive(Debug)]
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
        Self(if text.trim().is_empty() { "put right what is named here, and run it again".into() } else { text })
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

    /// Returns the finding as docs/cli.md lists its members.
    pub fn to_json(&self, output: &Output) -> Value {
        let level = match self.level {
            Level::Good => "good",
            Level::Note => "note",
            Level::Problem => "problem",
        };
        let remedy = self.remedy.as_ref().map(|remedy| output.at_vault(remedy.as_str()));
        json!({"check": self.check, "level": level, "message": self.text, "remedy": remedy})
    }
}
