//! Errors that are sent over the wire.

use super::*;
use crate::error::{IoAction, LogAlarm, LogDifference, LogTrouble};

/// Sends an error over the wire.
fn over_the_wire(error: Error) -> Error {
    let line = Answer::Failed(error.into()).to_line();
    match Answer::read(without_end(&line)).unwrap() {
        Answer::Failed(failed) => failed.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_arrives_as_the_one_that_was_sent() {
    use crate::error::{Difference, Exists, ItemError, KeyPlace, Refused, RolledBack, Subject, Unsupported};
    use crate::format::name::NameError;
    use crate::keychain::{ItemKind, KeychainError};
    use std::time::Duration;

    let at = Timestamp::from_unix(1_795_249_800);
    let rolled_back = |difference| Error::RolledBack(RolledBack { generation: 2, seen: 3, seen_at: at, difference });
    let provider = || "gnome-keyring".to_owned();
    let bad = |reason| Error::from(Refused::ProjectName(reason));
    let key = || KeyPlace { project: "acme".into(), version: 7 };
    let keychain = vec![
        KeychainError::NoBus,
        KeychainError::NoService,
        KeychainError::ActivationStalled,
        KeychainError::NoCollection { provider: provider() },
        KeychainError::Locked { provider: provider() },
        KeychainError::PromptDismissed { provider: provider() },
        KeychainError::AsksFirst { provider: provider() },
        KeychainError::Unresponsive { provider: provider(), after: Duration::from_secs(3), writing: true },
        KeychainError::Vanished { provider: provider() },
        KeychainError::Ambiguous { provider: provider(), count: 2, kind: ItemKind::Anchor },
        KeychainError::Busy { provider: provider(), waited: Duration::from_secs(60) },
        KeychainError::Rejected { provider: provider(), reason: "no".into() },
    ];
    let mut errors = vec![
        NotFound::Project { name: "acme".into(), similar: Some("acne".into()) }.into(),
        Exists::Project { name: "acme".into(), destroyed: Some(at) }.into(),
        NotFound::Destroyed { name: "acme".into(), at }.into(),
        NotFound::Key(key()).into(),
        NotFound::Vault { place: "/v".into() }.into(),
        Refused::KeyInUse(key()).into(),
        bad(NameError::Empty),
        bad(NameError::TooLong(128)),
        bad(NameError::Control),
        bad(NameError::Space),
        bad(NameError::Hyphen),
        Refused::Text { what: "the reason", reason: NameError::Control }.into(),
        Refused::Text { what: "the client's name", reason: NameError::TooLong(4096) }.into(),
        Unsupported::ReadOnly { features: vec!["ceremony".into()] }.into(),
        rolled_back(Difference::Older),
        rolled_back(Difference::Diverged),
        rolled_back(Difference::TooFarAhead),
        Error::Damaged { what: Subject::Key(key()), detail: "its tag".into() },
        Error::Busy { what: Subject::Vault("/v".into()), waited: Duration::from_millis(60_001) },
        ItemError::NotKept { keychain: provider() }.into(),
        LogTrouble::NoKey.into(),
        LogTrouble::NoRecord.into(),
        LogTrouble::TooLong.into(),
        LogTrouble::Newer.into(),
        LogTrouble::Failed(Box::new(Error::Random(crate::crypto::RandomUnavailable))).into(),
        Error::LogAltered(LogAlarm { difference: LogDifference::Cut, from: 3, recorded: 9 }),
        Error::Changed { what: Subject::Content("the access log") },
        Error::Random(crate::crypto::RandomUnavailable),
    ];
    errors.extend(keychain.into_iter().map(Error::Keychain));
    let subjects = [
        Subject::Copy(Some("/c".into())),
        Subject::Copy(None),
        Subject::OtherFile,
        Subject::NewVault,
        Subject::Content("the rotation of the data key"),
        Subject::Item("anchor"),
        Subject::ItemIn { item: "data-key item", keychain: provider() },
        Subject::Secret("x".into()),
    ];
    errors.extend(subjects.map(|what| Error::Changed { what }));
    for error in errors {
        let (shown, text) = (format!("{error:?}"), error.to_string());
        let arrived = over_the_wire(error);
        assert_eq!((format!("{arrived:?}"), arrived.to_string()), (shown, text));
    }
}

#[test]
fn an_error_of_the_system_keeps_its_kind() {
    use std::io;
    let full = io::Error::from(rustix::io::Errno::NOSPC);
    let arrived = over_the_wire(Error::Io { action: IoAction::Write, path: "/v/vault.json".into(), source: full });
    match arrived {
        Error::Io { action, path, source } => {
            assert_eq!((action, source.kind()), (IoAction::Write, io::ErrorKind::StorageFull));
            assert_eq!(path, std::path::Path::new("/v/vault.json"));
        }
        other => panic!("{other:?}"),
    }
    // Whatever there is no form for arrives as its text.
    let other = over_the_wire(crate::error::Refused::RotationUnderWay.into());
    assert!(other.to_string().contains("a rotation of the data key is under way"), "{other}");
    let file = crate::keychain::KeychainError::File {
        action: IoAction::Write,
        path: "/k".into(),
        source: io::Error::from(io::ErrorKind::PermissionDenied),
    };
    assert!(over_the_wire(Error::Keychain(file)).to_string().contains("/k"));
}
