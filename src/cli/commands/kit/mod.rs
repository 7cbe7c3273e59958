//! `strongroom kit`: one file for each of its commands.

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Make, list, test and revoke recovery kits
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit new")]
pub struct Kit {
    #[command(subcommand)]
    command: KitCommand,
}

impl Kit {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    KitCommand:
    new::New,
    list::List,
    test::Test,
    revoke::Revoke,
}
