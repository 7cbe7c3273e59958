//! `strongroom lock`.

use clap::Args;

use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::views::LockedVault;
use crate::failure::Failure;

/// Lock the vault again: the agent forgets its keys and ends
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom lock")]
pub struct Lock {}

impl Lock {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let locked = agent::lock(context)?;
        let text = if locked { "the vault is locked" } else { "the vault was not unlocked; nothing was changed" };
        context.output.done(text, &LockedVault { locked })
    }
}
