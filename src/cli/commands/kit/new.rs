//! `strongroom kit new`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::kit::{self, Making};
use crate::cli::output::{check_seen, print_whole, to_secret_json};
use crate::cli::own_files::refuse_own_output;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::NewKit;
use crate::failure::{Exit, Failure};
use crate::format::kit::KitName;
use crate::format::log::Action;
use crate::pages::TooLong;
use crate::store::Store;
use crate::vault::Unlocked;
use crate::words::{Words, command, shell_word, words};

/// Says what a new kit does not do.
fn old_backups() -> Words {
    words![
        "\nearlier backups of the vault do not open with this kit: make a new one with ",
        command("vault backup FILE")
    ]
}

/// Make a recovery kit and show its code once.
///
/// The code and a copy of the vault file open the vault without the password and without this computer's keychain. The
/// code is shown at the terminal, and you type two of its groups back. The kit counts only when the code has opened the
/// vault.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit new --save kit.html")]
pub struct New {
    /// Write the kit to a new file instead: a page to print with a QR code if its name ends in .html, otherwise text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "recovery_file")]
    save: Option<PathBuf>,
    /// Write the code alone to a new file instead, as --kit-file reads it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    recovery_file: Option<PathBuf>,
    /// Allow that file in a folder that a sync service copies elsewhere
    #[arg(long)]
    allow_synced: bool,
    /// Skip the check that the code was copied
    #[arg(long)]
    no_confirm: bool,
}

impl New {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let output = &context.output;
        let saves = self.save.is_some() || self.recovery_file.is_some();
        let prints = !saves && (output.json || context.terminal().is_none());
        if prints {
            check_seen("the recovery code")?;
        }
        let (mut vault, password) = unlock_with_password(context, &Doing::to_vault(Action::KitNew))?;
        let store = context.store()?;
        let place = store.place();
        let making = Making::begin(&vault)?;
        let page = making.page(&vault, &place);
        let name = making.kit.name();
        let words = interrupt::say("no recovery kit was made", "");
        let terminal = if saves || output.json { None } else { context.terminal() };
        let file = self.save.as_ref().or(self.recovery_file.as_ref());
        match (&self.save, &self.recovery_file, terminal) {
            (Some(path), _, _) => {
                let page = if is_page(path) { page.html().map_err(does_not_fit)? } else { page.text() };
                refuse_own_output(context, path)?;
                kit::save(path, page.as_bytes(), self.allow_synced)?;
            }
            (_, Some(path), _) => {
                refuse_own_output(context, path)?;
                kit::save_code(path, &making.code, self.allow_synced)?;
            }
            (None, None, Some(mut terminal)) => making.show(&mut terminal, &page, !self.no_confirm)?,
            (None, None, None) => {}
        }
        words.replace(format!("kit {name} may have been made or not"), kit::see_kits(context));
        kit::add(&mut vault, &making, &store, &password, file.map(PathBuf::as_path))?;
        vault.done();
        let created = making.kit.created();
        if output.json {
            let file = file.map(|path| path.display().to_string());
            let code = file.is_none().then(|| making.code.as_str());
            // As much as the path takes where each of its bytes is escaped.
            let room = 6 * file.as_ref().map_or(0, String::len) + making.code.len() + 128;
            let made = NewKit { kit: name.to_string(), created, code, file };
            return revoked_unless_printed(&mut vault, name, print_whole(&to_secret_json(&made, room)));
        }
        if prints {
            revoked_unless_printed(&mut vault, name, print_whole(page.text().as_bytes()))?;
        }
        let where_to = match file {
            Some(path) => format!(
                "recovery kit {name} is made and proven to open the vault; its code is in {0}\nprint it, put the \
                 paper in a safe, and remove the file: rm {0}",
                shell_word(&path.display().to_string())
            ),
            None => format!("recovery kit {name} is made and proven to open the vault"),
        };
        output.done(Words::from(where_to) + old_backups(), &())
    }
}

/// A code that nobody can have read must not go on being valid.
fn revoked_unless_printed(vault: &mut Unlocked, kit: KitName, printed: Result<(), Failure>) -> Result<(), Failure> {
    if printed.is_err() {
        // Best effort: nobody knows the code.
        let _ = vault.revoke_kit(kit.id, true);
    }
    printed
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html") || ending.eq_ignore_ascii_case("htm"))
}

fn does_not_fit(error: TooLong) -> Failure {
    Failure::new(Exit::Failed, "kit-page", error.to_string())
}
