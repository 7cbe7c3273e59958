//! `strongroom secret history`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::look;
use crate::cli::views::SecretHistory;
use crate::failure::Failure;

/// List the versions of a secret, without what they hold.
///
/// `strongroom secret show NAME --version N` shows what a version holds.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret history portal")]
pub struct History {
    /// The secret's name
    name: String,
}

impl History {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::Secret { name: &self.name, project: None })?;
        let doing = format!("show the versions of secret {:?}", self.name);
        let secret = vault.secret(&self.name).map_err(|error| Failure::of(doing, error))?;
        let history = SecretHistory::from(&secret);
        context.output.result(history.text(), &history)
    }
}
