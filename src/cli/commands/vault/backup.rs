//! `strongroom vault backup`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::access;
use crate::cli::context::Context;
use crate::cli::own_files::refuse_own_output;
use crate::cli::views;
use crate::error::{Error, NotFound, Subject};
use crate::failure::{Exit, Failure, without_flags};
use crate::files::publish::OutputFile;
use crate::format::log::Action;
use crate::format::vault::Document;
use crate::home::{Recorded, absolute};
use crate::store::Store;
use crate::words::{Words, command, kit_names, words};

/// Write a copy of the vault file; it opens with this computer's keychain and password, or with a kit
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault backup vault-backup.json")]
pub struct Backup {
    /// The new file
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let file = &self.file;
        let store = context.store()?;
        let place = store.place();
        let failed = |error| Failure::of("back up the vault", error);
        // A rename replaces the vault file, so one reading is one whole generation.
        let bytes = store.load().map_err(|error| failed(Error::from_store(&place, error)))?;
        let bytes = bytes.ok_or_else(|| failed(Error::NotFound(NotFound::Vault { place: place.clone() })))?;
        let document = Document::parse(&bytes)
            .map_err(|error| failed(Error::from_format(Subject::Vault(place.clone()), error)))?;
        refuse_own_output(context, file)?;
        let output = OutputFile::create(file, false).map_err(without_flags)?;
        let io = |error: std::io::Error| Failure::io(format!("write {}", file.display()), &error);
        {
            let mut to: &File = output.file();
            to.write_all(&bytes)
        }
        .map_err(io)?;
        output.publish().map_err(without_flags)?;
        if std::fs::read(file).map_err(io)? != bytes {
            return Err(Failure::new(Exit::Failed, "io", format!("cannot back up the vault to {}", file.display()))
                .cause("the copy does not read back as it was written"));
        }
        let header = &document.header;
        let kits: Vec<String> = header.kits().map(|kit| kit.name().to_string()).collect();
        // A backup is made whatever state settings and keychain are in.
        let recorded = context.home.compare_with_records(&document).unwrap_or_default();
        let Recorded { is_last: checked, rotates } = recorded;
        let mut opens = match &kits[..] {
            _ if !checked => {
                words![
                    "it was copied unchanged, but not checked: run ",
                    command("status --unlock"),
                    " to see whether the vault opens"
                ]
            }
            [] => "it opens only with this computer's keychain and password: there is no recovery kit".into(),
            kits => {
                format!("it opens with this computer's keychain and password, or with recovery {}", kit_names(kits))
                    .into()
            }
        };
        if checked && rotates {
            opens += "\na rotation of the data key may be under way. When it is finished, only a recovery kit of \
                      today opens this copy, so make another backup then";
        }
        let text = Words::from(format!("{} -> {} (generation {})\n", place, file.display(), header.generation)) + opens;
        let copy = views::Backup {
            path: place,
            file: file.display().to_string(),
            vault: header.vault,
            generation: header.generation,
            kits,
            checked,
        };
        access::later(context, copy.vault, Action::VaultBackup, absolute(file).display().to_string());
        context.output.done(text, &copy)
    }
}
