//! `strongroom log verify`.

use clap::Args;

use super::shown::read_logs;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::{VerifiedLog, is_elsewhere, logs_text};
use crate::failure::{Exit, Failure};
use crate::vault::LogState;
use crate::words::{command, words};

/// Check that no entry of the access log is missing or altered.
///
/// The log of this computer is compared with what the keychain and the vault have recorded of it, the logs of other
/// computers with what the vault has. Whoever has both the vault's key and this computer's keychain could write another
/// log: only reports that are in other hands show that.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom log verify")]
pub struct Verify {}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = unlock_to_look(context)?;
        let logs = read_logs(&vault)?;
        let verified: Vec<VerifiedLog> = logs.iter().map(VerifiedLog::of).collect();
        context.output.result(logs_text(&verified), &verified)?;
        let alarm = logs.iter().find_map(|log| match &log.state {
            LogState::Altered(alarm) if !is_elsewhere(log) => Some((alarm, log.is_own)),
            _ => None,
        });
        let Some((alarm, is_own)) = alarm else { return Ok(()) };
        let failure = Failure::new(Exit::Damaged, "log-altered", "an access log is not as it was recorded")
            .cause(alarm.to_string());
        Err(if is_own {
            failure.hint(words![
                "if you have the log, put it back (the folder log beside the vault file); or accept the gap for good with ",
                command("log accept --reason WHY")
            ])
        } else {
            failure.hint("it is another computer's: put its log back if you have it, or accept the gap there")
        })
    }
}
