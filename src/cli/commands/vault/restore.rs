//! `strongroom vault restore`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::open_vault::OpenVault;
use crate::cli::unlocking::{record, unlock_found};
use crate::cli::vault_copy::{of_copy, read_copy, second_file};
use crate::cli::views::RestoredVault;
use crate::error::{Error, ItemError};
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Notice, Source, Vault};
use crate::words::{command, words};

/// Replace the vault file with a copy; the replaced file is kept under another name
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault restore vault-backup.json")]
pub struct Restore {
    /// The copy
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

impl Restore {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let file = &self.file;
        let doing = || format!("restore {}", file.display());
        let bytes = read_copy(file)?;
        let store = context.store()?;
        let copy = Vault::open_copy(Arc::new(store.clone()), &bytes).map_err(|error| of_copy(doing(), file, error))?;
        let id = copy.id();
        if let Some(other) = context.home.other_file(id, store.file())? {
            return Err(second_file(doing(), &other.place).hint(
                "to put the copy back, name that folder with --vault; to look into it, save it as vault.json in a folder of \
                 its own and name that one",
            ));
        }
        let kind = context.home.kind_of(id)?;
        let keychain = context.keychain(&kind, id);
        let unlock = |error: Error| {
            let hint = match &error {
                Error::Item(ItemError::Missing { .. })
                    if Vault::open(Arc::new(store.clone())).is_ok_and(|vault| *vault.source() == Source::Current) =>
                {
                    Some(words![
                        "to give this computer its own key, use a recovery kit: ",
                        command("recover"),
                        "; then run this command again"
                    ])
                }
                Error::Item(ItemError::Missing { .. }) => Some(words![
                    "with a recovery kit this computer gets a key of its own: ",
                    command("recover").flag("--from", file.display().to_string())
                ]),
                Error::Item(ItemError::NotOurs { .. }) => Some(words![
                    "the copy may be older than a rotation of the data key: then only a kit from that time opens it, in a \
                     separate folder and keychain file: ",
                    command("recover --vault FOLDER --keychain file:FILE --from COPY")
                ]),
                _ => None,
            };
            let may_be_damaged = matches!(error, Error::WrongPassword { vault_may_be_damaged: true, .. });
            let failure = of_copy("unlock the copy", file, error);
            let failure =
                if may_be_damaged { failure.cause("wrong password, or the copy is damaged") } else { failure };
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        };
        let found = copy.find_key(keychain, Arc::new(context.host)).map_err(unlock)?;
        let (unlocked, _) = unlock_found(context, found, unlock)?;
        let mut unlocked = OpenVault::new(unlocked, &context.output);
        // That the copy is older is why it is restored.
        let told = |notice: &Notice| !matches!(notice, Notice::RolledBack(_) | Notice::AnchorMissing { .. });
        let notices: Vec<Notice> = unlocked.take_notices().into_iter().filter(told).collect();
        context.show(&notices);
        let copied = unlocked.header().generation;
        let restored = unlocked.restore().map_err(|error| Failure::of(doing(), error))?;
        unlocked.show_notices();
        record(context, &mut unlocked, &Doing::to_vault(Action::VaultRestore).subject(file.display().to_string()))?;
        unlocked.done();
        context.remember(id, &kind, store.file())?;
        agent::lock_after_change(context);
        let restored = RestoredVault::of(copied, restored);
        context.output.done(restored.text(), &restored)
    }
}
