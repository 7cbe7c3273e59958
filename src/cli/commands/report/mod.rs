//! `strongroom report`: one file for each of its commands, and how a report is made in `make`.

pub(super) mod accesses;
pub(super) mod files;
pub(super) mod gather;
mod make;
pub(super) mod surroundings;

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Make a signed report for the client: one page, and its evidence
///
/// It writes NAME-N.html, a page to print and sign; NAME-N.json, all that the page is made of; NAME-N.json.sig, its
/// signature; and NAME.allowed, the key that signs, for ssh-keygen. A project that is called key or verify is named after
/// two hyphens: strongroom report -- key
#[derive(Debug, Args)]
#[command(
    before_help = "Example: strongroom report northwind --to ~/reports --roots /media/ada/PROJECTS/northwind",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Report {
    #[command(subcommand)]
    command: Option<ReportCommand>,
    #[command(flatten)]
    make: make::Make,
}

impl Report {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Some(command) => run(command, context),
            None => self.make.run(context),
        }
    }
}

subcommands! {
    ReportCommand:
    key::Key,
    verify::Verify,
}
