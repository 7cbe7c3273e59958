//! `strongroom project show`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::today::today;
use crate::cli::unlocking::look;
use crate::cli::views::Project;
use crate::failure::Failure;

/// Show one project
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project show acme")]
pub struct Show {
    /// The project
    name: String,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::Project(&self.name))?;
        let project = vault.project(&self.name).map_err(|error| Failure::of("show the project", error))?;
        let project = Project::of(&project, today(context, &*vault)?);
        context.output.result(project.text(), &project)
    }
}
