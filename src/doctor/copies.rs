//! Other files of this vault beside it.

use super::finding::Finding;
use super::known::{Known, Opened};
use crate::home::VaultCopy;
use crate::words::{command, shell_word, words};

/// Names the file to merge, as a shell takes it: the one with this digest, else the only one that somebody else left
/// there.
pub fn to_merge(copies: &[VaultCopy], digest: &[u8; 32]) -> Option<String> {
    let mut others = copies.iter().filter(|copy| !copy.is_own);
    let only = others.next().filter(|_| others.next().is_none());
    let copy = copies.iter().find(|copy| copy.digest == *digest).or(only);
    copy.map(|copy| shell_word(&copy.path.display().to_string()))
}

/// Checks the files beside the vault file.
pub fn check(copies: &[VaultCopy], vault: &Known, opened: Option<&Opened>, findings: &mut Vec<Finding>) {
    for VaultCopy { path, generation, digest, .. } in copies.iter().filter(|copy| !copy.is_own) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_held = |opened: &Opened| opened.ancestors.iter().any(|ancestor| digest.starts_with(ancestor));
        if *digest == vault.digest || opened.is_some_and(is_held) {
            let text = format!("{name} has nothing that is not in the vault (generation {generation})");
            findings.push(Finding::note("copies", text));
            continue;
        }
        let path = path.display().to_string();
        let merge = command("vault merge").arg(&path).line();
        findings.push(Finding::problem(
            "copies",
            format!(
                "{name} is another file of this vault (generation {generation}); it may contain keys that the vault \
                 does not have"
            ),
            words!["merge it, then remove it: ", merge, format!(" && rm {}", shell_word(&path))],
        ));
    }
}
