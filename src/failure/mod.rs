//! Errors as the user sees them: what failed, why, and one thing to do about it. Nothing here prints.

mod files;
mod home;
mod keychain;
mod library;
mod password;

use std::io;
use std::path::Path;

pub use files::without_flags;
pub use home::put_back;

use crate::disk::{plain, strangers};
use crate::error::Error;
use crate::words::{Words, shell_word};

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
    /// The program that was to run is there, and cannot.
    CommandNotRun = 126,
    /// The program that was to run does not exist.
    CommandNotFound = 127,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code.
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::WrongPassword,
        Self::NotFound,
        Self::Damaged,
        Self::Keychain,
        Self::Busy,
        Self::RolledBack,
        Self::CommandNotRun,
        Self::CommandNotFound,
        Self::Interrupted,
    ];

    /// Says what it means.
    pub fn means(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "wrong usage",
            Self::WrongPassword => "wrong password, or wrong recovery code",
            Self::NotFound => "not found",
            Self::Damaged => "damaged or altered",
            Self::Keychain => "the keychain",
            Self::Busy => "busy: another process holds the lock",
            Self::RolledBack => "rolled back or diverged",
            Self::CommandNotRun => "run: the program exists but cannot be started",
            Self::CommandNotFound => "run: there is no such program",
            Self::Interrupted => "interrupted by Ctrl-C; 128 + N if signal N ended it",
        }
    }
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
    pub hint: Option<Words>,
    /// The file that exists already, of which there may be many: they are shown together.
    pub existing: Option<Box<Path>>,
    /// The keys that were tried.
    pub tried: Option<Box<Tried>>,
}

/// Keys that were tried, in words that say nothing of them.
#[derive(Debug, Clone)]
pub struct Tried(pub Vec<String>);

impl Failure {
    /// Makes a failure without a cause of its own.
    pub fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self { exit, kind, message: message.into(), cause: None, hint: None, existing: None, tried: None }
    }

    /// Makes a failure of asking wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Makes a failure of the system.
    pub fn io(doing: impl std::fmt::Display, source: &io::Error) -> Self {
        let (exit, kind) = library::system(source);
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
        let (exit, kind) = library::classify(error);
        let hint = library::hint(error);
        let cause = error.to_string();
        Self { exit, kind, message: format!("cannot {doing}"), cause: Some(cause), hint, existing: None, tried: None }
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

    /// Adds the keys that were tried, in words.
    #[must_use]
    pub fn tried(mut self, tried: Vec<String>) -> Self {
        self.tried = (!tried.is_empty()).then(|| Box::new(Tried(tried)));
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Words>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Says what helps if the permissions of one of the program's own files keep this user out.
pub fn permission_hint(path: &Path) -> Words {
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
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_lose_their_number() {
        assert_eq!(plain(&io::Error::from_raw_os_error(2)), "no such file or directory");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::io("print", &io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit, Exit::Done);
    }
}
