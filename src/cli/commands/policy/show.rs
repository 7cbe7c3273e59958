//! `strongroom policy show`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::look;
use crate::cli::views::LogRules;
use crate::failure::Failure;

/// Show what the access log must have
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom policy show")]
pub struct Show {}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::AllProjects)?;
        let logging = vault.logging().map_err(|error| Failure::of("show what is to be logged", error))?;
        let rules = LogRules::from(logging);
        context.output.result(rules.text(), &rules)
    }
}
