//! `strongroom log`: one file for each of its commands.

mod shown;

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Show and check the access log: what was opened, by whom, and why
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom log show --project acme")]
pub struct Log {
    #[command(subcommand)]
    command: LogCommand,
}

impl Log {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    LogCommand:
    show::Show,
    verify::Verify,
    export::Export,
    accept::Accept,
    forget::Forget,
}
