//! `strongroom man`.

use clap::{Args, CommandFactory};

use crate::cli::args::Cli;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::print;

/// Print the manual page of strongroom, or of one of its commands
#[derive(Debug, Args)]
pub struct Man {
    /// The command, such as encrypt or project
    command: Option<String>,
}

impl Man {
    pub(crate) fn run(self, _: &Context) -> Result<(), Failure> {
        let mut command = Cli::command();
        command.build();
        if let Some(name) = &self.command {
            let found = command.find_subcommand(name).cloned().ok_or_else(|| {
                Failure::usage(format!("there is no command {name:?}")).hint("see `strongroom --help`")
            })?;
            command = found.display_name(format!("strongroom-{name}")).version(env!("CARGO_PKG_VERSION"));
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::io("write the manual page", &error))?;
        print(&page)
    }
}
