//! `strongroom secret prune`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::PrunedSecrets;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::words::counted;

/// Delete earlier versions of a secret, or of all secrets.
///
/// Secrets of projects under legal hold keep theirs. Older copies of the vault file still hold what is deleted.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret prune portal")]
pub struct Prune {
    /// The secret's name [default: all of them]
    name: Option<String>,
    /// How many versions to keep of each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    keep: u8,
}

impl Prune {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, keep } = self;
        let doing = match &name {
            Some(name) => format!("delete earlier versions of secret {name:?}"),
            None => "delete earlier versions of secrets".to_owned(),
        };
        let failed = |error| Failure::of(&doing, error);
        let mut vault = unlock(context, &Doing::to_vault(Action::SecretRemove).subject("earlier versions of secrets"))?;
        let count =
            |vault: &crate::vault::Unlocked| vault.secrets().iter().map(|secret| secret.versions.len()).sum::<usize>();
        let before = count(&vault);
        vault.prune_secrets(name.as_deref(), keep.into()).map_err(failed)?;
        let deleted = before.saturating_sub(count(&vault));
        vault.done();
        context.output.done(format!("deleted {}", counted(deleted, "earlier version")), &PrunedSecrets { deleted })
    }
}
