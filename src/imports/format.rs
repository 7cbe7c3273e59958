//! Which product's export a file is.

use super::archive::{Archive, is_zip};
use super::{bitwarden, browsers, json, keepass, keepassxc, lastpass, limits, onepassword, proton, table};

/// A form in which a product exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// CSV of Chrome, Edge, Brave, Opera, Vivaldi.
    Chrome,
    /// CSV of Firefox.
    Firefox,
    /// CSV of Safari and of Apple's Passwords.
    Apple,
    /// CSV of LastPass.
    LastPass,
    /// CSV of KeePassXC.
    KeePassXc,
    /// A file of KeePass, KeePassXC and their relatives: `.kdbx`.
    KeePass,
    /// A folder of `pass`: each entry is a file of its own, which gpg decrypts.
    Pass,
    /// CSV of any program, with a [`ColumnMap`](super::ColumnMap).
    Csv,
    /// JSON of Bitwarden, or a zip file with it.
    Bitwarden,
    /// `.1pux` of 1Password.
    OnePassword,
    /// JSON of Proton Pass, or a zip file with it.
    ProtonPass,
}

impl Format {
    /// Every format.
    pub const ALL: &[Self] = &[
        Self::OnePassword,
        Self::Apple,
        Self::Bitwarden,
        Self::Chrome,
        Self::Csv,
        Self::Firefox,
        Self::KeePass,
        Self::KeePassXc,
        Self::LastPass,
        Self::Pass,
        Self::ProtonPass,
    ];

    /// Returns the name by which a user chooses it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Firefox => "firefox",
            Self::Apple => "apple",
            Self::LastPass => "lastpass",
            Self::KeePassXc => "keepassxc",
            Self::KeePass => "keepass",
            Self::Pass => "pass",
            Self::Csv => "csv",
            Self::Bitwarden => "bitwarden",
            Self::OnePassword => "1password",
            Self::ProtonPass => "proton-pass",
        }
    }

    /// Returns the format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// Recognizes an export by what every export of its product has. A CSV file of another program is not recognized:
    /// nothing says what its columns hold.
    #[must_use]
    pub fn detect(bytes: &[u8], file_name: &str) -> Option<Self> {
        if bytes.len() > limits::FILE {
            return None;
        }
        if keepass::is_keepass(bytes) {
            return Some(Self::KeePass);
        }
        // The name decides only where the bytes do not.
        let ending = file_name.rsplit('.').next().map(str::to_ascii_lowercase).unwrap_or_default();
        if is_zip(bytes) {
            let known = Archive::open(bytes).ok().and_then(|archive| of_archive(&archive));
            return known.or_else(|| (ending == "1pux").then_some(Self::OnePassword));
        }
        let is_named_pgp = matches!(&*ending, "pgp" | "gpg" | "asc");
        if proton::is_pgp_text(bytes) || (is_named_pgp && proton::may_be_pgp(bytes)) {
            return Some(Self::ProtonPass);
        }
        let start = json::without_mark(bytes).iter().find(|byte| !byte.is_ascii_whitespace());
        if start == Some(&b'{') {
            return of_json(bytes);
        }
        of_columns(&table::Table::columns_of(bytes))
    }
}

fn of_archive(archive: &Archive<'_>) -> Option<Format> {
    let [in_folder, _] = proton::ENTRIES;
    if archive.has(onepassword::ENTRY) {
        Some(Format::OnePassword)
    } else if archive.has(in_folder) || proton::has_pgp(archive) {
        Some(Format::ProtonPass)
    } else {
        archive.has(bitwarden::ENTRY).then_some(Format::Bitwarden)
    }
}

fn of_json(bytes: &[u8]) -> Option<Format> {
    let names = json::outer_names(bytes)?;
    let has = |name: &str| names.iter().any(|known| known == name);
    if has("vaults") && (has("encrypted") || has("userId") || has("version")) {
        Some(Format::ProtonPass)
    } else if has("encrypted") && (has("items") || has("data") || has("encKeyValidation_DO_NOT_EDIT")) {
        Some(Format::Bitwarden)
    } else {
        has("accounts").then_some(Format::OnePassword)
    }
}

fn of_columns(columns: &[String]) -> Option<Format> {
    // The ones that have more columns first: the others are a part of them.
    let known = [
        (Format::LastPass, lastpass::COLUMNS),
        (Format::Firefox, browsers::FIREFOX),
        (Format::KeePassXc, keepassxc::COLUMNS),
        (Format::Apple, browsers::APPLE),
        (Format::Chrome, browsers::CHROME),
    ];
    let (format, known) = known.into_iter().find(|(_, known)| known.are_in(columns))?;
    // These have so few columns that other products' exports have them too, beside their own.
    let is_plain = matches!(format, Format::Apple | Format::Chrome);
    (!is_plain || columns.iter().all(|column| known.have(column))).then_some(format)
}
