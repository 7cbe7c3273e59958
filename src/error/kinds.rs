//! What exactly happened, by what the caller can do about it.

use std::fmt;

use crate::crypto::secret::PasswordError;
use crate::format::name::NameError;
use crate::format::{Timestamp, VaultId};

/// What an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The vault's file, by its place.
    Vault(String),
    /// A copy of a vault's file, by its place if that is known.
    Copy(Option<String>),
    /// The file that a vault was to be merged with.
    OtherFile,
    /// The vault's file that was about to be written.
    NewVault,
    /// Something that a vault contains, in words that stand for themselves.
    Content(&'static str),
    /// The data-key item, or the anchor.
    Item(&'static str),
    /// The same, by the keychain it is in.
    ItemIn {
        /// Which one.
        item: &'static str,
        /// The keychain's name.
        keychain: String,
    },
    /// A file key.
    Key(KeyPlace),
    /// A secret, by its id.
    Secret(String),
}

impl Subject {
    /// Tells whether it is a vault's file, a copy of such a file, or a part of either.
    #[must_use]
    pub fn is_vault(&self) -> bool {
        matches!(self, Self::Vault(_) | Self::Copy(_) | Self::Content(_))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(place) => write!(f, "the vault {place}"),
            Self::Copy(Some(place)) => write!(f, "the copy {place}"),
            Self::Copy(None) => f.write_str("the vault copy"),
            Self::OtherFile => f.write_str("the other vault file"),
            Self::NewVault => f.write_str("the new vault"),
            Self::Content(words) => f.write_str(words),
            Self::Item(item) => write!(f, "the {item}"),
            Self::ItemIn { item, keychain } => write!(f, "the {item} in {keychain}"),
            Self::Key(key) => write!(f, "key version {} of project {:?}", key.version, key.project),
            Self::Secret(id) => write!(f, "secret {id}"),
        }
    }
}

/// What was named is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFound {
    /// No vault stands there.
    #[error("there is no vault at {place}")]
    Vault {
        /// Where it was looked for.
        place: String,
    },
    /// The vault has no project of this name.
    #[error("there is no project {name:?} in this vault")]
    Project {
        /// The name.
        name: String,
        /// The project that may be meant: its name differs in case or by one letter, or is alike.
        similar: Option<String>,
    },
    /// The project was destroyed, and its keys with it.
    #[error("project {name:?} was destroyed {at}: no key of it is left")]
    Destroyed {
        /// The name.
        name: String,
        /// When.
        at: Timestamp,
    },
    /// The project has no file key of this version, or it was destroyed.
    #[error("project {:?} has no key version {}", .0.project, .0.version)]
    Key(KeyPlace),
    /// The vault has no secret of this name.
    #[error("there is no secret {name:?} in this vault")]
    Secret {
        /// The name.
        name: String,
        /// The secret that may be meant.
        similar: Option<String>,
    },
    /// The secret has no version of this number.
    #[error("secret {name:?} has no version {version}")]
    SecretVersion {
        /// The name.
        name: String,
        /// The number, counted from 1.
        version: usize,
    },
    /// The vault has no recovery kit of this name, or none at all.
    #[error("{}", no_kit(.name.as_deref()))]
    Kit {
        /// What it was called; none where any kit would have done.
        name: Option<String>,
    },
}

/// What was to be made is there already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Exists {
    /// A vault, or what is left of one, stands where a new one should be made.
    #[error("a vault is there already: {}", .standing.join(", "))]
    Vault {
        /// What stands there.
        standing: Vec<String>,
    },
    /// The vault has a project of this name.
    #[error("there is a project {name:?} already{}", destroyed_on(*.destroyed))]
    Project {
        /// The name.
        name: String,
        /// When it was destroyed, if it was: its name stays on record.
        destroyed: Option<Timestamp>,
    },
    /// The vault has a secret of this name.
    #[error("there is a secret {name:?} already")]
    Secret {
        /// The name.
        name: String,
    },
    /// The project holds this very key already.
    #[error("project {:?} holds this key already, as version {}", .0.project, .0.version)]
    Key(KeyPlace),
    /// Other projects of the vault hold the same key.
    #[error("{}", same_key(.places))]
    KeyElsewhere {
        /// Where else the key is.
        places: Vec<KeyPlace>,
    },
}

/// What was asked for is not done, though nothing is wrong with vault, file or keychain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Bytes that cannot be a password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A project's name that cannot be seen, typed or told apart.
    #[error("the project's name is refused: {0}")]
    ProjectName(#[source] NameError),
    /// A secret's name that cannot be seen, typed or told apart.
    #[error("the secret's name is refused: {0}")]
    SecretName(#[source] NameError),
    /// A secret whose value is too long, or that has too many addresses, tags or fields.
    #[error("the secret is too long: its value may have 48 KiB, and 100 fields, addresses and tags each")]
    SecretTooLong,
    /// A vault with as many versions of secrets as there may be.
    #[error("the vault holds as many secrets as it may, with their earlier versions (100,000)")]
    TooManySecrets,
    /// Another text that cannot be seen or is too long.
    #[error("{what} is refused: {reason}")]
    Text {
        /// Which text.
        what: &'static str,
        /// Why.
        #[source]
        reason: NameError,
    },
    /// The version is the one that encrypts, or would become it.
    #[error("version {} is the one that encrypts for project {:?}, or would become it", .0.version, .0.project)]
    KeyInUse(KeyPlace),
    /// A hold keeps the project from being destroyed.
    #[error("project {name:?} is on hold since {since}{}", because(.reason))]
    Held {
        /// The name.
        name: String,
        /// Since when.
        since: Timestamp,
        /// Why; may be empty.
        reason: String,
    },
    /// Several recovery kits may be meant.
    #[error("{} recovery kits may be meant: {}", .kits.len(), .kits.join(" and "))]
    KitAmbiguous {
        /// What tells them apart.
        kits: Vec<String>,
    },
    /// Two vault files that cannot become one.
    #[error("{what} cannot be used here: {detail}")]
    OtherVault {
        /// The file.
        what: Subject,
        /// Why not.
        detail: &'static str,
    },
    /// Two vault files that were changed apart in what this program does not read, so that it cannot unite them.
    #[error("both files have changes that this program cannot read: {}", .members.join(", "))]
    NotUnited {
        /// What it is.
        members: Vec<String>,
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
    /// The vault file is under another data key than the one it was unlocked with.
    #[error(
        "the data key of {place} was rotated, or another vault was put there: this program cannot check what it \
         contains now"
    )]
    Unchecked {
        /// The vault file.
        place: String,
    },
}

/// A format newer or older than this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// A format newer than this program.
    #[error("{what} has format version {found}; this program reads version {known}")]
    Version {
        /// The vault or the item.
        what: Subject,
        /// The version found.
        found: u64,
        /// The newest version this program reads.
        known: u64,
    },
    /// A vault or an item that was written before the formats were frozen.
    #[error("{what} was made before the first release, in a format that this program does not read")]
    BeforeRelease {
        /// The vault or the item.
        what: Subject,
    },
    /// A feature of a newer format: a cipher suite, a flag, a stanza.
    #[error("{what} uses {feature}, which this program does not have")]
    Feature {
        /// What uses it.
        what: Subject,
        /// The feature.
        feature: &'static str,
    },
    /// The vault uses features this program does not have, so it must not change it.
    #[error("the vault needs features this program does not have: {}", .features.join(", "))]
    ReadOnly {
        /// Their names.
        features: Vec<String>,
    },
}

/// The keychain answered, and what it holds is not this vault's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// It holds no data key for this vault.
    #[error("{keychain} holds no key for vault {vault}")]
    Missing {
        /// The keychain's name.
        keychain: String,
        /// The vault.
        vault: VaultId,
    },
    /// Its item is not one for this vault.
    #[error("the item in {keychain} is not a key for this vault: {detail}")]
    NotOurs {
        /// The keychain's name.
        keychain: String,
        /// What does not fit.
        detail: String,
    },
    /// It took an item and gave back another.
    #[error("{keychain} did not keep what was written to it")]
    NotKept {
        /// The keychain's name.
        keychain: String,
    },
}

/// What was begun when a later step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Begun {
    /// The keychain was to get the key under the new password: either password may open.
    PasswordChange,
    /// This computer has its new key, so that the new password is in effect.
    Recovery,
    /// A rotation of the data key is in the vault. Later unlocks go on with it.
    Rotation,
}

impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PasswordChange => "the password change was not confirmed by the keychain",
            Self::Recovery => "the new password is in effect, but a later step failed",
            Self::Rotation => "the rotation has started and was interrupted",
        })
    }
}

/// Where a file key is in a vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPlace {
    /// The project's name.
    pub project: String,
    /// The version it has there.
    pub version: u32,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

fn destroyed_on(destroyed: Option<Timestamp>) -> String {
    destroyed.map(|at| format!("; it was destroyed on {at}, and its name stays on record")).unwrap_or_default()
}
