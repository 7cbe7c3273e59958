//! `strongroom policy`: one file for each of its commands.

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Decide what the access log must have
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom policy reason required --reason agreed")]
pub struct Policy {
    #[command(subcommand)]
    command: PolicyCommand,
}

impl Policy {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    PolicyCommand:
    show::Show,
    log::Log,
    reason::Reason,
}
