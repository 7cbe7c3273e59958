//! Where master passwords come from, and what a new one must be.

mod new;
mod raw;

use std::path::Path;

pub use new::{accept, choose, generate};
use raw::checked;

use super::context::Context;
use super::interrupt;
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::password::{Dialog, Existing, Given, Source, typed};
use crate::vault::{FoundKey, Unlocked};
use crate::words::{command, words};

/// How many times a password may be typed. A program that reads it from elsewhere would give the same one again.
const TRIES: usize = 3;

/// Tells whether the flags name a source.
pub fn has_source(context: &Context) -> bool {
    let global = &context.global;
    global.password_file.is_some() || global.password_fd.is_some() || global.password_command.is_some()
}

/// The kind of failure where a password is needed and cannot be asked for.
pub const NEEDED: &str = "password-needed";
/// What helps then.
pub const SOURCES: &str = "give --password-file, --password-fd or --password-command";

/// Says that a password is needed and cannot be asked for.
pub fn no_source() -> Failure {
    let text = "the master password is needed, and there is no terminal to ask for it";
    Failure::new(Exit::Usage, NEEDED, text).hint(SOURCES)
}

/// Reads the source that the flags name; `None` where they name none.
///
/// # Errors
/// Where it cannot be read.
pub fn from_source(context: &Context) -> Result<Option<Given>, Failure> {
    let global = &context.global;
    if let Some(path) = &global.password_file {
        return read_file(context, path).map(Some);
    }
    let descriptor = global.password_fd.as_ref().map(Source::Descriptor);
    let source = descriptor.or(global.password_command.as_deref().map(Source::Command));
    Ok(source.map(Source::read).transpose()?)
}

/// Reads a password file, and warns if others can read it too.
///
/// # Errors
/// Where it cannot be read.
pub fn read_file(context: &Context, path: &Path) -> Result<Given, Failure> {
    let given = Source::File(path).read()?;
    if given.is_open() {
        let text = format!("others can read the password file {0}; make it yours alone: chmod 600 {0}", path.display());
        context.output.warn("password-file-permissions", text);
    }
    Ok(given)
}

/// Unlocks a vault with the password from the source that the flags name, else from the terminal. `explain` says in
/// words why it does not unlock.
///
/// # Errors
/// Where there is no source, or it cannot be read; those of unlocking.
pub fn unlock(
    context: &Context,
    found: FoundKey,
    explain: impl Fn(Error) -> Failure,
) -> Result<(Unlocked, Password), Failure> {
    match from_source(context)? {
        Some(given) => {
            let given = given.existing().map_err(|error| Failure::of("use the password", error.into()))?;
            unlock_given(context, found, given, explain)
        }
        None => unlock_typed(context, found)?.map_err(explain),
    }
}

/// Asks for the password until it opens the vault, three times at most: at the terminal or, if there is none, in a
/// dialog.
fn unlock_typed(context: &Context, found: FoundKey) -> Result<Result<(Unlocked, Password), Error>, Failure> {
    let may_ask = !context.global.no_input;
    if let Some(dialog) = may_ask.then(|| Dialog::find(|| context.terminal().is_some())).flatten() {
        let vault = context.home.vault_folder()?.display().to_string();
        return unlock_asked(found, |wrong| {
            let wrong = wrong.map(ToString::to_string);
            // A dialog that is closed is as an end of input at the terminal.
            checked(&dialog.ask(&vault, wrong.as_deref())?.ok_or_else(interrupt::failure)?)
        });
    }
    let mut terminal = context.terminal().ok_or_else(no_source)?;
    unlock_asked(found, |wrong| {
        if let Some(wrong) = wrong {
            terminal.say(&format!("{wrong}; try again"))?;
        }
        checked(typed(&terminal.ask_hidden("master password")?))
    })
}

/// Tries what `ask` returns, which is given why the last password was wrong.
fn unlock_asked(
    found: FoundKey,
    mut ask: impl FnMut(Option<&Error>) -> Result<Password, Failure>,
) -> Result<Result<(Unlocked, Password), Error>, Failure> {
    let mut tries = 0;
    found.unlock_with(|wrong| {
        if tries == TRIES {
            return Ok(None);
        }
        tries += 1;
        ask(wrong).map(Some)
    })
}

/// Tries a password as its source gave it and, if that is wrong, as it was probably meant.
fn unlock_given(
    context: &Context,
    found: FoundKey,
    given: Existing,
    explain: impl Fn(Error) -> Failure,
) -> Result<(Unlocked, Password), Failure> {
    let Existing { whole, mut bare, source, password, unusual } = given;
    let mut whole = Some(whole);
    let mut is_bare = false;
    let unlocked = found.unlock_with(|_| {
        is_bare = whole.is_none();
        Ok::<_, Failure>(whole.take().or_else(|| bare.take()))
    })?;
    match unlocked {
        Ok(unlocked) => {
            if let (true, Some(unusual)) = (is_bare, unusual) {
                let text = format!("{source} {unusual}; the password without that opened the vault");
                context.output.warn("password-trimmed", text);
            }
            Ok(unlocked)
        }
        Err(error) => {
            let is_wrong = matches!(error, Error::WrongPassword { .. });
            let failure = explain(error);
            Err(match unusual {
                Some(unusual) if is_wrong => {
                    let cause = failure.cause.clone().unwrap_or_default();
                    failure.cause(format!("{cause}; {source} {unusual}")).hint(words![
                        "give the password alone, on one line; or, with a recovery kit: ",
                        command("recover")
                    ])
                }
                None if is_wrong => failure.hint(words![
                    format!("{password} does not open this vault: check it; or, with a recovery kit: "),
                    command("recover")
                ]),
                _ => failure,
            })
        }
    }
}
