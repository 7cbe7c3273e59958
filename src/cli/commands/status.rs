//! `strongroom status`.

use std::path::Path;
use std::sync::Arc;

use clap::Args;

use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::ledger;
use crate::cli::password;
use crate::cli::today::today;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::{self, NoKey, ProjectFileSeen};
use crate::disk::plain;
use crate::error::{Error, ItemError};
use crate::failure::Failure;
use crate::format::Date;
use crate::format::item::DataKeyItem;
use crate::format::vault::Header;
use crate::home::HomeError;
use crate::host::{Host, ThisHost};
use crate::keychain::ItemKind;
use crate::store::Store;
use crate::vault::{Source, Unlocked, Vault};
use crate::words::{command, words};

/// How many days ahead is soon.
const SOON: i64 = 30;

/// Show the vault, its keychain and its projects.
///
/// Without a password it shows what can be read without one. With a password, or with --unlock, it also shows the
/// projects and their keys, those that are due within 30 days or overdue, and keys that should be replaced.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom status --unlock")]
pub struct Status {
    /// Ask for the master password
    #[arg(long)]
    unlock: bool,
}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if !self.unlock && !password::has_source(context) {
            let store = context.store()?;
            let found = Vault::open(Arc::new(store)).map_err(|error| Failure::of("open the vault", error))?;
            let seen = public_facts(context, found.header(), found.source())?;
            return context.output.result(seen.text(&context.output.flags), &seen);
        }
        let vault = unlock_to_look(context)?;
        // After unlocking, which may have accepted an older vault file.
        let mut seen = public_facts(context, vault.header(), vault.source())?;
        add_unlocked(&mut seen, &vault, today(context, &*vault)?)?;
        if let Some(copies) = &seen.old_copies {
            let hint = words!["; ", command("sweep"), " finds them and their copies"];
            context.output.warn("old-copies", words![copies.text()] + hint);
        }
        context.output.result(seen.text(&context.output.flags), &seen)
    }
}

/// Tells what needs no password: what stands in clear in the vault file that was read, and in the keychain.
fn public_facts(context: &Context, header: &Header, source: &Source) -> Result<views::Status, Failure> {
    let kind = context.home.kind_of(header.vault)?;
    let warning = match source {
        Source::Previous { reason, .. } => Some(reason.as_str().to_owned()),
        _ => None,
    };
    let mut seen = views::Status {
        path: context.store()?.place(),
        vault: header.vault,
        created: header.created,
        generation: header.generation,
        warning,
        recovery_kits: header.kits().map(|kit| kit.name().to_string()).collect(),
        keychain: kind.to_string(),
        password_set: None,
        kdf: None,
        kdf_below_default: None,
        key: None,
        config_file: context.config.path().filter(|path| path.exists()).map(|path| path.display().to_string()),
        project_file: project_file(context),
        unlocked: false,
        agent: agent_of(context),
        kdf_policy: None,
        rotation: None,
        projects: None,
        due: None,
        old_keys: None,
        old_copies: None,
        policy_below_default: false,
    };
    let keychain = context.keychain(&kind, header.vault);
    let items = keychain.get(&header.vault.to_string(), ItemKind::DataKey);
    let parsed = items.map(|items| {
        let parsed: Vec<_> = items.iter().map(|item| DataKeyItem::parse(&item.bytes)).collect();
        // One that can be used before one that cannot.
        let usable = parsed.iter().position(Result::is_ok).unwrap_or(0);
        parsed.into_iter().nth(usable)
    });
    match parsed {
        Ok(Some(Err(error))) => {
            let text = format!("the item in {} is not a key for this vault: {error}", keychain.name());
            seen.key = Some(NoKey::of("unusable", text));
        }
        Ok(Some(Ok(item))) => {
            // `parse` refuses an item without wraps.
            if let Some(wrap) = item.wraps.last() {
                let cost = wrap.header.kdf.cost;
                seen.password_set = Some(wrap.header.at);
                seen.kdf = Some(cost.into());
                seen.kdf_below_default = Some(cost.is_below_default());
            }
        }
        Ok(None) => {
            let error = Error::Item(ItemError::Missing { keychain: keychain.name(), vault: header.vault });
            let failure = Failure::of("find the key", error).sought(context.home.sought(&kind, header.vault));
            seen.key = Some(NoKey::of("missing", failure.cause.unwrap_or_default()));
        }
        Err(error) => seen.key = Some(NoKey::of(error.kind(), error.to_string())),
    }
    Ok(seen)
}

/// Tells what names the project of the working folder.
fn project_file(context: &Context) -> Option<ProjectFileSeen> {
    match context.home.project_file() {
        Ok(file) => file.map(|file| ProjectFileSeen {
            path: file.path.display().to_string(),
            project: file.project,
            exclude: file.exclude,
            refused: None,
        }),
        Err(HomeError::ProjectFile { path, why }) => Some(refused(&path, why.to_string())),
        Err(HomeError::Io { path, source, .. }) => Some(refused(&path, plain(&source))),
        Err(_) => None,
    }
}

fn refused(path: &Path, why: String) -> ProjectFileSeen {
    ProjectFileSeen { path: path.display().to_string(), project: None, exclude: Vec::new(), refused: Some(why) }
}

/// Returns the agent that keeps the vault unlocked, if one does.
fn agent_of(context: &Context) -> Option<views::Agent> {
    agent::status(context).map(Into::into)
}

fn add_unlocked(seen: &mut views::Status, vault: &Unlocked, today: Date) -> Result<(), Failure> {
    let policy = vault.policy().map_err(|error| Failure::of("read the KDF policy", error))?;
    seen.unlocked = true;
    seen.kdf_policy = Some(policy.into());
    seen.policy_below_default = policy.is_below_default();
    seen.rotation = vault.rotation().map(Into::into);
    let projects = vault.projects();
    let is_soon = |project: &views::DueProject| project.next.is_some_and(|next| next.days_left <= SOON);
    seen.due = Some(views::DueProject::all(&projects, &vault.kits(), today).into_iter().filter(is_soon).collect());
    seen.old_keys = Some(views::OldKey::all(&projects, today));
    seen.projects = Some(projects.iter().map(|project| views::Project::of(project, today)).collect());
    // A log that cannot be read says what is wrong with it to whoever reads it.
    seen.old_copies = ledger::of(vault, None).ok().and_then(|ledger| ledger::old_copies(&ledger, ThisHost.now()));
    Ok(())
}
