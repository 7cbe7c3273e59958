//! The vault's errors on the wire: the kind of each, and its fields, so that a client can act on one as if the vault
//! were its own. The one place that knows both forms.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::crypto::RandomUnavailable;
use crate::error::{
    Difference, Error, Exists, IoAction, ItemError, KeyPlace, LogAlarm, LogDifference, LogTrouble, NotFound, Refused,
    RolledBack, Subject, Unsupported,
};
use crate::format::Timestamp;
use crate::format::name::NameError;
use crate::keychain::{ItemKind, KeychainError};

/// The texts that [`Refused::Text`] can be about.
const TEXTS: [&str; 19] = [
    "the client's name",
    "the note",
    "the reason",
    "the kind",
    "the user",
    "the address",
    "the tag",
    "the source",
    "the field's name",
    "the purpose",
    "the role",
    "the basis",
    "the custodian",
    "the contact",
    "what is done at the end",
    "the rule for the log",
    "the rule for reasons",
    "what is declared",
    "who makes the change",
];
/// What [`Subject::Content`] and [`Subject::Item`] can be.
const CONTENTS: [&str; 8] = [
    "the vault's KDF policy",
    "the rotation of the data key",
    "the list of recovery kits",
    "the vault's anchor key",
    "the access log",
    "the access log's key",
    "the access log's keys",
    "the disclosed entry",
];
const ITEMS: [&str; 3] = ["data-key item", "anchor", "key"];

/// An error as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "each is the variant of the same name of crate::Error, or of a value inside one")]
pub enum Failed {
    ProjectNotFound { name: String, similar: Option<String> },
    ProjectExists { name: String, destroyed: Option<Timestamp> },
    ProjectDestroyed { name: String, at: Timestamp },
    SecretNotFound { name: String, similar: Option<String> },
    SecretVersionNotFound { name: String, version: usize },
    SecretExists { name: String },
    BadSecretName { reason: String, limit: usize },
    SecretTooLong,
    TooManySecrets,
    ProjectHeld { name: String, since: Timestamp, reason: String },
    KeyNotFound { project: String, version: u32 },
    KeyInUse { project: String, version: u32 },
    BadProjectName { reason: String, limit: usize },
    BadText { what: String, reason: String, limit: usize },
    ReadOnly { features: Vec<String> },
    RolledBack { generation: u64, seen: u64, seen_at: Timestamp, difference: String },
    Damaged { what: About, detail: String },
    LogAltered { difference: String, from: u64, recorded: u64 },
    LogUnavailable { word: String, cause: Option<Box<Failed>> },
    Busy { what: About, waited_ms: u64 },
    Changed { what: About },
    VaultNotFound { place: String },
    Keychain(KeychainFailed),
    KeychainForgets { keychain: String },
    Random,
    Io { action: String, path: String, code: Option<i32>, text: String },
    Other { text: String },
}

/// What an error is about, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "each is the variant of the same name of crate::error::Subject")]
pub enum About {
    Vault(String),
    Copy(Option<String>),
    OtherFile,
    NewVault,
    Content(String),
    Item(String),
    ItemIn { item: String, keychain: String },
    Key { project: String, version: u32 },
    Secret(String),
}

/// An error of the keychain as it is on the wire: its kind, and of the rest what that kind has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeychainFailed {
    /// The stable word for it.
    pub kind: String,
    /// The provider's name.
    pub provider: String,
    /// Why it refused.
    pub reason: String,
    /// How many items match.
    pub count: usize,
    /// Whether it is about the anchor.
    pub anchor: bool,
    /// How long was waited, in milliseconds.
    pub waited_ms: u64,
    /// Whether it was a write.
    pub writing: bool,
    /// What was done to the keychain file.
    pub action: String,
    /// The number of the system's error.
    pub code: Option<i32>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(NotFound::Project { name, similar }) => Self::ProjectNotFound { name, similar },
            Error::Exists(Exists::Project { name, destroyed }) => Self::ProjectExists { name, destroyed },
            Error::NotFound(NotFound::Destroyed { name, at }) => Self::ProjectDestroyed { name, at },
            Error::NotFound(NotFound::Key(KeyPlace { project, version })) => Self::KeyNotFound { project, version },
            Error::NotFound(NotFound::Vault { place }) => Self::VaultNotFound { place },
            Error::NotFound(NotFound::Secret { name, similar }) => Self::SecretNotFound { name, similar },
            Error::NotFound(NotFound::SecretVersion { name, version }) => Self::SecretVersionNotFound { name, version },
            Error::Exists(Exists::Secret { name }) => Self::SecretExists { name },
            Error::Refused(Refused::SecretName(reason)) => {
                Self::BadSecretName { reason: name_word(reason).into(), limit: limit_in(reason) }
            }
            Error::Refused(Refused::SecretTooLong) => Self::SecretTooLong,
            Error::Refused(Refused::TooManySecrets) => Self::TooManySecrets,
            Error::Refused(Refused::Held { name, since, reason }) => Self::ProjectHeld { name, since, reason },
            Error::Refused(Refused::KeyInUse(KeyPlace { project, version })) => Self::KeyInUse { project, version },
            Error::Refused(Refused::ProjectName(reason)) => {
                Self::BadProjectName { reason: name_word(reason).into(), limit: limit_in(reason) }
            }
            Error::Refused(Refused::Text { what, reason }) => {
                Self::BadText { what: what.into(), reason: name_word(reason).into(), limit: limit_in(reason) }
            }
            Error::Unsupported(Unsupported::ReadOnly { features }) => Self::ReadOnly { features },
            Error::RolledBack(RolledBack { generation, seen, seen_at, difference }) => {
                Self::RolledBack { generation, seen, seen_at, difference: difference.kind().into() }
            }
            Error::Damaged { what, detail } => Self::Damaged { what: what.into(), detail },
            Error::LogAltered(LogAlarm { difference, from, recorded }) => {
                Self::LogAltered { difference: difference.kind().into(), from, recorded }
            }
            Error::LogUnavailable(trouble) => {
                let (word, cause) = log_trouble(trouble);
                Self::LogUnavailable { word: word.into(), cause: cause.map(|cause| Box::new((*cause).into())) }
            }
            Error::Busy { what, waited } => Self::Busy { what: what.into(), waited_ms: millis(waited) },
            Error::Changed { what } => Self::Changed { what: what.into() },
            Error::Keychain(error) => Self::Keychain(error.into()),
            Error::Item(ItemError::NotKept { keychain }) => Self::KeychainForgets { keychain },
            Error::Random(_) => Self::Random,
            Error::Io { action, path, source } => Self::Io {
                action: action.to_string(),
                path: path.to_string_lossy().into_owned(),
                code: source.raw_os_error(),
                text: source.to_string(),
            },
            other => Self::Other { text: other.to_string() },
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::ProjectNotFound { name, similar } => NotFound::Project { name, similar }.into(),
            Failed::ProjectExists { name, destroyed } => Exists::Project { name, destroyed }.into(),
            Failed::ProjectDestroyed { name, at } => NotFound::Destroyed { name, at }.into(),
            Failed::KeyNotFound { project, version } => NotFound::Key(KeyPlace { project, version }).into(),
            Failed::VaultNotFound { place } => NotFound::Vault { place }.into(),
            Failed::SecretNotFound { name, similar } => NotFound::Secret { name, similar }.into(),
            Failed::SecretVersionNotFound { name, version } => NotFound::SecretVersion { name, version }.into(),
            Failed::SecretExists { name } => Exists::Secret { name }.into(),
            Failed::BadSecretName { reason, limit } => Refused::SecretName(name_error(&reason, limit)).into(),
            Failed::SecretTooLong => Refused::SecretTooLong.into(),
            Failed::TooManySecrets => Refused::TooManySecrets.into(),
            Failed::ProjectHeld { name, since, reason } => Refused::Held { name, since, reason }.into(),
            Failed::KeyInUse { project, version } => Refused::KeyInUse(KeyPlace { project, version }).into(),
            Failed::BadProjectName { reason, limit } => Refused::ProjectName(name_error(&reason, limit)).into(),
            Failed::BadText { what, reason, limit } => {
                Refused::Text { what: known(&TEXTS, &what, "the text"), reason: name_error(&reason, limit) }.into()
            }
            Failed::ReadOnly { features } => Unsupported::ReadOnly { features }.into(),
            Failed::RolledBack { generation, seen, seen_at, difference } => {
                let all = [Difference::Older, Difference::Diverged, Difference::TooFarAhead];
                let difference = all.into_iter().find(|d| d.kind() == difference).unwrap_or(Difference::Diverged);
                Self::RolledBack(RolledBack { generation, seen, seen_at, difference })
            }
            Failed::Damaged { what, detail } => Self::Damaged { what: what.into(), detail },
            Failed::LogAltered { difference, from, recorded } => {
                let all = [LogDifference::Cut, LogDifference::Rewritten, LogDifference::Damaged];
                let difference = all.into_iter().find(|d| d.kind() == difference).unwrap_or(LogDifference::Damaged);
                Self::LogAltered(LogAlarm { difference, from, recorded })
            }
            Failed::LogUnavailable { word, cause } => Self::LogUnavailable(match (word.as_str(), cause) {
                (_, Some(cause)) => LogTrouble::Failed(Box::new((*cause).into())),
                ("no-key", None) => LogTrouble::NoKey,
                ("too-long", None) => LogTrouble::TooLong,
                ("newer", None) => LogTrouble::Newer,
                _ => LogTrouble::NoRecord,
            }),
            Failed::Busy { what, waited_ms } => {
                Self::Busy { what: what.into(), waited: Duration::from_millis(waited_ms) }
            }
            Failed::Changed { what } => Self::Changed { what: what.into() },
            Failed::Keychain(failed) => Self::Keychain(failed.into()),
            Failed::KeychainForgets { keychain } => ItemError::NotKept { keychain }.into(),
            Failed::Random => Self::Random(RandomUnavailable),
            Failed::Io { action, path, code, text } => {
                Self::Io { action: action_named(&action), path: path.into(), source: system(code, text) }
            }
            Failed::Other { text } => Self::Agent { reason: text },
        }
    }
}

impl From<Subject> for About {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Vault(place) => Self::Vault(place),
            Subject::Copy(place) => Self::Copy(place),
            Subject::OtherFile => Self::OtherFile,
            Subject::NewVault => Self::NewVault,
            Subject::Content(words) => Self::Content(words.into()),
            Subject::Item(item) => Self::Item(item.into()),
            Subject::ItemIn { item, keychain } => Self::ItemIn { item: item.into(), keychain },
            Subject::Key(KeyPlace { project, version }) => Self::Key { project, version },
            Subject::Secret(id) => Self::Secret(id),
        }
    }
}

impl From<About> for Subject {
    fn from(about: About) -> Self {
        match about {
            About::Vault(place) => Self::Vault(place),
            About::Copy(place) => Self::Copy(place),
            About::OtherFile => Self::OtherFile,
            About::NewVault => Self::NewVault,
            About::Content(words) => Self::Content(known(&CONTENTS, &words, "a part of the vault")),
            About::Item(item) => Self::Item(known(&ITEMS, &item, "item")),
            About::ItemIn { item, keychain } => Self::ItemIn { item: known(&ITEMS, &item, "item"), keychain },
            About::Key { project, version } => Self::Key(KeyPlace { project, version }),
            About::Secret(id) => Self::Secret(id),
        }
    }
}

impl From<KeychainError> for KeychainFailed {
    fn from(error: KeychainError) -> Self {
        let of = Self { kind: error.kind().into(), ..Self::default() };
        match error {
            KeychainError::NoBus | KeychainError::NoService | KeychainError::ActivationStalled => of,
            KeychainError::NoCollection { provider }
            | KeychainError::Locked { provider }
            | KeychainError::PromptDismissed { provider }
            | KeychainError::AsksFirst { provider }
            | KeychainError::Vanished { provider } => Self { provider, ..of },
            KeychainError::Unresponsive { provider, after, writing } => {
                Self { provider, waited_ms: millis(after), writing, ..of }
            }
            KeychainError::Busy { provider, waited } => Self { provider, waited_ms: millis(waited), ..of },
            KeychainError::Ambiguous { provider, count, kind } => {
                Self { provider, count, anchor: kind == ItemKind::Anchor, ..of }
            }
            KeychainError::Rejected { provider, reason } => Self { provider, reason, ..of },
            KeychainError::File { action, path, source } => Self {
                provider: path.to_string_lossy().into_owned(),
                reason: source.to_string(),
                action: action.to_string(),
                code: source.raw_os_error(),
                ..of
            },
            KeychainError::TooLong { .. } => Self { reason: error.to_string(), ..of },
        }
    }
}

impl From<KeychainFailed> for KeychainError {
    fn from(failed: KeychainFailed) -> Self {
        let KeychainFailed { kind, provider, reason, count, anchor, waited_ms, writing, action, code } = failed;
        let waited = Duration::from_millis(waited_ms);
        match kind.as_str() {
            "no-bus" => Self::NoBus,
            "no-service" => Self::NoService,
            "activation-stalled" => Self::ActivationStalled,
            "no-collection" => Self::NoCollection { provider },
            "locked" => Self::Locked { provider },
            "prompt-dismissed" => Self::PromptDismissed { provider },
            "asks-first" => Self::AsksFirst { provider },
            "vanished" => Self::Vanished { provider },
            "unresponsive" => Self::Unresponsive { provider, after: waited, writing },
            "busy" => Self::Busy { provider, waited },
            "ambiguous" => {
                let kind = if anchor { ItemKind::Anchor } else { ItemKind::DataKey };
                Self::Ambiguous { provider, count, kind }
            }
            "file" => Self::File { action: action_named(&action), path: provider.into(), source: system(code, reason) },
            _ => Self::Rejected { provider, reason },
        }
    }
}

/// Returns the word for why an entry cannot be written, and the error that is the cause.
fn log_trouble(trouble: LogTrouble) -> (&'static str, Option<Box<Error>>) {
    match trouble {
        LogTrouble::NoKey => ("no-key", None),
        LogTrouble::NoRecord => ("no-record", None),
        LogTrouble::TooLong => ("too-long", None),
        LogTrouble::Newer => ("newer", None),
        LogTrouble::Failed(cause) => ("failed", Some(cause)),
    }
}

/// Returns the text of a list that equals one from the wire.
fn known(all: &[&'static str], text: &str, else_text: &'static str) -> &'static str {
    all.iter().find(|known| **known == text).copied().unwrap_or(else_text)
}

fn action_named(word: &str) -> IoAction {
    use IoAction::{Delete, Find, Follow, Lock, Make, Open, Read, Sync, Write};
    let all = [Find, Follow, Open, Read, Lock, Make, Write, Sync, Delete];
    all.into_iter().find(|action| action.to_string() == word).unwrap_or(Open)
}

fn system(code: Option<i32>, text: String) -> io::Error {
    code.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error)
}

fn limit_in(error: NameError) -> usize {
    if let NameError::TooLong(limit) = error { limit } else { 0 }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn name_word(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "empty",
        NameError::TooLong(_) => "too-long",
        NameError::Control => "control",
        NameError::Space => "space",
        NameError::Hyphen => "hyphen",
    }
}

fn name_error(word: &str, limit: usize) -> NameError {
    match word {
        "empty" => NameError::Empty,
        "too-long" => NameError::TooLong(limit),
        "space" => NameError::Space,
        "hyphen" => NameError::Hyphen,
        _ => NameError::Control,
    }
}
