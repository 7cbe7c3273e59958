//! `strongroom init`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::kit;
use crate::cli::setup::{self, Made, NewVault};
use crate::cli::views;
use crate::failure::Failure;
use crate::store::Store;
use crate::words::{Words, command, words};

/// Make a vault.
///
/// It takes both the master password and an item in this computer's keychain to open it. Nobody can reset the
/// password.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom init")]
pub struct Init {
    #[command(flatten)]
    new: NewVault,
}

impl Init {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let plan = setup::plan(context, &self.new)?;
        if let Some(vault) = context.home.made_at(context.store()?.file()) {
            context.output.warn(
                "vault-lost",
                format!(
                    "this computer's settings list vault {vault} at this place, but its file is missing: files that \
                     were encrypted with that vault open only with its file or a backup of it, not with the new vault"
                ),
            );
        }
        let place = context.store()?.place();
        let Made { vault, place: key, announced, kit } = setup::carry_out(context, plan, kit::Later::kit(context))?;
        let made = views::NewVault {
            vault: vault.id(),
            path: place,
            keychain: key.kind.to_string(),
            kdf: key.cost.into(),
            kit: kit.map(|kit| kit.to_string()),
        };
        let next = command("project add NAME").line();
        let text = Words::from(setup::describe(&key, &made.path)) + made.kit_text() + words!["\n\nnext: ", next];
        announced.finish(text, &made)
    }
}
