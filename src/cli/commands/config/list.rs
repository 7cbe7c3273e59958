//! `strongroom config list`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::views::{Setting, settings_text};
use crate::failure::Failure;

/// List the keys, what each is set to, and its default
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom config list")]
pub struct List {}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        // Whoever has to correct the file needs to see the keys.
        if let Err(error) = context.config.values() {
            let failure = Failure::from(error);
            let why = failure.cause.unwrap_or_default();
            context.output.warn(
                "config",
                format!("{}: {why}; until this is corrected, other commands are refused", failure.message),
            );
        }
        let value = |known| context.config.value(known).ok().flatten();
        let settings: Vec<Setting> =
            context.config.known().iter().map(|known| Setting::of(known, value(known))).collect();
        context.output.result(settings_text(&settings), &settings)
    }
}
