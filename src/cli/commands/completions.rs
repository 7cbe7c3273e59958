//! `strongroom completions`.

use clap::Args;

use crate::cli::output::print;
use crate::failure::Failure;

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints the script for the `program`.
    pub(crate) fn run(self, mut program: clap::Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "strongroom", &mut script);
        print(&script)
    }
}
