//! `strongroom project list`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::{Project, projects_text};
use crate::failure::Failure;

/// List the projects
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project list")]
pub struct List {}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = unlock(context)?;
        let projects: Vec<_> = vault.projects().iter().map(Project::from).collect();
        context.output.result(projects_text(&projects), &projects)
    }
}
