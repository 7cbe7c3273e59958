//! `strongroom project hold`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::term_flags::ByFlag;
use crate::cli::today::today;
use crate::cli::unlocking::open;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::Effect;

/// Put a project under legal hold: it cannot be destroyed until the hold is released
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project hold acme --reason litigation")]
pub struct Hold {
    /// The project
    name: String,
    #[command(flatten)]
    by: ByFlag,
}

impl Hold {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, by } = self;
        let reason = context.reason();
        let mut vault = open(context, Uses::Project(&name), &Doing::to_project(Action::HoldSet, Some(&name)))?;
        let doing = format!("hold project {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let by = by.or_custodian(context, &vault.project(&name).map_err(failed)?.terms());
        let effect = vault.hold_project(&name, &reason, &by).map_err(failed)?;
        let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
        let text = match effect {
            Effect::Changed => "is on hold: it cannot be destroyed until it is released",
            Effect::AlreadySo => "was on hold already; nothing was changed",
        };
        vault.done();
        context
            .output
            .done(format!("project {} {text}", project.name), &Project::of(&project, today(context, &*vault)?))
    }
}
