//! `strongroom recover`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::kdf::KdfFlags;
use crate::cli::new_password::NewPassword;
use crate::cli::open_vault::OpenVault;
use crate::cli::unlocking::record;
use crate::cli::vault_copy::{read_copy, second_file};
use crate::cli::views::RecoveredVault;
use crate::cli::{interrupt, kit, password, setup};
use crate::crypto::secret::KitSecret;
use crate::error::{Begun, Difference, Error, Exists, ItemError, Subject};
use crate::failure::Failure;
use crate::format::VaultId;
use crate::format::item::{DataKeyItem, Wrap};
use crate::format::log::Action;
use crate::home::{Kind, check_apart, wraps_of};
use crate::host::Host;
use crate::keychain::{ItemKind, Keychain};
use crate::store::{FolderStore, Store};
use crate::vault::{self, Vault};
use crate::words::{Command, Words, command, shell_word, words};

/// Get back in with a recovery kit.
///
/// Needs only the vault file and the kit's code, not the old password or this computer's keychain item. Sets a new
/// password on this computer and stores this computer's half of the key in its keychain. Other computers keep their own
/// keychain items and passwords.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom recover --from vault-backup.json")]
pub struct Recover {
    /// Read the recovery code from a file that holds it alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kit_file: Option<PathBuf>,
    #[command(flatten)]
    new: NewPassword,
    /// First put this copy of the vault file in place; refused if there is a usable vault
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    from: Option<PathBuf>,
    /// Allow --keychain file:PATH in the vault's own folder, although anybody who copies that folder can then try to
    /// guess the master password
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
        if context.terminal().is_none() && (self.kit_file.is_none() || !self.new.is_given()) {
            return Err(Failure::usage("recover needs the recovery code and a new password, and there is no terminal")
                .hint("give --kit-file, and --new-password-file or --generate-password"));
        }
        let said = interrupt::say("nothing was changed", "");
        let store = context.store()?;
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let copy = self.from.as_deref().map(read_copy).transpose()?;
        let open = |error| with_backup("open the vault", error);
        let found = match &copy {
            Some(bytes) => Vault::open_copy(shared.clone(), bytes).map_err(open)?,
            None => Vault::open(shared.clone()).map_err(open)?,
        };
        let id = found.id();
        let kind = self.kind(context, id)?;
        let other_file = context.home.other_file(id, store.file())?;
        if let Some(other) = other_file.as_ref().filter(|other| other.keychain == context.home.whole_kind(&kind, id)) {
            return Err(second_file("give this computer a key", &other.place).hint(
                "to open both, give this one a key of its own with --keychain file:PATH; or move the other away",
            ));
        }
        let keychain = context.keychain(&kind, id);
        self.check_place(context, &kind, id, &store, &*keychain)?;
        let secret = kit::read_secret(context, self.kit_file.as_deref())?;
        // Proven before anybody thinks of a new password, and before the copy is put anywhere.
        let opened =
            found.open_with_kit(&secret).map_err(|error| with_backup("open the vault with this kit", error))?;
        if opened.id() != id {
            return Err(Failure::of("give this computer a key", damaged_id(&store)).hint(words![
                format!(
                    "move the vault file away, mv {0} {0}.damaged, and then: ",
                    shell_word(&store.file().display().to_string())
                ),
                command("recover --accept-rollback")
            ]));
        }
        let kit = opened.kit();
        let install = |error| {
            let exists = matches!(error, Error::Exists(Exists::Vault { .. }));
            let failure = Failure::of("put the copy in the vault's place", error);
            if exists { failure.hint(IN_THE_WAY) } else { failure }
        };
        if let Some(bytes) = &copy {
            vault::check_install(shared.clone(), bytes, &secret).map_err(install)?;
        }
        let accept = context.global.accept_rollback;
        let before = context.home.settings.of(id)?.map(|settings| settings.keychain);
        if !accept {
            let elsewhere = before.as_ref().filter(|place| **place != context.home.whole_kind(&kind, id));
            check_memory(context, &opened, &keychain, elsewhere, copy.is_some())?;
        }
        let new = match self.new.read(context)? {
            Some(new) => new,
            None => self.new.choose(context)?,
        };
        // Before the first change: were it shown after, a closed output would lose it.
        let announced = context.output.announce(self.new.generate_password.then(|| new.expose()))?;
        said.replace(
            "this computer's key may or may not be stored under the new password",
            words!["try it with ", command("status --unlock"), "; if it is wrong, run ", command("recover"), " again"],
        );
        let (opened, aside) = match &copy {
            None => (opened, None),
            Some(bytes) => {
                let (aside, notice) =
                    vault::install(shared.clone(), bytes, &secret, context.host.now()).map_err(install)?;
                context.show(&Vec::from_iter(notice));
                (open_again(shared.clone(), &secret)?, aside)
            }
        };
        let old_wraps = wraps_of(&*keychain, id).unwrap_or_default();
        let unlocked =
            opened.enroll(keychain.clone(), Arc::new(context.host), &new, cost, accept).map_err(|error| {
                if other_file.is_none()
                    && matches!(
                        error,
                        Error::Unfinished { begun: Begun::Recovery, .. }
                            | Error::Unfinished { begun: Begun::PasswordChange, .. }
                    )
                {
                    // Best effort: the next run says where the key lies.
                    let _ = context.remember(id, &kind, store.file());
                }
                not_enrolled(error, copy.is_some())
            })?;
        if other_file.is_none() {
            context.remember(id, &kind, store.file()).map_err(|failure| {
                failure.hint(
                    "the new password is in effect; run the command again, so that later commands find this \
                     computer's key",
                )
            })?;
        } else {
            context.home.settings.remember_other(id, context.home.whole_kind(&kind, id))?;
        }
        drop(said);
        agent::lock_after_change(context);
        let mut unlocked = OpenVault::new(unlocked, &context.output);
        unlocked.show_notices();
        record(context, &mut unlocked, &Doing::to_vault(Action::KitRecover).subject(format!("recovery kit {kit}")))?;
        unlocked.done();
        let kind = context.home.whole_kind(&kind, id);
        let old_password = match before {
            Some(place) if place != kind => describe_old_keychain(context, &place, &unlocked, other_file.is_some()),
            _ if old_wraps.is_empty() => Words::default(),
            _ if wraps_of(&*keychain, id).unwrap_or_default().iter().any(|wrap| old_wraps.contains(wrap)) => {
                "the old password no longer opens this vault file; it still opens vault files under another data key, \
                 whose keys stay in the keychain\n"
                    .into()
            }
            _ => "the old password is no longer valid on this computer\n".into(),
        };
        let aside = aside.map(|name| format!("\nthe replaced file is kept as {name}")).unwrap_or_default();
        // What is remembered is where the other file's key lies.
        let at = |command: Command| match other_file {
            Some(_) => command.flag("--keychain", kind.to_string()),
            None => command,
        };
        let head = format!(
            "kit {kit} opened the vault, and this computer has a key of its own{aside}\n\n\
             vault     {}\nkeychain  {kind}\nprojects  {}\n\n",
            store.place(),
            unlocked.projects().len(),
        );
        let text = Words::from(head)
            + old_password
            + words![
                "next: ",
                at(command("status --unlock")).line(),
                "\nIf somebody else may have the old computer or its password, rotate the data key: ",
                at(command("vault rotate"))
            ];
        let recovered = RecoveredVault {
            vault: id,
            path: store.place(),
            keychain: kind.to_string(),
            kit: kit.to_string(),
            kdf: unlocked.kdf_cost().into(),
        };
        announced.finish(text, &recovered)
    }

    fn kind(&self, context: &Context, id: VaultId) -> Result<Kind, Failure> {
        match context.home.settings.of(id)? {
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
        let whole = context.home.whole_kind(kind, id);
        let known = context.home.settings.of(id)?.is_some_and(|settings| settings.keychain == whole);
        let Kind::FileAt(path) = &whole else { return Ok(()) };
        // Where it is remembered as this vault's, what does not parse is a damaged item; another vault's is never ours.
        let doing = "give this computer a key";
        let items = keychain.get(&id.to_string(), ItemKind::DataKey);
        let items = items.map_err(|error| Failure::of(doing, error.into()))?;
        let is_ours = |bytes: &[u8]| {
            DataKeyItem::parse(bytes).map_or(known, |item| item.wraps.iter().any(|wrap| wrap.header.vault == id))
        };
        if items.iter().any(|item| !is_ours(&item.bytes)) {
            let detail = "the file holds something else".into();
            return Err(Failure::of(doing, Error::Item(ItemError::NotOurs { keychain: keychain.name(), detail }))
                .hint("name another file with --keychain file:PATH"));
        }
        if self.beside_vault || known { Ok(()) } else { Ok(check_apart(path, store.file())?) }
    }
}

/// What helps where a vault stands where a copy should go.
const IN_THE_WAY: &str = "leave out --from to use the vault that is there; if it is damaged, move it away first; or name \
                          another folder with --vault";

/// Says of a vault file that its id is damaged: the kit opened the previous one, of another id.
fn damaged_id(store: &FolderStore) -> Error {
    let detail = "it names another vault than the previous vault file, which this kit opens".into();
    Error::Damaged { what: Subject::Vault(store.place()), detail }
}

/// Says of a vault file that cannot be used how a backup takes its place.
fn with_backup(doing: &str, error: Error) -> Failure {
    let is_damaged = matches!(&error, Error::Damaged { what, .. } if what.is_vault());
    let failure = Failure::of(doing, error);
    if is_damaged {
        failure.hint(words!["put a backup in its place: ", command("recover --from BACKUP")])
    } else {
        failure
    }
}

fn not_enrolled(error: Error, is_copy: bool) -> Failure {
    let hint = match &error {
        Error::Damaged { .. } => {
            "continue from the previous one with --accept-rollback, or put a newer backup in its place with --from BACKUP"
                .into()
        }
        Error::RolledBack(_) if is_copy => {
            "name a newer copy; if this one is meant, run the command again with --accept-rollback".into()
        }
        // A merge needs a key that opens both.
        Error::RolledBack(seen) if seen.difference == Difference::Diverged => words![
            "if the data key was rotated in the meantime, make a separate vault of the file that this computer last \
             recorded with ",
            command("vault fork DIR"),
            ", then run this again with --accept-rollback; if not, merge the two with ",
            command("vault merge OTHER"),
            ", or run this again with --accept-rollback to use only this file"
        ],
        _ => return Failure::of("give this computer a key", error),
    };
    Failure::of("give this computer a key", error).hint(hint)
}

/// Compares the vault file with what this computer remembers of it, here and where its key lay until now.
fn check_memory(
    context: &Context,
    opened: &vault::OpenedByKit,
    keychain: &Arc<dyn Keychain>,
    elsewhere: Option<&Kind>,
    is_copy: bool,
) -> Result<(), Failure> {
    opened.check_against(keychain.clone(), Arc::new(context.host)).map_err(|error| not_enrolled(error, is_copy))?;
    let Some(place) = elsewhere else { return Ok(()) };
    match opened.check_against(context.silent_keychain(place, opened.id()), Arc::new(context.host)) {
        Err(error @ Error::RolledBack(_)) => Err(not_enrolled(error, is_copy)),
        // A keychain that is lost may be the very reason to recover.
        Err(error) => {
            context.output.warn(
                "anchor-not-read",
                format!(
                    "this computer's record of the vault cannot be read ({error}): an older vault file would not be detected"
                ),
            );
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Says what the key in the keychain that this computer had until now is good for.
fn describe_old_keychain(
    context: &Context,
    place: &Kind,
    unlocked: &vault::Unlocked,
    is_of_another_file: bool,
) -> Words {
    let id = unlocked.id();
    let Ok(wraps) = wraps_of(&*context.silent_keychain(place, id), id) else {
        return format!("if a key is left in {place}, the old password still works with that key\n").into();
    };
    let opens = |wrap: &Wrap| wrap.header.data_key == unlocked.header().data_key;
    if wraps.is_empty() {
        Words::default()
    } else if is_of_another_file || !wraps.iter().any(opens) {
        format!("the key in {place} is for another file of this vault: keep it\n").into()
    } else if wraps.iter().all(opens) {
        words![
            format!("the key in {place} still opens the vault with the old password; this deletes it: "),
            command("doctor --remove-left-behind"),
            "\n"
        ]
    } else {
        format!("the key in {place} still opens the vault with the old password, and other files of it too\n").into()
    }
}

fn open_again(store: Arc<dyn Store>, secret: &KitSecret) -> Result<vault::OpenedByKit, Failure> {
    let found = Vault::open(store).and_then(|vault| vault.open_with_kit(secret));
    found.map_err(|error| Failure::of("open the vault with this kit", error))
}
