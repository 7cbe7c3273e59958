//! `strongroom vault merge`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::unlocking::{record, unlock_telling};
use crate::cli::vault_copy::{of_copy, read_copy};
use crate::cli::views::MergedVault;
use crate::error::{Error, Refused, Subject};
use crate::failure::Failure;
use crate::format::log::Action;
use crate::format::name::printable;
use crate::format::vault::Document;
use crate::vault::Notice;
use crate::words::{Words, command, words};

/// What helps where a rotation came between two files of one vault.
fn copy_keys() -> Words {
    words![
        "on the computer with the file from before the rotation, copy the keys that only this file has with ",
        command("key show"),
        " and ",
        command("key import"),
        ", or make a separate vault with ",
        command("vault fork")
    ]
}

/// What helps where the other of two files has a rotation under way.
fn rotates_there() -> Words {
    words![
        "merge the two on the computer that rotates the data key, before that is finished: there, ",
        command("vault merge"),
        " with this computer's vault file"
    ]
}

/// Merge changes from another copy of this vault, after two computers changed it separately
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault merge other-vault.json")]
pub struct Merge {
    /// The other vault file
    #[arg(value_hint = ValueHint::FilePath)]
    other: PathBuf,
}

impl Merge {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let other = &self.other;
        let doing = || format!("merge {}", other.display());
        let bytes = read_copy(other)?;
        let document = Document::parse(&bytes)
            .map_err(|error| of_copy(doing(), other, Error::from_format(Subject::Copy(None), error)))?;
        // That two computers changed it apart is why it is merged.
        let told = |notice: &Notice| !matches!(notice, Notice::RolledBack(_));
        let (mut vault, password) = unlock_telling(context, told)?;
        record(context, &mut vault, &Doing::to_vault(Action::VaultMerge).subject(other.display().to_string()))?;
        drop(password);
        let (own, theirs) = (vault.header(), &document.header);
        let rotated = own.vault == theirs.vault && own.data_key != theirs.data_key;
        let merged = vault.merge(&document).map_err(|error| {
            let apart = rotated && matches!(error, Error::Refused(Refused::OtherVault { .. }));
            let rotates = matches!(error, Error::Refused(Refused::RotationUnderWay));
            let failure = Failure::of(doing(), error);
            match (apart, rotates) {
                (true, _) => failure.hint(copy_keys()),
                (_, true) => failure.hint(rotates_there()),
                _ => failure,
            }
        })?;
        let merged = MergedVault::from(merged);
        vault.done();
        context.output.done(merged.text(&printable(&other.display().to_string())), &merged)
    }
}
