//! Making a vault: choosing keychain, cost and password, for `init` and for `encrypt --init`.

use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::kdf::{KdfFlags, calibrate};
use super::kit::{self, KitFlags, Later};
use super::open_vault::OpenVault;
use super::output::Announced;
use super::password;
use super::terminal::Terminal;
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::Password;
use crate::failure::Failure;
use crate::format::VaultId;
use crate::format::kit::KitName;
use crate::home::{Kind, check_vacant};
use crate::keychain::KeychainError;
use crate::store::Store;
use crate::vault::{self, Edges};

/// How a new vault is made.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("kdf_memory", |memory| memory.help(
    "Memory that Argon2id uses for the password, in MiB: 64 to 4096 [default: chosen by a measurement on this computer; \
     256 if another --kdf flag is given without this one]")))]
#[command(mut_arg("kdf_passes", |passes| passes.help(
    "Passes of Argon2id over the memory: 3 to 64 [default: chosen by a measurement on this computer; 3 if another --kdf \
     flag is given without this one]")))]
pub struct NewVault {
    /// Generate a master password of six random words and print it once
    #[arg(long)]
    pub generate_password: bool,
    /// Allow --keychain file:PATH in the vault's own folder, although anybody who copies that folder can then try to
    /// guess the master password
    #[arg(long)]
    pub beside_vault: bool,
    #[command(flatten)]
    pub kdf: KdfFlags,
    #[command(flatten)]
    pub kit: KitFlags,
}

impl NewVault {
    /// Names the flags that were given.
    pub fn given(&self) -> Vec<&'static str> {
        let kit = &self.kit;
        let mut given = vec![
            (self.generate_password, "--generate-password"),
            (self.beside_vault, "--beside-vault"),
            (kit.recovery_file.is_some(), "--recovery-file"),
            (kit.no_recovery, "--no-recovery"),
            (kit.allow_synced, "--allow-synced"),
        ];
        given.extend(self.kdf.given());
        given.into_iter().filter_map(|(is_given, flag)| is_given.then_some(flag)).collect()
    }
}

/// What was chosen for a new vault, before anything is written.
pub struct Plan {
    place: KeyPlace,
    password: Password,
    /// The password was generated and nobody has seen it yet.
    to_be_shown: bool,
    kit: KitFlags,
}

/// Where a new vault's key goes, and what its password costs to guess.
pub struct KeyPlace {
    id: VaultId,
    /// The kind of keychain.
    pub kind: Kind,
    /// The cost of the password.
    pub cost: KdfCost,
}

/// Says where a new vault and its key are.
pub fn describe(key: &KeyPlace, place: &str) -> String {
    let cost = key.cost;
    format!(
        "vault     {place}\nkeychain  {}\npassword  Argon2id, {} MiB, {} passes, {} lanes",
        key.kind,
        cost.memory_kib / 1024,
        cost.passes,
        cost.lanes
    )
}

/// Settles everything about a new vault by flags and questions. Writes nothing.
///
/// # Errors
/// Where a vault stands, a choice is impossible, or a question cannot be asked.
pub fn plan(context: &Context, new: &NewVault) -> Result<Plan, Failure> {
    let store = context.store()?;
    check_vacant(&store)?;
    // All questions that flags leave open need a terminal; the cheap refusals come before anything slow.
    let mut terminal = context.terminal();
    if terminal.is_none() && !new.generate_password && !password::has_source(context) {
        return Err(password::no_source()
            .hint("give --generate-password, or a password by --password-file, --password-fd or --password-command"));
    }
    let flags = new.kdf.cost()?;
    let id = VaultId::generate().map_err(|error| Failure::of("make a vault", error.into()))?;
    let kind = choose_kind(context, terminal.as_mut())?;
    context.home.check_new_key(&kind, id, store.file(), new.beside_vault)?;
    let (password, to_be_shown) = choose_password(context, new, terminal.as_mut())?;
    let cost = match flags {
        Some(cost) => cost,
        None => calibrate(&context.output)?,
    };
    kit::check(context, &new.kit)?;
    // From here on by its whole path, as it is shown and remembered.
    let kind = context.home.whole_kind(&kind, id);
    Ok(Plan { place: KeyPlace { id, kind, cost }, password, to_be_shown, kit: new.kit.clone() })
}

/// A vault that was made as it was planned.
pub struct Made {
    /// The vault.
    pub vault: OpenVault,
    /// Where its key is.
    pub place: KeyPlace,
    /// What is still to be said of a generated password.
    pub announced: Announced,
    /// The recovery kit that opens it, if there is one.
    pub kit: Option<KitName>,
}

/// Makes the planned vault. The password is wiped by then. `later` is what is said if the user interrupts the questions
/// about a recovery kit.
///
/// # Errors
/// Those of making it.
pub fn carry_out(context: &Context, plan: Plan, later: Later) -> Result<Made, Failure> {
    let Plan { place, password, to_be_shown, kit } = plan;
    let store = context.store()?;
    let keychain = context.keychain(&place.kind, place.id);
    // Before the vault is made: a vault whose password nobody could read would be lost.
    let announced = context.output.announce(to_be_shown.then(|| password.expose()))?;
    // Remembered first: a vault whose keychain file nobody remembers would be lost to its user.
    context.remember(place.id, &place.kind, store.file())?;
    let edges = Edges { store: Arc::new(store.clone()), keychain, host: Arc::new(context.host) };
    let vault = match vault::create(edges, place.id, &password, place.cost) {
        Ok(vault) => vault,
        Err(error) => {
            // A write that was reported as failed may have been done: then the vault stands and needs its line.
            if matches!(store.load(), Ok(None)) {
                // Best effort: a line about a vault that does not exist harms nobody.
                let _ = context.home.settings.forget(&place.id.to_string());
            }
            return Err(Failure::of("make the vault", error));
        }
    };
    let mut vault = OpenVault::new(vault, &context.output);
    vault.show_notices();
    let kit = kit::for_new_vault(context, &mut vault, &store, &password, &kit, later, to_be_shown)?;
    Ok(Made { vault, place, announced, kit })
}

/// Returns the kind of keychain that the flags name, else the operating system's, else what the user chooses.
///
/// # Errors
/// Where the OS keychain cannot be used and nobody chose another.
pub fn choose_kind(context: &Context, terminal: Option<&mut Terminal>) -> Result<Kind, Failure> {
    match &context.global.keychain {
        Some(Kind::Os) => match context.os_keychain().probe() {
            Ok(_) => Ok(Kind::Os),
            Err(error) => Err(Failure::of("use the OS keychain", error.into())),
        },
        Some(kind) => Ok(kind.clone()),
        None => match (context.os_keychain().probe(), terminal) {
            (Ok(_), _) => Ok(Kind::Os),
            (Err(error), Some(terminal)) => {
                terminal.say(&format!(
                    "The OS keychain cannot be used: {error}.\n\
                     The key can be kept in a file instead. Whoever copies both that file and the vault can try to \
                     guess the password."
                ))?;
                if terminal.confirm("Keep the key in a file?")? {
                    context.home.check_kind(&Kind::File)?;
                    return Ok(Kind::File);
                }
                Err(Failure::of("use the OS keychain", error.into()))
            }
            (Err(error), None) => {
                let none_here = matches!(
                    error,
                    KeychainError::NoBus | KeychainError::NoService | KeychainError::NoCollection { .. }
                );
                let failure = Failure::of("use the OS keychain", error.into());
                let hint = match context.home.check_kind(&Kind::File) {
                    Ok(()) => "give --keychain file to keep the key in a file of this computer",
                    Err(_) => "give --keychain file:PATH to keep the key in a file of this computer",
                };
                Err(if none_here { failure.hint(hint) } else { failure })
            }
        },
    }
}

/// Returns the new master password, and whether it was generated and is still to be shown.
fn choose_password(
    context: &Context,
    new: &NewVault,
    terminal: Option<&mut Terminal>,
) -> Result<(Password, bool), Failure> {
    if new.generate_password {
        if password::has_source(context) {
            return Err(Failure::usage("--generate-password and a password source exclude each other")
                .hint("leave one of them out"));
        }
        return Ok((password::generate()?, true));
    }
    if let Some(given) = password::from_source(context)? {
        return Ok((password::accept(context, given.line())?, false));
    }
    let terminal = terminal.ok_or_else(password::no_source)?;
    Ok((password::choose(context, terminal)?, false))
}
