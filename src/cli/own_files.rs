//! Which files are the program's own in this run.

use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use crate::failure::Failure;
use crate::files::own::OwnFiles;
use crate::home::{Own, Place};
use crate::vault::Vault;

/// Returns the program's own files: those that this computer knows, and those that this run takes secrets from or
/// writes them to. `more` are the command's own.
///
/// # Errors
/// Those of finding the vault's folder and reading the settings.
pub fn own_files<'p>(
    context: &'p Context,
    more: impl IntoIterator<Item = (Option<&'p Path>, &'static str)>,
) -> Result<OwnFiles, Failure> {
    let mut own = OwnFiles::default();
    let store = context.store()?;
    for (place, what) in context.home.own_files(&store)? {
        let what = match what {
            Own::Vault => "one of the vault's files",
            Own::Log => "a file of the access log",
            Own::Keychain => "a keychain file",
            Own::Settings => "the settings file",
        };
        match place {
            Place::File(path) => own.add(&path, what),
            Place::Beginning { folder, beginning } => own.add_folder(&folder, Some(&beginning), what),
            Place::Folder(folder) => own.add_folder(&folder, None, what),
        }
    }
    if let Ok(vault) = Vault::open(Arc::new(store)) {
        own.set_vault(vault.id());
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
    own_files(context, [])?.refuse_output(path).map_err(|error| Failure::from(error).hint("name another file"))
}
