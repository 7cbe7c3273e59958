//! `strongroom vault`: one file for each of its commands.

use clap::Args;

use crate::cli::context::Context;
use crate::failure::Failure;

/// Rotate the data key, merge, back up, restore and fork the vault
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault backup vault-backup.json")]
pub struct VaultFile {
    #[command(subcommand)]
    command: VaultCommand,
}

impl VaultFile {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        run(self.command, context)
    }
}

subcommands! {
    VaultCommand:
    rotate::Rotate,
    merge::Merge,
    backup::Backup,
    restore::Restore,
    fork::Fork,
}
