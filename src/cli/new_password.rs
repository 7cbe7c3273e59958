//! The flags by which a command gets a new master password, and the password.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::context::Context;
use super::password;
use crate::crypto::secret::Password;
use crate::failure::Failure;

/// Where a new master password comes from.
#[derive(Debug, Args)]
pub struct NewPassword {
    /// Read the new password from a file; a newline at its end is ignored
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "generate_password")]
    new_password_file: Option<PathBuf>,
    /// Generate a master password of six random words and print it once
    #[arg(long)]
    pub generate_password: bool,
}

impl NewPassword {
    /// Tells whether the flags say where it comes from, so that nobody is asked.
    pub fn is_given(&self) -> bool {
        self.new_password_file.is_some() || self.generate_password
    }

    /// Reads it from the file that is named; `None` if none is.
    ///
    /// # Errors
    /// If the file cannot be read, or what it holds cannot be a new password.
    pub fn read(&self, context: &Context) -> Result<Option<Password>, Failure> {
        let Some(path) = &self.new_password_file else { return Ok(None) };
        password::accept(context, password::read_file(context, path)?.line()).map(Some)
    }

    /// Generates it, or asks for it.
    ///
    /// # Errors
    /// If there is no terminal to ask at, or nobody answers.
    pub fn choose(&self, context: &Context) -> Result<Password, Failure> {
        if self.generate_password {
            return password::generate();
        }
        let mut terminal = context.terminal().ok_or_else(password::no_source)?;
        password::choose(context, &mut terminal)
    }
}
