//! `strongroom secret list`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::fitting::fitting;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::look;
use crate::cli::views::{Secret, secrets_text};
use crate::failure::Failure;

/// List the secrets, without what they hold
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret list\n\
                         To find one by three letters: strongroom secret list por")]
pub struct List {
    /// Only secrets whose name, user, address, tag or project contains this text, in upper or lower case; with * or ?,
    /// those of which one of these fits it as a whole
    pattern: Option<String>,
    /// Only those of this project
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { pattern, project } = self;
        let failed = |error| Failure::of("list the secrets", error);
        let vault = look(context, Uses::of(project.as_deref()))?;
        // By the name as the vault has it.
        let project = project.map(|name| vault.project(&name)).transpose().map_err(failed)?.map(|project| project.name);
        let fits = pattern.as_deref().map(fitting);
        let secrets = vault.secrets().map_err(failed)?;
        let found: Vec<Secret> = secrets
            .iter()
            .filter(|secret| project.is_none() || secret.project == project)
            .filter(|secret| fits.as_ref().is_none_or(|fits| Secret::texts(secret).any(fits)))
            .map(Secret::from)
            .collect();
        let text = match (&pattern, found.is_empty()) {
            (Some(pattern), true) => format!("no secret fits {pattern:?}"),
            _ => secrets_text(&found),
        };
        context.output.result(text, &found)
    }
}
