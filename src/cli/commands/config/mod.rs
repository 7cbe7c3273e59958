//! `strongroom config`: one file for each of its commands.

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Show and set the defaults of flags on this computer
///
/// The defaults are in a file config.toml in the user's configuration folder, which you may also edit. A flag that you
/// type overrides its default.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom config set threads 4")]
pub struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

impl Config {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    ConfigCommand:
    get::Get,
    set::Set,
    unset::Unset,
    list::List,
}
