//! `strongroom secret rename`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::open;
use crate::cli::views::Secret;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Before, Effect, SecretEdit};

/// Give a secret another name
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret rename portal acme-portal")]
pub struct Rename {
    /// The secret's name
    name: String,
    /// Its new name
    new: String,
}

impl Rename {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, new } = self;
        let doing = format!("rename secret {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let mut vault = open(
            context,
            Uses::Secret { name: &name, project: None },
            &Doing::to_vault(Action::SecretSet).subject(&name),
        )?;
        let edit = SecretEdit { name: Some(new.clone()), ..SecretEdit::default() };
        let effect = vault.edit_secret(&name, edit, Before::Some).map_err(failed)?;
        let secret = vault.secret(&new).map_err(failed)?;
        let text = match effect {
            Effect::Changed => format!("secret {name} is now called {}", secret.name),
            Effect::AlreadySo => format!("secret {} is called so already; nothing was changed", secret.name),
        };
        vault.done();
        context.output.done(text, &Secret::from(&secret))
    }
}
