//! `strongroom project release`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::term_flags::ByFlag;
use crate::cli::today::today;
use crate::cli::unlocking::unlock;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::vault::Effect;

/// Release a legal hold
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project release acme --reason 'settled, letter of 4 May'")]
pub struct Release {
    /// The project
    name: String,
    /// Why it is released
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    by: ByFlag,
}

impl Release {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, reason, by } = self;
        let mut vault = unlock(context)?;
        let doing = format!("release project {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let by = by.or_custodian(context, &vault.project(&name).map_err(failed)?.terms());
        let effect = vault.release_project(&name, &reason, &by).map_err(failed)?;
        let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
        let text = match effect {
            Effect::Changed => "is released",
            Effect::AlreadySo => "was not on hold; nothing was changed",
        };
        context
            .output
            .done(format!("project {} {text}", project.name), &Project::of(&project, today(context, &*vault)?))
    }
}
