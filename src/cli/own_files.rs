//! Which files are the program's own in this run.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use crate::disk::{UNFINISHED_SUFFIX, folder_of, with_suffix};
use crate::failure::Failure;
use crate::files::own::OwnFiles;
use crate::home::settings::{Kind, VaultSettings};
use crate::store::VAULT_FILE;
use crate::vault::Vault;

const VAULT: &str = "one of the vault's files";
const KEYCHAIN: &str = "a keychain file";
const SETTINGS: &str = "the settings file";

/// Returns the program's own files: the vault's, the settings, the keychain files that this computer knows, and
/// those that this run takes secrets from or writes them to. `more` are the command's own.
///
/// # Errors
/// Those of finding the vault's folder and reading the settings.
pub fn own_files<'p>(
    context: &'p Context,
    more: impl IntoIterator<Item = (Option<&'p Path>, &'static str)>,
) -> Result<OwnFiles, Failure> {
    let mut own = OwnFiles::default();
    let store = context.store()?;
    // Beside the vault file: the previous one, the lock, unfinished writes, and what was set aside.
    own.add_folder(folder_of(store.file()), Some(store.file().file_name().unwrap_or(OsStr::new(VAULT_FILE))), VAULT);
    own.add(&context.vault_folder()?.join(VAULT_FILE), VAULT);
    if let Ok(vault) = Vault::open(Arc::new(store)) {
        own.set_vault(vault.id());
    }
    if let Some(settings) = context.settings.path() {
        for path in [settings.to_path_buf(), with_suffix(settings, ".lock"), with_suffix(settings, UNFINISHED_SUFFIX)] {
            own.add(&path, SETTINGS);
        }
    }
    if let Some(folder) = &context.folders.keychain {
        own.add_folder(folder, None, KEYCHAIN);
    }
    let known = match context.settings.all() {
        // Then vault and keychain are named, and what is not known here is not this computer's.
        Err(error) if error.is_refused() => Default::default(),
        other => other?,
    };
    let keychains = |known: VaultSettings| [vec![known.keychain], known.former, known.others].concat();
    for kind in known.into_values().flat_map(keychains).chain(context.global.keychain.clone()) {
        if let Kind::FileAt(path) = kind {
            let anchor = with_suffix(&path, ".anchor");
            let unfinished = [&path, &anchor].map(|path| with_suffix(path, UNFINISHED_SUFFIX));
            for path in unfinished.into_iter().chain([with_suffix(&path, ".lock"), anchor, path]) {
                own.add(&path, KEYCHAIN);
            }
        }
    }
    let password = (context.global.password_file.as_deref(), "the password file");
    for (path, what) in std::iter::once(password).chain(more) {
        if let Some(path) = path {
            own.add(path, what);
        }
    }
    Ok(own)
}

/// Refuses to write a kit or a copy of the vault under a name of the program's own.
///
/// # Errors
/// As [`own_files`], and a usage failure.
pub fn refuse_own_output(context: &Context, path: &Path) -> Result<(), Failure> {
    own_files(context, [])?.refuse_output(path).map_err(|failure| failure.hint("name another file"))
}
