//! `strongroom passwd`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::kdf::KdfFlags;
use crate::cli::password;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::ChangedPassword;
use crate::crypto::secret::Password;
use crate::failure::Failure;

/// Change the master password on this computer.
///
/// Only the keychain's item changes: no vault file and no encrypted file is touched. Other computers keep their own
/// password.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom passwd")]
pub struct Passwd {
    /// Read the new password from a file, without the trailing newline
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "generate_password")]
    new_password_file: Option<PathBuf>,
    /// Generate a master password of six random words and print it once
    #[arg(long)]
    generate_password: bool,
    #[command(flatten)]
    kdf: KdfFlags,
}

impl Passwd {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let cost = self.kdf.cost()?;
        if self.new_password_file.is_none() && !self.generate_password && context.terminal().is_none() {
            return Err(Failure::usage("the new password is needed, and there is no terminal to ask for it")
                .hint("give --new-password-file or --generate-password"));
        }
        let given = match &self.new_password_file {
            Some(path) => Some(password::accept(context, password::read_file(context, path)?.line())?),
            None => None,
        };
        let words = interrupt::say("the password is as it was", "");
        let (mut vault, old) = unlock_with_password(context)?;
        let new = match given {
            Some(new) => new,
            None if self.generate_password => password::generate()?,
            None => ask(context)?,
        };
        let doing = "change the master password";
        vault.check_writable().map_err(|error| Failure::of(doing, error))?;
        // Before the change: were it shown after, a closed output would lose it.
        let announced = context.output.announce(self.generate_password.then(|| new.expose()))?;
        words.replace(
            "the old password, the new one or both may open the vault now",
            "try both, then run `strongroom passwd` again",
        );
        let changed = vault.change_password(&old, &new, cost).map_err(|error| Failure::of(doing, error))?;
        drop(words);
        let text = "the master password is changed on this computer; the vault and every encrypted file stay as they \
                    are\nnote: an earlier backup of the keychain still opens the vault with the old password, until \
                    you run `strongroom vault rotate`";
        announced.finish(text, &ChangedPassword { changed: changed.at, kdf: changed.cost.into() })
    }
}

fn ask(context: &Context) -> Result<Password, Failure> {
    let mut terminal = context.terminal().ok_or_else(password::no_source)?;
    password::choose(context, &mut terminal)
}
