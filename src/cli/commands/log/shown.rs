//! Which accesses a command shows.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::accesses::accesses;
use crate::cli::context::Context;
use crate::cli::open_vault::OpenVault;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::{LoggedAccess, is_elsewhere};
use crate::failure::Failure;
use crate::format::{ProjectId, Timestamp};
use crate::vault::{LogState, ReadLog};
use crate::words::{command, words};

/// Which accesses.
#[derive(Debug, Args)]
pub struct Wanted {
    /// Only what was, or may have been, done to this project
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    /// Only what was done since this time, in UTC: 2026-11-21T08:30:00Z, or a date
    #[arg(long, value_name = "TIME", value_parser = crate::cli::times::moment)]
    since: Option<Timestamp>,
}

impl Wanted {
    /// Unlocks the vault, reads every log in its folder, and returns the accesses that are wanted. Says so if a log is
    /// not as it was recorded.
    ///
    /// # Errors
    /// Those of unlocking and reading.
    pub fn read(&self, context: &Context) -> Result<Vec<LoggedAccess>, Failure> {
        let vault = unlock_to_look(context)?;
        let project = match &self.project {
            Some(name) => Some(vault.project(name).map_err(|error| Failure::of("show the access log", error))?.id),
            None => None,
        };
        let logs = read_logs(&vault)?;
        warn_of_altered(context, &logs);
        let names: BTreeMap<ProjectId, String> =
            vault.projects().into_iter().map(|project| (project.id, project.name)).collect();
        let wanted = accesses(&logs).into_iter().filter(|access| {
            project.is_none_or(|project| access.may_be_of(project))
                && self.since.is_none_or(|since| access.entry.at >= since)
        });
        Ok(wanted.map(|access| LoggedAccess::of(&access, &names)).collect())
    }
}

/// Reads every log in the vault's folder.
///
/// # Errors
/// Those of reading.
pub fn read_logs(vault: &OpenVault) -> Result<Vec<ReadLog>, Failure> {
    vault.read_logs().map_err(|error| Failure::of("read the access log", error))
}

fn warn_of_altered(context: &Context, logs: &[ReadLog]) {
    for log in logs {
        if let (LogState::Altered(alarm), false) = (&log.state, is_elsewhere(log)) {
            context.output.warn("log-altered", words![format!("{alarm}; see "), command("log verify")]);
        }
    }
}
