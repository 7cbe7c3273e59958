//! The library's one error: each variant is something the caller can act on in its own way.

use std::path::PathBuf;
use std::time::Duration;

use crate::crypto::RandomUnavailable;
use crate::crypto::kdf::KdfError;
use crate::crypto::secret::PasswordError;
use crate::format::{FormatError, Timestamp, VaultId};
use crate::keychain::KeychainError;
use crate::store::StoreError;

/// What [`Error::BadName`] calls a project's name.
pub const PROJECT_NAME: &str = "the project's name";

/// Why an operation on a vault or a sealed file failed. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No wrap of the data key opens with this password. An altered wrap looks the same.
    #[error("{}", wrong_password(*.vault_may_be_damaged))]
    WrongPassword {
        /// The item was written before the computer last started: an older password may be in force.
        earlier_boot: bool,
        /// The vault file is not the one the anchor knows, so it may be damaged instead.
        vault_may_be_damaged: bool,
    },
    /// Bytes that cannot be a password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// No vault stands there.
    #[error("there is no vault at {place}")]
    VaultNotFound {
        /// Where it was looked for.
        place: String,
    },
    /// A vault, or what is left of one, stands where a new one should be made.
    #[error("a vault is there already: {}", .standing.join(", "))]
    VaultExists {
        /// What stands there.
        standing: Vec<String>,
    },
    /// The vault has no project of this name.
    #[error("there is no project {name:?} in this vault")]
    ProjectNotFound {
        /// The name.
        name: String,
        /// The project that may be meant: its name differs in case or by one letter.
        similar: Option<String>,
    },
    /// The vault has a project of this name.
    #[error("there is a project {name:?} already{}", destroyed_on(*.destroyed))]
    ProjectExists {
        /// The name.
        name: String,
        /// When it was destroyed, if it was: its name stays on record.
        destroyed: Option<Timestamp>,
    },
    /// The project has no file key of this version, or it was destroyed.
    #[error("project {project:?} has no key version {version}")]
    KeyNotFound {
        /// The project's name.
        project: String,
        /// The version.
        version: u32,
    },
    /// The version is the one that encrypts, or would become it.
    #[error("version {version} is the one that encrypts for project {project:?}, or would become it")]
    KeyInUse {
        /// The project's name.
        project: String,
        /// The version.
        version: u32,
    },
    /// The project was destroyed, and its keys with it.
    #[error("project {name:?} was destroyed {at}: no key of it is left")]
    ProjectDestroyed {
        /// The name.
        name: String,
        /// When.
        at: Timestamp,
    },
    /// A hold keeps the project from being destroyed.
    #[error("project {name:?} is on hold since {since}{}", because(.reason))]
    ProjectHeld {
        /// The name.
        name: String,
        /// Since when.
        since: Timestamp,
        /// Why; may be empty.
        reason: String,
    },
    /// The vault has no recovery kit of this name, or none at all.
    #[error("{}", no_kit(.name.as_deref()))]
    KitNotFound {
        /// What it was called; none where any kit would have done.
        name: Option<String>,
    },
    /// Several recovery kits may be meant.
    #[error("{} recovery kits may be meant: {}", .kits.len(), .kits.join(" and "))]
    KitAmbiguous {
        /// What tells them apart.
        kits: Vec<String>,
    },
    /// A recovery code that opens nothing of this vault.
    #[error("no valid recovery kit of this vault has this code")]
    WrongKit,
    /// Two vault files that cannot become one.
    #[error("{what} cannot be used here: {detail}")]
    OtherVault {
        /// The other file.
        what: String,
        /// Why not.
        detail: &'static str,
    },
    /// A rotation of the data key is under way and must be over first.
    #[error("a rotation of the data key is under way")]
    RotationUnderWay,
    /// The vault file cannot be used, the previous one can, and is newer than the copy that was to take its place.
    #[error("the previous vault file can be used, and is newer (generation {previous}) than the copy ({copied})")]
    PreviousNewer {
        /// Its generation.
        previous: u64,
        /// The copy's.
        copied: u64,
    },
    /// A rotation of the data key is in the vault, and what was to follow failed. Later unlocks go on with it.
    #[error("the rotation has started and was interrupted: {cause}")]
    RotationBegun {
        /// What went wrong.
        cause: Box<Error>,
    },
    /// The project holds this very key already.
    #[error("project {project:?} holds this key already, as version {version}")]
    KeyExists {
        /// The project's name.
        project: String,
        /// The version.
        version: u32,
    },
    /// Other projects of the vault hold the same key.
    #[error("{}", same_key(.places))]
    KeyShared {
        /// Where else the key is.
        places: Vec<KeyPlace>,
    },
    /// A name that cannot be seen, typed or told apart.
    #[error("{what} is refused: {reason}")]
    BadName {
        /// Which name: [`PROJECT_NAME`], or another text.
        what: &'static str,
        /// Why.
        reason: crate::format::name::NameError,
    },
    /// A format newer than this program.
    #[error("{what} has format version {found}; this program reads version {known}")]
    UnsupportedVersion {
        /// The vault, the item or the sealed file.
        what: String,
        /// The version found.
        found: u64,
        /// The newest version this program reads.
        known: u64,
    },
    /// A vault or an item that was written before the formats were frozen.
    #[error("{what} was made before the first release, in a format that this program does not read")]
    BeforeRelease {
        /// The vault or the item.
        what: String,
    },
    /// A feature of a newer format: a cipher suite, a flag, a stanza.
    #[error("{what} uses {feature}, which this program does not have")]
    UnsupportedFeature {
        /// The encrypted file.
        what: String,
        /// The feature.
        feature: &'static str,
    },
    /// The vault uses features this program does not have, so it must not change it.
    #[error("the vault needs features this program does not have: {}", .features.join(", "))]
    ReadOnly {
        /// Their names.
        features: Vec<String>,
    },
    /// Two vault files that were changed apart in what this program does not read, so that it cannot unite them.
    #[error("both files have changes that this program cannot read: {}", .members.join(", "))]
    NotUnited {
        /// What it is.
        members: Vec<String>,
    },
    /// Bytes that fail an integrity check or break a format's rules.
    #[error("{what} is damaged: {detail}")]
    Damaged {
        /// The vault or the sealed file.
        what: String,
        /// What does not hold.
        detail: String,
    },
    /// A file that does not begin as a sealed file does.
    #[error("{what} is not a sealed file")]
    NotSealed {
        /// The file.
        what: String,
    },
    /// A sealed file that ends too early.
    #[error("{what} is truncated")]
    Truncated {
        /// The encrypted file.
        what: String,
    },
    /// A header that none of the keys tried opens.
    #[error("no key of {searched} opens {what}{}", sealed_for(*.is_delivery))]
    WrongKey {
        /// The encrypted file.
        what: String,
        /// Whose keys were tried.
        searched: String,
        /// It was sealed for recipients and for no project, so no file key opens it.
        is_delivery: bool,
    },
    /// A header whose count of rewraps is at its end.
    #[error("the header of {what} has been rewritten as often as it can be")]
    Exhausted {
        /// The encrypted file.
        what: String,
    },
    /// Argon2 parameters out of range, or no memory for them.
    #[error(transparent)]
    Kdf(#[from] KdfError),
    /// Another process holds the lock.
    #[error("{what} is busy: another process has held its lock for {} s", .waited.as_secs())]
    Busy {
        /// What is locked.
        what: String,
        /// How long this one waited.
        waited: Duration,
    },
    /// Something changed a file that this process was using.
    #[error("{what} changed while it was being used")]
    Changed {
        /// The file.
        what: String,
    },
    /// The vault file is under another data key than the one it was unlocked with.
    #[error(
        "the data key of {place} was rotated, or another vault was put there: this program cannot check what it \
         contains now"
    )]
    KeyUnchecked {
        /// The vault file.
        place: String,
    },
    /// The keychain could not be used.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
    /// The keychain holds no data key for this vault.
    #[error("{keychain} holds no key for vault {vault}")]
    KeyMissing {
        /// The keychain's name.
        keychain: String,
        /// The vault.
        vault: VaultId,
    },
    /// The keychain's item is not one for this vault.
    #[error("the item in {keychain} is not a key for this vault: {detail}")]
    KeyNotOurs {
        /// The keychain's name.
        keychain: String,
        /// What does not fit.
        detail: String,
    },
    /// Only the previous vault file opened, so that nothing may be changed until the user accepts it.
    #[error("{}", only_previous(.place, .reason, .keychain, *.other_key))]
    OnlyPrevious {
        /// The vault file.
        place: String,
        /// Why it cannot be used.
        reason: String,
        /// The keychain's name.
        keychain: String,
        /// The vault file is under a data key that this computer does not hold.
        other_key: bool,
        /// The generation of the previous one.
        generation: u64,
    },
    /// The keychain took an item and gave back another.
    #[error("{keychain} did not keep what was written to it")]
    KeychainForgets {
        /// The keychain's name.
        keychain: String,
    },
    /// A password change that was cut short: either password may open.
    #[error("the password change was not confirmed by the keychain: {cause}")]
    EitherPassword {
        /// What went wrong.
        cause: Box<Error>,
    },
    /// A recovery gave this computer its new key, and what was to follow failed.
    #[error("the new password is in effect, but a later step failed: {cause}")]
    Enrolled {
        /// What went wrong.
        cause: Box<Error>,
    },
    /// The vault file is older than, or other than, the last one this computer has seen.
    #[error("{}", .0)]
    RolledBack(RolledBack),
    /// The system refused.
    #[error("cannot {doing} {path}: {}", crate::disk::plain(.source), path = .path.display())]
    Io {
        /// What was being done: a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The system has no random bytes.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

/// Where a file key is in a vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPlace {
    /// The project's name.
    pub project: String,
    /// The version it has there.
    pub version: u32,
}

impl std::fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "project {:?} (key version {})", self.project, self.version)
    }
}

/// How a vault file differs from the one this computer last recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The generation of the vault file that stands.
    pub generation: u64,
    /// The generation this computer has seen.
    pub seen: u64,
    /// When it was seen.
    pub seen_at: Timestamp,
    /// What that tells.
    pub difference: Difference,
}

/// What the vault file is to the last one this computer has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is older, or another of the same generation.
    Older,
    /// Two computers wrote: it does not descend from the one seen.
    Diverged,
    /// It is newer by more writes than a vault file lists, so whether it descends from the one seen does not show.
    TooFarAhead,
}

impl Difference {
    /// Returns the stable word for it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Older => "rolled-back",
            Self::Diverged => "diverged",
            Self::TooFarAhead => "too-far-ahead",
        }
    }
}

impl std::fmt::Display for RolledBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { generation, seen, seen_at, difference } = self;
        match difference {
            Difference::Diverged => write!(
                f,
                "the vault file (generation {generation}) has diverged from the one this computer last recorded \
                 (generation {seen}, {seen_at}): two computers changed it"
            ),
            Difference::TooFarAhead => write!(
                f,
                "the vault file (generation {generation}) is more than 256 changes newer than the vault file this \
                 computer last recorded (generation {seen}, {seen_at}); the program cannot check that it descends \
                 from it"
            ),
            Difference::Older if generation < seen => write!(
                f,
                "the vault file is older (generation {generation}) than the one this computer last recorded \
                 (generation {seen}, {seen_at})"
            ),
            Difference::Older => write!(
                f,
                "the vault file is not the one this computer last recorded (both generation {seen}, {seen_at})"
            ),
        }
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

fn same_key(places: &[KeyPlace]) -> String {
    let places: Vec<String> = places.iter().map(KeyPlace::to_string).collect();
    let hold = if places.len() == 1 { "holds" } else { "hold" };
    format!("{} of this vault {hold} the same key", places.join(" and "))
}

fn no_kit(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("there is no recovery kit {name}"),
        None => "this vault has no valid recovery kit".into(),
    }
}

fn sealed_for(is_delivery: bool) -> &'static str {
    if is_delivery { ": it was sealed for a recipient's key, and not for a project" } else { "" }
}

fn destroyed_on(destroyed: Option<Timestamp>) -> String {
    destroyed.map(|at| format!("; it was destroyed on {at}, and its name stays on record")).unwrap_or_default()
}

fn only_previous(place: &str, reason: &str, keychain: &str, other_key: bool) -> String {
    if other_key {
        return format!("the item in {keychain} is not a key for this vault: the vault file is under another data key");
    }
    format!("the vault {place} is damaged: {reason}")
}

fn wrong_password(vault_may_be_damaged: bool) -> &'static str {
    if vault_may_be_damaged { "wrong password, or the vault file is damaged" } else { "wrong password" }
}

impl Error {
    /// Puts what was being read to a format error.
    pub(crate) fn from_format(what: impl Into<String>, error: FormatError) -> Self {
        match error {
            FormatError::Malformed(detail) => Self::Damaged { what: what.into(), detail },
            FormatError::Version { found, known } => Self::UnsupportedVersion { what: what.into(), found, known },
            FormatError::Feature(feature) => Self::UnsupportedFeature { what: what.into(), feature },
            FormatError::BeforeRelease => Self::BeforeRelease { what: what.into() },
            FormatError::Kdf(error) => Self::Kdf(error),
        }
    }

    /// Puts the place to a store error.
    pub(crate) fn from_store(place: &str, error: StoreError) -> Self {
        match error {
            StoreError::Io { doing, path, source } => Self::Io { doing, path, source },
            StoreError::TooLarge { .. } | StoreError::NotAFile { .. } | StoreError::ReadBack { .. } => {
                Self::Damaged { what: format!("the vault {place}"), detail: error.to_string() }
            }
            StoreError::Busy { waited } => Self::Busy { what: format!("the vault {place}"), waited },
            StoreError::Changed => Self::Changed { what: format!("the vault {place}") },
        }
    }
}
