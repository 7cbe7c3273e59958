//! `strongroom config unset`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::views::Setting;
use crate::failure::Failure;

/// Go back to the default of a key
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom config unset threads")]
pub struct Unset {
    /// The key, such as threads
    key: String,
}

impl Unset {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let known = context.config.find(&self.key).map_err(Failure::from)?;
        let text = if matches!(context.config.value(known), Ok(None)) {
            format!("{} was not set; the default is: {}", known.key, known.default)
        } else {
            context.config.unset(known)?;
            format!("{} is no longer set; the default is: {}", known.key, known.default)
        };
        context.output.done(text, &Setting::of(known, None))
    }
}
