//! `strongroom report key`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::SigningKeys;
use crate::failure::Failure;

/// Show the key that signs reports, to be handed over with the contract
///
/// The first call makes the key. A report proves who signed it only to somebody who got the key before, in another way.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom report key")]
pub struct Key {
    /// Make another key, which the present key announces
    #[arg(long)]
    rotate: bool,
    /// Why, in words that the client will read
    #[arg(long, value_name = "TEXT", requires = "rotate")]
    reason: Option<String>,
}

impl Key {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if self.rotate && self.reason.as_deref().is_none_or(str::is_empty) {
            return Err(
                Failure::usage("another key needs a reason, which the client will read").hint("add --reason TEXT")
            );
        }
        let mut vault = unlock(context)?;
        let doing = if self.rotate { "make another key for reports" } else { "show the key for reports" };
        let failed = |error| Failure::of(doing, error);
        match &self.reason {
            Some(reason) => vault.rotate_signing_key(reason).map_err(failed)?,
            None => vault.signing_key().map_err(failed)?,
        };
        let keys = SigningKeys::of(vault.id(), &vault.signing_keys().map_err(failed)?);
        context.output.done(keys.text(), &keys)
    }
}
