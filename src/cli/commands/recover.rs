//! `strongroom recover`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;

use super::init::kdf_json;
use super::vault::read_copy;
use crate::cli::checks::vault_flag;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::kdf::KdfFlags;
use crate::cli::settings::Kind;
use crate::cli::{kit, password, setup};
use crate::crypto::secret::{KitSecret, Password};
use crate::error::Error;
use crate::format::VaultId;
use crate::format::item::DataKeyItem;
use crate::keychain::{ItemKind, Keychain};
use crate::store::{FolderStore, Store};
use crate::vault::{self, Vault};

/// Get back in with a recovery kit: without the old password, and without this machine's keychain item.
///
/// Needs the vault file and the kit's code. Sets a new password on this machine and remembers where its half of the
/// key lies. Other machines keep their own items and passwords.
#[derive(Debug, Args)]
pub struct Recover {
    /// Read the recovery code from a file that holds it alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kit_file: Option<PathBuf>,
    /// Read the new password from a file, less one line end
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "generate_password")]
    new_password_file: Option<PathBuf>,
    /// Generate a master password of six random words and print it once
    #[arg(long)]
    generate_password: bool,
    /// Put this copy of the vault file in the vault's place first; refused where a vault stands there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    from: Option<PathBuf>,
    /// Allow a keychain file in the vault's own folder, where whoever copies the folder has both halves of the key
    #[arg(long)]
    beside_vault: bool,
    #[command(flatten)]
    kdf: KdfFlags,
}

impl Recover {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let cost = self.kdf.cost()?;
        if password::has_source(context) {
            return Err(Failure::usage("recover needs no old password")
                .hint("give the new one with --new-password-file, and leave the other flag out"));
        }
        if context.terminal().is_none() {
            let given = self.new_password_file.is_some() || self.generate_password;
            if self.kit_file.is_none() || !given {
                return Err(Failure::usage(
                    "recover needs the recovery code and a new password, and there is no terminal",
                )
                .hint("give --kit-file, and --new-password-file or --generate-password"));
            }
        }
        let store = context.store()?;
        let copy = match &self.from {
            Some(path) => {
                let standing = store.standing().unwrap_or_default();
                if !standing.is_empty() {
                    return Err(Failure::of("put the copy in the vault's place", Error::VaultExists { standing })
                        .hint(
                            "leave out --from to use the vault that stands there, or name another folder with --vault",
                        ));
                }
                Some(read_copy(path)?)
            }
            None => None,
        };
        let open = |error| Failure::of("open the vault", error);
        let found = match &copy {
            Some(bytes) => Vault::open_copy(&store, bytes).map_err(open)?,
            None => Vault::open(&store).map_err(open)?,
        };
        let id = found.id();
        let kind = self.kind(context, id)?;
        let keychain = context.keychain(&kind, id);
        self.check_place(context, &kind, id, &store, &*keychain)?;
        let secret = kit::read_secret(context, self.kit_file.as_deref())?;
        // Proven before anybody thinks of a new password, and before the copy is put anywhere.
        let opened =
            found.open_with_kit(&secret).map_err(|error| Failure::of("open the vault with this kit", error))?;
        let number = opened.kit();
        let new = self.new_password(context)?;
        let opened = match &copy {
            None => opened,
            Some(bytes) => {
                vault::install(&store, bytes)
                    .map_err(|error| Failure::of("put the copy in the vault's place", error))?;
                open_again(&store, &secret)?
            }
        };
        let accept = context.global.accept_rollback;
        let before = context.settings.of(id)?.map(|settings| settings.keychain);
        // Before the change: were it shown after, a closed output would lose it.
        let announced = context.output.announce(self.generate_password.then(|| new.expose()))?;
        let had_key = keychain.get(&id.to_string(), ItemKind::DataKey).is_ok_and(|items| !items.is_empty());
        let mut unlocked = opened.enroll(&*keychain, &context.host, &new, cost, accept).map_err(|error| {
            let is_damaged = matches!(error, Error::Damaged { .. });
            let failure = Failure::of("give this machine a key", error);
            if is_damaged {
                failure
                    .hint("restore the vault file from a backup; or go on from the previous one with --accept-rollback")
            } else {
                failure
            }
        })?;
        context.remember(id, &kind, store.file()).map_err(|failure| {
            failure.hint("the new password is in force; run it again, so that later commands find this machine's key")
        })?;
        context.show_notices(&mut unlocked);
        let kind = context.whole_kind(&kind, id);
        let old_password = match before {
            Some(place) if place != kind => {
                format!("if a key is left in {place}, the old password still opens the vault with it: delete it\n")
            }
            _ if had_key => "the old password is no longer good on this machine\n".into(),
            _ => String::new(),
        };
        let flag = vault_flag(context);
        let text = format!(
            "kit {number} opened the vault, and this machine has a key of its own\n\n\
             vault     {}\nkeychain  {kind}\nprojects  {}\n\n{old_password}\
             next: strongroom {flag}status --unlock\n\
             If the old machine or its password is in other hands, rotate the data key: strongroom {flag}vault rotate",
            store.place(),
            unlocked.projects().len(),
        );
        let json = json!({
            "vault": id.to_string(),
            "path": store.place(),
            "keychain": kind.to_string(),
            "kit": number,
            "kdf": kdf_json(unlocked.kdf_cost()),
        });
        announced.finish(&text, &json)
    }

    fn kind(&self, context: &Context, id: VaultId) -> Result<Kind, Failure> {
        match context.settings.of(id)? {
            Some(settings) if context.global.keychain.is_none() => Ok(settings.keychain),
            _ => setup::choose_kind(context, context.terminal().as_mut()),
        }
    }

    /// A keychain file that the user names is written over only where it is this vault's already.
    fn check_place(
        &self,
        context: &Context,
        kind: &Kind,
        id: VaultId,
        store: &FolderStore,
        keychain: &dyn Keychain,
    ) -> Result<(), Failure> {
        let whole = context.whole_kind(kind, id);
        let known = context.settings.of(id)?.is_some_and(|settings| settings.keychain == whole);
        let Kind::FileAt(path) = &whole else { return Ok(()) };
        // Where it is remembered as this vault's, what does not parse is a damaged item; another vault's is never ours.
        let doing = "give this machine a key";
        let items = keychain.get(&id.to_string(), ItemKind::DataKey);
        let items = items.map_err(|error| Failure::of(doing, error.into()))?;
        let is_ours = |bytes: &[u8]| {
            DataKeyItem::parse(bytes).map_or(known, |item| item.wraps.iter().any(|wrap| wrap.header.vault == id))
        };
        if items.iter().any(|item| !is_ours(&item.bytes)) {
            let detail = "something else stands there".into();
            return Err(Failure::of(doing, Error::KeyNotOurs { keychain: keychain.name(), detail })
                .hint("name another file with --keychain file:PATH"));
        }
        setup::refuse_beside(path, store.file(), self.beside_vault || known)
    }

    fn new_password(&self, context: &Context) -> Result<Password, Failure> {
        if let Some(path) = &self.new_password_file {
            let given = password::read_file(context, path)?;
            password::check_strength(&given, &password::telling_names(context))?;
            return Ok(given);
        }
        if self.generate_password {
            return password::generate();
        }
        let mut terminal = context.terminal().ok_or_else(password::no_source)?;
        password::ask_new(context, &mut terminal)
    }
}

fn open_again<'a>(store: &'a FolderStore, secret: &KitSecret) -> Result<vault::OpenedByKit<'a>, Failure> {
    let found = Vault::open(store).and_then(|vault| vault.open_with_kit(secret));
    found.map_err(|error| Failure::of("open the vault with this kit", error))
}
