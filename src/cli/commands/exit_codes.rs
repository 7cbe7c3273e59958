//! `strongroom exit-codes`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::views::{ExitCode, exit_codes_text};
use crate::failure::{Exit, Failure};

/// List the exit codes and what they mean
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom exit-codes")]
pub struct ExitCodes {}

impl ExitCodes {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let codes: Vec<ExitCode> = Exit::ALL.iter().map(|exit| ExitCode::of(*exit)).collect();
        context.output.result(exit_codes_text(&codes), &codes)
    }
}
