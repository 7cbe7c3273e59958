//! `strongroom secret remove`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::Secret;
use crate::failure::{Exit, Failure};
use crate::format::log::Action;
use crate::words::{command, counted, words};

/// Delete a secret with all its versions.
///
/// Older copies of the vault file still hold it. The system that it is for still accepts it: change it there.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret remove portal")]
pub struct Remove {
    /// The secret's name
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, yes } = self;
        if !yes && context.terminal().is_none() {
            return Err(Failure::usage("deleting a secret has to be confirmed, and there is no terminal to ask at")
                .hint(words!["give --yes: ", command("secret remove").arg(&name).then("--yes")]));
        }
        let doing = format!("delete secret {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let mut vault = unlock(context, &Doing::to_vault(Action::SecretRemove).subject(&name))?;
        let secret = vault.secret(&name).map_err(failed)?;
        if !yes && let Some(mut terminal) = context.terminal() {
            let project = secret.project.as_ref().map(|project| format!(" of project {project}")).unwrap_or_default();
            let versions = counted(secret.versions.len(), "version");
            let question =
                format!("delete secret {}{project} with its {versions}? This cannot be undone.", secret.name);
            if !terminal.confirm(&question)? {
                return Err(Failure::new(Exit::Failed, "not-confirmed", "the secret is not deleted")
                    .cause("it was not confirmed")
                    .hint("nothing was changed; run it again"));
            }
        }
        vault.remove_secret(&name).map_err(failed)?;
        let text = format!(
            "secret {} is deleted\nnote: older copies of the vault file still hold it, and the system that it is for still \
             accepts it: change it there",
            secret.name
        );
        vault.done();
        context.output.done(text, &Secret::from(&secret))
    }
}
