//! Where master passwords come from, and what a new one must be.

mod dialog;
mod new;
mod raw;
mod source;

pub use new::{accept, choose, generate};
use raw::{checked, typed};
use source::Existing;
pub use source::{from_source, read_file};

use super::context::Context;
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::failure::Failure;
use crate::vault::{FoundKey, Unlocked};
use crate::words::{command, words};

/// How many times a password may be typed. A program that reads it from elsewhere would give the same one again.
const TRIES: usize = 3;

/// Tells whether the flags name a source.
pub fn has_source(context: &Context) -> bool {
    let global = &context.global;
    global.password_file.is_some() || global.password_fd.is_some() || global.password_command.is_some()
}

/// Says that a password is needed and cannot be asked for.
pub fn no_source() -> Failure {
    Failure::usage("the master password is needed, and there is no terminal to ask for it")
        .hint("give --password-file, --password-fd or --password-command")
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
        Some(given) => unlock_given(context, found, given.existing()?, explain),
        None => unlock_typed(context, found)?.map_err(explain),
    }
}

/// Asks for the password until it opens the vault, three times at most: at the terminal or, if there is none, in a
/// dialog.
fn unlock_typed(context: &Context, found: FoundKey) -> Result<Result<(Unlocked, Password), Error>, Failure> {
    if let Some(dialog) = dialog::find(context) {
        let vault = context.home.vault_folder()?.display().to_string();
        return unlock_asked(found, |wrong| {
            let wrong = wrong.map(ToString::to_string);
            checked(&dialog.ask(&vault, wrong.as_deref())?)
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
