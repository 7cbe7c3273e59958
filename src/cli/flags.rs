//! The flags that every command takes. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::home::Kind;
use crate::password::Descriptor;

/// Flags that stand before or after the command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The vault's folder [default: strongroom in the user's data folder] [env: STRONGROOM_VAULT]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub vault: Option<PathBuf>,
    /// Where this computer stores the keychain entry (the vault's key, encrypted): os (the desktop's keychain), file (in
    /// your home folder) or file:PATH [default: as recorded on this computer; os for a new vault]
    #[arg(long, global = true, value_name = "KIND")]
    pub keychain: Option<Kind>,
    /// Read the master password from a file; a newline at its end is ignored
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath,
          conflicts_with_all = ["password_fd", "password_command"])]
    pub password_file: Option<PathBuf>,
    /// Read the master password from an open file descriptor
    #[arg(long, global = true, value_name = "N", conflicts_with = "password_command")]
    pub password_fd: Option<Descriptor>,
    /// Read the master password from what a shell command prints
    #[arg(long, global = true, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub password_command: Option<String>,
    /// Never prompt; fail instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Print results as JSON on standard output, and errors as one line of JSON on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no progress and no remarks
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Continue even if the vault file is older than the one that this computer saw last, has diverged from it (holds
    /// other changes), or is so damaged that the previous copy must be used. First, the present vault file
    /// is copied to another name
    #[arg(long, global = true)]
    pub accept_rollback: bool,
    /// Why this is done: the access log records it
    #[arg(long, global = true, value_name = "TEXT")]
    pub reason: Option<String>,
    /// How long the OS keychain may take, in seconds [default: 60 at a terminal, 3 elsewhere]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub keychain_timeout: Option<u64>,
}
