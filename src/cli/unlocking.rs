//! Unlocking the vault for a command, with all that is to be said and remembered of it.

use std::path::Path;

use super::context::{Context, is_gone};
use super::kit;
use super::password;
use super::settings::{Kept, Kind, VaultSettings};
use crate::crypto::secret::Password;
use crate::failure::Failure;
use crate::format::VaultId;
use crate::format::vault::Document;
use crate::store::{FolderStore, Store};
use crate::vault::{Accepted, Notice, Unlocked, Vault};

/// Returns the id under which this computer knows a vault file: that of the previous one, if the vault file's own
/// is unknown. It may be what is damaged.
fn known_id(context: &Context, store: &FolderStore, id: VaultId) -> Result<VaultId, Failure> {
    if context.settings.of(id)?.is_some() {
        return Ok(id);
    }
    let previous = store.load_previous().ok().flatten().and_then(|bytes| Document::parse(&bytes).ok());
    let previous = previous.map_or(id, |previous| previous.header.vault);
    Ok(if context.settings.of(previous)?.is_some() { previous } else { id })
}

/// Unlocks the vault and hands it to `then`, after warning of what is to be warned of.
///
/// # Errors
/// Those of opening and unlocking, and of `then`.
pub fn with_unlocked<T>(
    context: &Context,
    then: impl FnOnce(&mut Unlocked<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_unlocked_by(context, |unlocked, password| {
        kit::offer_again(context, unlocked, &password, None)?;
        drop(password);
        then(unlocked)
    })
}

/// Unlocks the vault and hands it to `then` with the password that opened it.
///
/// # Errors
/// As [`with_unlocked`].
pub fn with_unlocked_by<T>(
    context: &Context,
    then: impl FnOnce(&mut Unlocked<'_>, Password) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_unlocked_told(context, |_| true, then)
}

/// Unlocks the vault and hands it to `then`, after warning of what `told` picks.
///
/// # Errors
/// As [`with_unlocked`].
pub fn with_unlocked_told<T>(
    context: &Context,
    told: impl Fn(&Notice) -> bool,
    then: impl FnOnce(&mut Unlocked<'_>, Password) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = context.store()?;
    let doing = "unlock the vault";
    let vault = Vault::open(&store).map_err(|error| Failure::of("open the vault", error))?;
    let id = vault.id();
    let kind = context.kind_of(known_id(context, &store, id)?)?;
    let keychain = context.keychain(&kind, id);
    let found =
        vault.find_key(&*keychain, &context.host).map_err(|error| context.missing_key(doing, error, &kind, id))?;
    let (mut unlocked, password) = password::unlock(context, found, |error| Failure::of(doing, error))?;
    if context.global.accept_rollback {
        accept(context, &mut unlocked)?;
    }
    let notices: Vec<Notice> = unlocked.take_notices().into_iter().filter(told).collect();
    context.show(&notices);
    remember_opened(context, id, &kind, store.file())?;
    let result = then(&mut unlocked, password);
    context.show_notices(&mut unlocked);
    result.map_err(|failure| explain(failure, &unlocked))
}

/// Goes on with the vault file as it is, and says so instead of warning of it.
fn accept(context: &Context, unlocked: &mut Unlocked<'_>) -> Result<(), Failure> {
    let aside = unlocked.accept_rollback().map_err(|error| Failure::of("accept the vault file as it is", error))?;
    let Accepted::Now { aside } = aside else { return Ok(()) };
    let told = |notice: &Notice| !matches!(notice, Notice::RolledBack(_) | Notice::ReadPrevious { .. });
    let notices: Vec<Notice> = unlocked.take_notices().into_iter().filter(told).collect();
    context.show(&notices);
    let accepted = Notice::Accepted { generation: unlocked.header().generation, aside };
    context.show(&[accepted]);
    Ok(())
}

/// Remembers the keychain that opened a vault of which nothing is known here. What cannot be remembered is not worth
/// a word: the same command opens the vault again.
fn remember_opened(context: &Context, vault: VaultId, kind: &Kind, file: &Path) -> Result<(), Failure> {
    match context.settings.of(vault) {
        Ok(None) => context.settings.remember(vault, context.settings_for(None, vault, kind, file)).map(drop),
        Ok(Some(known)) => remember_moved(context, known, vault, kind, file),
        // The keychain was named, or nothing would have opened.
        Err(failure) if failure.kind == "permission" => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Remembers the new place of a keychain file that was moved: the remembered one is gone, and the one named opened.
fn remember_moved(
    context: &Context,
    known: VaultSettings,
    vault: VaultId,
    kind: &Kind,
    file: &Path,
) -> Result<(), Failure> {
    let (Kind::FileAt(old), Kind::FileAt(new)) = (&known.keychain, context.whole_kind(kind, vault)) else {
        return Ok(());
    };
    if *old == new || !is_gone(old) || context.other_file(vault, file)?.is_some() {
        return Ok(());
    }
    let text = format!("this computer now remembers that the key is stored in {}", new.display());
    if context.settings.remember(vault, context.settings_for(Some(known), vault, kind, file))? == Kept::Yes {
        context.output.remark(&text);
    }
    Ok(())
}

/// Says what helps where the previous file opened instead of the vault file.
fn explain(failure: Failure, unlocked: &Unlocked<'_>) -> Failure {
    if !unlocked.reads_previous() {
        return failure;
    }
    let generation = unlocked.header().generation;
    if failure.kind == "key-not-ours" {
        return failure.hint(format!(
            "if another computer rotated the data key, a recovery kit gives this one the new key: `strongroom \
             recover`. Only if the vault file is damaged: restore it from a backup, or continue from the previous one \
             (generation {generation}) with --accept-rollback; the current file is then kept under another name"
        ));
    }
    if failure.kind == "damaged" {
        return failure.hint(format!(
            "restore the vault file from a backup, or continue from the previous one (generation {generation}) with \
             --accept-rollback; the current file is then kept under another name"
        ));
    }
    failure
}
