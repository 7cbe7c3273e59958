//! `strongroom report key`.

use clap::Args;

use crate::cli::access::{Doing, needed_reason};
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::SigningKeys;
use crate::failure::Failure;
use crate::format::log::Action;

/// Show the key that signs reports, to be handed over with the contract
///
/// The first call makes the key. A report proves who signed it only to somebody who got the key before, in another way.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom report key")]
pub struct Key {
    /// Make another key, which the present key announces
    #[arg(long)]
    rotate: bool,
}

impl Key {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let reason = self.rotate.then(|| needed_reason(context)).transpose()?;
        let doing = Doing::to_vault(Action::ReportMade).subject("the key for reports");
        let mut vault = unlock(context, &doing)?;
        let doing = if self.rotate { "make another key for reports" } else { "show the key for reports" };
        let failed = |error| Failure::of(doing, error);
        match &reason {
            Some(reason) => vault.rotate_signing_key(reason).map_err(failed)?,
            None => vault.signing_key().map_err(failed)?,
        };
        let keys = SigningKeys::of(vault.id(), &vault.signing_keys().map_err(failed)?);
        vault.done();
        context.output.done(keys.text(), &keys)
    }
}
