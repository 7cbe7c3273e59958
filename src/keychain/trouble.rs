//! Sorts what D-Bus and the Secret Service answer into the few situations a caller can act on. Only variants and
//! error names are looked at, never texts.

use std::time::Duration;

use keyring_core::{Entry, Error as KeyringError};
use zbus::DBusError;

use super::KeychainError;

/// Why a task on the Secret Service did not succeed.
pub(super) enum Trouble {
    /// The connection, the session or the service is gone; a new connection may find it again.
    Lost,
    /// The object does not exist, or not any more.
    Gone,
    /// The object is locked.
    Locked,
    /// The user dismissed the prompt.
    Dismissed,
    /// The service did not answer in time.
    TimedOut,
    /// Several items match.
    Ambiguous(Vec<Entry>),
    /// The service refused, with this error name.
    Refused(String),
    /// A situation that is clear already.
    Situation(KeychainError),
}

impl Trouble {
    /// Turns this into a keyring-core error that carries the typed situation inside.
    pub(super) fn into_keyring(self, provider: String, after: Duration, writing: bool) -> KeyringError {
        let situation = match self {
            Self::Gone => return KeyringError::NoEntry,
            Self::Ambiguous(entries) => return KeyringError::Ambiguous(entries),
            Self::Lost => KeychainError::Vanished { provider },
            Self::Locked => KeychainError::Locked { provider },
            Self::Dismissed => KeychainError::PromptDismissed { provider },
            Self::TimedOut => KeychainError::Unresponsive { provider, after, writing },
            Self::Refused(reason) => KeychainError::Rejected { provider, reason },
            Self::Situation(situation) => situation,
        };
        match situation {
            KeychainError::NoBus
            | KeychainError::NoService
            | KeychainError::ActivationStalled
            | KeychainError::NoCollection { .. }
            | KeychainError::Locked { .. }
            | KeychainError::PromptDismissed { .. } => KeyringError::NoStorageAccess(Box::new(situation)),
            other => KeyringError::PlatformFailure(Box::new(other)),
        }
    }

    fn from_name(name: &str) -> Self {
        const SECRET: &str = "org.freedesktop.Secret.Error.";
        const BUS: &str = "org.freedesktop.DBus.Error.";
        if let Some(secret) = name.strip_prefix(SECRET) {
            match secret {
                "IsLocked" => return Self::Locked,
                "NoSession" => return Self::Lost,
                "NoSuchObject" => return Self::Gone,
                _ => {}
            }
        }
        if let Some(bus) = name.strip_prefix(BUS) {
            match bus {
                "ServiceUnknown" | "NameHasNoOwner" | "NoReply" | "Disconnected" => return Self::Lost,
                // What a provider says of an object path where nothing lies differs from provider to provider.
                "UnknownObject" | "UnknownMethod" | "UnknownInterface" => return Self::Gone,
                "Timeout" | "TimedOut" => return Self::TimedOut,
                _ => {}
            }
        }
        Self::Refused(name.to_owned())
    }
}

impl From<KeychainError> for Trouble {
    fn from(situation: KeychainError) -> Self {
        Self::Situation(situation)
    }
}

impl From<zbus::Error> for Trouble {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, ..) => Self::from_name(&name),
            zbus::Error::FDO(error) => (*error).into(),
            zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::TimedOut,
            zbus::Error::InputOutput(_) | zbus::Error::Connection(..) => Self::Lost,
            // The texts of the rest are not shown: one may quote the message, and with it an item.
            _ => Self::Refused("an answer that is not D-Bus".into()),
        }
    }
}

impl From<zbus::fdo::Error> for Trouble {
    fn from(error: zbus::fdo::Error) -> Self {
        match error {
            zbus::fdo::Error::ZBus(error) => error.into(),
            other => Self::from_name(&other.name()),
        }
    }
}

impl From<secret_service::Error> for Trouble {
    fn from(error: secret_service::Error) -> Self {
        use secret_service::Error;
        match error {
            Error::Zbus(error) => error.into(),
            Error::ZbusFdo(error) => error.into(),
            Error::Locked => Self::Locked,
            Error::NoResult => Self::Gone,
            Error::Prompt => Self::Dismissed,
            Error::PromptDisconnected | Error::Unavailable => Self::Lost,
            _ => Self::Refused("an answer that is not of the Secret Service".into()),
        }
    }
}
