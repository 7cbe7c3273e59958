//! Where master passwords come from, and what a new one must be.

mod new;
mod source;

pub use new::{ask_new, check_strength, generate, random_below, telling_names};
pub use source::{from_source, read_file};

use super::context::Context;
use super::failure::Failure;
use crate::crypto::secret::Password;

/// Returns the master password from the source the flags name, else from the terminal.
///
/// # Errors
/// Where there is no source, or it cannot be read.
pub fn master_password(context: &Context) -> Result<Password, Failure> {
    match from_source(context)? {
        Some(password) => Ok(password),
        None => match context.terminal() {
            Some(mut terminal) => typed(&terminal.ask_hidden("master password")?),
            None => Err(no_source()),
        },
    }
}

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

/// Takes a line from the terminal, where the prompt has turned bytes that are not UTF-8 into U+FFFD.
fn typed(line: &str) -> Result<Password, Failure> {
    checked(if line.contains(char::REPLACEMENT_CHARACTER) { b"\xff" } else { line.as_bytes() })
}

fn checked(raw: &[u8]) -> Result<Password, Failure> {
    Password::new(raw).map_err(|error| Failure::of("use the password", error.into()))
}
