//! The list of commands. The doc comments are the help texts.

use clap::{CommandFactory, Parser, Subcommand};

use super::commands::{
    cat, completions, decrypt, doctor, encrypt, init, inspect, key, kit, man, passwd, project, recover, reencrypt,
    rewrap, status, vault, verify,
};
use super::context::Context;
use super::flags::Global;
use crate::failure::Failure;

/// Keep client data encrypted, keep each project's keys safe, open the data to work on it.
///
/// A master password unlocks a vault; the vault holds one file key per project; a file key opens that project's
/// files. The password's half of the vault's key lies in the keychain of this computer.
#[derive(Debug, Parser)]
#[command(
    name = "strongroom",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 wrong password, 4 not found, 5 damaged or altered, \
                  6 keychain, 7 busy, 8 rolled back or diverged, 130 interrupted, 128 + N ended by signal N."
)]
pub struct Cli {
    /// The flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a vault
    Init(init::Init),
    /// Add, list, show, rename, hold and destroy projects
    #[command(subcommand)]
    Project(project::Project),
    /// Show, list, rotate, import and retire a project's file keys
    #[command(subcommand)]
    Key(key::Key),
    /// Encrypt files and folders for a project
    Encrypt(encrypt::Encrypt),
    /// Decrypt files and folders
    Decrypt(decrypt::Decrypt),
    /// Print a part of an encrypted file, or all of it
    Cat(cat::Cat),
    /// Prove that encrypted files are whole and unaltered
    Verify(verify::Verify),
    /// Show what can be seen of encrypted files, without a key and with one
    #[command(visible_alias = "ls")]
    Inspect(inspect::Inspect),
    /// Move encrypted files to the project's current key, by their headers alone
    Rewrap(rewrap::Rewrap),
    /// Encrypt files anew under the project's current key, data and all
    Reencrypt(reencrypt::Reencrypt),
    /// Change the master password on this computer
    Passwd(passwd::Passwd),
    /// Make, list, test and revoke recovery kits
    #[command(subcommand)]
    Kit(kit::KitCommand),
    /// Get back in with a recovery kit
    Recover(recover::Recover),
    /// Rotate the data key, merge, back up, restore and fork the vault
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Tell which vault, keychain and projects there are
    Status(status::Status),
    /// Look for what is wrong, and say what to do about it
    Doctor(doctor::Doctor),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Print the manual page
    Man(man::Man),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Init(command) => command.run(context),
            Self::Project(command) => command.run(context),
            Self::Key(command) => command.run(context),
            Self::Encrypt(command) => command.run(context),
            Self::Decrypt(command) => command.run(context),
            Self::Cat(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Inspect(command) => command.run(context),
            Self::Rewrap(command) => command.run(context),
            Self::Reencrypt(command) => command.run(context),
            Self::Passwd(command) => command.run(context),
            Self::Kit(command) => command.run(context),
            Self::Recover(command) => command.run(context),
            Self::Vault(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Doctor(command) => command.run(context),
            Self::Completions(command) => command.run(Cli::command()),
            Self::Man(command) => command.run(Cli::command()),
        }
    }
}

/// Makes a failure out of clap's.
pub(super) fn usage_of(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    // The message goes on to the usage line; what stands in lines is one sentence in JSON.
    let lines = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let line = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    Failure::usage(line.strip_prefix("error: ").unwrap_or(&line)).hint("run it with --help")
}
