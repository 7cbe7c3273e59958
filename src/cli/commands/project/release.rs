//! `strongroom project release`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::Effect;

/// Release a legal hold
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project release acme")]
pub struct Release {
    /// The project
    name: String,
}

impl Release {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let name = self.name;
        let mut vault = unlock(context, &Doing::to_project(Action::HoldRelease, Some(&name)))?;
        let doing = format!("release project {name:?}");
        let effect = vault.release_project(&name).map_err(|error| Failure::of(doing, error))?;
        let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
        let text = match effect {
            Effect::Changed => "is released",
            Effect::AlreadySo => "was not on hold; nothing was changed",
        };
        vault.done();
        context.output.done(format!("project {} {text}", project.name), &Project::from(&project))
    }
}
