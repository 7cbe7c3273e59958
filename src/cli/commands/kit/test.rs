//! `strongroom kit test`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};

use crate::cli::access;
use crate::cli::context::Context;
use crate::cli::kit;
use crate::cli::views::TestedKit;
use crate::failure::{Exit, Failure};
use crate::format::log::Action;
use crate::store::Store;
use crate::vault::{Notice, Source, Vault};
use crate::words::{command, words};

/// Prove that a kit opens the vault; needs no password
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit test")]
pub struct Test {
    /// Read the code from a file that holds it alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kit_file: Option<PathBuf>,
}

impl Test {
    /// Says what a kit opens. That it opens the previous vault file alone is no success: it lacks the last change at
    /// least.
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let store = context.store()?;
        let vault = Vault::open(Arc::new(store.clone())).map_err(|error| Failure::of("open the vault", error))?;
        let warn = |source: &Source, generation| {
            if let Source::Previous { reason, other_key } = source {
                let (reason, other_key) = (reason.clone(), *other_key);
                context.show(&[Notice::ReadPrevious { reason, generation, other_key }]);
            }
        };
        // Before the code is asked for: where it is refused, the kits of the previous file were tried.
        let told = *vault.source() != Source::Current;
        warn(vault.source(), vault.header().generation);
        let secret = kit::read_secret(context, self.kit_file.as_deref())?;
        let opened = vault.open_with_kit(&secret).map_err(|error| Failure::of("test the kit", error))?;
        if !told {
            warn(opened.source(), opened.generation());
        }
        let (name, projects, ends) = (opened.kit(), opened.projects(), opened.ends_rotation());
        let previous = *opened.source() != Source::Current;
        let place = if previous { store.previous().display().to_string() } else { store.place() };
        let tested = TestedKit { kit: name.to_string(), projects, ends_with_rotation: ends, previous };
        access::later(context, opened.id(), Action::KitTest, format!("recovery kit {name}"));
        context.output.result(tested.text(&place), &tested)?;
        match opened.source() {
            Source::Previous { reason, .. } => {
                let what = format!("kit {name} does not open the vault file itself");
                Err(Failure::new(Exit::Damaged, "damaged", what).cause(reason.as_str()).hint(words![
                    format!(
                        "put a backup in its place, or continue from the previous one (generation {}): ",
                        opened.generation()
                    ),
                    command("status --unlock --accept-rollback"),
                    ", or without keychain and password ",
                    command("recover --accept-rollback")
                ]))
            }
            _ => Ok(()),
        }
    }
}
