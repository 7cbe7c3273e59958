//! `strongroom project rename`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::today::today;
use crate::cli::unlocking::open;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Effect, NewProject};

/// Give a project another name; its files are unaffected
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project rename acme acme-2026")]
pub struct Rename {
    /// The name it has
    old: String,
    /// The name it gets
    new: String,
}

impl Rename {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { old, new } = self;
        let doing = format!("rename project {old:?}");
        let renamed = NewProject { name: new.clone(), ..NewProject::default() };
        renamed.check().map_err(|error| Failure::of(&doing, error))?;
        let mut vault = open(context, Uses::Project(&old), &Doing::to_project(Action::ProjectRename, Some(&old)))?;
        let effect = vault.rename_project(&old, &new).map_err(|error| Failure::of(doing, error))?;
        let project = vault.project(&new).map_err(|error| Failure::of("show the project", error))?;
        let text = match effect {
            Effect::Changed => format!("renamed {old} to {}", project.name),
            Effect::AlreadySo => format!("project {} has this name already; nothing was changed", project.name),
        };
        vault.done();
        context.output.done(text, &Project::of(&project, today(context, &*vault)?))
    }
}
