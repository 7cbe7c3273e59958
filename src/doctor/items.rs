//! The keychain: whether it works, and which of our items lie in it.

use std::path::{Path, PathBuf};

use super::computer::Computer;
use super::copies;
use super::finding::Finding;
use super::known::{Known, Opened};
use crate::crypto::kdf::KdfCost;
use crate::error::{Error, ItemError};
use crate::failure::Failure;
use crate::format::item::{AnchorItem, DataKeyItem};
use crate::home::{
    Asking, HomeError, Instead, Kind, MissingVault, Trial, VaultCopy, file_keychain, is_gone, left_trials, try_out,
};
use crate::keychain::{ItemKind, Keychain, KeychainError, StoredItem};
use crate::words::{Part, Words, command, counted, kit_names, words};

/// What the other checks need to know of this vault's keychain.
#[derive(Default)]
pub struct Own {
    /// Its file, if it is one that can be used.
    pub file: Option<PathBuf>,
    /// It holds a key that may open the vault.
    pub has_key: bool,
}

/// Checks this vault's keychain and items.
pub fn check_own(
    computer: &Computer<'_>,
    vault: &Known,
    opened: Option<&Opened>,
    copies: &[VaultCopy],
    findings: &mut Vec<Finding>,
) -> Result<Own, HomeError> {
    let kind = computer.home.whole_kind(&computer.home.kind_of(vault.id)?, vault.id);
    let keychain = computer.keychain(&kind, vault.id);
    match check_works(&kind, &*keychain) {
        Ok(finding) => findings.push(finding),
        Err(error) => {
            let failure = Failure::of("use the keychain", error.into()).sought(computer.home.sought(&kind, vault.id));
            let (cause, hint) = (failure.cause.unwrap_or_default(), failure.hint.unwrap_or_default());
            findings.push(Finding::problem("keychain", cause, hint));
            return Ok(Own::default());
        }
    }
    let mut has_key = false;
    match keychain.get(&vault.id.to_string(), ItemKind::DataKey) {
        Ok(items) => {
            has_key = !items.is_empty();
            if has_key {
                check_data_key(vault, &items, opened, findings);
            } else {
                findings.push(no_key(computer, vault, &kind, &*keychain));
            }
        }
        Err(error) => findings.push(Finding::problem("data key", error.to_string(), "see the keychain's own program")),
    }
    match keychain.get(&vault.id.to_string(), ItemKind::Anchor) {
        // Without a key nothing tells more of the anchor.
        Ok(items) if vault.is_current && has_key => check_anchor(vault, &items, opened, copies, findings),
        Ok(_) => {}
        Err(error) => findings.push(Finding::problem("anchor", error.to_string(), "see the keychain's own program")),
    }
    let file = match kind {
        Kind::FileAt(path) => Some(path),
        _ => None,
    };
    Ok(Own { file, has_key })
}

fn no_key(computer: &Computer<'_>, vault: &Known, kind: &Kind, keychain: &dyn Keychain) -> Finding {
    let error = Error::Item(ItemError::Missing { keychain: keychain.name(), vault: vault.id });
    let failure = Failure::of("find the key", error).sought(computer.home.sought(kind, vault.id));
    let text = failure.cause.unwrap_or_default();
    let moved = if *kind == Kind::Os { "if it is in a file: " } else { "if it was moved: " };
    let named = command("status --unlock --keychain file:PATH");
    Finding::problem("data key", text, recovery(vault, words![moved, named, "; otherwise restore it from a backup"]))
}

/// Tries the keychain that a new vault would take. Returns the command that makes one, and what was found.
pub fn try_for_new_vault(computer: &Computer<'_>) -> (Part, Finding) {
    let named = computer.home.named_keychain();
    let kind = computer.home.kind_for_trial();
    let keychain = match &kind {
        Kind::FileAt(path) => file_keychain(path),
        _ => computer.os_keychain(),
    };
    let with = |kind: &str| command("init").flag("--keychain", kind).line();
    match check_works(&kind, &*keychain) {
        Ok(finding) => (named.map_or_else(|| command("init").line(), |kind| with(&kind.to_string())), finding),
        Err(error) => {
            let file = if computer.home.folders.keychain.is_some() { "file" } else { "file:PATH" };
            let failure = Failure::of("use the keychain", error.into());
            let (cause, hint) = (failure.cause.unwrap_or_default(), failure.hint.unwrap_or_default());
            (with(file), Finding::note("keychain", Words::from(cause) + "; " + hint))
        }
    }
}

/// Tries the keychain of a vault that is there, or was, and cannot be read: the one that is named, else the one that is
/// remembered. Which one it is may not be known.
pub fn try_for_known_vault(computer: &Computer<'_>, vault: Option<&str>) -> Option<Finding> {
    let id = vault?.parse().ok()?;
    let kind = computer.home.whole_kind(&computer.home.kind_of(id).ok()?, id);
    Some(check_works(&kind, &*computer.keychain(&kind, id)).unwrap_or_else(|error| {
        let failure = Failure::of("use the keychain", error.into());
        Finding::problem("keychain", failure.cause.unwrap_or_default(), failure.hint.unwrap_or_default())
    }))
}

/// Tries a keychain out with a test item.
fn check_works(kind: &Kind, keychain: &dyn Keychain) -> Result<Finding, KeychainError> {
    let name = keychain.name();
    Ok(match try_out(kind, keychain)? {
        Trial::Works { took } => {
            let works = match kind {
                // Nothing is there that could work.
                Kind::FileAt(path) if is_gone(path) => {
                    format!("the folder of {} accepts keychain files", path.display())
                }
                _ => format!("{name} works"),
            };
            Finding::good("keychain", format!("{works} ({:.0} ms)", took.as_secs_f64() * 1000.0))
        }
        Trial::ReadOnly => {
            let text = format!("{name} can be read, but its file system is read-only, so no test item could be stored");
            Finding::note("keychain", text)
        }
    })
}

fn check_data_key(vault: &Known, items: &[StoredItem], opened: Option<&Opened>, findings: &mut Vec<Finding>) {
    const CHECK: &str = "data key";
    if items.len() > 1 {
        findings.push(Finding::problem(
            CHECK,
            format!("{} items are stored for this vault, but only one can be right", items.len()),
            command("doctor --remove-duplicates").line(),
        ));
        return;
    }
    let item = match DataKeyItem::parse(&items[0].bytes) {
        Ok(item) => item,
        Err(error) => {
            let remedy = recovery(vault, "restore the item from a backup of the keychain");
            findings.push(Finding::problem(CHECK, error.to_string(), remedy));
            return;
        }
    };
    let own: Vec<_> = item
        .wraps
        .iter()
        .filter(|wrap| wrap.header.vault == vault.id && wrap.header.data_key == vault.data_key)
        .collect();
    let others = item.wraps.iter().filter(|wrap| wrap.header.vault == vault.id).count() - own.len();
    let Some(newest) = own.last() else {
        let (text, remedy) = if others > 0 {
            let text = "the item holds another data key of this vault: another computer rotated the data key, or this \
                        vault file is older than a rotation";
            (text, recovery(vault, "put back the vault file that this computer last recorded"))
        } else {
            ("the item is not for this vault file", "name where this vault's key is with --keychain".into())
        };
        findings.push(Finding::problem(CHECK, text, remedy));
        return;
    };
    if others > 0 {
        let moved = item.wraps.last().is_some_and(|wrap| wrap.header.data_key == vault.data_key);
        // An unlock takes up what a rotation has left.
        findings.push(if moved && opened.is_none() {
            let text = "a rotation of the data key was interrupted before its last step: older vault files still open \
                        here";
            Finding::problem(CHECK, text, command("status --unlock").line())
        } else {
            let text = "it also holds another data key. Either a rotation is under way (a later command finishes it), \
                        or a rotation was cancelled on another computer, or this vault file is older than a rotation";
            Finding::note(CHECK, text)
        });
    }
    if own.len() > 1 {
        findings.push(Finding::problem(
            CHECK,
            "a password change was interrupted: the old and the new password both open the vault",
            command("passwd").line(),
        ));
    }
    let cost = newest.header.kdf.cost;
    if cost.is_below_default() {
        let default = KdfCost::DEFAULT;
        let text = format!("{} MiB and {} passes, below the default", cost.memory_kib / 1024, cost.passes);
        let raise = command("passwd")
            .flag("--kdf-memory", (default.memory_kib / 1024).to_string())
            .flag("--kdf-passes", default.passes.to_string());
        findings.push(if opened.is_some_and(|opened| opened.policy == Some(cost)) {
            Finding::note("password cost", words![text, ", as this vault's policy has it; to raise it: ", raise])
        } else {
            Finding::problem("password cost", text, raise.line())
        });
    }
    findings.push(Finding::good(CHECK, format!("key stored {}", newest.header.at)));
}

/// Returns what to do where this computer has no key to the vault: a kit gives it one.
fn recovery(vault: &Known, else_wise: impl Into<Words>) -> Words {
    let else_wise = else_wise.into();
    if vault.kits.is_empty() {
        return else_wise;
    }
    else_wise + words![format!("; or with recovery {}: ", kit_names(&vault.kits)), command("recover")]
}

/// Compares what the anchor claims; whether it holds shows when the vault is unlocked.
fn check_anchor(
    vault: &Known,
    items: &[StoredItem],
    opened: Option<&Opened>,
    copies: &[VaultCopy],
    findings: &mut Vec<Finding>,
) {
    const CHECK: &str = "anchor";
    let unlock = || command("status --unlock").line();
    if items.len() > 1 {
        findings.push(Finding::problem(
            CHECK,
            format!("{} anchors are stored for this vault", items.len()),
            command("doctor --remove-duplicates").line(),
        ));
        return;
    }
    let Some(anchor) = items.first().and_then(|item| AnchorItem::parse(&item.bytes).ok()) else {
        let text = "this computer has no record of the vault's last change, so an older vault file would not be \
                    detected";
        findings.push(Finding::problem(CHECK, text, unlock()));
        return;
    };
    let (seen, own) = (anchor.anchor.generation, vault.generation);
    if own == seen && anchor.anchor.digest == vault.digest {
        findings.push(Finding::good(
            CHECK,
            format!("the vault file is the one this computer last recorded (generation {own})"),
        ));
    } else if own > seen && opened.is_none_or(|opened| opened.rolled_back.is_none()) {
        let text = format!(
            "the vault file (generation {own}) is newer than the one this computer last recorded (generation {seen}): \
             another computer changed the vault, or two computers changed it separately; unlock the vault to find out"
        );
        findings.push(Finding::problem(CHECK, text, unlock()));
    } else {
        let file = copies::to_merge(copies, &anchor.anchor.digest).unwrap_or_else(|| "FILE".into());
        let merge = command("vault merge").arg(file);
        let merge =
            words!["merge it with the file that this computer last recorded: ", merge, "; to use only this file: "];
        let accept = command("status --unlock --accept-rollback");
        let remedy = if own == seen && opened.is_none() {
            words![
                "either the vault file is damaged, or two computers changed the vault separately; to find out: ",
                command("doctor --unlock")
            ]
        } else if own >= seen {
            Words::from("two computers changed the vault separately: ") + merge + accept
        } else {
            Words::from("put the newer vault file back; if two computers changed it separately, ") + merge + accept
        };
        let text =
            format!("the vault file (generation {own}) is not the one this computer last recorded (generation {seen})");
        findings.push(Finding::problem(CHECK, text, remedy));
    }
}

/// Looks for items of vaults that this computer's settings do not know.
pub fn check_stray(computer: &Computer<'_>, own: Option<&Known>, findings: &mut Vec<Finding>) -> Result<(), HomeError> {
    let known = computer.home.settings.all()?;
    let is_known = |vault: &str| known.contains_key(vault) || own.is_some_and(|own| own.id.to_string() == vault);
    let mut stray: Vec<String> = computer.home.vaults_with_keychain_files();
    let uses_os = known.values().any(|settings| settings.keychain == Kind::Os);
    let wants_os = computer.home.named_keychain().map_or(uses_os || known.is_empty(), |kind| *kind == Kind::Os);
    // A computer whose vaults all keep their keys in files need not have a desktop.
    if wants_os && let Ok(items) = computer.os_keychain().list() {
        let silent = computer.home.os_keychain(Asking::silent());
        let trials = left_trials(&*silent, &items);
        if !trials.is_empty() {
            findings.push(Finding::note(
                "test items",
                words![
                    counted(trials.len(), "test item"),
                    " of earlier runs of doctor, without a key; to delete them: ",
                    command("doctor --remove-left-behind")
                ],
            ));
        }
        stray.extend(items.into_iter().filter(|item| !trials.contains(&item.handle)).map(|item| item.vault));
    }
    stray.retain(|vault| !is_known(vault));
    stray.sort();
    stray.dedup();
    for vault in stray {
        findings.push(Finding::problem(
            "stray items",
            format!("a key for vault {vault} is stored here, but this computer's settings do not list that vault"),
            words![
                "open that vault once, so that the settings list it; only if that vault is gone for good: ",
                command("doctor --forget").arg(&vault).then("--yes")
            ],
        ));
    }
    Ok(())
}

/// Notes vaults that are remembered here and whose file is not where it was: an `init` that was cut off, or a vault
/// that was moved or removed.
pub fn note_missing(
    computer: &Computer<'_>,
    own: Option<&Known>,
    file: &Path,
    findings: &mut Vec<Finding>,
) -> Result<(), HomeError> {
    for MissingVault { id, known, instead } in computer.home.missing_vaults(own.map(|own| own.id), file)? {
        let found = match instead {
            Instead::AnotherVault => "where another vault is",
            Instead::Nothing => "where no file is",
            Instead::Unreadable => "which cannot be read by this user",
        };
        findings.push(Finding::note(
            "other vaults",
            format!("vault {id} is remembered at {}, {found}; its key is stored in {}", known.place, known.keychain),
        ));
    }
    Ok(())
}
