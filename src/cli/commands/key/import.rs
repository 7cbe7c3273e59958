//! `strongroom key import`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use zeroize::Zeroizing;

use super::format::{Format, decode};
use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::unlocking::unlock;
use crate::cli::views::ImportedKey;
use crate::crypto::secret::{FileKey, KEY_LEN};
use crate::failure::{Exit, Failure};
use crate::format::log::Action;
use crate::vault::SharedKeys;
use crate::words::{command, words};

/// Import a key from elsewhere as the project's current key
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key import acme --from old.key")]
pub struct Import {
    /// The project
    project: String,
    /// The file that holds the key; it may be a pipe
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    from: PathBuf,
    /// The format of the key in the file
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    format: Format,
    /// Allow a key that another project of this vault holds: files of one project then open through the other
    #[arg(long)]
    shared: bool,
}

impl Import {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let key = self.read()?;
        let mut vault = unlock(context, &Doing::to_project(Action::KeyImport, Some(&self.project)))?;
        let doing = format!("import a key into {:?}", self.project);
        let shared = if self.shared { SharedKeys::Allowed } else { SharedKeys::Refused };
        let version = vault.import_file_key(&self.project, &key, shared);
        let version = version.map_err(|error| Failure::of(&doing, error))?;
        let shared = vault.shared_keys(&self.project).map_err(|error| Failure::of(doing, error))?;
        let shared = shared.into_iter().filter(|key| key.version == version).map(|key| key.elsewhere.into()).collect();
        let imported = ImportedKey { project: self.project, version, shared };
        vault.done();
        context.output.done(imported.text(), &imported)
    }

    fn read(&self) -> Result<FileKey, Failure> {
        // The longest form is 64 hexadecimal digits and a line end.
        const LIMIT: usize = 2 * KEY_LEN + 2;
        let mut raw = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
        File::open(&self.from)
            .and_then(|file| file.take(LIMIT as u64 + 1).read_to_end(&mut raw))
            .map_err(|error| Failure::io(format!("read the key file {}", self.from.display()), &error))?;
        decode(&raw, self.format).ok_or_else(|| {
            Failure::new(Exit::Usage, "bad-key", format!("cannot import {}", self.from.display()))
                .cause("it does not hold exactly one key of 32 bytes in this format")
                .hint(match Format::value_variants().iter().find(|format| decode(&raw, **format).is_some()) {
                    Some(Format::Raw) => "it can be read with --format raw".into(),
                    Some(Format::Hex) => "it can be read with --format hex".into(),
                    Some(Format::Base64) => "it can be read with --format base64".into(),
                    None => words!["name a file with one key, as ", command("key show"), " prints it"],
                })
        })
    }
}
