//! What the library could not do: the exit code, the word for scripts, and what helps.

use std::io;

use super::{Exit, keychain, permission_hint};
use crate::crypto::kdf::KdfError;
use crate::error::{
    Begun, BodyError, Difference, Error, Exists, ItemError, LogTrouble, NotFound, Refused, RolledBack, SealedFileError,
    Unsupported, kind_of_system,
};
use crate::keychain::KeychainError;
use crate::words::{Words, command, words};

/// Returns the exit code, and the stable word for scripts.
pub(super) fn classify(error: &Error) -> (Exit, &'static str) {
    (exit(error), error.kind())
}

fn exit(error: &Error) -> Exit {
    match error {
        Error::WrongPassword { .. } | Error::WrongKit => Exit::WrongPassword,
        Error::NotFound(_) => Exit::NotFound,
        Error::Refused(
            Refused::Password(_)
            | Refused::ProjectName(_)
            | Refused::SecretName(_)
            | Refused::Text { .. }
            | Refused::SecretTooLong,
        ) => Exit::Usage,
        Error::Damaged { .. } | Error::Kdf(KdfError::OutOfRange { .. }) | Error::LogAltered(_) => Exit::Damaged,
        Error::OnlyPrevious { other_key: false, .. } => Exit::Damaged,
        Error::SealedFile(error) => exit_of_file(&error.source),
        Error::Busy { .. } | Error::Keychain(KeychainError::Busy { .. }) => Exit::Busy,
        Error::Keychain(_) | Error::Item(_) | Error::OnlyPrevious { .. } => Exit::Keychain,
        Error::RolledBack(_) => Exit::RolledBack,
        Error::Unfinished { begun: Begun::PasswordChange, .. } => Exit::Keychain,
        Error::Unfinished { cause, .. } => exit(cause),
        Error::Io { source, .. } => system(source).0,
        Error::Exists(_)
        | Error::Refused(_)
        | Error::Unsupported(_)
        | Error::Kdf(KdfError::NotEnoughMemory { .. })
        | Error::Changed { .. }
        | Error::LogUnavailable(_)
        | Error::Agent { .. }
        | Error::Random(_) => Exit::Failed,
    }
}

fn exit_of_file(error: &BodyError) -> Exit {
    match error {
        BodyError::NotSealed | BodyError::WrongKey { .. } => Exit::NotFound,
        BodyError::Truncated | BodyError::Damaged { .. } | BodyError::Header(_) => Exit::Damaged,
        BodyError::Busy { .. } => Exit::Busy,
        BodyError::Read(source) | BodyError::Write(source) | BodyError::Rewrite(source) | BodyError::Lock(source) => {
            system(source).0
        }
        BodyError::Keys(error) => exit(error),
        BodyError::UnsupportedVersion { .. }
        | BodyError::UnsupportedFeature(_)
        | BodyError::Exhausted
        | BodyError::Changed
        | BodyError::Random(_) => Exit::Failed,
    }
}

/// Returns those of an error of the system.
pub(super) fn system(source: &io::Error) -> (Exit, &'static str) {
    let exit = match source.kind() {
        io::ErrorKind::NotFound => Exit::NotFound,
        io::ErrorKind::BrokenPipe => Exit::Done,
        _ => Exit::Failed,
    };
    (exit, kind_of_system(source))
}

/// Says what helps.
pub(super) fn hint(error: &Error) -> Option<Words> {
    Some(match error {
        Error::WrongPassword { earlier_boot: true, .. } => words![
            "the keychain item was written before this computer last started. If the password was changed shortly \
             before a crash, try the old password; or, with a recovery kit: ",
            command("recover")
        ],
        Error::WrongPassword { .. } => words![
            "check the keyboard layout and Caps Lock, and try again; or, with a recovery kit: ",
            command("recover")
        ],
        Error::WrongKit => {
            "check each group against the paper; a kit that was revoked or ended by a rotation opens only older copies"
                .into()
        }
        Error::NotFound(missing) => of_missing(missing),
        Error::Exists(standing) => of_existing(standing),
        Error::Refused(refusal) => of_refused(refusal),
        Error::Unsupported(Unsupported::BeforeRelease { .. }) => {
            "decrypt its files with the strongroom that made it, and encrypt them again with a new vault".into()
        }
        Error::Unsupported(_) => NEWER.into(),
        Error::Damaged { what, .. } if what.is_vault() => {
            words!["restore the vault file from a backup; ", command("doctor"), " shows what else is there"]
        }
        Error::Damaged { .. } => RESTORE.into(),
        Error::SealedFile(error) => return of_file(error),
        Error::Kdf(KdfError::NotEnoughMemory { .. }) => {
            "close other programs, or give the container more memory".into()
        }
        Error::Kdf(_) => "the keychain item was altered or is not Strongroom's: restore it from a backup".into(),
        Error::Busy { .. } => WAIT.into(),
        Error::Changed { .. } => AGAIN.into(),
        Error::Keychain(error) => keychain::hint(error),
        Error::Item(error) => of_item(error),
        Error::OnlyPrevious { other_key, generation, .. } => of_only_previous(*other_key, *generation),
        Error::Unfinished { begun: Begun::PasswordChange, .. } => words![
            "the old password, the new one or both may open the vault now: try both, then run ",
            command("passwd"),
            " again"
        ],
        Error::Unfinished { begun: Begun::Rotation, .. } => words![
            "a later command continues it, or says that it was cancelled; ",
            command("vault rotate"),
            " shows its state, or starts another"
        ],
        Error::Unfinished { begun: Begun::Recovery, .. } => {
            "the new password and the kit both open the vault: run it again".into()
        }
        Error::RolledBack(seen) => of_rolled_back(seen),
        Error::LogAltered(_) => words![
            "look at it with ",
            command("log verify"),
            "; if you have the log, put it back (the folder log beside the vault file); or accept the gap for good with ",
            command("log accept --reason WHY")
        ],
        Error::LogUnavailable(LogTrouble::Failed(cause)) => return hint(cause),
        Error::LogUnavailable(LogTrouble::Newer) => NEWER.into(),
        Error::LogUnavailable(LogTrouble::TooLong) => "give a shorter reason".into(),
        Error::LogUnavailable(_) => words!["unlock the vault once with ", command("status --unlock")],
        Error::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => permission_hint(path),
        Error::Io { source, .. } => return of_system(source),
        Error::Agent { .. } => AGAIN.into(),
        Error::Random(_) => return None,
    })
}

const NEWER: &str = "install a newer strongroom";
const AGAIN: &str = "run it again";
const WAIT: &str = "wait until the other strongroom is done, and run it again";
const RESTORE: &str = "the file was changed, damaged or cut short after it was encrypted: restore it from a backup";

fn of_missing(missing: &NotFound) -> Words {
    match missing {
        NotFound::Vault { .. } => words![
            "if the vault is elsewhere, name its folder with --vault; make a new vault with ",
            command("init"),
            "; for a vault from another computer, with a recovery kit: ",
            command("recover --from BACKUP")
        ],
        NotFound::Project { similar: Some(similar), .. } => {
            words![format!("did you mean {similar:?}? see the names with "), command("project list")]
        }
        NotFound::Project { .. } => words!["see the names with ", command("project list")],
        NotFound::Destroyed { .. } => words!["see what is left with ", command("project list")],
        NotFound::Key(key) => words!["see the versions with ", command("key list").arg(&key.project)],
        NotFound::Secret { similar: Some(similar), .. } => {
            words![format!("did you mean {similar:?}? see the names with "), command("secret list")]
        }
        NotFound::Secret { .. } => words!["see the names with ", command("secret list")],
        NotFound::SecretVersion { name, .. } => words!["see the versions with ", command("secret history").arg(name)],
        NotFound::Kit { .. } => words!["see the kits with ", command("kit list")],
    }
}

fn of_existing(standing: &Exists) -> Words {
    match standing {
        Exists::Vault { .. } => {
            words!["use it, or name another folder with --vault; ", command("doctor"), " explains leftovers"]
        }
        Exists::Project { .. } => words!["choose another name, or see what there is with ", command("project list")],
        Exists::Secret { .. } => {
            words!["choose another name, or see what there is with ", command("secret list")]
        }
        Exists::Key(_) => "nothing needs to be done: the project already has this key".into(),
        Exists::KeyElsewhere { .. } => {
            "files of one project then open through the other, even after it was destroyed: \
                                        if that is meant, add --shared"
                .into()
        }
    }
}

fn of_refused(refusal: &Refused) -> Words {
    match refusal {
        Refused::Password(_) => "give the password on one line of UTF-8 text".into(),
        Refused::SecretTooLong => "encrypt larger things as files".into(),
        Refused::TooManySecrets => words!["delete earlier versions with ", command("secret prune")],
        Refused::ProjectName(_) | Refused::SecretName(_) => {
            "use 1 to 128 visible characters, without white space at the ends or a hyphen first".into()
        }
        Refused::Text { .. } => "use one line of at most 4096 characters, without characters that are not shown".into(),
        Refused::KeyInUse(key) => {
            words!["make another version current first with ", command("key rotate").arg(&key.project)]
        }
        Refused::Held { name, .. } => {
            words![
                "ask whoever ordered the hold; end it with ",
                command("project release").arg(name).then("--reason TEXT")
            ]
        }
        Refused::KitAmbiguous { .. } => "name one of them with the letters on its paper".into(),
        Refused::OtherVault { .. } => {
            "name a file of this vault; to put another vault here, move away the vault that is there, or name another \
             folder with --vault"
                .into()
        }
        Refused::NotUnited { .. } => {
            "nothing was changed: merge them with a newer strongroom, which can read it".into()
        }
        Refused::RotationUnderWay => {
            words!["let it finish, or end it now with ", command("vault rotate --settle-now")]
        }
        Refused::PreviousNewer { .. } => words![
            "continue from it: ",
            command("status --unlock --accept-rollback"),
            ", or without keychain and password ",
            command("recover --accept-rollback"),
            "; only then put the copy back, if you still want to: the replaced file is kept"
        ],
        Refused::Unchecked { .. } => AGAIN.into(),
    }
}

fn of_file(error: &SealedFileError) -> Option<Words> {
    Some(match &error.source {
        BodyError::NotSealed => "name a file that strongroom encrypted; if this was such a file, its beginning was \
                                 overwritten: restore it from a backup"
            .into(),
        // What was found says already what became of it.
        BodyError::Truncated | BodyError::Damaged { .. } => "restore it from a backup".into(),
        BodyError::WrongKey { is_delivery: true } => {
            "this version of strongroom opens no file without a project: see if a newer one does, or ask the sender \
             for it in another form"
                .into()
        }
        BodyError::WrongKey { .. } => words![
            "if its project was destroyed, nothing in this vault opens it (see ",
            command("project list"),
            "); if it belongs to another vault, name that vault's folder with --vault"
        ],
        BodyError::UnsupportedVersion { .. } | BodyError::UnsupportedFeature(_) => NEWER.into(),
        BodyError::Exhausted => words!["give it a new header with ", command("reencrypt")],
        BodyError::Changed => AGAIN.into(),
        BodyError::Busy { .. } => WAIT.into(),
        BodyError::Read(source) | BodyError::Rewrite(source) | BodyError::Lock(source)
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            permission_hint(error.name.as_ref())
        }
        BodyError::Read(source) | BodyError::Write(source) | BodyError::Rewrite(source) | BodyError::Lock(source) => {
            return of_system(source);
        }
        BodyError::Keys(error) => return hint(error),
        BodyError::Header(_) | BodyError::Random(_) => return None,
    })
}

fn of_item(error: &ItemError) -> Words {
    match error {
        ItemError::Missing { .. } => words![
            "to give this computer its own key, use a recovery kit: ",
            command("recover"),
            "; or name where the key is stored with --keychain"
        ],
        ItemError::NotOurs { .. } => words![
            "name where this vault's key is with --keychain; see ",
            command("doctor"),
            "; or, with a recovery kit: ",
            command("recover")
        ],
        ItemError::NotKept { .. } => {
            words!["nothing was changed; see ", command("doctor"), ", or use --keychain file"]
        }
    }
}

fn of_only_previous(other_key: bool, generation: u64) -> Words {
    let or_previous = format!(
        "restore the vault file from a backup, or continue from the previous vault file (generation {generation}) \
         with --accept-rollback; the damaged file is kept under another name"
    );
    if !other_key {
        return or_previous.into();
    }
    words![
        "if another computer rotated the data key, get the new key with a recovery kit: ",
        command("recover"),
        ". Only if the vault file is damaged: ",
        or_previous
    ]
}

fn of_rolled_back(seen: &RolledBack) -> Words {
    if seen.difference == Difference::TooFarAhead {
        return words![
            "run ",
            command("status"),
            " on the computer that changed the vault last: if it shows the same generation, run the command again here \
             with --accept-rollback"
        ];
    }
    let only_this = "; to use only this file, run the command again with --accept-rollback";
    if seen.generation >= seen.seen {
        return words![
            "merge it with the file that this computer last recorded: ",
            command("vault merge OTHER"),
            only_this
        ];
    }
    words![
        "put the newer vault file back; if two computers changed it separately: ",
        command("vault merge FILE"),
        only_this
    ]
}

/// Says what helps if the system refused, of the errors that say it by themselves.
fn of_system(source: &io::Error) -> Option<Words> {
    let hint = match source.kind() {
        io::ErrorKind::StorageFull => "free some space and run it again; nothing was changed",
        io::ErrorKind::IsADirectory => "move away the folder that is there",
        io::ErrorKind::ReadOnlyFilesystem => {
            "nothing can be changed on a read-only file system: make it writable, or name another place"
        }
        _ => return None,
    };
    Some(hint.into())
}
