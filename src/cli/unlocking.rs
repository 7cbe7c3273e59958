//! Unlocking the vault for a command, with all that is to be said and remembered of it.

use std::sync::Arc;

use super::access::{self, Doing};
use super::agent;
use super::context::Context;
use super::kit;
use super::open_vault::{AnyVault, OpenVault, Uses, WithNotices};
use super::password;
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::failure::Failure;
#[cfg(all(unix, feature = "tui"))]
use crate::home::Asking;
use crate::vault::{Accepted, FoundKey, Notice, Unlocked, Vault};
use crate::words::{command, words};

/// Returns the vault for a command that the agent may answer: its vault if it is unlocked there, else one that is
/// unlocked here. What the command does is recorded before it gets the vault.
///
/// # Errors
/// As [`unlock`].
pub fn open(context: &Context, uses: Uses<'_>, doing: &Doing<'_>) -> Result<AnyVault, Failure> {
    let mut vault = look(context, uses)?;
    match &mut vault {
        AnyVault::Here(vault) => record(context, &mut **vault, doing)?,
        AnyVault::Agent(vault) => record(context, &mut **vault, doing)?,
    }
    Ok(vault)
}

/// Returns the vault for a command that shows what is in it, without a key, a secret's value or anything of a file.
///
/// # Errors
/// As [`unlock`].
pub fn look(context: &Context, uses: Uses<'_>) -> Result<AnyVault, Failure> {
    if let Some(vault) = agent::reach(context, uses) {
        return Ok(AnyVault::Agent(Box::new(WithNotices::new(vault, &context.output))));
    }
    let here = unlock_to_look(context).map_err(|failure| match failure.kind {
        password::NEEDED if agent::may_answer(context) => {
            failure.hint(words![password::SOURCES, ", or unlock the vault first: ", command("unlock")])
        }
        _ => failure,
    })?;
    Ok(AnyVault::Here(Box::new(here)))
}

/// Records what a command does.
///
/// # Errors
/// If it may not be done unrecorded.
pub fn record<V: crate::vault::OpenVault>(
    context: &Context,
    vault: &mut WithNotices<V>,
    doing: &Doing<'_>,
) -> Result<(), Failure> {
    let begun = access::begin(context, &**vault, doing)?;
    if begun.is_some() {
        access::catch_up(context, &**vault);
    }
    vault.logged_as(begun);
    Ok(())
}

/// Unlocks the vault for a command, after warning of what is to be warned of, and offers a recovery kit if it has none.
///
/// # Errors
/// Those of opening and unlocking.
pub fn unlock(context: &Context, doing: &Doing<'_>) -> Result<OpenVault, Failure> {
    let mut vault = unlock_to_look(context)?;
    record(context, &mut vault, doing)?;
    Ok(vault)
}

/// As [`unlock`], for a command that shows what is in the vault, without a key, a secret's value or anything of a file.
///
/// # Errors
/// As [`unlock`].
pub fn unlock_to_look(context: &Context) -> Result<OpenVault, Failure> {
    let (mut vault, password) = unlock_telling(context, |_| true)?;
    kit::offer_again(context, &mut vault, &password, None)?;
    Ok(vault)
}

/// Unlocks the vault for a command that needs the password that opened it, too.
///
/// # Errors
/// As [`unlock`].
pub fn unlock_with_password(context: &Context, doing: &Doing<'_>) -> Result<(OpenVault, Password), Failure> {
    let (mut vault, password) = unlock_telling(context, |_| true)?;
    record(context, &mut vault, doing)?;
    Ok((vault, password))
}

/// Unlocks the vault, and warns of those notices alone that `told` picks.
///
/// # Errors
/// As [`unlock`].
pub fn unlock_telling(context: &Context, told: impl Fn(&Notice) -> bool) -> Result<(OpenVault, Password), Failure> {
    let store = context.store()?;
    let doing = "unlock the vault";
    let vault = Vault::open(Arc::new(store.clone())).map_err(|error| Failure::of("open the vault", error))?;
    let id = vault.id();
    let kind = context.home.kind_of(context.home.known_id(&store, id)?)?;
    let found = vault
        .find_key(context.keychain(&kind, id), Arc::new(context.host))
        .map_err(|error| Failure::of(doing, error).sought(context.home.sought(&kind, id)))?;
    let (mut unlocked, password) = unlock_found(context, found, |error| Failure::of(doing, error))?;
    if context.global.accept_rollback {
        accept(context, &mut unlocked)?;
    }
    let notices: Vec<Notice> = unlocked.take_notices().into_iter().filter(told).collect();
    context.show(&notices);
    if let Some(file) = context.home.remember_opened(id, &kind, store.file())? {
        context.output.remark(format!("this computer now remembers that the key is stored in {}", file.display()));
    }
    Ok((OpenVault::new(unlocked, &context.output), password))
}

/// Unlocks the vault with a password that was typed into the screen, and prints nothing. Returns what is to be said of
/// the vault, too. `asking` says how the keychain may be asked.
///
/// # Errors
/// Those of opening and unlocking.
#[cfg(all(unix, feature = "tui"))]
pub fn unlock_typed(
    context: &Context,
    password: Password,
    asking: impl FnOnce() -> Asking,
) -> Result<(Unlocked, Vec<Notice>), Failure> {
    let doing = "unlock the vault";
    let store = context.store()?;
    let vault = Vault::open(Arc::new(store.clone())).map_err(|error| Failure::of("open the vault", error))?;
    let id = vault.id();
    let kind = context.home.kind_of(context.home.known_id(&store, id)?)?;
    let found = vault
        .find_key(context.home.keychain(&kind, id, asking), Arc::new(context.host))
        .map_err(|error| Failure::of(doing, error).sought(context.home.sought(&kind, id)))?;
    let mut typed = Some(password);
    let unlocked = found.unlock_with(|_| Ok::<_, Failure>(typed.take()))?;
    let (mut unlocked, password) = unlocked.map_err(|error| Failure::of(doing, error))?;
    unlocked.tend(&password).map_err(|error| Failure::of(doing, error))?;
    context.home.remember_opened(id, &kind, store.file())?;
    let notices = unlocked.take_notices();
    Ok((unlocked, notices))
}

/// Unlocks a vault whose key was found, and finishes what an unlock has to finish. Every command unlocks by this, so
/// that none forgets the second. `explain` says in words why it does not unlock.
///
/// # Errors
/// Those of the password and of unlocking.
pub fn unlock_found(
    context: &Context,
    found: FoundKey,
    explain: impl Fn(Error) -> Failure,
) -> Result<(Unlocked, Password), Failure> {
    let (mut unlocked, password) = password::unlock(context, found, &explain)?;
    unlocked.tend(&password).map_err(explain)?;
    Ok((unlocked, password))
}

/// Goes on with the vault file as it is, and says so instead of warning of it.
fn accept(context: &Context, unlocked: &mut Unlocked) -> Result<(), Failure> {
    let aside = unlocked.accept_rollback().map_err(|error| Failure::of("accept the vault file as it is", error))?;
    let Accepted::Now { aside } = aside else { return Ok(()) };
    let told = |notice: &Notice| !matches!(notice, Notice::RolledBack(_) | Notice::ReadPrevious { .. });
    let notices: Vec<Notice> = unlocked.take_notices().into_iter().filter(told).collect();
    context.show(&notices);
    let accepted = Notice::Accepted { generation: unlocked.header().generation, aside };
    context.show(&[accepted]);
    Ok(())
}
