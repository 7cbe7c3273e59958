//! `strongroom project`: one file for each of its commands.

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Add, list, hold and destroy projects, and record what is agreed
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project add acme --client Acme")]
pub struct Project {
    #[command(subcommand)]
    command: ProjectCommand,
}

impl Project {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    ProjectCommand:
    add::Add,
    list::List,
    show::Show,
    set::Set,
    rename::Rename,
    hold::Hold,
    release::Release,
    destroy::Destroy,
}
