//! `strongroom vault rotate`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::rotation::{DOING, RotationFlags, report, rotate};
use crate::cli::unlocking::unlock_with_password;
use crate::error::{Error, Refused};
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Rotation, Settle};

/// Rotate the data key, so that older copies of the vault file no longer open.
///
/// Encrypted files do not change. The OS keychain first gets time to store the new key safely: until the computer
/// restarts, or for 20 minutes. Then the next command that asks for the master password finishes the rotation; on macOS and
/// Windows, finish it with --settle-now. With a keychain file, there is no wait. Every recovery kit ends, and a new kit
/// is made, unless a flag says otherwise. Other computers that use this vault file need a kit before they can open it
/// again.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault rotate")]
pub struct Rotate {
    /// Start another rotation, even if a rotation is under way here or on another computer, or has just finished
    #[arg(long)]
    anew: bool,
    #[command(flatten)]
    flags: RotationFlags,
}

impl Rotate {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let (mut vault, password) = unlock_with_password(context, &Doing::to_vault(Action::VaultRotate))?;
        vault.check_writable().map_err(|error| Failure::of(DOING, error))?;
        let failed = |error| Failure::of(DOING, error);
        match vault.rotation() {
            _ if self.anew => {}
            None if vault.finished_rotation() => {
                self.tell_of_flags(context);
                vault.done();
                return report(context, &vault, Rotation::Settled, None);
            }
            None => {}
            Some(Rotation::Elsewhere) => {
                return Err(failed(Error::Refused(Refused::RotationUnderWay))
                    .hint("finish it on the computer that started it, or start another here with --anew"));
            }
            Some(waits) => {
                self.tell_of_flags(context);
                let rotation = match self.flags.settle_now {
                    true => vault.settle_rotation(&password, Settle::Now).map_err(failed)?,
                    false => waits,
                };
                agent::lock_after_change(context);
                vault.done();
                return report(context, &vault, rotation, None);
            }
        }
        rotate(context, &mut vault, &password, &self.flags)?;
        vault.done();
        Ok(())
    }

    /// Says of flags about kits that they came too late.
    fn tell_of_flags(&self, context: &Context) {
        if self.flags.keep_kit || self.flags.kit.recovery_file.is_some() {
            context.output.warn(
                "kit-not-made",
                "a rotation was already under way and continues with the kits it was started with: this command made \
                 or kept no kit",
            );
        }
    }
}
