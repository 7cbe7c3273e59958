//! `strongroom completions`.

use clap::{Args, CommandFactory};

use crate::cli::args::Cli;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::print;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, _: &Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "strongroom", &mut script);
        print(&script)
    }
}
