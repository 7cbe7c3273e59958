//! `strongroom key`: one file for each of its commands.

mod format;

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

pub use format::{Format, encode};

/// Show, list, rotate, import and retire a project's file keys
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key rotate acme")]
pub struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

impl Key {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    KeyCommand:
    show::Show,
    list::List,
    rotate::Rotate,
    import::Import,
    retire::Retire,
}
