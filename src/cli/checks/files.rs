//! Who can read what, and what a crash left behind.

use std::fs;
use std::path::Path;

use crate::cli::context::Context;
use crate::cli::hints::shell_word;
use crate::cli::views::{Finding, Level};
use crate::disk::{UNFINISHED_SUFFIX, folder_of, with_suffix};
use crate::store::FolderStore;

/// Checks the files of the vault, its keychain file if it has one, and the settings.
pub fn check(context: &Context, store: &FolderStore, keychain_file: Option<&Path>, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let mut private = vec![store.file().to_path_buf(), store.previous()];
    let mut unfinished = vec![store.unfinished(), with_suffix(&store.previous(), UNFINISHED_SUFFIX)];
    if let Some(settings) = context.home.settings.path() {
        private.push(settings.into());
        unfinished.push(with_suffix(settings, UNFINISHED_SUFFIX));
    }
    if let Some(file) = keychain_file {
        let anchor = with_suffix(file, ".anchor");
        unfinished.extend([with_suffix(file, UNFINISHED_SUFFIX), with_suffix(&anchor, UNFINISHED_SUFFIX)]);
        private.extend([file.to_path_buf(), anchor]);
    }
    check_mode(folder_of(store.file()), 0o700, findings);
    for path in &private {
        check_mode(path, 0o600, findings);
    }
    for path in unfinished.iter().filter(|path| fs::symlink_metadata(path).is_ok()) {
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

#[cfg(unix)]
fn check_mode(path: &Path, wanted: u32, findings: &mut Vec<Finding>) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        findings.push(Finding::problem(
            "permissions",
            format!("other users can read or change {} (mode {mode:03o})", path.display()),
            format!("chmod {wanted:03o} {}", shell_word(&path.display().to_string())),
        ));
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: u32, _: &mut Vec<Finding>) {}

/// Vault files that were set aside are the user's to keep or remove.
fn note_set_aside(store: &FolderStore, findings: &mut Vec<Finding>) {
    for path in store.set_aside() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        findings
            .push(Finding::note("set aside", format!("{name}: remove it when you are sure that you do not need it")));
    }
}
