//! `strongroom config get`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::views::Setting;
use crate::failure::{Exit, Failure};

/// Print what a key is set to
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom config get threads")]
pub struct Get {
    /// The key, such as threads
    key: String,
}

impl Get {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let known = context.config.find(&self.key).map_err(Failure::from)?;
        let Some(value) = context.config.value(known)? else {
            return Err(Failure::new(Exit::NotFound, "not-set", format!("{} is not set", known.key))
                .hint(format!("the default is: {}", known.default)));
        };
        context.output.result(value.clone(), &Setting::of(known, Some(value)))
    }
}
