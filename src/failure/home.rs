//! What this computer does not have, in words.

use super::{Exit, Failure, permission_hint};
use crate::error::Exists;
use crate::home::{ConfigError, HomeError, Kind, ProjectFileError, Sought, TomlFileError, Wanted};
use crate::words::{Flags, Words, command, shell_word, words};

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let cause = error.to_string();
        match error {
            HomeError::NoHome { wanted } => {
                let (doing, hint) = match wanted {
                    Wanted::Vault => (
                        "find the vault",
                        "name the vault's folder with --vault DIR and, unless its key is in a desktop's keychain, the \
                         key's file with --keychain file:PATH; or set HOME",
                    ),
                    Wanted::Keychains => {
                        ("find the folder of keychain files", "name the file with --keychain file:PATH, or set HOME")
                    }
                    Wanted::Settings => ("find the settings", "set HOME"),
                };
                Self::new(Exit::Failed, "no-home", format!("cannot {doing}")).cause(cause).hint(hint)
            }
            HomeError::Vault(_) => Self::new(Exit::NotFound, "vault-not-found", "cannot find the vault")
                .cause(cause)
                .hint("put the file back that the link leads to, or name another folder with --vault"),
            HomeError::VaultFolder(_) => {
                Self::new(Exit::Failed, "io", "cannot look at the vault's folder").cause(cause)
            }
            HomeError::Occupied { standing, has_vault } => {
                let failure = Self::of("make the vault", Exists::Vault { standing }.into());
                if has_vault {
                    return failure;
                }
                failure.hint("these are the remains of a vault: restore it, or move them away if they are not needed")
            }
            HomeError::KeychainFile(error) => Self::of("make the vault", error.into()),
            HomeError::KeyBesideVault => Self::usage("cannot keep the key in the vault's own folder")
                .cause(cause)
                .hint("choose another place with --keychain file:PATH, or accept the risk with --beside-vault"),
            HomeError::Io { action, path, source } => {
                let failure = Self::io(format!("{action} {}", path.display()), &source);
                let is_refused = source.kind() == std::io::ErrorKind::PermissionDenied;
                if is_refused { failure.hint(permission_hint(&path)) } else { failure }
            }
            HomeError::Damaged { path, detail } => {
                Self::new(Exit::Damaged, "damaged", format!("cannot read the settings {}", path.display()))
                    .cause(detail)
                    .hint("move the file away and name each vault's keychain once with --keychain")
            }
            HomeError::Config { path, why } => {
                let hint = match &why {
                    ConfigError::UnknownKey { similar: Some(similar), .. } => {
                        words![
                            format!("did you mean {similar}? correct it in the file; see the keys with "),
                            command("config list")
                        ]
                    }
                    ConfigError::UnknownKey { key, .. } => {
                        words![
                            "remove ",
                            key.clone(),
                            " from the file, or correct it; see the keys with ",
                            command("config list")
                        ]
                    }
                    ConfigError::Value { key, .. } => {
                        words!["set it to such a value, or go back to the default: ", command("config unset").arg(key)]
                    }
                    _ => "correct the file, or move it away".into(),
                };
                Self::new(Exit::Failed, "config", format!("cannot use {}", path.display()))
                    .cause(why.to_string())
                    .hint(hint)
            }
            HomeError::ProjectFile { path, why } => {
                let by_flag = "or name the project with --project";
                let hint = match &why {
                    ProjectFileError::Stranger { .. } => {
                        format!("if you trust what it says, put a file of your own in its place; {by_flag}")
                    }
                    ProjectFileError::Writable => format!(
                        "check what it says, then let nobody else change it: chmod go-w {}; {by_flag}",
                        shell_word(&path.display().to_string())
                    ),
                    ProjectFileError::File(TomlFileError::NotAFile) => format!("put a file in its place; {by_flag}"),
                    ProjectFileError::UnknownKey { similar: Some(similar), .. } => {
                        format!("did you mean {similar:?}? correct it, {by_flag}")
                    }
                    ProjectFileError::UnknownKey { .. } => {
                        format!("remove that line: everything else is said by a flag; {by_flag}")
                    }
                    _ => format!("correct it, {by_flag}"),
                };
                Self::new(Exit::Failed, "project-file", format!("cannot use {}", path.display()))
                    .cause(why.to_string())
                    .hint(hint)
            }
            HomeError::Newer { path } => {
                let what = format!("cannot read the settings {}", path.display());
                Self::new(Exit::Failed, "unsupported-version", what)
                    .cause("a newer strongroom wrote them")
                    .hint("install a newer strongroom")
            }
            HomeError::Busy { path, waited } => {
                Self::new(Exit::Busy, "busy", format!("cannot write {}", path.display()))
                    .cause(format!("another process has held its lock for {} s", waited.as_secs()))
                    .hint("wait until the other strongroom is done, and run it again")
            }
        }
    }
}

impl From<ConfigError> for Failure {
    /// Words what was typed wrongly.
    fn from(error: ConfigError) -> Self {
        let failure = Self::usage(error.to_string());
        match error {
            ConfigError::UnknownKey { similar: Some(similar), .. } => {
                failure.hint(words![format!("did you mean {similar}? see the keys with "), command("config list")])
            }
            _ => failure.hint(words!["see the keys with ", command("config list")]),
        }
    }
}

impl Failure {
    /// Says of a vault's key that was not found what only this computer knows of its keychain.
    #[must_use]
    pub fn sought(self, sought: Sought) -> Self {
        match sought {
            Sought::FileGone { path, is_named, can_remember } if self.kind == "key-missing" => {
                let cause = if is_named {
                    format!("there is no keychain file {}", path.display())
                } else {
                    format!("the keychain file {}, where this computer keeps the vault's key, is gone", path.display())
                };
                self.cause(cause).hint(words![
                    "if it was moved, name its new place",
                    if can_remember { " once, " } else { " " },
                    "with --keychain file:PATH; or, with a recovery kit: ",
                    command("recover")
                ])
            }
            Sought::Guessed if self.kind == "no-bus" => self.hint(
                "if this vault's key is in a file, name it with --keychain file:PATH; otherwise run the command in a \
                 desktop session",
            ),
            _ => self,
        }
    }

    /// Says of a vault that was not found what only its place tells: whether one is remembered there, else which
    /// keychain the user named.
    #[must_use]
    pub fn vault_sought(mut self, is_remembered: bool, named: Option<&Kind>) -> Self {
        if is_remembered {
            let hint = Words::from("this computer remembers a vault there: ")
                + put_back()
                + "; for a new vault in its place: "
                + command("init");
            return self.hint(hint);
        }
        if let Some(kind) = named {
            // Nothing of it is remembered, so that the next command has to be told again.
            let keychain = Flags::default().and("--keychain", kind.to_string());
            self.hint = self.hint.map(|hint| hint.under(&keychain));
        }
        self
    }
}

/// Says what to do if a vault was there and is no more, or cannot be used.
pub fn put_back() -> Words {
    words![
        "put the vault file back, or a backup of it: ",
        command("vault restore BACKUP"),
        "; or, with a recovery kit: ",
        command("recover --from BACKUP")
    ]
}
