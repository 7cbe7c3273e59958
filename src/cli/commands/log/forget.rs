//! `strongroom log forget`.

use clap::Args;

use crate::cli::access::needed_reason;
use crate::cli::context::Context;
use crate::cli::times::moment;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::ForgottenEntries;
use crate::failure::{Exit, Failure};
use crate::format::Timestamp;
use crate::format::log::Via;
use crate::home::who;
use crate::words::counted;

/// Delete the oldest entries of this computer's access log.
///
/// Only whole files of the log go, of 64 MiB each, and never the one that is written to. That they were deleted stays in
/// the log. Names, paths and reasons are personal data too: delete them when nobody needs them any more.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom log forget --before 2023-11-01 --reason three-years-old")]
pub struct Forget {
    /// Delete what is older than this time, in UTC: 2026-11-21T08:30:00Z, or a date
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Timestamp,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Forget {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let reason = needed_reason(context)?;
        let mut vault = unlock_to_look(context)?;
        if !self.yes {
            let Some(mut terminal) = context.terminal() else {
                return Err(Failure::usage("deleting entries has to be confirmed, and there is no terminal to ask at")
                    .hint("give --yes"));
            };
            let question = format!("delete the entries from before {}? This cannot be undone.", self.before);
            if !terminal.confirm(&question)? {
                return Err(Failure::new(Exit::Failed, "not-confirmed", "no entry is deleted")
                    .cause("it was not confirmed")
                    .hint("nothing was changed; run it again"));
            }
        }
        let forgotten = vault
            .forget_log(self.before, &who(Via::Terminal), &reason)
            .map_err(|error| Failure::of("delete old entries", error))?;
        let entries = counted(usize::try_from(forgotten.entries).unwrap_or(usize::MAX), "entry");
        let text = match forgotten.segments {
            0 => "no file of the log is old enough; nothing was changed".to_owned(),
            files => format!("deleted {entries} in {}", counted(files, "file")),
        };
        context.output.done(text, &ForgottenEntries { entries: forgotten.entries, files: forgotten.segments })
    }
}
