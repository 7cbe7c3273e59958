//! `strongroom vault fork`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::kit::{self, KitFlags, Later};
use crate::cli::open_vault::OpenVault;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views;
use crate::failure::{Exit, Failure};
use crate::format::VaultId;
use crate::format::log::Action;
use crate::format::vault::SIZE_LIMIT;
use crate::home::{Kind, absolute, check_vacant};
use crate::store::{FolderStore, Store};
use crate::vault::Edges;
use crate::words::{command, words};

/// Make a separate vault with the same projects and file keys.
///
/// A copied vault file shares its keychain item with the original. A fork has a separate id, data key and keychain
/// item; its password is the same at first.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault fork separate")]
pub struct Fork {
    /// The folder of the new vault
    #[arg(value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Where the new vault's key is stored: os, file or file:PATH [default: the same kind as this vault's]
    #[arg(long, value_name = "KIND")]
    fork_keychain: Option<Kind>,
    #[command(flatten)]
    kit: KitFlags,
}

impl Fork {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let doing = "fork the vault";
        let folder = absolute(&self.folder);
        let store = FolderStore::new(&folder, SIZE_LIMIT)
            .map_err(|error| Failure::new(Exit::Failed, "io", format!("cannot {doing}")).cause(error.to_string()))?;
        check_vacant(&store).map_err(|error| Failure::from(error).hint("name another folder for the new vault"))?;
        kit::check(context, &self.kit)?;
        let new = VaultId::generate().map_err(|error| Failure::of(doing, error.into()))?;
        let (mut vault, password) = unlock_with_password(context, &Doing::to_vault(Action::VaultFork).place(&folder))?;
        let own = context.home.whole_kind(&context.home.kind_of(vault.id())?, vault.id());
        let kind = match (&self.fork_keychain, own) {
            (Some(kind), _) => context.home.check_kind(kind).map(|()| kind.clone())?,
            (None, Kind::FileAt(path)) if path == context.home.default_keychain_file(vault.id()) => Kind::File,
            (None, Kind::FileAt(_)) => {
                return Err(Failure::usage("the new vault needs a keychain file of its own")
                    .hint("name it with --fork-keychain file:PATH"));
            }
            (None, kind) => kind,
        };
        context
            .home
            .check_new_key(&kind, new, store.file(), false)
            .map_err(|error| Failure::from(error).hint("name another place with --fork-keychain file:PATH"))?;
        let kind = context.home.whole_kind(&kind, new);
        let keychain = context.keychain(&kind, new);
        let cost = vault.policy().map_err(|error| Failure::of(doing, error))?;
        context.remember(new, &kind, store.file())?;
        let edges = Edges { store: Arc::new(store.clone()), keychain, host: Arc::new(context.host) };
        let forked = match vault.fork(edges, new, &password, cost) {
            Ok(forked) => forked,
            Err(error) => {
                // A write that was reported as failed may have been done: then the fork stands and needs its line.
                if matches!(store.load(), Ok(None)) {
                    // Best effort: a line about a vault that does not exist harms nobody.
                    let _ = context.home.settings.forget(&new.to_string());
                }
                return Err(Failure::of(doing, error));
            }
        };
        let there = context.at(&folder, &kind);
        let mut forked = OpenVault::new(forked, &there.output);
        let number = kit::for_new_vault(&there, &mut forked, &store, &password, &self.kit, Later::kit(&there), false)?;
        forked.show_notices();
        let text = words![
            format!(
                "vault     {}\nkeychain  {kind}\nprojects  {}\n\nthe password is the same to begin with; use it with: ",
                store.place(),
                forked.projects().len()
            ),
            command("status").flag("--vault", folder.display().to_string())
        ];
        let made = views::NewVault {
            vault: new,
            path: store.place(),
            keychain: kind.to_string(),
            kdf: cost.into(),
            kit: number.map(|kit| kit.to_string()),
        };
        vault.done();
        context.output.done(text, &made)
    }
}
