//! `strongroom project destroy`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::commands::destruction::steps::{self, StepFlags};
use crate::cli::commands::report::accesses;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::rotation::RotationFlags;
use crate::cli::term_flags::ByFlag;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::{self, DestroyedProject, DestructionOf, SharedKeyVersion, papers};
use crate::error::{Begun, Error, Exists};
use crate::evidence::openings::openings_of;
use crate::failure::Failure;
use crate::format::kit::KitName;
use crate::format::log::Action;
use crate::format::name::{printable, project_name};
use crate::home::{is_gone, is_same_file};
use crate::store::Store;
use crate::vault::{
    DestructionOrder, KitInfo, ProjectInfo, Rotation, SecretsOfProject, SharedKey, SharedKeys, Unlocked,
};
use crate::words::{Words, command, counted, shell_word, words};

/// Destroy a project's keys for good: this vault will never open its files again.
///
/// From this moment the project can no longer be used. The data key rotates as well, so that older copies of the vault,
/// which still hold the project's keys, no longer open with this computer's keychain. The encrypted files stay where
/// they are; this vault can no longer open them. The project's secrets are deleted with it. A list at the end shows the copies that this program cannot delete.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom project destroy acme")]
pub struct Destroy {
    /// The project
    name: String,
    /// The project's name again, instead of typing it when asked
    #[arg(long, value_name = "NAME")]
    yes: Option<String>,
    /// Destroy it even if another project of this vault holds one of its keys and can still open its files
    #[arg(long)]
    keep_shared: bool,
    /// Keep its secrets (see `strongroom secret list`); they belong to no project then
    #[arg(long)]
    keep_secrets: bool,
    /// On what basis it is destroyed, such as the end of the contract or a request
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    #[command(flatten)]
    by: ByFlag,
    #[command(flatten)]
    steps: StepFlags,
    #[command(flatten)]
    rotation: RotationFlags,
}

impl Destroy {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let doing = format!("destroy project {:?}", self.name);
        let normal = |name: &str| project_name(name).unwrap_or_else(|_| name.to_owned());
        match &self.yes {
            Some(yes) if normal(yes) != normal(&self.name) => {
                return Err(Failure::usage("--yes names another project").hint("give the project's name twice"));
            }
            None if context.terminal().is_none() => {
                return Err(Failure::usage(
                    "destroying a project has to be confirmed, and there is no terminal to ask at",
                )
                .hint(format!("give --yes {}", shell_word(&self.name))));
            }
            _ => {}
        }
        let (mut vault, password) =
            unlock_with_password(context, &Doing::to_project(Action::ProjectDestroy, Some(&self.name)))?;
        let failed = |error| {
            let is_begun = matches!(error, Error::Unfinished { begun: Begun::Rotation, .. });
            let is_shared = matches!(error, Error::Exists(Exists::KeyElsewhere { .. }));
            let mut failure = Failure::of(&doing, error);
            if is_shared {
                failure.hint = Some(KEEP_SHARED.into());
            }
            if is_begun {
                failure.message = format!("project {} is destroyed, but the data key is not rotated yet", self.name);
            }
            failure
        };
        let allowed = if self.keep_shared { SharedKeys::Allowed } else { SharedKeys::Refused };
        vault.check_destroyable(&self.name, allowed).map_err(failed)?;
        let project = vault.project(&self.name).map_err(failed)?;
        let shared = vault.shared_keys(&self.name).map_err(failed)?;
        let secrets = vault.secrets_of(&self.name).map_err(failed)?;
        let said = interrupt::say(format!("project {} is not destroyed", project.name), "");
        if self.yes.is_none() {
            let deleted: &[String] = if self.keep_secrets { &[] } else { &secrets };
            confirm(context, &project, &shared, deleted, self.rotation.keep_kit)?;
        }
        let order = DestructionOrder {
            by: self.by.or_custodian(context, &project.terms()),
            reason: context.reason(),
            basis: self.basis.unwrap_or_default(),
        };
        order.checked().map_err(failed)?;
        let under_way = vault.rotation();
        let mut standing = 0;
        let (rotation, making) =
            self.rotation.carry_out(context, &mut vault, &password, None, failed, |vault, kit| {
                said.replace(
                    format!("project {} may be destroyed or not", project.name),
                    words!["see with ", command("project show").arg(&project.name)],
                );
                vault.open_destruction(&self.name, &order, allowed)?;
                steps::log(context, vault, Action::DestructionOpened, &self.name, order.basis.clone());
                standing = steps::look_for_copies(context, vault, &self.name, &self.steps)?;
                let of_project = if self.keep_secrets { SecretsOfProject::Kept } else { SecretsOfProject::Deleted };
                vault.destroy_project(&self.name, &password, kit, allowed, of_project)
            })?;
        let went_on = steps::go_on(context, &mut vault, &self.name, &self.steps);
        drop(said);
        let destruction = vault.project(&self.name).map_err(failed)?;
        let new_kit = making.as_ref().map(|making| making.kit.name());
        let mut left = what_is_left(context, &vault, &project, &shared, rotation, new_kit)?;
        left.extend(handed_out(&vault, &project, standing));
        let (secrets_kept, secrets_deleted) =
            if self.keep_secrets { (secrets, Vec::new()) } else { (Vec::new(), secrets) };
        let destroyed = DestroyedProject {
            project: project.name,
            secrets_deleted,
            secrets_kept,
            rotation: views::Rotation::from(rotation),
            kit: new_kit.map(|kit| kit.to_string()),
            shared: shared.iter().map(SharedKeyVersion::from).collect(),
            destruction: DestructionOf::of(&destruction),
            could_undo: left,
            cannot_know: UNKNOWN,
        };
        let mut text = Words::from(destroyed.text());
        text += destroyed.rotation.text();
        if under_way.is_some() {
            text += "\nthe rotation that was under way is replaced by this one";
        }
        if let Some(making) = &making {
            text += destroyed.rotation.new_kit(making.kit.name());
        }
        text += destroyed.secrets();
        text += destroyed.copies();
        text += destroyed.rotation.old_backups();
        text += papers(&vault);
        text += "\n\n";
        text += destroyed.destruction.head();
        if let Some(record) = destruction.destruction.filter(|record| record.is_closed().is_none()) {
            text += "\n";
            text += steps::waits_for(&record, vault.rotation(), &destruction.name);
        }
        vault.done();
        context.output.done(text, &destroyed)?;
        // The keys are gone all the same, which the lists above say.
        went_on
    }
}

/// What helps if another project holds one of the keys.
const KEEP_SHARED: &str = "the files stay readable until every project that holds the key is destroyed; to destroy \
                           this project anyway, add --keep-shared";

/// What is out of this program's reach.
const UNKNOWN: &[&str] = &[
    "keys that `key show` printed before there was an access log, and copies of keys",
    "passwords in files that were imported, or written by `secret export`, and in other password managers",
    "files that were decrypted, and the originals that were encrypted",
    "vaults that were forked from this one elsewhere: they hold the same file keys",
    "backups that hold both this computer's keychain and an older vault file, with the password from before now",
    "backups and other copies of the vault file, also those made by `vault backup`: they open with a recovery kit from \
     before now",
    "other computers' keychain items, with an older vault file and their password",
];

fn confirm(
    context: &Context,
    project: &ProjectInfo,
    shared: &[SharedKey],
    secrets: &[String],
    keeps_kit: bool,
) -> Result<(), Failure> {
    let mut terminal = context.terminal().ok_or_else(crate::cli::password::no_source)?;
    let is_counted = project.keys.iter().any(|key| key.seen.is_some());
    let files: u64 = project.keys.iter().filter_map(|key| key.seen).map(|(files, _)| files).sum();
    let count = project.keys.len();
    let under = if count == 1 { "it" } else { "them" };
    let files = counted(usize::try_from(files).unwrap_or(usize::MAX), "file");
    let seen = if is_counted { format!(" (the last scan found {files} under {under})") } else { String::new() };
    let keys = if count == 1 { "its only key".to_owned() } else { format!("all its {count} keys") };
    let ends = match shared {
        [] => "This vault will never open its files again; this cannot be undone.".to_owned(),
        shared => format!(
            "This cannot be undone. Other projects hold some of the keys too, so files under those keys still open \
             through these projects: {}.",
            shared.iter().map(|key| key.elsewhere.to_string()).collect::<Vec<_>>().join(", ")
        ),
    };
    let client = if project.client.is_empty() { String::new() } else { format!(" (client {:?})", project.client) };
    let secrets = match secrets {
        [] => String::new(),
        names => format!(" Its secrets will be deleted, too: {}.", printable(&names.join(", "))),
    };
    terminal.say(&format!(
        "Project {}{client} will be destroyed: {keys} will be deleted{seen}.{secrets} {ends} The data key is rotated as well: \
         after that, {} open only older vault files, and other computers that use this vault need a kit. These can \
         still open the files: keys that were printed, separate vaults made from this vault, and older vault files \
         together with a kit, or a keychain entry and its password, from their time. A list follows.",
        printable(&project.name),
        if keeps_kit { "all other recovery kits" } else { "existing recovery kits" },
    ))?;
    let typed = terminal.ask("type the project's name to destroy it:")?;
    if project_name(&typed).is_ok_and(|typed| typed == project.name) {
        return Ok(());
    }
    Err(Failure::new(crate::failure::Exit::Failed, "not-confirmed", "the project is not destroyed")
        .cause("what was typed is not its name")
        .hint("nothing was changed; run it again"))
}

/// Lists what this program knows of that still holds the project's keys.
/// What was handed out while the keys were there, as the access log and the search for copies say. The keys are gone by
/// now, so that a log that cannot be read is no failure.
fn handed_out(vault: &Unlocked, project: &ProjectInfo, standing: usize) -> Vec<String> {
    let mut left = Vec::new();
    match accesses::of_project(vault, project.id) {
        Ok(log) => {
            let openings = log.get().map(|log| openings_of(log, project.id)).unwrap_or_default();
            for shown in openings.iter().filter(|opening| opening.action == "key.show") {
                left.push(format!("the file key that `key show` printed for {} at {}", shown.account, shown.at));
            }
        }
        Err(_) => left.push("keys that `key show` printed, if any: the access log cannot be read".into()),
    }
    if standing > 0 {
        let stand = if standing == 1 { "stands or is not clear" } else { "stand or are not clear" };
        left.push(format!("{} that {stand}; `sweep` names them", counted(standing, "decrypted file")));
    }
    left
}

fn what_is_left(
    context: &Context,
    vault: &Unlocked,
    project: &ProjectInfo,
    shared: &[SharedKey],
    rotation: Rotation,
    new_kit: Option<KitName>,
) -> Result<Vec<String>, Failure> {
    let store = context.store()?;
    let mut left: Vec<String> = shared
        .iter()
        .map(|key| format!("{}: it holds key version {} as well; destroy that project too", key.elsewhere, key.version))
        .collect();
    if rotation != Rotation::Settled {
        left.push("older copies of the vault file, until the rotation of the data key is finished".to_owned());
        if store.load_previous().is_ok_and(|previous| previous.is_some()) {
            left.push(format!("{}, until then", store.previous().display()));
        }
    }
    for path in store.set_aside() {
        left.push(format!("{}, with a recovery kit from before now: remove it", path.display()));
    }
    // One that ended before there was the project opens no file with its keys, nor does the one made just now.
    let opens = |kit: &&KitInfo| kit.destroyed.is_none() && kit.ended.is_none_or(|ended| ended >= project.created);
    for kit in vault.kits().iter().filter(opens).filter(|kit| Some(kit.name) != new_kit) {
        left.push(format!("recovery kit {}, with a vault file from before now", kit.name));
    }
    for (other, settings) in context.home.settings.all()? {
        let place = std::path::Path::new(&settings.place);
        if is_gone(place) || is_same_file(place, store.file()) {
            continue;
        }
        left.push(if other == vault.id().to_string() {
            format!(
                "another file of this vault, {place}: destroy the project there too, or remove it",
                place = settings.place
            )
        } else {
            format!("vault {}, if it was forked from this one: destroy the project there too", settings.place)
        });
    }
    Ok(left)
}
