//! `strongroom policy show`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::look;
use crate::cli::views::LogRules;
use crate::failure::Failure;

/// Show what the access log must have: of what the vault and the project require, the stricter counts
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom policy show")]
pub struct Show {
    /// For this project [default: for files of which the project is not named: the strictest of all]
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::AllProjects)?;
        let logging = vault
            .logging_for(self.project.as_deref())
            .map_err(|error| Failure::of("show what is to be logged", error))?;
        let rules = LogRules::from(logging);
        context.output.result(rules.text(), &rules)
    }
}
