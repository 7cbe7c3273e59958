//! What `doctor` found, and what it removed.

use serde::Serialize;

use crate::format::name::printable;
use crate::words::{Flags, Words, counted};

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
    pub text: Told,
    /// What to do about it.
    pub remedy: Option<Told>,
}

/// A sentence, or a command to type.
#[derive(Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transparent))]
pub struct Told(#[cfg_attr(test, schemars(with = "String"))] Words);

impl Told {
    fn text(&self) -> String {
        self.0.with(&Flags::default())
    }
}

impl<T: Into<Words>> From<T> for Told {
    fn from(words: T) -> Self {
        Self(words.into())
    }
}

impl Serialize for Told {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl Finding {
    /// Says that something is as it should be.
    pub fn good(check: &'static str, text: impl Into<Told>) -> Self {
        Self { check, level: Level::Good, text: text.into(), remedy: None }
    }

    /// Says something worth knowing.
    pub fn note(check: &'static str, text: impl Into<Told>) -> Self {
        Self { check, level: Level::Note, text: text.into(), remedy: None }
    }

    /// Says what is wrong and what to do about it.
    pub fn problem(check: &'static str, text: impl Into<Told>, remedy: impl Into<Words>) -> Self {
        let remedy = Some(remedy.into()).filter(|remedy| !remedy.is_empty());
        let remedy = remedy.unwrap_or_else(|| "fix this problem, and run the command again".into());
        Self { check, level: Level::Problem, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// Gives the commands that it names these flags.
    #[must_use]
    pub fn with(self, flags: &Flags) -> Self {
        let told = |words: Told| Told::from(words.0.with(flags));
        Self { text: told(self.text), remedy: self.remedy.map(told), ..self }
    }

    /// Returns its lines, with the check's name in a column of this width.
    pub fn text(&self, width: usize) -> String {
        let mark = match self.level {
            Level::Good => "ok      ",
            Level::Note => "note    ",
            Level::Problem => "PROBLEM ",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!("\n{:1$}fix: {2}", "", width + 10, remedy.text()));
        format!("{mark}{:width$}  {}{}", self.check, printable(&self.text.text()), remedy.unwrap_or_default())
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
