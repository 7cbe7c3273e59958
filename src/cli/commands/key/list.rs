//! `strongroom key list`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::look;
use crate::cli::views::{KeyList, KeyVersion};
use crate::failure::Failure;

/// List the versions of a project's file key
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key list acme")]
pub struct List {
    /// The project
    project: String,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let vault = look(context, Uses::Project(&self.project))?;
        let project = vault.project(&self.project).map_err(|error| Failure::of("list the keys", error))?;
        let keys = project.keys.iter().map(KeyVersion::from).collect();
        let list = KeyList { project: project.name, keys };
        context.output.result(list.text(), &list)
    }
}
