//! `strongroom completions`.

use clap::{Args, ValueEnum};

use crate::cli::completing::script;
use crate::cli::context::Context;
use crate::cli::output::print;
use crate::failure::Failure;

/// Print a completion script for a shell
///
/// The script lets the shell ask strongroom itself, so that it completes commands, flags, files that can be opened, and
/// the project of the folder. Run it when a shell starts: for bash, add the line "source <(strongroom completions bash)"
/// to ~/.bashrc.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom completions bash")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Completions {
    pub(crate) fn run(self, _: &Context) -> Result<(), Failure> {
        let name = self.shell.to_possible_value().map(|value| value.get_name().to_owned());
        // Each of them is one of the five.
        print(&name.and_then(|name| script(&name)).unwrap_or_default())
    }
}
