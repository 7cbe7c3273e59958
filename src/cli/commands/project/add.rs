//! `strongroom project add`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::term_flags::{FirstTerms, given};
use crate::cli::today::today;
use crate::cli::unlocking::open;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{NewProject, Terms};
use crate::words::{command, words};

/// Add a project, with a separate file key
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project add acme --client Acme")]
pub struct Add {
    /// A name for it, such as acme-2026
    name: String,
    /// Whose data it is
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    client: String,
    /// Anything worth knowing
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    agreed: FirstTerms,
}

impl Add {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, client, note, agreed } = self;
        let FirstTerms { purpose, ends, destroy_by, by } = agreed;
        let (ends, destroy_by) = (ends.unwrap_or_default(), destroy_by.unwrap_or_default());
        let terms = Terms { purpose: given(purpose), ends, destroy_by, ..Terms::default() };
        let by = by.or_custodian(context, &terms);
        let new = NewProject { name, client, note, terms, by };
        // Refused before anybody types a password.
        new.check().map_err(|error| Failure::of("add the project", error))?;
        let doing = Doing::to_vault(Action::ProjectAdd).subject(&new.name);
        let mut vault = open(context, Uses::AllProjects, &doing)?;
        let doing = format!("add project {:?}", new.name);
        let added = vault.add_project(&new).map_err(|error| Failure::of(doing, error))?;
        vault.done();
        let added = Project::of(&added, today(context, &*vault)?);
        let next = command("encrypt").flag("--project", &added.project).then("FILE").line();
        context.output.done(words![format!("added project {}\nnext: ", added.project), next], &added)
    }
}
