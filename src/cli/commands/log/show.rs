//! `strongroom log show`.

use clap::Args;

use super::shown::Wanted;
use crate::cli::context::Context;
use crate::cli::views::accesses_text;
use crate::failure::Failure;

/// Show what was opened and changed, when, by whom and why.
///
/// Accounts, computers and reasons are what the computer or the user claims. What was done with a key that `key show` or
/// `run` handed out is not in it, nor are failed passwords.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom log show --project acme --since 2026-11-01")]
pub struct Show {
    #[command(flatten)]
    wanted: Wanted,
    /// Only the last N
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut accesses = self.wanted.read(context)?;
        if let Some(last) = self.last {
            accesses.drain(..accesses.len().saturating_sub(last));
        }
        context.output.result(accesses_text(&accesses), &accesses)
    }
}
