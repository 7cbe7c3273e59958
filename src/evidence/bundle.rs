//! A report as data: what is signed, and what its page is made of. docs/format.md, "The report", is normative.
//!
//! Every object but an access log's entry is closed: a reader refuses a member that it does not know. Whoever verifies
//! a report vouches for all of it, and cannot vouch for what it does not understand; a new member is a new version.

mod log;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format::json::{StrictValue, closed_object, parse};
use crate::format::{FileId, FormatError, KitId, ProjectId, Timestamp, VaultId};

pub use log::{Disclosed, LogOf, LogPart, Withheld};

/// What a bundle says that it is.
pub const FORMAT: &str = "strongroom-report";
/// The version that is written and read, which is that of its page as well.
pub const VERSION: u64 = 1;
/// What a page shows for the bundle's SHA-256 while its own is computed.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The longest bundle that is read, in bytes.
pub const SIZE_LIMIT: u64 = 1 << 30;

closed_object! {
    /// A report.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Bundle {
        /// [`FORMAT`].
        pub format: String,
        /// [`VERSION`].
        pub version: u64,
        /// What its files are called, without what follows the last dot: `northwind-7`.
        pub name: String,
        /// Counts the project's reports, from 1.
        pub number: u32,
        /// When it was made.
        pub made: Timestamp,
        /// SHA-256 of the report before it, in hexadecimal; none of the first one.
        pub previous_sha256: Option<String>,
        /// The vault.
        pub vault: VaultId,
        /// The project.
        pub project: ProjectPart,
        /// What was agreed with the client; none if nothing is on record.
        pub engagement: Option<Engagement>,
        /// `intake`, `active`, `due`, `held`, `destroying` or `destroyed`.
        pub state: String,
        /// The encrypted files.
        pub inventory: Inventory,
        /// The project's keys.
        pub keys: Vec<KeyPart>,
        /// What opens them.
        pub unlock: Unlock,
        /// What was checked.
        pub checks: Vec<Check>,
        /// The record of accesses; none if there is none.
        pub log: Option<LogPart>,
        /// Readable copies that were made; none if that is not known.
        pub copies: Option<Copies>,
        /// Who else it was shared with.
        pub shares: Vec<Share>,
        /// The destruction, if one is on record.
        pub destruction: Option<Destruction>,
        /// The program.
        pub tool: Tool,
        /// The key that signs it.
        pub signed_by: SignedBy,
        /// What the report does not say, a sentence each.
        pub not_covered: Vec<String>,
        /// SHA-256 of the page, in hexadecimal, with zeros where it shows the bundle's own; so that a page can be
        /// compared without making it again.
        pub page_sha256: String,
        /// The same of the annex.
        pub annex_sha256: String,
    }
}

closed_object! {
    /// A project.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ProjectPart {
        /// Its id.
        pub id: ProjectId,
        /// Its name.
        pub name: String,
        /// The client; may be empty.
        pub client: String,
        /// When it was added.
        pub created: Timestamp,
        /// The hold that keeps it from being destroyed.
        pub hold: Option<HoldPart>,
        /// When its keys were destroyed.
        pub destroyed: Option<Timestamp>,
    }
}

closed_object! {
    /// A hold.
    #[derive(Debug, Clone, PartialEq)]
    pub struct HoldPart {
        /// Since when.
        pub since: Timestamp,
        /// Why; may be empty.
        pub reason: String,
    }
}

closed_object! {
    /// What was agreed.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Engagement {
        /// What counts now, by the names that docs/format.md has for the fields.
        pub now: BTreeMap<String, StrictValue>,
        /// Every revision, the oldest first.
        pub revisions: Vec<Revision>,
    }
}

closed_object! {
    /// What somebody set at one time.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Revision {
        /// Its id.
        pub id: String,
        /// When.
        pub at: Timestamp,
        /// Who says to have set it.
        pub by: String,
        /// The fields and their values.
        pub set: BTreeMap<String, StrictValue>,
    }
}

/// How much of the files was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// All of it, to the last byte.
    Full,
    /// Some files.
    Sample,
}

closed_object! {
    /// The encrypted files that were found.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Inventory {
        /// Where they were looked for.
        pub roots: Vec<String>,
        /// How much of them was read.
        pub read: Read,
        /// When that was done.
        pub at: Timestamp,
        /// The files.
        pub files: Vec<FilePart>,
        /// The list digest of `files` as it stands in the bundle, in hexadecimal.
        pub list_digest: String,
    }
}

/// What an encrypted file proved to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// It was read to the last byte, and every byte is authentic.
    Whole,
    /// It was altered, or cut short.
    Damaged,
    /// It is listed and was not found.
    Missing,
    /// None of the vault's keys opens it.
    Foreign,
    /// It could not be read, or was left out of a sample.
    Unread,
}

closed_object! {
    /// An encrypted file.
    #[derive(Debug, Clone, PartialEq)]
    pub struct FilePart {
        /// Where it is, below one of the roots.
        pub path: String,
        /// Its id, if a key opened its header.
        pub file_id: Option<FileId>,
        /// Its length.
        pub size: Option<u64>,
        /// The length of what is in it.
        pub plain_size: Option<u64>,
        /// The version of the key that opens it.
        pub key_version: Option<u32>,
        /// What it proved to be.
        pub state: FileState,
    }
}

closed_object! {
    /// A key of the project.
    #[derive(Debug, Clone, PartialEq)]
    pub struct KeyPart {
        /// Its version.
        pub version: u32,
        /// `active`, `retired` or `destroyed`.
        pub state: String,
        /// Whether it encrypts new files.
        pub current: bool,
        /// When it was made.
        pub created: Timestamp,
        /// What the key is recognized by, in hexadecimal; none once it is destroyed.
        pub check: Option<String>,
        /// What it encrypts with.
        pub cipher: String,
        /// How many files were sealed under it; none if that is not known.
        pub seals: Option<u64>,
    }
}

closed_object! {
    /// What opens the vault.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Unlock {
        /// What a password guess costs.
        pub kdf: KdfPart,
        /// How strong the master password is; none if that was not judged.
        pub password: Option<PasswordPart>,
        /// When the master password was set.
        pub password_set: Timestamp,
        /// Where the keychain's entry is.
        pub keychain: String,
        /// Every recovery kit there ever was.
        pub kits: Vec<KitPart>,
        /// Copies of the vault file that were made on record; none if that is not known.
        pub backups: Option<Vec<Timestamp>>,
    }
}

closed_object! {
    /// The cost of a password guess.
    #[derive(Debug, Clone, PartialEq)]
    pub struct KdfPart {
        /// `argon2id`.
        pub algorithm: String,
        /// Memory in KiB.
        pub m: u32,
        /// Passes.
        pub t: u32,
        /// Lanes.
        pub p: u32,
    }
}

closed_object! {
    /// A judgement of the master password.
    #[derive(Debug, Clone, PartialEq)]
    pub struct PasswordPart {
        /// Whether it would be taken as a new password.
        pub strong: bool,
        /// How it was judged.
        pub says: String,
    }
}

closed_object! {
    /// A recovery kit.
    #[derive(Debug, Clone, PartialEq)]
    pub struct KitPart {
        /// What it is called on its paper.
        pub name: String,
        /// Its id.
        pub id: KitId,
        /// When it was made.
        pub created: Timestamp,
        /// Whether it opens the vault.
        pub valid: bool,
        /// When it was last tested; none if that is not known.
        pub tested: Option<Timestamp>,
        /// When it ended.
        pub ended: Option<Timestamp>,
        /// When its paper was said to be destroyed.
        pub paper_destroyed: Option<Timestamp>,
    }
}

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It does not hold.
    NotMet,
    /// Nobody knows.
    NotKnown,
    /// It holds.
    Met,
}

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The program looked when the report was made.
    Probed,
    /// The vault or its log says so.
    Recorded,
    /// A person says so.
    Declared,
}

closed_object! {
    /// A condition, and what became of it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Check {
        /// Which condition.
        pub id: String,
        /// What became of it.
        pub state: CheckState,
        /// Why.
        pub says: String,
        /// Where that comes from.
        pub how: How,
        /// When it was found.
        pub at: Timestamp,
    }
}

closed_object! {
    /// Readable copies.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Copies {
        /// When they were looked for.
        pub at: Timestamp,
        /// Where, besides the places on record.
        pub roots: Vec<String>,
        /// How many files were compared.
        pub searched: u64,
        /// Each copy.
        pub files: Vec<CopyPart>,
        /// Why there may be more than are on record.
        pub doubts: Vec<String>,
    }
}

closed_object! {
    /// A readable copy that was made.
    #[derive(Debug, Clone, PartialEq)]
    pub struct CopyPart {
        /// Where it was put, or found.
        pub path: String,
        /// Its length.
        pub size: u64,
        /// When it was made.
        pub made: Timestamp,
        /// `stands`, `stands-elsewhere`, `changed`, `gone` or `not-reachable`.
        pub state: String,
    }
}

closed_object! {
    /// Somebody else who was given access.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Share {
        /// Who.
        pub with: String,
        /// Since when.
        pub since: Timestamp,
        /// How.
        pub how: String,
    }
}

closed_object! {
    /// A destruction.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Destruction {
        /// When the keys were destroyed.
        pub keys_destroyed: Timestamp,
        /// Whether the vault's earlier files were shut out since.
        pub settled: bool,
    }
}

closed_object! {
    /// The program.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Tool {
        /// Its version.
        pub version: String,
        /// SHA-256 of the program that ran, in hexadecimal; none if it could not be read.
        pub build_sha256: Option<String>,
    }
}

closed_object! {
    /// The key that signs.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SignedBy {
        /// The public key as OpenSSH writes it.
        pub public: String,
        /// Its fingerprint, as `ssh-keygen -l` shows it.
        pub fingerprint: String,
        /// When it was made.
        pub since: Timestamp,
        /// The name that the file of allowed signers has for it.
        pub identity: String,
        /// What the key before it says of it; none of a vault's first key.
        pub statement: Option<StatementPart>,
    }
}

closed_object! {
    /// What a key says of its successor.
    #[derive(Debug, Clone, PartialEq)]
    pub struct StatementPart {
        /// The words.
        pub text: String,
        /// The earlier key's signature of them, in OpenSSH's form.
        pub signature: String,
    }
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`FormatError::Version`] for a newer one; [`FormatError::Malformed`], also for one that is written in another
    /// way than [`Bundle::to_bytes`] writes it: then two readers might not see the same in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        #[derive(Deserialize)]
        struct Outer {
            format: String,
            version: u64,
        }
        let outer: Outer =
            serde_json::from_slice(bytes).map_err(|_| FormatError::malformed("it is not a report's bundle"))?;
        if outer.format != FORMAT {
            return Err(FormatError::malformed("it is not a report's bundle"));
        }
        if outer.version != VERSION {
            return Err(match outer.version > VERSION {
                true => FormatError::Version { found: outer.version, known: VERSION },
                false => FormatError::malformed("the bundle's version is 0"),
            });
        }
        let bundle: Self = parse("the report", bytes)?;
        if bundle.to_bytes()? != bytes {
            return Err(FormatError::malformed("the report is not written as reports are"));
        }
        Ok(bundle)
    }

    /// Writes the bundle: always the same bytes for the same report.
    ///
    /// # Errors
    /// None in practice: the members are plain data.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| FormatError::malformed(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Returns what counts of a field of the engagement, if that is a text.
    #[must_use]
    pub fn agreed(&self, field: &str) -> Option<&str> {
        self.engagement.as_ref()?.now.get(field)?.as_value().as_str().filter(|text| !text.is_empty())
    }
}
