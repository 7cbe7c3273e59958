//! `strongroom man`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::output::print;
use crate::failure::Failure;

/// Print the manual page of strongroom, or of one of its commands
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom man encrypt")]
pub struct Man {
    /// The command, such as encrypt or project
    command: Option<String>,
}

impl Man {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut program = (context.program)();
        program.build();
        if let Some(name) = &self.command {
            let found = program.find_subcommand(name).cloned().ok_or_else(|| {
                Failure::usage(format!("there is no command {name:?}")).hint("see `strongroom --help`")
            })?;
            program = found.display_name(format!("strongroom-{name}")).version(env!("CARGO_PKG_VERSION"));
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(program)
            .render(&mut page)
            .map_err(|error| Failure::io("write the manual page", &error))?;
        print(&page)
    }
}
