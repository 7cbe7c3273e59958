//! What a check found.

use serde::Serialize;

use crate::words::Words;

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
#[derive(Debug)]
pub struct Finding {
    /// Which check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub text: Words,
    /// What to do about it.
    pub remedy: Option<Words>,
}

impl Finding {
    /// Says that something is as it should be.
    pub fn good(check: &'static str, text: impl Into<Words>) -> Self {
        Self { check, level: Level::Good, text: text.into(), remedy: None }
    }

    /// Says something worth knowing.
    pub fn note(check: &'static str, text: impl Into<Words>) -> Self {
        Self { check, level: Level::Note, text: text.into(), remedy: None }
    }

    /// Says what is wrong and what to do about it.
    pub fn problem(check: &'static str, text: impl Into<Words>, remedy: impl Into<Words>) -> Self {
        let remedy = Some(remedy.into()).filter(|remedy| !remedy.is_empty());
        let remedy = remedy.unwrap_or_else(|| "fix this problem, and run the command again".into());
        Self { check, level: Level::Problem, text: text.into(), remedy: Some(remedy) }
    }
}
