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
        let values = context.config.values()?;
        let settings = context.config.known().iter().map(|known| {
            let value = values.iter().find(|(set, _)| set.key == known.key).map(|(_, value)| value.clone());
            Setting::of(known, value)
        });
        let settings: Vec<Setting> = settings.collect();
        context.output.result(settings_text(&settings), &settings)
    }
}
