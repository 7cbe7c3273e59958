//! Reads what other password managers export: bytes in, items and a report out. Nothing here reads a file, asks for
//! anything or knows a vault.
//!
//! The bytes may come from anyone. [`limits`] has every limit; each holds before memory or time is spent. What is not
//! taken is in the report, by its name and never by its value.

mod archive;
mod bitwarden;
mod browsers;
mod columns;
mod entities;
mod error;
mod format;
mod gathering;
mod json;
pub mod keepass;
mod keepassxc;
mod lastpass;
pub mod limits;
mod members;
mod naming;
mod onepassword;
mod pass;
mod proton;
mod table;
mod text;

pub use columns::ColumnMap;
pub use entities::HtmlEntities;
pub use error::ImportError;
pub use format::Format;
pub use pass::PassStore;

use crate::crypto::secret::SecretText;

/// What an export has.
#[derive(Debug)]
pub struct Imported {
    /// What was taken.
    pub items: Vec<Item>,
    /// What was not, and why.
    pub skipped: Vec<Skipped>,
}

/// One item of an export.
#[derive(Debug)]
pub struct Item {
    /// A name that [`project_name`](crate::format::name::project_name) takes, and that no other item of the export has.
    pub name: String,
    /// Where it was, as a path with `/`; empty if it was in no folder.
    pub folder: String,
    /// Who signs in.
    pub user: String,
    /// Where, the most important first.
    pub urls: Vec<String>,
    /// What it was marked with.
    pub tags: Vec<String>,
    /// `login`, `note`, `card`, `identity`, `ssh-key`, `alias`, `other` and more.
    pub kind: String,
    /// What its product calls it, the same in each export; empty if the format has no such thing.
    pub source_id: String,
    /// The password, which may be empty.
    pub password: SecretText,
    /// The key of one-time passwords as it was exported: a URI, or in base32.
    pub totp: SecretText,
    /// A text of any number of lines.
    pub note: SecretText,
    /// Name and value of each further field, and whether it is to be hidden. No two have the same name.
    pub fields: Vec<(String, SecretText, bool)>,
}

/// Something that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The name of the item.
    pub item: String,
    /// What of it: the whole item, a field by its name, an attachment.
    pub what: String,
    /// Why, in a sentence that goes on after a colon.
    pub reason: &'static str,
}

/// What the bytes alone do not say.
#[derive(Debug, Default)]
pub struct Options {
    /// The password that the export is encrypted under.
    pub password: Option<SecretText>,
    /// What to do with HTML entities in an export of LastPass.
    pub html_entities: Option<HtmlEntities>,
    /// Which column holds what, in CSV of another program.
    pub columns: Option<ColumnMap>,
}

/// Reads an export.
///
/// # Errors
/// [`ImportError`] if nothing of it can be read. An item or a field that cannot be taken is no error: it is in
/// [`Imported::skipped`].
pub fn read(bytes: &[u8], format: Format, options: &Options) -> Result<Imported, ImportError> {
    if bytes.len() > limits::FILE {
        return Err(ImportError::FileTooLong);
    }
    match format {
        Format::Chrome => browsers::read_chrome(bytes),
        Format::Firefox => browsers::read_firefox(bytes),
        Format::Apple => browsers::read_apple(bytes),
        Format::LastPass => lastpass::read(bytes, options.html_entities),
        Format::KeePassXc => keepassxc::read(bytes),
        Format::Csv => columns::read(bytes, options.columns.as_ref()),
        Format::Bitwarden => bitwarden::read(bytes, options),
        Format::OnePassword => onepassword::read(bytes),
        Format::ProtonPass => proton::read(bytes),
        // Opening one may abort: `keepass` says where that is done.
        Format::KeePass => keepass::check(bytes).and(Err(ImportError::KeePassLeftOut)),
        // A folder, which is no bytes: `PassStore` takes what gpg has decrypted.
        Format::Pass => Err(ImportError::NotThisFormat(format)),
    }
}

#[cfg(test)]
mod tests;
