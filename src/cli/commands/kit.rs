//! `strongroom kit`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueHint};

use super::rotate::{self, RotationFlags};
use crate::cli::context::Context;
use crate::cli::hints::shell_word;
use crate::cli::interrupt;
use crate::cli::kit::{self, KitFlags, Making, SEE_KITS};
use crate::cli::output::{print_whole, to_secret_json};
use crate::cli::own_files::refuse_own_output;
use crate::cli::unlocking::{unlock, unlock_with_password};
use crate::cli::views::{self, NewKit, RevokedKit, Rotation, TestedKit, destroy_paper, kits_text, papers, valid_left};
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::format::kit::KitName;
use crate::store::Store;
use crate::vault::{Effect, KitInfo, Notice, Source, Unlocked, Vault};

/// What a new kit does not do.
const OLD_BACKUPS: &str = "earlier backups of the vault do not open with this kit: make a new one with \
                           `strongroom vault backup FILE`";

/// Make, list, test and revoke recovery kits
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit new")]
pub struct Kit {
    #[command(subcommand)]
    command: KitCommand,
}

#[derive(Debug, Subcommand)]
enum KitCommand {
    New(New),
    /// List the kits, and which papers should have been destroyed
    #[command(before_help = "Example: strongroom kit list")]
    List,
    /// Prove that a kit opens the vault; needs no password
    #[command(before_help = "Example: strongroom kit test")]
    Test {
        /// Read the code from a file that holds it alone
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        kit_file: Option<PathBuf>,
    },
    Revoke(Revoke),
}

/// End a kit.
///
/// The kit no longer opens the vault file. Whoever has its code and an older vault file can still open today's vault
/// until the data key is rotated; --rotate does that at once.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit revoke 1 --rotate")]
pub struct Revoke {
    /// The kit as it is called on its paper, such as 3-KT, or its number
    kit: String,
    /// Record that its paper was destroyed
    #[arg(long)]
    paper_destroyed: bool,
    /// Rotate the data key as well; the flags of `vault rotate` say what becomes of other kits
    #[arg(long)]
    rotate: bool,
    #[command(flatten)]
    rotation: RotationFlags,
}

/// Make a recovery kit and show its code once.
///
/// The code and a copy of the vault file open the vault without the password and without this computer's keychain. It
/// is shown at the terminal, where two of its groups have to be typed back, and it is proven to open before it counts.
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

impl Kit {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let output = &context.output;
        match self.command {
            KitCommand::New(new) => new.run(context),
            KitCommand::List => {
                let vault = unlock(context)?;
                let kits: Vec<_> = vault.kits().iter().map(views::Kit::from).collect();
                output.result(&kits_text(&kits), &kits)
            }
            KitCommand::Test { kit_file } => test(context, kit_file.as_deref()),
            KitCommand::Revoke(revoke) => revoke.run(context),
        }
    }
}

impl Revoke {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let RotationFlags { settle_now, keep_kit, kit: KitFlags { recovery_file, no_recovery, allow_synced }, .. } =
            &self.rotation;
        let is_given = *settle_now || *keep_kit || recovery_file.is_some() || *no_recovery || *allow_synced;
        if is_given && !self.rotate {
            return Err(
                Failure::usage("these flags say how the data key is rotated, and it is not").hint("add --rotate")
            );
        }
        let (mut vault, password) = unlock_with_password(context)?;
        let doing = format!("revoke kit {}", self.kit);
        let kit = vault.find_kit(&self.kit).map_err(|error| Failure::of(&doing, error))?;
        let name = kit.name;
        let failed = |error| {
            let is_begun = matches!(error, Error::RotationBegun { .. });
            let mut failure = Failure::of(&doing, error);
            if is_begun {
                failure.message = format!("kit {name} is revoked, but the data key is not rotated yet");
            }
            failure
        };
        if self.rotate {
            return self.with_rotation(context, &mut vault, &password, &kit, failed);
        }
        let effect = vault.revoke_kit(name.id, self.paper_destroyed).map_err(failed)?;
        let kits = vault.kits();
        let revoked = kits.iter().find(|kit| kit.name == name);
        let is_paper_destroyed = revoked.is_some_and(|kit| kit.destroyed.is_some());
        let mut text = match (effect, kit.ended) {
            (Effect::AlreadySo, Some(at)) if is_paper_destroyed => {
                format!("kit {name} ended on {at}; its paper is noted as destroyed; nothing was changed")
            }
            (Effect::AlreadySo, Some(at)) => format!("kit {name} ended on {at}; nothing was changed"),
            (Effect::Changed, Some(_)) => format!("noted: the paper of kit {name} is destroyed"),
            (_, None) => format!("kit {name} is revoked"),
        };
        // A rotation that is under way may have been begun with the kit, and what it wrote then is an older file.
        let rotate = if vault.rotation().is_some() { "vault rotate --anew" } else { "vault rotate" };
        if !is_paper_destroyed {
            text += &format!("\n{}: strongroom {rotate}", still_opens(&kit));
            text += &destroy_paper(name);
        }
        text += &valid_left(&vault);
        context.output.done(&text, &views::Kit::from(revoked.unwrap_or(&kit)))?;
        if kit.valid && !self.paper_destroyed && !context.output.json {
            let _words = interrupt::say(format!("kit {name} is revoked"), "");
            offer_rotation(context, &mut vault, &password)?;
        }
        Ok(())
    }

    fn with_rotation(
        &self,
        context: &Context,
        vault: &mut Unlocked,
        password: &Password,
        kit: &KitInfo,
        failed: impl Fn(Error) -> Failure,
    ) -> Result<(), Failure> {
        let name = kit.name;
        let so = if kit.valid { format!("kit {name} is not revoked; ") } else { String::new() };
        let words = interrupt::say(so + rotate::NOT_BEGUN, "");
        let (rotation, making) =
            self.rotation.carry_out(context, vault, password, Some(name), failed, |vault, kit| {
                let [so, hint] = rotate::MAY_BE_BEGUN;
                words.replace(format!("kit {name} may be revoked or not; {so}"), hint);
                vault.revoke_kit_and_rotate(name.id, self.paper_destroyed, password, kit)
            })?;
        drop(words);
        let rotation = Rotation::from(rotation);
        let mut text = format!("kit {name} is revoked\n{}", rotation.text());
        if let Some(making) = &making {
            text += &format!("\nrecovery kit {} opens the vault, now and afterwards", making.kit.name());
        }
        text += &rotation.old_backups();
        text += &papers(vault);
        text += &valid_left(vault);
        let kits = vault.kits();
        let revoked = kits.iter().find(|kit| kit.name == name).unwrap_or(kit);
        let new_kit = making.map(|making| making.kit.name().to_string());
        context.output.done(&text, &RevokedKit { kit: revoked.into(), rotation, new_kit })
    }
}

/// Says what a kit that was revoked is still good for.
fn still_opens(kit: &KitInfo) -> String {
    let unless = if kit.valid { "until the data key is rotated" } else { "unless the data key was rotated since" };
    format!(
        "whoever has its code and an older vault file (a backup, a synced copy, vault.json.prev) can still open today's \
         vault {unless}"
    )
}

/// Offers to rotate the data key after a kit was revoked.
fn offer_rotation(context: &Context, vault: &mut Unlocked, password: &Password) -> Result<(), Failure> {
    let Some(mut terminal) = context.terminal() else { return Ok(()) };
    terminal.say(
        "\nA rotation shuts out whoever has the kit's code and an older vault file. All other recovery kits end with it: \
         you get a new one. Other computers that use this vault need that kit afterwards.",
    )?;
    if !terminal.ask("Rotate the data key now? [y/N]")?.to_lowercase().starts_with('y') {
        return Ok(());
    }
    drop(terminal);
    rotate::rotate(context, vault, password, &RotationFlags::default())
}

/// Says what a kit opens. That it opens the previous vault file alone is no success: it lacks the last change at least.
fn test(context: &Context, kit_file: Option<&Path>) -> Result<(), Failure> {
    let store = context.store()?;
    let vault = Vault::open(Arc::new(store.clone())).map_err(|error| Failure::of("open the vault", error))?;
    let warn = |source: &Source, generation| {
        if let Source::Previous { reason, other_key } = source {
            let (reason, other_key) = (reason.clone(), *other_key);
            context.show(&[Notice::ReadPrevious { reason, generation, other_key }]);
        }
    };
    // Before the code is asked for: where it is refused, the kits of the previous file were tried.
    let told = *vault.source() != Source::Current;
    warn(vault.source(), vault.header().generation);
    let secret = kit::read_secret(context, kit_file)?;
    let opened = vault.open_with_kit(&secret).map_err(|error| Failure::of("test the kit", error))?;
    if !told {
        warn(opened.source(), opened.generation());
    }
    let (name, projects, ends) = (opened.kit(), opened.projects(), opened.ends_rotation());
    let previous = *opened.source() != Source::Current;
    let place = if previous { store.previous().display().to_string() } else { store.place() };
    let tested = TestedKit { kit: name.to_string(), projects, ends_with_rotation: ends, previous };
    context.output.result(&tested.text(&place), &tested)?;
    match opened.source() {
        Source::Previous { reason, .. } => {
            let what = format!("kit {name} does not open the vault file itself");
            Err(Failure::new(Exit::Damaged, "damaged", what).cause(reason.as_str()).hint(format!(
                "put a backup in its place, or continue from the previous one (generation {}): `strongroom status \
                 --unlock --accept-rollback`, or without keychain and password `strongroom recover \
                 --accept-rollback`",
                opened.generation()
            )))
        }
        _ => Ok(()),
    }
}

impl New {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let output = &context.output;
        let saves = self.save.is_some() || self.recovery_file.is_some();
        let prints = !saves && (output.json || context.terminal().is_none());
        if prints {
            crate::cli::output::check_seen("the recovery code")?;
        }
        let (mut vault, password) = unlock_with_password(context)?;
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
                let page = if is_page(path) { page.html()? } else { page.text() };
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
        words.replace(format!("kit {name} may have been made or not"), SEE_KITS);
        kit::add(&mut vault, &making, &store, &password, file.map(PathBuf::as_path))?;
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
                 paper in a safe, and remove the file: rm {0}\n{OLD_BACKUPS}",
                shell_word(&path.display().to_string())
            ),
            None => format!("recovery kit {name} is made and proven to open the vault\n{OLD_BACKUPS}"),
        };
        output.done(&where_to, &())
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
