//! `strongroom doctor`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// Look for what is wrong, and say what to do about it
#[derive(Debug, Args)]
pub struct Doctor {}

impl Doctor {
    pub(crate) fn run(self, _: &Context) -> Result<(), Failure> {
        Ok(())
    }
}
