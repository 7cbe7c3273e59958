//! Who can read what, and what a crash left behind.

use std::path::Path;

use super::computer::Computer;
use super::finding::{Finding, Level};
use crate::home::mode_for_others;
use crate::store::FolderStore;
use crate::words::shell_word;

/// Checks the files of the vault, its keychain file if it has one, and the settings.
pub fn check(computer: &Computer<'_>, store: &FolderStore, keychain_file: Option<&Path>, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let private = computer.home.private_files(store, keychain_file);
    check_mode(&private.folder, 0o700, findings);
    for path in &private.files {
        check_mode(path, 0o600, findings);
    }
    for path in &private.unfinished {
        findings.push(Finding::problem(
            "leftovers",
            format!("{} was left behind by an interrupted write", path.display()),
            format!("rm {}", shell_word(&path.display().to_string())),
        ));
    }
    if findings[before..].iter().all(|finding| finding.level != Level::Problem) {
        findings.push(Finding::good("files", "readable by you alone, nothing left over"));
    }
    note_set_aside(store, findings);
}

fn check_mode(path: &Path, wanted: u32, findings: &mut Vec<Finding>) {
    let Some(mode) = mode_for_others(path) else { return };
    findings.push(Finding::problem(
        "permissions",
        format!("other users can read or change {} (mode {mode:03o})", path.display()),
        format!("chmod {wanted:03o} {}", shell_word(&path.display().to_string())),
    ));
}

/// Vault files that were set aside are the user's to keep or remove.
fn note_set_aside(store: &FolderStore, findings: &mut Vec<Finding>) {
    for path in store.set_aside() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        findings
            .push(Finding::note("set aside", format!("{name}: remove it when you are sure that you do not need it")));
    }
}
