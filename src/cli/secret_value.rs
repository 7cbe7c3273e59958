//! The parts of a secret as the command line names them, and where what is stored in one comes from.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueHint};
use zeroize::Zeroizing;

use super::context::Context;
use super::pipes::check_apart_from_password;
use crate::crypto::secret::SecretText;
use crate::failure::{Exit, Failure};
use crate::format::secret::{SecretValue, VALUE_LIMIT};
use crate::password::{Descriptor, read_up_to, strip_line_end};
use crate::vault::SecretInfo;

/// A part of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The password.
    Password,
    /// What one-time codes are made of.
    Totp,
    /// The note.
    Note,
    /// The account.
    User,
    /// Where it is used, one address a line.
    Urls,
    /// A field with a name of the user's own.
    Own(String),
}

impl FromStr for Field {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "password" => Self::Password,
            "totp" => Self::Totp,
            "note" => Self::Note,
            "user" => Self::User,
            "urls" => Self::Urls,
            own => Self::Own(own.to_owned()),
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(name) => write!(f, "field {name:?}"),
            Self::Totp => f.write_str("one-time code"),
            known => f.write_str(known.as_str()),
        }
    }
}

impl Field {
    /// Returns its name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Note => "note",
            Self::User => "user",
            Self::Urls => "urls",
            Self::Own(name) => name,
        }
    }

    /// Tells whether it is in the value, which is handed out, and not among what every secret tells of itself.
    pub fn is_in_value(&self) -> bool {
        !matches!(self, Self::User | Self::Urls)
    }

    /// Returns what a value has there; `None` for nothing.
    pub fn text_in<'a>(&self, value: &'a SecretValue) -> Option<&'a str> {
        let text = match self {
            Self::Password => value.password.expose(),
            Self::Totp => value.totp.expose(),
            Self::Note => value.note.expose(),
            Self::User | Self::Urls => "",
            Self::Own(name) => value.fields.iter().find(|field| field.name == *name)?.value.expose(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Returns what a secret tells of itself there.
    pub fn text_of(&self, secret: &SecretInfo) -> Option<String> {
        match self {
            Self::User => Some(secret.user.clone()),
            Self::Urls => Some(secret.urls.join("\n")),
            _ => None,
        }
    }
}

/// Where what is stored comes from.
#[derive(Debug, Args)]
pub struct ValueFlags {
    /// Read it from a file; one newline at its end is ignored
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "from_fd")]
    from_file: Option<PathBuf>,
    /// Read it from an open file descriptor, such as 0 for standard input
    #[arg(long, value_name = "N")]
    from_fd: Option<Descriptor>,
}

impl ValueFlags {
    /// Refuses to read the master password and what is stored from one place.
    ///
    /// # Errors
    /// A usage failure.
    pub fn check_apart_from_password(&self, context: &Context) -> Result<(), Failure> {
        let is_stdin = self.from_fd.as_ref().is_some_and(|descriptor| descriptor.number() == 0);
        check_apart_from_password(&context.global, is_stdin, None)
    }

    /// Reads it; `None` if the flags name no source.
    ///
    /// # Errors
    /// If it cannot be read, is empty, is no text or too long.
    pub fn read(&self) -> Result<Option<SecretText>, Failure> {
        if let Some(path) = &self.from_file {
            let doing = format!("read {}", path.display());
            let file = File::open(path).map_err(|error| Failure::io(&doing, &error))?;
            return text_of(file, &doing).map(Some);
        }
        let Some(descriptor) = &self.from_fd else { return Ok(None) };
        let doing = format!("read file descriptor {}", descriptor.number());
        let file = descriptor.file().map_err(|error| Failure::io(&doing, &error))?;
        text_of(file, &doing).map(Some)
    }

    /// Asks for it at the terminal, twice.
    ///
    /// # Errors
    /// If there is no terminal, or what is typed differs.
    pub fn ask(&self, context: &Context, field: &Field) -> Result<SecretText, Failure> {
        let mut terminal = context.terminal().ok_or_else(|| {
            Failure::usage("what is to be stored is needed, and there is no terminal to ask for it")
                .hint("give --from-file or --from-fd")
        })?;
        let first = match field {
            Field::Totp => terminal.ask_hidden("seed or otpauth address to store")?,
            field => terminal.ask_hidden(&format!("{field} to store"))?,
        };
        if first.is_empty() {
            return Err(Failure::usage("nothing was typed").hint("to delete a field, give --clear"));
        }
        let again = terminal.ask_hidden("again")?;
        if *first != *again {
            return Err(Failure::usage("the two differ").hint("run it again; nothing was changed"));
        }
        Ok(copied(&first))
    }
}

fn copied(text: &Zeroizing<String>) -> SecretText {
    SecretText::new(text.as_str().to_owned())
}

/// Reads a text to its end, into memory that never grows.
fn text_of(source: impl Read, doing: &str) -> Result<SecretText, Failure> {
    let most = VALUE_LIMIT + 2;
    let raw = read_up_to(most, source).map_err(|error| Failure::io(doing, &error))?;
    let refused = |cause: &'static str| {
        Failure::new(Exit::Usage, "bad-secret", format!("cannot {doing}"))
            .cause(cause)
            .hint("a secret is a text of at most 48 KiB; encrypt larger things as files")
    };
    if raw.len() == most {
        return Err(refused("it is longer than 48 KiB"));
    }
    let line = strip_line_end(&raw);
    if line.is_empty() {
        return Err(refused("it is empty"));
    }
    let text = std::str::from_utf8(line).map_err(|_| refused("it is not UTF-8 text"))?;
    Ok(SecretText::new(text.to_owned()))
}
