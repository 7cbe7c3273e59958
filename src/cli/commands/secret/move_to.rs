//! `strongroom secret move`.

use clap::{ArgGroup, Args};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::open;
use crate::cli::views::Secret;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Before, Effect, SecretEdit};

/// Let a secret belong to another project, or to none
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret move portal --project acme")]
#[command(group = ArgGroup::new("to").args(["project", "no_project"]).required(true))]
pub struct Move {
    /// The secret's name
    name: String,
    /// The project that it is to belong to
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    /// Let it belong to no project, so that it stays when projects are destroyed
    #[arg(long)]
    no_project: bool,
}

impl Move {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, project, no_project: _ } = self;
        let doing = format!("move secret {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let uses = match &project {
            Some(project) => Uses::Secret { name: &name, project: Some(project) },
            None => Uses::AllProjects,
        };
        let mut vault = open(context, uses, &Doing::to_vault(Action::SecretSet).subject(&name))?;
        let edit = SecretEdit { project: Some(project), ..SecretEdit::default() };
        let effect = vault.edit_secret(&name, edit, Before::Some).map_err(failed)?;
        let secret = vault.secret(&name).map_err(failed)?;
        let already = if effect == Effect::AlreadySo { " already; nothing was changed" } else { "" };
        let place = match &secret.project {
            Some(project) => format!("belongs to project {project}{already}"),
            None => format!("belongs to no project{already}"),
        };
        vault.done();
        context.output.done(format!("secret {} {place}", secret.name), &Secret::from(&secret))
    }
}
