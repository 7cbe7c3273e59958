//! `strongroom project release`.

use clap::Args;

use crate::cli::access::{Doing, needed_reason};
use crate::cli::context::Context;
use crate::cli::term_flags::ByFlag;
use crate::cli::today::today;
use crate::cli::unlocking::unlock;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::Effect;

/// Release a legal hold
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project release acme --reason settled")]
pub struct Release {
    /// The project
    name: String,
    #[command(flatten)]
    by: ByFlag,
}

impl Release {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, by } = self;
        let reason = needed_reason(context)?;
        let mut vault = unlock(context, &Doing::to_project(Action::HoldRelease, Some(&name)))?;
        let doing = format!("release project {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let by = by.or_custodian(context, &vault.project(&name).map_err(failed)?.terms());
        let effect = vault.release_project(&name, &reason, &by).map_err(failed)?;
        let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
        let text = match effect {
            Effect::Changed => "is released",
            Effect::AlreadySo => "was not on hold; nothing was changed",
        };
        vault.done();
        context
            .output
            .done(format!("project {} {text}", project.name), &Project::of(&project, today(context, &*vault)?))
    }
}
