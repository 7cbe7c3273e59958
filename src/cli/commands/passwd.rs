//! `strongroom passwd`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::kdf::KdfFlags;
use crate::cli::new_password::NewPassword;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::ChangedPassword;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::words::{command, words};

/// Change the master password on this computer.
///
/// Only the keychain's item changes: no vault file and no encrypted file is touched. Other computers keep their own
/// password.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom passwd")]
pub struct Passwd {
    #[command(flatten)]
    new: NewPassword,
    #[command(flatten)]
    kdf: KdfFlags,
}

impl Passwd {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let cost = self.kdf.cost()?;
        if !self.new.is_given() && context.terminal().is_none() {
            return Err(Failure::usage("the new password is needed, and there is no terminal to ask for it")
                .hint("give --new-password-file or --generate-password"));
        }
        let given = self.new.read(context)?;
        let said = interrupt::say("the password is as it was", "");
        let (mut vault, old) = unlock_with_password(context, &Doing::to_vault(Action::PasswordChange))?;
        let new = match given {
            Some(new) => new,
            None => self.new.choose(context)?,
        };
        let doing = "change the master password";
        vault.check_writable().map_err(|error| Failure::of(doing, error))?;
        // Before the change: were it shown after, a closed output would lose it.
        let announced = context.output.announce(self.new.generate_password.then(|| new.expose()))?;
        said.replace(
            "the old password, the new one or both may open the vault now",
            words!["try both, then run ", command("passwd"), " again"],
        );
        let changed = vault.change_password(&old, &new, cost).map_err(|error| Failure::of(doing, error))?;
        drop(said);
        agent::lock_after_change(context);
        let text = words![
            "the master password is changed on this computer; the vault and every encrypted file stay as they are\n\
             note: an earlier backup of the keychain still opens the vault with the old password, until you run ",
            command("vault rotate")
        ];
        vault.done();
        announced.finish(text, &ChangedPassword { changed: changed.at, kdf: changed.cost.into() })
    }
}
