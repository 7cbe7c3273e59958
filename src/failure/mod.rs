//! Errors as the user sees them: what failed, why, and one thing to do about it. Nothing here prints.

mod files;
mod home;

use std::io;
use std::path::{Path, PathBuf};

pub use files::without_flags;

use crate::disk::{plain, strangers};
use crate::error::{Difference, Error, PROJECT_NAME};
use crate::keychain::KeychainError;

/// The exit codes; docs/cli.md lists them and they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing went wrong, though there is nothing to report: a closed pipe.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// It was asked for wrongly.
    Usage = 2,
    /// Wrong password.
    WrongPassword = 3,
    /// Something does not exist.
    NotFound = 4,
    /// Something is damaged or was altered.
    Damaged = 5,
    /// Anything of the keychain.
    Keychain = 6,
    /// Another process is at it.
    Busy = 7,
    /// The vault is older or other than the one seen last.
    RolledBack = 8,
    /// Ctrl-C.
    Interrupted = 130,
}

/// A failed command.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// A stable word for scripts.
    pub kind: &'static str,
    /// What failed.
    pub message: String,
    /// Why.
    pub cause: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file that exists already, of which there may be many: they are shown together.
    pub existing: Option<PathBuf>,
}

impl Failure {
    /// Makes a failure without a cause of its own.
    pub fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self { exit, kind, message: message.into(), cause: None, hint: None, existing: None }
    }

    /// Makes a failure of asking wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Makes a failure of the system.
    pub fn io(doing: impl std::fmt::Display, source: &io::Error) -> Self {
        let (exit, kind) = match source.kind() {
            io::ErrorKind::NotFound => (Exit::NotFound, "input-not-found"),
            io::ErrorKind::BrokenPipe => (Exit::Done, "broken-pipe"),
            io::ErrorKind::StorageFull => (Exit::Failed, "disk-full"),
            io::ErrorKind::PermissionDenied => (Exit::Failed, "permission"),
            io::ErrorKind::InvalidFilename => (Exit::Failed, "name-too-long"),
            _ => (Exit::Failed, "io"),
        };
        let failure = Self::new(exit, kind, format!("cannot {doing}")).cause(plain(source));
        match kind {
            "disk-full" => failure.hint("free some space and run it again"),
            "name-too-long" => failure.hint("give a shorter name with -o"),
            _ => failure,
        }
    }

    /// Says what the library could not do.
    pub fn of(doing: impl std::fmt::Display, error: Error) -> Self {
        Self::of_ref(doing, &error)
    }

    /// As [`Failure::of`], of an error that others still need.
    fn of_ref(doing: impl std::fmt::Display, error: &Error) -> Self {
        let (exit, kind) = classify(error);
        let hint = hint_for(error);
        let cause = error.to_string();
        let exit = if kind == "broken-pipe" { Exit::Done } else { exit };
        Self { exit, kind, message: format!("cannot {doing}"), cause: Some(cause), hint, existing: None }
    }

    /// Adds why.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says that it is about a file that exists already.
    #[must_use]
    pub fn existing(mut self, path: &Path) -> Self {
        self.existing = Some(path.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn classify(error: &Error) -> (Exit, &'static str) {
    match error {
        Error::WrongPassword { .. } => (Exit::WrongPassword, "wrong-password"),
        Error::Password(_) => (Exit::Usage, "bad-password"),
        Error::VaultNotFound { .. } => (Exit::NotFound, "vault-not-found"),
        Error::VaultExists { .. } => (Exit::Failed, "vault-exists"),
        Error::ProjectNotFound { .. } => (Exit::NotFound, "project-not-found"),
        Error::ProjectExists { .. } => (Exit::Failed, "project-exists"),
        Error::KeyNotFound { .. } => (Exit::NotFound, "key-not-found"),
        Error::ProjectDestroyed { .. } => (Exit::NotFound, "project-destroyed"),
        Error::ProjectHeld { .. } => (Exit::Failed, "project-held"),
        Error::KitNotFound { .. } => (Exit::NotFound, "kit-not-found"),
        Error::WrongKit => (Exit::WrongPassword, "wrong-kit"),
        Error::OtherVault { .. } => (Exit::Failed, "other-vault"),
        Error::RotationUnderWay => (Exit::Failed, "rotation-under-way"),
        Error::PreviousNewer { .. } => (Exit::Failed, "previous-newer"),
        Error::KitAmbiguous { .. } => (Exit::Failed, "kit-ambiguous"),
        Error::KeyExists { .. } => (Exit::Failed, "key-exists"),
        Error::KeyShared { .. } => (Exit::Failed, "key-shared"),
        Error::KeyInUse { .. } => (Exit::Failed, "key-in-use"),
        Error::BadName { .. } => (Exit::Usage, "bad-name"),
        Error::UnsupportedVersion { .. } => (Exit::Failed, "unsupported-version"),
        Error::UnsupportedFeature { .. } => (Exit::Failed, "unsupported-version"),
        Error::BeforeRelease { .. } => (Exit::Failed, "before-release"),
        Error::ReadOnly { .. } => (Exit::Failed, "read-only"),
        Error::NotUnited { .. } => (Exit::Failed, "not-united"),
        Error::Damaged { .. } => (Exit::Damaged, "damaged"),
        Error::Truncated { .. } => (Exit::Damaged, "truncated"),
        Error::NotSealed { .. } => (Exit::NotFound, "not-sealed"),
        Error::WrongKey { .. } => (Exit::NotFound, "wrong-key"),
        Error::Exhausted { .. } => (Exit::Failed, "exhausted"),
        Error::Kdf(crate::crypto::kdf::KdfError::OutOfRange { .. }) => (Exit::Damaged, "kdf-out-of-range"),
        Error::Kdf(crate::crypto::kdf::KdfError::NotEnoughMemory { .. }) => (Exit::Failed, "not-enough-memory"),
        Error::Busy { .. } => (Exit::Busy, "busy"),
        Error::Changed { .. } | Error::KeyUnchecked { .. } => (Exit::Failed, "changed"),
        Error::Keychain(KeychainError::Busy { .. }) => (Exit::Busy, "busy"),
        Error::Keychain(error) => (Exit::Keychain, error.kind()),
        Error::KeyMissing { .. } => (Exit::Keychain, "key-missing"),
        Error::KeyNotOurs { .. } => (Exit::Keychain, "key-not-ours"),
        Error::OnlyPrevious { other_key: true, .. } => (Exit::Keychain, "key-not-ours"),
        Error::OnlyPrevious { .. } => (Exit::Damaged, "damaged"),
        Error::KeychainForgets { .. } => (Exit::Keychain, "keychain-forgets"),
        Error::EitherPassword { .. } => (Exit::Keychain, "either-password"),
        Error::RotationBegun { cause } | Error::Enrolled { cause } => classify(cause),
        Error::RolledBack(seen) => (Exit::RolledBack, seen.difference.kind()),
        Error::Io { source, .. } => match source.kind() {
            io::ErrorKind::NotFound => (Exit::NotFound, "input-not-found"),
            io::ErrorKind::BrokenPipe => (Exit::Done, "broken-pipe"),
            io::ErrorKind::StorageFull => (Exit::Failed, "disk-full"),
            io::ErrorKind::PermissionDenied => (Exit::Failed, "permission"),
            _ => (Exit::Failed, "io"),
        },
        Error::Random(_) => (Exit::Failed, "random"),
    }
}

fn hint_for(error: &Error) -> Option<String> {
    let hint = match error {
        Error::WrongPassword { earlier_boot: true, .. } => {
            "the keychain item was written before this computer last started. If the password was changed shortly \
             before a crash, try the old password; or, with a recovery kit: strongroom recover"
        }
        Error::WrongPassword { .. } => {
            "check the keyboard layout and Caps Lock, and type it again; or, with a recovery kit: strongroom recover"
        }
        Error::Password(_) => "give the password on one line of UTF-8 text",
        Error::VaultNotFound { .. } => {
            "make one with `strongroom init`, or name its folder with --vault; for a vault from another computer, \
             with a recovery kit: strongroom recover --from BACKUP"
        }
        Error::VaultExists { .. } => {
            "use it, or name another folder with --vault; `strongroom doctor` explains leftovers"
        }
        Error::ProjectNotFound { similar: Some(similar), .. } => {
            return Some(format!("did you mean {similar:?}? see the names with `strongroom project list`"));
        }
        Error::ProjectNotFound { name, .. } => {
            let name = shell_word(name);
            return Some(format!(
                "see the names with `strongroom project list`, or add it with `strongroom project add {name}`"
            ));
        }
        Error::ProjectExists { .. } => "choose another name, or see what there is with `strongroom project list`",
        Error::KeyNotFound { project, .. } => {
            return Some(format!("see the versions with `strongroom key list {}`", shell_word(project)));
        }
        Error::KeyInUse { project, .. } => {
            let project = shell_word(project);
            return Some(format!("make another version current first with `strongroom key rotate {project}`"));
        }
        Error::ProjectDestroyed { .. } => "see what is left with `strongroom project list`",
        Error::ProjectHeld { name, .. } => {
            let name = shell_word(name);
            return Some(format!("ask whoever ordered the hold; end it with `strongroom project release {name}`"));
        }
        Error::KitNotFound { .. } => "see the kits with `strongroom kit list`",
        Error::WrongKit => {
            "check each group against the paper; a kit that was revoked or ended by a rotation opens only older copies"
        }
        Error::OtherVault { .. } => {
            "name a file of this vault; to put another vault here, move away the vault that is there, or name another \
             folder with --vault"
        }
        Error::PreviousNewer { .. } => {
            "continue from it: `strongroom status --unlock --accept-rollback`, or without keychain and password \
             `strongroom recover --accept-rollback`; only then put the copy back, if you still want to: the replaced \
             file is kept"
        }
        Error::KitAmbiguous { .. } => "name one of them with the letters on its paper",
        Error::RotationUnderWay => "let it finish, or end it now with `strongroom vault rotate --settle-now`",
        Error::KeyShared { .. } => {
            "files of one project then open through the other, even after it was destroyed: if that is meant, add --shared"
        }
        Error::KeyExists { .. } => "nothing needs to be done: the project already has this key",
        Error::BadName { what, .. } if *what != PROJECT_NAME => {
            "use one line of at most 4096 characters, without characters that are not shown"
        }
        Error::BadName { .. } => "use 1 to 128 visible characters, without white space at the ends or a hyphen first",
        Error::BeforeRelease { .. } => {
            "decrypt its files with the strongroom that made it, and encrypt them again with a new vault"
        }
        Error::UnsupportedVersion { .. } | Error::UnsupportedFeature { .. } | Error::ReadOnly { .. } => {
            "install a newer strongroom"
        }
        Error::NotUnited { .. } => "nothing was changed: merge them with a newer strongroom, which can read it",
        Error::Damaged { what, .. } if what.starts_with("the vault") => {
            "restore the vault file from a backup; `strongroom doctor` shows what else is there"
        }
        Error::Damaged { .. } | Error::Truncated { .. } => {
            "the file was changed, damaged or cut short after it was encrypted: restore it from a backup"
        }
        Error::NotSealed { .. } => {
            "name a file that strongroom encrypted; if this was such a file, its beginning was overwritten: restore it \
             from a backup"
        }
        Error::Exhausted { .. } => "give it a new header with `strongroom reencrypt`",
        Error::WrongKey { is_delivery: true, .. } => {
            "this version of strongroom opens no file without a project: see if a newer one does, or ask the sender for it \
             in another form"
        }
        Error::WrongKey { .. } => {
            "name the vault it was encrypted with by --vault; or its project was destroyed: see `strongroom project list`"
        }
        Error::Kdf(crate::crypto::kdf::KdfError::NotEnoughMemory { .. }) => {
            "close other programs, or give the container more memory"
        }
        Error::Kdf(_) => "the keychain item was altered or is not Strongroom's: restore it from a backup",
        Error::Busy { .. } => "wait until the other strongroom is done, and run it again",
        Error::Changed { .. } | Error::KeyUnchecked { .. } => "run it again",
        Error::Keychain(error) => return Some(keychain_hint(error)),
        Error::KeyMissing { .. } => {
            "to give this computer its own key, use a recovery kit: strongroom recover; or name where the key is \
             stored with --keychain"
        }
        Error::KeyNotOurs { .. } => {
            "name where this vault's key is with --keychain; see `strongroom doctor`; or, with a recovery kit: \
             strongroom recover"
        }
        Error::OnlyPrevious { other_key: true, generation, .. } => {
            return Some(format!(
                "if another computer rotated the data key, get the new key with a recovery kit: `strongroom recover`. \
                 Only if the vault file is damaged: restore it from a backup, or continue from the previous vault \
                 file (generation {generation}) with --accept-rollback; the damaged file is kept under another name"
            ));
        }
        Error::OnlyPrevious { generation, .. } => {
            return Some(format!(
                "restore the vault file from a backup, or continue from the previous vault file (generation \
                 {generation}) with --accept-rollback; the damaged file is kept under another name"
            ));
        }
        Error::KeychainForgets { .. } => "nothing was changed; see `strongroom doctor`, or use --keychain file",
        Error::EitherPassword { .. } => {
            "the old password, the new one or both may open the vault now: try both, then run `strongroom passwd` again"
        }
        Error::RotationBegun { .. } => {
            "a later command continues it, or says that it was cancelled; `strongroom vault rotate` shows its state, \
             or starts another"
        }
        Error::Enrolled { .. } => "the new password and the kit both open the vault: run it again",
        Error::RolledBack(seen) if seen.difference == Difference::TooFarAhead => {
            "run `strongroom status` on the computer that changed the vault last: if it shows the same generation, run the \
             command again here with --accept-rollback"
        }
        Error::RolledBack(seen) if seen.generation >= seen.seen => {
            "merge it with the file that this computer last recorded: `strongroom vault merge OTHER`; to use only \
             this file, run the command again with --accept-rollback"
        }
        Error::RolledBack(_) => {
            "put the newer vault file back; if two computers changed it separately: strongroom vault merge FILE; to \
             use only this file, run the command again with --accept-rollback"
        }
        Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
            "free some space and run it again; nothing was changed"
        }
        Error::Io { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
            "move away the folder that is there"
        }
        Error::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            "nothing can be changed on a read-only file system: make it writable, or name another place"
        }
        Error::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            return Some(permission_hint(path));
        }
        Error::Io { .. } | Error::Random(_) => return None,
    };
    Some(hint.into())
}

/// Says what helps if the permissions of one of the program's own files keep this user out.
pub fn permission_hint(path: &Path) -> String {
    let Some(found) = strangers(path) else {
        return "make it readable and writable for you, or name another place with --vault or --keychain file:PATH"
            .into();
    };
    let words: Vec<String> = found.paths.iter().map(|path| shell_word(&path.display().to_string())).collect();
    let flag = if found.is_folder { "-R " } else { "" };
    format!(
        "it belongs to {}; if a command that was run with sudo left it so, take it back: sudo chown {flag}{} {}",
        found.owner,
        found.own,
        words.join(" ")
    )
}

/// Returns a word as a shell takes it whole.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn keychain_hint(error: &KeychainError) -> String {
    match error {
        KeychainError::File { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            return permission_hint(path);
        }
        KeychainError::NoBus => {
            "run it in a desktop session; a new or recovered vault can keep its key in a file: --keychain file"
        }
        KeychainError::NoService => {
            "start gnome-keyring, KWallet or KeePassXC; a new or recovered vault can keep its key in a file: \
             --keychain file"
        }
        KeychainError::ActivationStalled => "log in to the desktop again, or start the keychain service by hand",
        KeychainError::NoCollection { .. } => {
            "make a default keyring in the keychain's own program (Passwords and Keys, KWalletManager), then try again"
        }
        KeychainError::Locked { provider } => {
            return format!(
                "unlock it in the desktop session, or run this at a terminal and answer its dialog; {}",
                without_a_desktop(provider)
            );
        }
        KeychainError::PromptDismissed { provider } => {
            return format!(
                "run it again and answer the dialog; if no dialog appeared, as over ssh: {}",
                without_a_desktop(provider)
            );
        }
        KeychainError::AsksFirst { .. } => "run it at a terminal, and answer the dialog of the keychain's own program",
        KeychainError::Unresponsive { .. } => {
            "look for an unlock dialog, or restart the keychain service; --keychain-timeout gives it longer"
        }
        KeychainError::Vanished { .. } => "start the keychain service again",
        KeychainError::Busy { .. } => "wait until the other strongroom is done, and run it again",
        KeychainError::Ambiguous { .. } => "let `strongroom doctor --remove-duplicates` remove those that do not open",
        KeychainError::TooLong { .. } => {
            "this is not an item of Strongroom's: remove it in the keychain's own program, or name where the key is \
             stored with --keychain"
        }
        KeychainError::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
            "name another file with --keychain file:PATH"
        }
        KeychainError::File { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            "nothing can be changed on this file system: put the key's file on another with --keychain file:PATH"
        }
        KeychainError::File { .. } => {
            "name the key's file with --keychain file:PATH, or move away what is in its place"
        }
        KeychainError::Rejected { .. } => {
            "look for the reason in the keychain's own program; a new or recovered vault can keep its key in a file: \
             --keychain file"
        }
    }
    .into()
}

/// Says what opens a locked keychain if there is no desktop to show its dialog.
fn without_a_desktop(provider: &str) -> &'static str {
    if provider == "gnome-keyring" {
        // The daemon takes its standard input up to the end, a line end included, as the password.
        "without a desktop this takes the keyring's password: (read -rs P; printf %s \"$P\" | gnome-keyring-daemon \
         --replace --unlock). A new or recovered vault can keep its key in a file instead: --keychain file"
    } else {
        "without a desktop, a new or recovered vault can keep its key in a file: --keychain file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_lose_their_number() {
        assert_eq!(plain(&io::Error::from_raw_os_error(2)), "no such file or directory");
    }

    #[test]
    fn no_keychain_sends_its_user_to_doctor_which_would_send_it_back() {
        let provider = || "test".to_owned();
        let file = |kind: io::ErrorKind| KeychainError::File { doing: "read", path: "k".into(), source: kind.into() };
        for error in [
            KeychainError::NoBus,
            KeychainError::NoService,
            KeychainError::ActivationStalled,
            KeychainError::NoCollection { provider: provider() },
            KeychainError::Locked { provider: provider() },
            KeychainError::Locked { provider: "gnome-keyring".into() },
            KeychainError::PromptDismissed { provider: provider() },
            KeychainError::AsksFirst { provider: provider() },
            KeychainError::Unresponsive { provider: provider(), after: std::time::Duration::ZERO, writing: true },
            KeychainError::Vanished { provider: provider() },
            KeychainError::TooLong { length: 2, limit: 1 },
            KeychainError::Rejected { provider: provider(), reason: "why".into() },
            file(io::ErrorKind::AlreadyExists),
            file(io::ErrorKind::PermissionDenied),
            file(io::ErrorKind::ReadOnlyFilesystem),
            file(io::ErrorKind::Other),
        ] {
            let hint = keychain_hint(&error);
            assert!(!hint.is_empty() && !hint.contains("strongroom doctor"), "{error:?}: {hint}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::io("print", &io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit, Exit::Done);
    }
}
