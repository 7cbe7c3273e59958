//! `strongroom key rotate`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::open;
use crate::cli::views::NewKey;
use crate::failure::Failure;
use crate::format::log::Action;

/// Make a new file key for the project; earlier keys still open what they encrypted
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key rotate acme")]
pub struct Rotate {
    /// The project
    project: String,
}

impl Rotate {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let project = self.project;
        let mut vault = open(context, Uses::Project(&project), &Doing::to_project(Action::KeyRotate, Some(&project)))?;
        let doing = format!("rotate the key of {project:?}");
        let version = vault.rotate_file_key(&project).map_err(|error| Failure::of(doing, error))?;
        let text = format!(
            "version {version} of {project}'s key is current; files under earlier versions still open with theirs"
        );
        vault.done();
        context.output.done(text, &NewKey { project, version })
    }
}
