//! `strongroom completions`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::output::print;
use crate::failure::Failure;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom completions bash")]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut program = (context.program)();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "strongroom", &mut script);
        print(&script)
    }
}
