//! Each format as its product writes it, and as nobody should.

mod bitwarden;
mod browsers;
mod columns;
mod hostile;
mod keepass;
mod keepassxc;
mod lastpass;
mod names;
mod onepassword;
mod pass;
mod proton;

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Format, ImportError, Imported, Item, Options, read};
use crate::crypto::secret::SecretText;

fn taken(bytes: impl AsRef<[u8]>, format: Format) -> Imported {
    read(bytes.as_ref(), format, &Options::default()).unwrap()
}

fn refused(bytes: impl AsRef<[u8]>, format: Format) -> ImportError {
    read(bytes.as_ref(), format, &Options::default()).unwrap_err()
}

impl Imported {
    #[track_caller]
    fn item(&self, name: &str) -> &Item {
        self.items.iter().find(|item| item.name == name).unwrap_or_else(|| panic!("no {name} in {:?}", self.items))
    }

    fn names(&self) -> Vec<&str> {
        self.items.iter().map(|item| &*item.name).collect()
    }

    /// The report, a line for each thing.
    fn report(&self) -> Vec<String> {
        self.skipped.iter().map(|skipped| format!("{}, {}: {}", skipped.item, skipped.what, skipped.reason)).collect()
    }
}

impl Item {
    fn field(&self, name: &str) -> Option<(&str, bool)> {
        let field = self.fields.iter().find(|(known, ..)| known == name);
        field.map(|(_, value, is_hidden)| (value.expose(), *is_hidden))
    }

    /// Everything but the fields: name, folder, user, password, TOTP key, note, kind.
    fn parts(&self) -> [&str; 7] {
        let secrets = [&self.password, &self.totp, &self.note].map(SecretText::expose);
        [&self.name, &self.folder, &self.user, secrets[0], secrets[1], secrets[2], &self.kind]
    }
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
