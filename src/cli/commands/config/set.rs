//! `strongroom config set`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::views::Setting;
use crate::failure::Failure;

/// Set a key
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom config set keychain-timeout 10")]
pub struct Set {
    /// The key, such as threads
    key: String,
    /// Its value
    value: String,
}

impl Set {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let known = context.config.find(&self.key).map_err(Failure::from)?;
        known.check(&self.value).map_err(Failure::from)?;
        let text = if context.config.value(known).ok().flatten().as_ref() == Some(&self.value) {
            format!("{} was {} already", known.key, self.value)
        } else {
            context.config.set(known, &self.value)?;
            format!("{} is now {}", known.key, self.value)
        };
        context.output.done(text, &Setting::of(known, Some(self.value)))
    }
}
