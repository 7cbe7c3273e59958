//! Why nothing of an export can be read. No value from the file is in any of these.

use super::{Format, limits};

/// Why an export is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Longer than [`limits::FILE`].
    #[error("it is longer than {} MiB", limits::FILE >> 20)]
    FileTooLong,
    /// Bytes that are no text, where text is expected.
    #[error("it is not text in UTF-8")]
    NotText,
    /// Text that lacks what every export of this format has.
    #[error("it is not an export of the format {}", .0.name())]
    NotThisFormat(Format),
    /// It ends where more must follow.
    #[error("it is incomplete: it ends in the middle of a value")]
    Truncated,
    /// More items than [`limits::ITEMS`].
    #[error("it has more than {} items", limits::ITEMS)]
    TooManyItems,
    /// More than [`limits::TAKEN`].
    #[error("its items have more than {} MiB", limits::TAKEN >> 20)]
    TooMuch,
    /// More lines of the report than [`limits::REPORT`].
    #[error("more than {} parts of it cannot be taken", limits::REPORT)]
    TooMuchSkipped,
    /// Text that is no JSON.
    #[error("it is not valid JSON: line {line}, column {column}")]
    Json {
        /// Where, counted from 1.
        line: usize,
        /// Where in the line, counted from 1.
        column: usize,
    },
    /// An object with two members of the same name: programs do not agree which of them counts.
    #[error("an object in it has two members with the same name: line {line}, column {column}")]
    JsonTwice {
        /// Where the object ends, counted from 1.
        line: usize,
        /// Where in the line, counted from 1.
        column: usize,
    },
    /// Deeper than [`limits::JSON_DEPTH`].
    #[error("lists and objects in it are nested more than {} deep", limits::JSON_DEPTH)]
    JsonTooDeep,
    /// More than [`limits::JSON_VALUES`].
    #[error("it has more than {} values", limits::JSON_VALUES)]
    JsonTooManyValues,
    /// Longer than [`limits::JSON_ESCAPED_TEXT`].
    #[error("it has a text of more than {} MiB", limits::JSON_ESCAPED_TEXT >> 20)]
    JsonTextTooLong,
    /// Longer than [`limits::CSV_ROW`].
    #[error("row {row} is longer than {} MiB", limits::CSV_ROW >> 20)]
    RowTooLong {
        /// Counted from 1, the row of column names among them.
        row: usize,
    },
    /// Text after the quotation mark that ends a value.
    #[error("the quotation marks in row {row} are wrong: text follows the mark that ends a value")]
    WrongQuotes {
        /// Counted from 1, the row of column names among them.
        row: usize,
    },
    /// HTML entities, and nobody said what they mean.
    #[error(
        "HTML entities in {items} of its items, such as &amp;, may have been put there by LastPass: choose whether to decode or to keep them"
    )]
    HtmlEntities {
        /// How many items.
        items: usize,
    },
    /// A CSV file of no known product, and nobody said what its columns are.
    #[error("it must be said which columns hold what, for example name=Title,user=Login,password=Password")]
    NoColumns,
    /// A column map that says nothing.
    #[error("{part:?} names no column: write WHAT=COLUMN, where WHAT is one of {}", super::columns::WHAT.join(", "))]
    ColumnMap {
        /// The part of the map, which its user wrote.
        part: String,
    },
    /// Columns that were named and are not there.
    #[error("its first row has no column {column:?}")]
    NoSuchColumn {
        /// The column as its user wrote it.
        column: String,
    },
    /// Encrypted under a password that was not given.
    #[error("it is encrypted: the password that it was exported with is needed")]
    PasswordNeeded,
    /// Encrypted under another password.
    #[error("the password is not the one that it was exported with")]
    WrongPassword,
    /// Encrypted for one Bitwarden account, whose keys nobody else has.
    #[error(
        "only the Bitwarden account that it was exported from can open it: export again, as \"password protected\" or as .json"
    )]
    AccountRestricted,
    /// A cost of the password's key out of range. Nothing was spent on it.
    #[error("{name} is {value}, outside {least} to {most}")]
    KdfOutOfRange {
        /// What is out of range.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least accepted.
        least: u64,
        /// The most accepted.
        most: u64,
    },
    /// A derivation of the password's key that is not known.
    #[error("it is encrypted in a way that is not supported")]
    UnsupportedEncryption,
    /// The computer does not have the memory.
    #[error("not enough memory: deriving its key takes {needed_mib} MiB")]
    NotEnoughMemory {
        /// What deriving takes.
        needed_mib: u64,
    },
    /// The password is right, and the encrypted part was altered.
    #[error("its encrypted part is damaged or was altered")]
    Damaged,
    /// A KeePass file of a version that is not read.
    #[error("it is a KeePass file of another version than 3.1, 4.0 and 4.1")]
    KeePassVersion,
    /// A KeePass file whose header lacks something, or has it twice.
    #[error("the header of the KeePass file is damaged, or has a form that is not known here")]
    KeePassHeader,
    /// A KeePass file that another password, or another key file, opens.
    #[error("the password or the key file is not the right one, or the file was altered")]
    KeePassKey,
    /// A KeePass file of which it cannot be said what its values are.
    #[error("the KeePass file cannot be read for certain here; nothing is taken from it")]
    KeePassForm,
    /// The process that opens KeePass files has ended without an answer.
    #[error("opening the KeePass file took too much memory or time, or the file is damaged; nothing is taken from it")]
    KeePassEnded,
    /// A KeePass file, which is opened in a process of its own.
    #[error("a KeePass file cannot be read by this program on this computer")]
    KeePassLeftOut,
    /// Encrypted with PGP.
    #[error("it is encrypted with PGP: decrypt it first, for example with gpg --output data.json --decrypt data.pgp")]
    PgpEncrypted,
    /// No zip file, or a damaged one.
    #[error("it is not a zip file, or it is damaged")]
    Zip,
    /// A zip file without the entry that has the items.
    #[error("it is a zip file without the entry {entry}")]
    ZipEntryMissing {
        /// What every such file has.
        entry: &'static str,
    },
    /// More than [`limits::ZIP_ENTRIES`].
    #[error("it is a zip file of more than {} entries", limits::ZIP_ENTRIES)]
    ZipTooManyEntries,
    /// More than [`limits::ZIP_UNPACKED`] or [`limits::ZIP_RATIO`].
    #[error(
        "its entry {entry} unpacks to more than {} MiB, or to more than {} times its size",
        limits::ZIP_UNPACKED >> 20,
        limits::ZIP_RATIO
    )]
    ZipTooLarge {
        /// The entry.
        entry: &'static str,
    },
}
