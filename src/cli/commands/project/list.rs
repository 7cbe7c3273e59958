//! `strongroom project list`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::fitting::fitting;
use crate::cli::open_vault::Uses;
use crate::cli::today::today;
use crate::cli::unlocking::look;
use crate::cli::views::{Project, projects_text};
use crate::failure::Failure;

/// List the projects
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project list\n\
                         Of one client: strongroom project list acme")]
pub struct List {
    /// Only projects whose name or client contains this text, in upper or lower case; with * or ?, those whose whole
    /// name or client fits it
    pattern: Option<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::AllProjects)?;
        let projects = vault.projects().map_err(|error| Failure::of("list the projects", error))?;
        let today = today(context, &*vault)?;
        let all: Vec<_> = projects.iter().map(|project| Project::of(project, today)).collect();
        let Some(pattern) = &self.pattern else { return context.output.result(projects_text(&all), &all) };
        let fits = fitting(pattern);
        let found: Vec<_> = all.into_iter().filter(|project| fits(&project.project) || fits(&project.client)).collect();
        if found.is_empty() {
            return context.output.result(format!("no project or client fits {pattern:?}"), &found);
        }
        context.output.result(projects_text(&found), &found)
    }
}
