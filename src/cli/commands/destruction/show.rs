//! `strongroom destruction show`.

use clap::Args;

use super::go_on::not_ordered;
use super::wording;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::DestructionOf;
use crate::failure::Failure;

/// Show how far a destruction is, and what it waits for
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom destruction show acme")]
pub struct Show {
    /// The project
    name: String,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = unlock_to_look(context)?;
        let failed = |error| Failure::of("show the destruction", error);
        let project = vault.project(&self.name).map_err(failed)?;
        if project.destruction.is_none() {
            return Err(not_ordered(&self.name, project.destroyed.is_some()));
        }
        let shown = DestructionOf::of(&project);
        let text = wording::text(&shown, &vault, &self.name).map_err(failed)?;
        context.output.result(text, &shown)
    }
}
