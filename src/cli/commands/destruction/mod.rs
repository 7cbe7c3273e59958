//! `strongroom destruction`: one file for each of its commands, and the steps in `steps` and `proof`.

mod proof;
pub(super) mod steps;
mod wording;

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Follow the destruction of a project to its end, and certify it
///
/// `strongroom project destroy` orders a destruction and begins it. Its record is open until every step is done: decrypted
/// files were looked for, the keys are removed, the data key is rotated, and no encrypted file opens any more.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom destruction show acme")]
pub struct Destruction {
    #[command(subcommand)]
    command: DestructionCommand,
}

impl Destruction {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    DestructionCommand:
    show::Show,
    go_on::GoOn = "continue",
    certificate::Certificate,
}
