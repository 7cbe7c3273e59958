//! `strongroom project set`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::term_flags::{ByFlag, TermFlags};
use crate::cli::today::today;
use crate::cli::unlocking::open;
use crate::cli::views::Project;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Effect, Setting, Terms};

/// Record what is agreed about a project: client, purpose, dates, and what is done at the end.
///
/// What you do not name stays as it is, and an empty value takes back what was recorded. Nothing is overwritten: the
/// vault keeps each change with its date and who made it, and `strongroom project show` lists them.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project set acme --ends 2027-03-31 --destroy-by 2027-09-30\n\
                         The contract: strongroom project set acme --basis DPA-2026-03 --basis-file dpa.pdf")]
pub struct Set {
    /// The project
    name: String,
    #[command(flatten)]
    terms: TermFlags,
    #[command(flatten)]
    by: ByFlag,
}

impl Set {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, terms, by } = self;
        let mut terms = terms.terms()?;
        if terms == Terms::default() {
            return Err(Failure::usage("nothing is to be recorded").hint("name what is agreed, such as --ends DATE"));
        }
        let doing = format!("record what is agreed about project {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let mut vault = open(context, Uses::Project(&name), &Doing::to_project(Action::ProjectSet, Some(&name)))?;
        let now = vault.usable_project(&name).map_err(failed)?.terms();
        if terms.basis_sha256 == Setting::Withdrawn && terms.basis.given() == now.basis.given() {
            // The same basis: its document is the same as well.
            terms.basis_sha256 = Setting::Kept;
        }
        let custodian = if terms.custodian.given().is_some() { &terms } else { &now };
        let by = by.or_custodian(context, custodian);
        let effect = vault.set_engagement(&name, &terms, &by).map_err(failed)?;
        let project = vault.project(&name).map_err(|error| Failure::of("show the project", error))?;
        let project = Project::of(&project, today(context, &*vault)?);
        let text = match effect {
            Effect::Changed => {
                format!("recorded for project {}: {}", project.project, project.engagement.last_change())
            }
            Effect::AlreadySo => format!("project {} is on record so already; nothing was changed", project.project),
        };
        vault.done();
        context.output.done(text, &project)
    }
}
