//! `strongroom doctor`.

use std::sync::Arc;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::password;
use crate::cli::today::today;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::{self, RemovedItems};
use crate::doctor::{self, Computer, Level, Opened, left_behind};
use crate::failure::{Exit, Failure, put_back};
use crate::format::VaultId;
use crate::host::{Host, ThisHost};
use crate::vault::Unlocked;
use crate::words::{command, counted, words};

/// Look for problems, and say how to fix them.
///
/// Checks permissions, the keychain (with a separate test item), stray items, keys left in other keychains, this
/// computer's record of the vault, the previous vault file, other copies of the vault beside it, and leftover files.
/// With a password, or with --unlock, it also opens the vault, which continues a rotation of the data key as every
/// unlock does, and names keys that should be replaced, and
/// secrets that are older than a year, easy to guess, or have the same password. Exits with 1 if it found a problem.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom doctor")]
pub struct Doctor {
    /// Ask for the master password and open the vault too
    #[arg(long)]
    unlock: bool,
    /// Delete the keychain items of this vault that do not open it
    #[arg(long)]
    remove_duplicates: bool,
    /// Delete the keys of this vault in keychains that it no longer uses
    #[arg(long, conflicts_with_all = ["remove_duplicates", "forget"])]
    remove_left_behind: bool,
    /// Delete the keychain items of a vault that this computer does not know; what they open is lost
    #[arg(long, value_name = "VAULT-ID", conflicts_with = "remove_duplicates", requires = "yes")]
    forget: Option<String>,
    /// Confirm --forget
    #[arg(long, requires = "forget")]
    yes: bool,
}

impl Doctor {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(vault) = &self.forget {
            return forget(context, vault);
        }
        if self.remove_duplicates {
            let mut vault = unlock_to_look(context)?;
            let deleted = vault
                .remove_duplicates()
                .map_err(|error| Failure::of("remove the items that do not open the vault", error))?;
            let removed = RemovedItems { removed: deleted };
            return context.output.done(removed.text(), &removed);
        }
        let asking = || context.asking();
        let computer = Computer { home: &context.home, asking: &asking };
        if self.remove_left_behind {
            let vault = unlock_to_look(context)?;
            let removed = left_behind::remove(&computer, &vault, context.store()?.file())?;
            let removed = RemovedItems { removed };
            return context.output.done(removed.text(), &removed);
        }
        // First, since it may put an end to what the checks would find, and knows what they can only suspect.
        let unlocked = (self.unlock || password::has_source(context)).then(|| {
            let vault = unlock_to_look(context)?;
            let mut found = doctor::projects::check(&vault, today(context, &*vault)?);
            found.extend(secrets_of(&vault));
            Ok::<_, Failure>((Opened::of(&vault), vault.projects().len(), found))
        });
        let opened = unlocked.as_ref().and_then(|unlocked| unlocked.as_ref().ok()).map(|(opened, ..)| opened);
        let checked = doctor::run(&computer, opened)?;
        let mut findings = checked.findings;
        match unlocked {
            Some(Ok((_, projects, found))) => {
                let text = format!("the password opens it: {}", counted(projects, "project"));
                findings.push(doctor::Finding::good("unlocking", text));
                findings.extend(found);
            }
            Some(Err(failure)) if !checked.is_blocked => {
                let text = format!("{}: {}", failure.message, failure.cause.unwrap_or_default());
                let remedy = if failure.kind == "damaged" { put_back() } else { failure.hint.unwrap_or_default() };
                findings.push(doctor::Finding::problem("unlocking", text, remedy));
            }
            // A problem that is named already is why.
            Some(Err(_)) | None => {}
        }
        report(context, findings)
    }
}

/// Returns what is to be said of the secrets.
fn secrets_of(vault: &Unlocked) -> Vec<doctor::Finding> {
    doctor::secrets::check(vault, ThisHost.now()).unwrap_or_else(|error| {
        vec![doctor::Finding::problem("secrets", error.to_string(), command("vault restore BACKUP").line())]
    })
}

fn report(context: &Context, findings: Vec<doctor::Finding>) -> Result<(), Failure> {
    let flags = &context.output.flags;
    let findings: Vec<_> = findings.into_iter().map(|finding| views::Finding::of(finding, flags)).collect();
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let lines: Vec<String> = findings.iter().map(|finding| finding.text(width)).collect();
    context.output.result(lines.join("\n"), &findings)?;
    let hint = if context.output.json { "see \"remedy\" for what to do" } else { "see what to do after \"fix:\"" };
    match findings.iter().filter(|finding| finding.level == Level::Problem).count() {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "findings", "1 problem found").hint(hint)),
        count => Err(Failure::new(Exit::Failed, "findings", format!("{count} problems found")).hint(hint)),
    }
}

fn forget(context: &Context, vault: &str) -> Result<(), Failure> {
    let id: VaultId = vault.parse().map_err(|_| {
        Failure::usage(format!("{vault:?} is not a vault's id"))
            .hint(words![command("doctor"), " prints the ids of stray items"])
    })?;
    let own = crate::vault::Vault::open(Arc::new(context.store()?)).is_ok_and(|own| own.id() == id);
    if own || context.home.settings.of(id)?.is_some() {
        return Err(Failure::new(Exit::Failed, "vault-known", format!("cannot forget vault {id}"))
            .cause("this computer knows that vault, and its key would be lost")
            .hint(words![
                "to delete its keys in keychains that it does not use any more: ",
                command("doctor --remove-left-behind")
            ]));
    }
    let deleted = context
        .home
        .forget_items(id, &*context.os_keychain())
        .map_err(|error| Failure::of(format!("forget vault {id}"), error.into()))?;
    if deleted == 0 {
        return Err(Failure::new(Exit::NotFound, "key-missing", format!("cannot forget vault {id}"))
            .cause("nothing of it is stored here"));
    }
    let removed = RemovedItems { removed: deleted };
    context.output.done(format!("{} of vault {id}", removed.text()), &removed)
}
