//! `strongroom kit list`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::{Kit, kits_text};
use crate::failure::Failure;

/// List the kits, and the papers that should be destroyed
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit list")]
pub struct List {}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = unlock_to_look(context)?;
        let kits: Vec<_> = vault.kits().iter().map(Kit::from).collect();
        context.output.result(kits_text(&kits), &kits)
    }
}
