//! `strongroom key`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::output::{print_whole, stdout_is_terminal, to_secret_json};
use crate::cli::unlocking::unlock;
use crate::cli::views::{ImportedKey, KeyList, KeyVersion, NewKey, RetiredKey, ShownKey};
use crate::crypto::secret::{FileKey, KEY_LEN};
use crate::failure::{Exit, Failure};
use crate::vault::{Effect, SharedKeys};

/// Show, list, rotate, import and retire a project's file keys
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key rotate acme")]
pub struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    Show(Show),
    /// List the versions of a project's file key
    #[command(before_help = "Example: strongroom key list acme")]
    List {
        /// The project
        project: String,
    },
    /// Make a new file key for the project; earlier keys still open what they encrypted
    #[command(before_help = "Example: strongroom key rotate acme")]
    Rotate {
        /// The project
        project: String,
    },
    Import(Import),
    /// Mark a version as no longer to be used; it still opens files
    #[command(before_help = "Example: strongroom key retire acme --version 1")]
    Retire {
        /// The project
        project: String,
        /// Which version
        #[arg(long, value_name = "N")]
        version: u32,
        /// Undo the retirement
        #[arg(long)]
        undo: bool,
    },
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Standard base64 with padding, 44 characters
    Base64,
    /// Lower-case hexadecimal, 64 characters
    Hex,
    /// 32 bytes
    Raw,
}

/// Print a project's file key, for another program that decrypts
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key show acme")]
pub struct Show {
    /// The project
    project: String,
    /// Which version [default: the current one]
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Base64)]
    format: Format,
}

/// Import a key from elsewhere as the project's current key
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key import acme --from old.key")]
pub struct Import {
    /// The project
    project: String,
    /// The file that holds the key; it may be a pipe
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    from: PathBuf,
    /// How it is written there
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    format: Format,
    /// Allow a key that another project of this vault holds: files of one project then open through the other
    #[arg(long)]
    shared: bool,
}

impl Key {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let output = &context.output;
        match self.command {
            KeyCommand::Show(show) => show.run(context),
            KeyCommand::List { project } => {
                let vault = unlock(context)?;
                let project = vault.project(&project).map_err(|error| Failure::of("list the keys", error))?;
                let keys = project.keys.iter().map(KeyVersion::from).collect();
                let list = KeyList { project: project.name, keys };
                output.result(&list.text(), &list)
            }
            KeyCommand::Rotate { project } => {
                let mut vault = unlock(context)?;
                let doing = format!("rotate the key of {project:?}");
                let version = vault.rotate_file_key(&project).map_err(|error| Failure::of(doing, error))?;
                let text = format!(
                    "version {version} of {project}'s key is current; files under earlier versions still open with \
                     theirs"
                );
                output.done(&text, &NewKey { project, version })
            }
            KeyCommand::Import(import) => import.run(context),
            KeyCommand::Retire { project, version, undo } => {
                let mut vault = unlock(context)?;
                let doing = format!("retire a key of {project:?}");
                let retired = vault.retire_file_key(&project, version, !undo);
                let text = match (retired.map_err(|error| Failure::of(doing, error))?, undo) {
                    (Effect::Changed, true) => "is no longer retired",
                    (Effect::Changed, false) => {
                        "is retired: it still opens files, and `strongroom rewrap` moves them on"
                    }
                    (Effect::AlreadySo, true) => "was not retired; nothing was changed",
                    (Effect::AlreadySo, false) => "was retired already; nothing was changed",
                };
                let text = format!("version {version} of {project}'s key {text}");
                output.done(&text, &RetiredKey { project, version, retired: !undo })
            }
        }
    }
}

impl Show {
    fn run(self, context: &Context) -> Result<(), Failure> {
        if self.format == Format::Raw && context.output.json {
            return Err(
                Failure::usage("raw bytes cannot be written in JSON").hint("leave out --json, or use --format base64")
            );
        }
        if self.format == Format::Raw && stdout_is_terminal() {
            return Err(Failure::usage("raw bytes are not for a terminal")
                .hint("send them to a file or a pipe, or use --format base64"));
        }
        let vault = unlock(context)?;
        let found = vault
            .file_key(&self.project, self.version)
            .map_err(|error| Failure::of(format!("show the key of {:?}", self.project), error))?;
        let encoded = encode(&found.key, self.format);
        if context.output.json {
            let text = std::str::from_utf8(&encoded).unwrap_or_default().trim_end();
            let shown = ShownKey { project: &found.project, version: found.version, key: text };
            // As much as the name takes where each of its bytes is escaped.
            return print_whole(&to_secret_json(&shown, 6 * shown.project.len() + text.len() + 64));
        }
        print_whole(&encoded)
    }
}

/// Encodes a key, with a line end unless it is raw.
fn encode(key: &FileKey, format: Format) -> Zeroizing<Vec<u8>> {
    let bytes = key.expose();
    let mut text = Zeroizing::new(Vec::with_capacity(2 * KEY_LEN + 1));
    match format {
        Format::Raw => {
            text.extend_from_slice(bytes);
            return text;
        }
        Format::Hex => text.extend(bytes.iter().flat_map(|byte| {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            [digit(byte >> 4), digit(byte & 15)]
        })),
        Format::Base64 => {
            text.resize(4 * KEY_LEN.div_ceil(3), 0);
            // The buffer is as long as the encoding of 32 bytes.
            let written = STANDARD.encode_slice(bytes, &mut text).unwrap_or_default();
            text.truncate(written);
        }
    }
    text.push(b'\n');
    text
}

impl Import {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let key = self.read()?;
        let mut vault = unlock(context)?;
        let doing = format!("import a key into {:?}", self.project);
        let shared = if self.shared { SharedKeys::Allowed } else { SharedKeys::Refused };
        let version = vault.import_file_key(&self.project, &key, shared);
        let version = version.map_err(|error| Failure::of(&doing, error))?;
        let shared = vault.shared_keys(&self.project).map_err(|error| Failure::of(doing, error))?;
        let shared = shared.into_iter().filter(|key| key.version == version).map(|key| key.elsewhere.into()).collect();
        let imported = ImportedKey { project: self.project, version, shared };
        context.output.done(&imported.text(), &imported)
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
                    Some(Format::Raw) => "it can be read with --format raw",
                    Some(Format::Hex) => "it can be read with --format hex",
                    Some(Format::Base64) => "it can be read with --format base64",
                    None => "name a file with one key, as `strongroom key show` prints it",
                })
        })
    }
}

fn decode(raw: &[u8], format: Format) -> Option<FileKey> {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match format {
        Format::Raw => FileKey::from_slice(raw),
        Format::Hex => {
            if line.len() != 2 * KEY_LEN {
                return None;
            }
            let read = |key: &mut [u8; KEY_LEN]| {
                for (byte, pair) in key.iter_mut().zip(line.chunks(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16).ok_or(());
                    *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
                }
                Ok::<(), ()>(())
            };
            FileKey::fill_with(read).ok()
        }
        Format::Base64 => {
            // Longer than a key, so that a key that is too long is seen to be. It stays in this frame.
            let mut bytes = Zeroizing::new([0; KEY_LEN + 4]);
            let length = STANDARD.decode_slice(line, &mut bytes[..]).ok()?;
            FileKey::from_slice(&bytes[..length])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back() {
        let key = FileKey::from_slice(&std::array::from_fn::<u8, 32, _>(|i| (i * 37) as u8)).unwrap();
        for format in [Format::Raw, Format::Hex, Format::Base64] {
            let encoded = encode(&key, format);
            assert_eq!(decode(&encoded, format).unwrap().expose(), key.expose(), "{format:?}");
            assert!(decode(&encoded[..encoded.len() - 2], format).is_none());
        }
        assert_eq!(&encode(&key, Format::Hex)[..6], hex::encode(&key.expose()[..3]).as_bytes());
    }
}
