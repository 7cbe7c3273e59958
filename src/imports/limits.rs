//! What an export may cost: each limit holds before anything is spent on what is beyond it.

/// The longest file, in bytes.
pub const FILE: usize = 64 << 20;
/// The most items of a file, those that are skipped among them.
pub const ITEMS: usize = 100_000;
/// The longest password, note or field, in bytes.
pub const FIELD: usize = 1 << 20;
/// The longest user name, address or tag, in characters.
pub const LINE: usize = crate::format::name::TEXT_LIMIT;
/// The longest path of folders, in characters. Each item has its own copy.
pub const FOLDER: usize = 512;
/// The most tags of an item.
pub const TAGS: usize = 100;
/// The most bytes of all that is taken. A folder or a tag that is written once may be that of every item.
pub const TAKEN: usize = 256 << 20;
/// The most lines of the report.
pub const REPORT: usize = 250_000;
/// The deepest that lists and objects of JSON may be in each other.
pub const JSON_DEPTH: usize = 64;
/// The most values of JSON. A real item has about 30.
pub const JSON_VALUES: usize = 4_000_000;
/// The longest text with escapes in JSON, as it is written: an escape writes a byte with up to six.
pub const JSON_ESCAPED_TEXT: usize = 6 * FIELD;
/// The longest row of CSV, in bytes.
pub const CSV_ROW: usize = 1 << 20;
/// The most bytes that an entry of a zip file may unpack to.
pub const ZIP_UNPACKED: usize = 256 << 20;
/// How many times longer than its packed form an entry may be. JSON is about ten times as long; zeros are a thousand.
pub const ZIP_RATIO: usize = 200;
/// The most entries of a zip file.
pub const ZIP_ENTRIES: usize = 20_000;
/// The PBKDF2 rounds of an export under a password: what Bitwarden has ever let its users choose.
pub const PBKDF2_ROUNDS: (u64, u64) = (5_000, 2_000_000);
/// The passes of Argon2id, as above.
pub const ARGON2_PASSES: (u64, u64) = (1, 10);
/// The memory of Argon2id in MiB, as above.
pub const ARGON2_MEMORY_MIB: (u64, u64) = (15, 1024);
/// The lanes of Argon2id, as above.
pub const ARGON2_LANES: (u64, u64) = (1, 16);
/// The most rounds of AES-KDF in a KeePass file: some seconds.
pub const AES_KDF_ROUNDS: u64 = 100_000_000;
/// The longest answer of the process that opens KeePass files, in bytes.
pub const ANSWER: usize = 256 << 20;
