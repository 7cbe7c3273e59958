//! `strongroom secret`: one file for each of its commands.

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Store, show and find passwords and other secrets of an engagement
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret set portal --project acme --user jo")]
pub struct Secret {
    #[command(subcommand)]
    command: SecretCommand,
}

impl Secret {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    SecretCommand:
    set::Set,
    show::Show,
    list::List,
    rename::Rename,
    move_to::Move = "move",
    otp::OneTime,
    import::Import,
    export::Export,
    remove::Remove,
    history::History,
    prune::Prune,
}
