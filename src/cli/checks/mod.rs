//! What `doctor` looks at. Each check says what it found and the one thing to do about it; none changes anything but
//! its own test item in the keychain.

mod copies;
mod files;
pub mod items;
pub mod left_behind;
mod vault;

pub use vault::{PUT_BACK, kit_names, lost, tell_of_remembered};

use serde_json::{Value, json};

use super::context::Context;
use super::output::Output;
use crate::error::RolledBack;
use crate::failure::Failure;
use crate::format::vault::Header;
use crate::vault::{Source, Unlocked};

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

/// What unlocking has told, where there was a password: more than stands in clear.
pub struct Opened {
    source: Source,
    header: Header,
    rolled_back: Option<RolledBack>,
    ancestors: Vec<[u8; 16]>,
}

impl Opened {
    /// Takes down what the checks need of an unlocked vault.
    pub fn of(vault: &Unlocked<'_>) -> Self {
        let rolled_back = vault.rolled_back().cloned();
        let ancestors = vault.ancestors();
        Self { source: vault.source().clone(), header: vault.header().clone(), rolled_back, ancestors }
    }
}

/// What all checks have found.
pub struct Checked {
    /// What they found.
    pub findings: Vec<Finding>,
    /// One of the problems among them keeps the vault from being unlocked.
    pub is_blocked: bool,
}

/// Runs every check that needs no password, of the vault file that was `opened` where there was one, else of what stands
/// in clear.
///
/// # Errors
/// Where not even the settings can be read.
pub fn run(context: &Context, opened: Option<&Opened>) -> Result<Checked, Failure> {
    let store = context.store()?;
    let mut findings = Vec::new();
    let known = vault::check(context, &store, opened, &mut findings);
    let own = match &known {
        Some(known) => {
            let own = items::check_own(context, known, opened, &mut findings)?;
            left_behind::check(context, known, store.file(), &mut findings)?;
            copies::check(&store, known, opened, &mut findings);
            own
        }
        None => items::Own::default(),
    };
    items::check_stray(context, known.as_ref(), &mut findings)?;
    items::note_missing(context, known.as_ref(), store.file(), &mut findings)?;
    files::check(context, &store, own.file.as_deref(), &mut findings);
    Ok(Checked { findings, is_blocked: !own.has_key })
}
