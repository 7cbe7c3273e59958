//! `strongroom due`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::today::today;
use crate::cli::unlocking::look;
use crate::cli::views::{DueProject, due_text};
use crate::failure::{Exit, Failure};
use crate::words::{command, counted, words};

/// List the projects by date, with what is missing for their end.
///
/// The date is the day by which a project is to be destroyed, else the day on which it ends: see
/// `strongroom project set`. A project is overdue if the date has passed, and no hold keeps it.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom due\n\
                         In a script: strongroom due --exit-code")]
pub struct Due {
    /// Exit with 1 if a project is overdue
    #[arg(long)]
    exit_code: bool,
}

impl Due {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::AllProjects)?;
        let failed = |error| Failure::of("list what is due", error);
        let projects = vault.projects().map_err(failed)?;
        let kits = vault.kits().map_err(failed)?;
        let due = DueProject::all(&projects, &kits, today(context, &*vault)?);
        context.output.result(due_text(&due, &context.output.flags), &due)?;
        match due.iter().filter(|project| project.overdue).count() {
            1.. if !self.exit_code => Ok(()),
            0 => Ok(()),
            count => {
                let is = if count == 1 { "is" } else { "are" };
                let message = format!("{} {is} overdue", counted(count, "project"));
                Err(Failure::new(Exit::Failed, "overdue", message).hint(words![
                    "when nothing is missing: ",
                    command("project destroy NAME"),
                    "; if a later day was agreed, record it: ",
                    command("project set NAME")
                ]))
            }
        }
    }
}
