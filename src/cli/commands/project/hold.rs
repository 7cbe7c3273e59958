//! `strongroom project hold`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::term_flags::ByFlag;
use crate::cli::today::today;
use crate::cli::unlocking::open;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::vault::Effect;

/// Put a project under legal hold: it cannot be destroyed until the hold is released
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project hold acme --reason litigation")]
pub struct Hold {
    /// The project
    name: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    by: ByFlag,
}

impl Hold {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, reason, by } = self;
        let mut vault = open(context, Uses::Project(&name))?;
        let doing = format!("hold project {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let by = by.or_custodian(context, &vault.project(&name).map_err(failed)?.terms());
        let effect = vault.hold_project(&name, &reason, &by).map_err(failed)?;
        let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
        let text = match effect {
            Effect::Changed => "is on hold: it cannot be destroyed until it is released",
            Effect::AlreadySo => "was on hold already; nothing was changed",
        };
        context
            .output
            .done(format!("project {} {text}", project.name), &Project::of(&project, today(context, &*vault)?))
    }
}
