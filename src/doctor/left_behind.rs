//! Keys of this vault in keychains that it does not use any more, and test items that earlier runs could not delete.

use std::path::Path;

use super::computer::Computer;
use super::finding::Finding;
use super::known::Known;
use crate::failure::Failure;
use crate::home::{Asking, HomeError, delete_all, key_in, left_trials, or_empty};
use crate::keychain::KeychainError;
use crate::vault::Unlocked;
use crate::words::command;

/// Looks for keys of this vault elsewhere, without asking anything.
pub fn check(
    computer: &Computer<'_>,
    vault: &Known,
    file: &Path,
    findings: &mut Vec<Finding>,
) -> Result<(), HomeError> {
    for kind in computer.home.former_keychains(vault.id, file)? {
        // What cannot be asked in silence is not asked.
        let Ok(Some(opens)) =
            key_in(&*computer.home.keychain(&kind, vault.id, Asking::silent), &kind, vault.id, vault.data_key)
        else {
            continue;
        };
        let what = if opens { "this vault" } else { "older files of this vault" };
        findings.push(Finding::problem(
            "left behind",
            format!(
                "the keychain {kind} holds a key that is not used any more: it still opens {what} with the password \
                 from that time"
            ),
            command("doctor --remove-left-behind").line(),
        ));
    }
    Ok(())
}

/// Deletes the keys of a vault in keychains that it does not use any more, since it has opened with the one that it
/// uses, and the test items of earlier runs. Returns how many items there were.
///
/// # Errors
/// If the vault is not to be changed; those of the settings and the keychains.
pub fn remove(computer: &Computer<'_>, vault: &Unlocked, file: &Path) -> Result<usize, Failure> {
    // An older vault file may still need what looks unused.
    vault.check_writable().map_err(|error| Failure::of("delete keys that are left behind", error))?;
    let (id, data_key) = (vault.id(), vault.header().data_key);
    let mut deleted = 0;
    for kind in computer.home.former_keychains(id, file)? {
        let keychain = computer.keychain(&kind, id);
        let delete = || match key_in(&*keychain, &kind, id, data_key)? {
            Some(_) => delete_all(&*keychain, id),
            None => Ok(0),
        };
        deleted += or_empty(delete())
            .map_err(|error| Failure::of(format!("delete the key that is left in {kind}"), error.into()))?;
    }
    let os = computer.os_keychain();
    let listed = or_empty(os.list());
    let failed = |error: KeychainError| Failure::of("delete the test items", error.into());
    for handle in left_trials(&*os, &listed.map_err(failed)?) {
        os.delete(&handle).map_err(failed)?;
        deleted += 1;
    }
    Ok(deleted)
}
