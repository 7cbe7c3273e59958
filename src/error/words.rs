//! The stable word for each kind of error, which scripts and other programs go by.

use std::io;

use super::{Begun, BodyError, Error, Exists, ItemError, NotFound, Refused, Unsupported};
use crate::crypto::kdf::KdfError;
use crate::keychain::KeychainError;

impl Error {
    /// Returns the stable word that programs know this kind of failure by; docs/cli.md lists them.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Error::WrongPassword { .. } => "wrong-password",
            Error::WrongKit => "wrong-kit",
            Error::NotFound(missing) => not_found(missing),
            Error::Exists(standing) => exists(standing),
            Error::Refused(refusal) => refused(refusal),
            Error::Unsupported(Unsupported::BeforeRelease { .. }) => "before-release",
            Error::Unsupported(Unsupported::ReadOnly { .. }) => "read-only",
            Error::Unsupported(_) => "unsupported-version",
            Error::Damaged { .. } => "damaged",
            Error::SealedFile(error) => error.source.kind(),
            Error::Kdf(KdfError::OutOfRange { .. }) => "kdf-out-of-range",
            Error::Kdf(KdfError::NotEnoughMemory { .. }) => "not-enough-memory",
            Error::Busy { .. } | Error::Keychain(KeychainError::Busy { .. }) => "busy",
            Error::Changed { .. } => "changed",
            Error::Keychain(error) => error.kind(),
            Error::Item(ItemError::Missing { .. }) => "key-missing",
            Error::Item(ItemError::NotOurs { .. }) => "key-not-ours",
            Error::Item(ItemError::NotKept { .. }) => "keychain-forgets",
            Error::OnlyPrevious { other_key: true, .. } => "key-not-ours",
            Error::OnlyPrevious { .. } => "damaged",
            Error::RolledBack(seen) => seen.difference.kind(),
            Error::LogUnavailable(_) => "log-unavailable",
            Error::LogAltered(_) => "log-altered",
            Error::Unfinished { begun: Begun::PasswordChange, .. } => "either-password",
            Error::Unfinished { cause, .. } => cause.kind(),
            Error::Io { source, .. } => kind_of_system(source),
            Error::Agent { .. } => "agent",
            Error::Random(_) => "random",
        }
    }
}

fn not_found(missing: &NotFound) -> &'static str {
    match missing {
        NotFound::Vault { .. } => "vault-not-found",
        NotFound::Project { .. } => "project-not-found",
        NotFound::Destroyed { .. } => "project-destroyed",
        NotFound::Key(_) => "key-not-found",
        NotFound::Secret { .. } => "secret-not-found",
        NotFound::SecretVersion { .. } => "version-not-found",
        NotFound::Kit { .. } => "kit-not-found",
    }
}

fn exists(standing: &Exists) -> &'static str {
    match standing {
        Exists::Vault { .. } => "vault-exists",
        Exists::Project { .. } => "project-exists",
        Exists::Key(_) => "key-exists",
        Exists::Secret { .. } => "secret-exists",
        Exists::KeyElsewhere { .. } => "key-shared",
    }
}

fn refused(refusal: &Refused) -> &'static str {
    match refusal {
        Refused::Password(_) => "bad-password",
        Refused::ProjectName(_) | Refused::SecretName(_) | Refused::Text { .. } => "bad-name",
        Refused::SecretTooLong => "bad-secret",
        Refused::TooManySecrets => "too-many-secrets",
        Refused::KeyInUse(_) => "key-in-use",
        Refused::Held { .. } => "project-held",
        Refused::KitAmbiguous { .. } => "kit-ambiguous",
        Refused::OtherVault { .. } => "other-vault",
        Refused::NotUnited { .. } => "not-united",
        Refused::RotationUnderWay => "rotation-under-way",
        Refused::PreviousNewer { .. } => "previous-newer",
        Refused::Unchecked { .. } => "changed",
    }
}

impl BodyError {
    /// Returns the stable word that programs know this kind of failure by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            BodyError::NotSealed => "not-sealed",
            BodyError::Truncated => "truncated",
            BodyError::Damaged { .. } | BodyError::Header(_) => "damaged",
            BodyError::WrongKey { .. } => "wrong-key",
            BodyError::UnsupportedVersion { .. } | BodyError::UnsupportedFeature(_) => "unsupported-version",
            BodyError::Exhausted => "exhausted",
            BodyError::Changed => "changed",
            BodyError::Busy { .. } => "busy",
            BodyError::Read(source)
            | BodyError::Write(source)
            | BodyError::Rewrite(source)
            | BodyError::Lock(source) => kind_of_system(source),
            BodyError::Keys(error) => error.kind(),
            BodyError::Random(_) => "random",
        }
    }
}

/// Returns the word for an error of the system.
#[must_use]
pub fn kind_of_system(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "input-not-found",
        io::ErrorKind::BrokenPipe => "broken-pipe",
        io::ErrorKind::StorageFull => "disk-full",
        io::ErrorKind::PermissionDenied => "permission",
        io::ErrorKind::InvalidFilename => "name-too-long",
        _ => "io",
    }
}
