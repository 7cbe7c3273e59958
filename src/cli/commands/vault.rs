//! `strongroom vault`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueHint};

use super::rotate::Rotate;
use crate::cli::context::{Context, absolute};
use crate::cli::hints::shell_word;
use crate::cli::kit::{self, KitFlags};
use crate::cli::open_vault::OpenVault;
use crate::cli::own_files::refuse_own_output;
use crate::cli::settings::Kind;
use crate::cli::setup;
use crate::cli::unlocking::{unlock_found, unlock_telling, unlock_with_password};
use crate::cli::views::{self, MergedVault, RestoredVault, kit_names};
use crate::crypto::hmac::sha256;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::files::publish::{OutputFile, without_flags};
use crate::format::VaultId;
use crate::format::item::{AnchorItem, DataKeyItem};
use crate::format::name::printable;
use crate::format::vault::{Document, SIZE_LIMIT};
use crate::keychain::ItemKind;
use crate::store::{FolderStore, Store};
use crate::vault::{Edges, Notice, Source, Vault};

/// What every vault file names itself in clear.
const FORMAT: &[u8] = b"strongroom-vault";

/// What helps where a rotation came between two files of one vault.
const APART: &str = "on the computer with the file from before the rotation: copy what it alone has by `strongroom key \
                     show` and `strongroom key import`, or make it a vault of its own with `strongroom vault fork`";

/// What helps where the other of two files has a rotation under way.
const ROTATES: &str = "merge the two on the computer that rotates the data key, before that is finished: there, `strongroom \
                       vault merge` with this computer's vault file";

/// Rotate the data key, merge, back up, restore and fork the vault
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault backup vault-backup.json")]
pub struct VaultFile {
    #[command(subcommand)]
    command: VaultCommand,
}

#[derive(Debug, Subcommand)]
enum VaultCommand {
    Rotate(Rotate),
    /// Merge changes from another copy of this vault, after two computers changed it separately
    #[command(before_help = "Example: strongroom vault merge other-vault.json")]
    Merge {
        /// The other vault file
        #[arg(value_hint = ValueHint::FilePath)]
        other: PathBuf,
    },
    /// Write a copy of the vault file; it opens with this computer's keychain and password, or with a kit
    #[command(before_help = "Example: strongroom vault backup vault-backup.json")]
    Backup {
        /// The new file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Replace the vault file with a copy; the replaced file is kept under another name
    #[command(before_help = "Example: strongroom vault restore vault-backup.json")]
    Restore {
        /// The copy
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    Fork(Fork),
}

/// Make a separate vault from this one, with the same projects and file keys.
///
/// A copied vault file shares its key in the keychain with the original; a fork has an id, a data key and a keychain
/// item of its own, and the same password to begin with.
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

impl VaultFile {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            VaultCommand::Rotate(rotate) => rotate.run(context),
            VaultCommand::Merge { other } => merge(context, &other),
            VaultCommand::Backup { file } => backup(context, &file),
            VaultCommand::Restore { file } => restore(context, &file),
            VaultCommand::Fork(fork) => fork.run(context),
        }
    }
}

fn merge(context: &Context, other: &Path) -> Result<(), Failure> {
    let doing = || format!("merge {}", other.display());
    let bytes = read_copy(other)?;
    let document =
        Document::parse(&bytes).map_err(|error| of_copy(doing(), other, Error::from_format("the vault", error)))?;
    // That two computers changed it apart is why it is merged.
    let told = |notice: &Notice| !matches!(notice, Notice::RolledBack(_));
    let (mut vault, password) = unlock_telling(context, told)?;
    drop(password);
    let (own, theirs) = (vault.header(), &document.header);
    let rotated = own.vault == theirs.vault && own.data_key != theirs.data_key;
    let merged = vault.merge(&document).map_err(|error| {
        let apart = rotated && matches!(error, Error::OtherVault { .. });
        let rotates = matches!(error, Error::RotationUnderWay);
        let failure = Failure::of(doing(), error);
        match (apart, rotates) {
            (true, _) => failure.hint(APART),
            (_, true) => failure.hint(ROTATES),
            _ => failure,
        }
    })?;
    let merged = MergedVault::from(merged);
    context.output.done(&merged.text(&printable(&other.display().to_string())), &merged)
}

fn backup(context: &Context, file: &Path) -> Result<(), Failure> {
    let store = context.store()?;
    let place = store.place();
    let failed = |error| Failure::of("back up the vault", error);
    // A rename replaces the vault file, so one reading is one whole generation.
    let bytes = store.load().map_err(|error| failed(Error::from_store(&place, error)))?;
    let bytes = bytes.ok_or_else(|| failed(Error::VaultNotFound { place: place.clone() }))?;
    let document =
        Document::parse(&bytes).map_err(|error| failed(Error::from_format(format!("the vault {place}"), error)))?;
    refuse_own_output(context, file)?;
    let output = OutputFile::create(file, false).map_err(without_flags)?;
    let io = |error: std::io::Error| Failure::io(format!("write {}", file.display()), &error);
    {
        let mut to: &File = output.file();
        to.write_all(&bytes)
    }
    .map_err(io)?;
    output.publish().map_err(without_flags)?;
    if std::fs::read(file).map_err(io)? != bytes {
        return Err(Failure::new(Exit::Failed, "io", format!("cannot back up the vault to {}", file.display()))
            .cause("the copy does not read back as it was written"));
    }
    let header = &document.header;
    let kits: Vec<String> = header.kits().map(|kit| kit.name().to_string()).collect();
    let (checked, rotates) = known_of(context, &document);
    let mut opens = match &kits[..] {
        _ if !checked => {
            "it was copied unchanged; whether it opens was not checked: `strongroom status --unlock` checks the vault"
                .to_owned()
        }
        [] => "it opens with this computer's keychain and password alone: there is no recovery kit".to_owned(),
        kits => format!("it opens with this computer's keychain and password, or with recovery {}", kit_names(kits)),
    };
    if checked && rotates {
        opens += "\na rotation of the data key may be under way: once one is finished, this copy opens with a recovery kit \
                  of today alone, so make another then";
    }
    let text = format!("{} -> {} (generation {})\n{opens}", place, file.display(), header.generation);
    let copy = views::Backup {
        path: place,
        file: file.display().to_string(),
        vault: header.vault,
        generation: header.generation,
        kits,
        checked,
    };
    context.output.done(&text, &copy)
}

/// Tells whether a vault file is the very one that this computer opened or wrote last, and holds a key to; and whether
/// the data key may be being rotated: another one's wrap stands last. Both as far as that shows without asking
/// anything.
fn known_of(context: &Context, document: &Document) -> (bool, bool) {
    let header = &document.header;
    // A backup is made whatever state settings and keychain are in.
    let Ok(kind) = context.kind_of(header.vault) else { return (false, false) };
    let keychain = context.silent_keychain(&kind, header.vault);
    let of_kind = |kind| keychain.get(&header.vault.to_string(), kind).unwrap_or_default();
    let keys: Vec<_> = of_kind(ItemKind::DataKey)
        .iter()
        .filter_map(|item| DataKeyItem::parse(&item.bytes).ok())
        .flat_map(|item| item.wraps)
        .filter(|wrap| wrap.header.vault == header.vault)
        .map(|wrap| wrap.header.data_key)
        .collect();
    let rotates = keys.last().is_some_and(|newest| *newest != header.data_key);
    let items = of_kind(ItemKind::Anchor);
    let [item] = &items[..] else { return (false, rotates) };
    let Ok(AnchorItem { anchor, .. }) = AnchorItem::parse(&item.bytes) else { return (false, rotates) };
    let same = (anchor.vault, anchor.data_key, anchor.generation) == (header.vault, header.data_key, header.generation);
    (same && anchor.digest == sha256(&document.payload) && keys.contains(&header.data_key), rotates)
}

fn restore(context: &Context, file: &Path) -> Result<(), Failure> {
    let doing = || format!("restore {}", file.display());
    let bytes = read_copy(file)?;
    let store = context.store()?;
    let copy = Vault::open_copy(Arc::new(store.clone()), &bytes).map_err(|error| of_copy(doing(), file, error))?;
    let id = copy.id();
    if let Some(other) = context.other_file(id, store.file())? {
        return Err(second_file(doing(), &other.place).hint(
            "to put the copy back, name that folder with --vault; to look into it, save it as vault.json in a folder of \
             its own and name that one",
        ));
    }
    let kind = context.kind_of(id)?;
    let keychain = context.keychain(&kind, id);
    let unlock = |error: Error| {
        let hint = match &error {
            Error::KeyMissing { .. }
                if Vault::open(Arc::new(store.clone())).is_ok_and(|vault| *vault.source() == Source::Current) =>
            {
                Some(
                    "with a recovery kit this computer gets a key of its own: strongroom recover; then run it again"
                        .into(),
                )
            }
            Error::KeyMissing { .. } => Some(format!(
                "with a recovery kit this computer gets a key of its own: strongroom recover --from {}",
                shell_word(&file.display().to_string())
            )),
            Error::KeyNotOurs { .. } => Some(
                "the copy may be older than a rotation of the data key: then only a kit from that time opens it, in a \
                 separate folder and keychain file: strongroom --vault FOLDER recover --keychain file:FILE --from COPY"
                    .into(),
            ),
            _ => None,
        };
        let may_be_damaged = matches!(error, Error::WrongPassword { vault_may_be_damaged: true, .. });
        let failure = of_copy("unlock the copy", file, error);
        let failure = if may_be_damaged { failure.cause("wrong password, or the copy is damaged") } else { failure };
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
    context.remember(id, &kind, store.file())?;
    let restored = RestoredVault::of(copied, restored);
    context.output.done(&restored.text(), &restored)
}

impl Fork {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let doing = "fork the vault";
        let folder = absolute(&self.folder);
        let store = FolderStore::new(&folder, SIZE_LIMIT)
            .map_err(|error| Failure::new(Exit::Failed, "io", format!("cannot {doing}")).cause(error.to_string()))?;
        setup::refuse_if_standing(&store).map_err(|failure| failure.hint("name another folder for the new vault"))?;
        kit::check(context, &self.kit)?;
        let new = VaultId::generate().map_err(|error| Failure::of(doing, error.into()))?;
        let (vault, password) = unlock_with_password(context)?;
        let own = context.whole_kind(&context.kind_of(vault.id())?, vault.id());
        let kind = match (&self.fork_keychain, own) {
            (Some(kind), _) => context.check_kind(kind).map(|()| kind.clone())?,
            (None, Kind::FileAt(path)) if path == context.default_keychain_file(vault.id()) => Kind::File,
            (None, Kind::FileAt(_)) => {
                return Err(Failure::usage("the new vault needs a keychain file of its own")
                    .hint("name it with --fork-keychain file:PATH"));
            }
            (None, kind) => kind,
        };
        setup::check_place(context, &kind, new, store.file(), false)
            .map_err(|failure| failure.hint("name another place with --fork-keychain file:PATH"))?;
        let kind = context.whole_kind(&kind, new);
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
                    let _ = context.settings.forget(&new.to_string());
                }
                return Err(Failure::of(doing, error));
            }
        };
        let there = context.at(&folder)?;
        let mut forked = OpenVault::new(forked, &there.output);
        let number = kit::for_new_vault(&there, &mut forked, &store, &password, &self.kit, kit::MAKE_LATER)?;
        forked.show_notices();
        let text = format!(
            "vault     {}\nkeychain  {kind}\nprojects  {}\n\nthe password is the same to begin with; use it with: \
             strongroom --vault {} status",
            store.place(),
            forked.projects().len(),
            shell_word(&folder.display().to_string())
        );
        let made = views::NewVault {
            vault: new,
            path: store.place(),
            keychain: kind.to_string(),
            kdf: cost.into(),
            kit: number.map(|kit| kit.to_string()),
        };
        context.output.done(&text, &made)
    }
}

/// Refuses a second file of a vault that this computer has.
pub fn second_file(doing: impl std::fmt::Display, place: &str) -> Failure {
    Failure::new(Exit::Failed, "vault-known", format!("cannot {doing}")).cause(format!(
        "this computer has that vault at {place}, and another file of it would take its key and its memory"
    ))
}

/// Says what is wrong with a copy of a vault file, lest it be taken for the vault that stands.
fn of_copy(doing: impl std::fmt::Display, path: &Path, error: Error) -> Failure {
    match error {
        Error::Damaged { what, detail } if what.starts_with("the vault") => {
            let what = format!("the copy {}", path.display());
            Failure::of(doing, Error::Damaged { what, detail })
                .hint("try another copy; the existing vault was left as it is")
        }
        other => Failure::of(doing, other),
    }
}

/// Reads a copy of a vault file, which may be anything.
pub fn read_copy(path: &Path) -> Result<Vec<u8>, Failure> {
    let doing = format!("read {}", path.display());
    let failed = |error: std::io::Error| Failure::io(&doing, &error);
    let (file, _) = crate::files::find::open_input(path)?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    let refused = |cause: &str| {
        Failure::new(Exit::Damaged, "damaged", format!("cannot {doing}"))
            .cause(cause)
            .hint("name a vault file, such as `strongroom vault backup` writes")
    };
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(refused("it is larger than a vault may be"));
    }
    if !bytes.windows(FORMAT.len()).any(|part| part == FORMAT) {
        return Err(refused("it is no vault file"));
    }
    Ok(bytes)
}
