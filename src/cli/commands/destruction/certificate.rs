//! `strongroom destruction certificate`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::go_on::not_ordered;
use crate::cli::access::Doing;
use crate::cli::commands::report::files::{Planned, allowed, write};
use crate::cli::commands::report::{accesses, gather, surroundings};
use crate::cli::context::Context;
use crate::cli::own_files::refuse_own_output;
use crate::cli::progress::Effort;
use crate::cli::unlocking::unlock;
use crate::cli::views::{MadeCertificate, identity};
use crate::evidence::bundle::{HoldPart, NO_HASH, ProjectPart, SignedBy, StatementPart, Tool};
use crate::evidence::certificate::{
    Certificate as Bundle, FORMAT, Key, Record, SUFFIX, Step, VERSION, VaultFile, verify,
};
use crate::evidence::verify::hash;
use crate::failure::{Exit, Failure};
use crate::format::log::Action;
use crate::home::{copies_of, is_gone, is_same_file};
use crate::host::{Host, ThisHost};
use crate::pages::certificate::page;
use crate::vault::{ProjectInfo, Stage, Unlocked};

/// Write the certificate of a destruction for the client
///
/// It writes NAME-destruction.html, a page to print and sign; NAME-destruction.json, all that the page is made of;
/// NAME-destruction.json.sig, its signature; and NAME.allowed, the key that signs. The page lists what was destroyed,
/// what is known not to be, and what cannot be known. Before the destruction is closed, it says that it is not finished.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom destruction certificate acme --to ~/reports")]
pub struct Certificate {
    /// The project
    name: String,
    /// The folder for the certificate [default: the working folder]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    to: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
}

impl Certificate {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let doing = format!("certify the destruction of project {:?}", self.name);
        let failed = |error| Failure::of(&doing, error);
        let to = self.to.clone().unwrap_or_else(|| PathBuf::from("."));
        if !to.is_dir() {
            return Err(Failure::new(Exit::NotFound, "not-found", format!("cannot {doing}"))
                .cause(format!("{} is not a folder", to.display()))
                .hint("make the folder first"));
        }
        let about = Doing::to_project(Action::ReportMade, Some(&self.name)).subject("certificate").place(&to);
        let mut vault = unlock(context, &about)?;
        let project = vault.project(&self.name).map_err(failed)?;
        if project.destruction.is_none() {
            return Err(not_ordered(&self.name, project.destroyed.is_some()));
        }
        vault.signing_key().map_err(failed)?;
        let broken = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Failed, "failed", format!("cannot {doing}")).cause(error.to_string())
        };
        let mut bundle = gathered(context, &vault, &project, &self.effort)?.with_lists();
        bundle.page_sha256 = hash(page(&bundle, NO_HASH).as_bytes());
        let bytes = bundle.to_bytes().map_err(|error| broken(&error))?;
        let signature = vault.sign_report(&bytes).map_err(failed)?;
        let verified = verify(&bytes, &signature).map_err(|error| broken(&error))?;
        let file = |suffix: &str| to.join(format!("{}{suffix}", bundle.name));
        let replaces = is_unfinished(&file(".json"), &bundle);
        let keys = vault.signing_keys().map_err(failed)?;
        let allowed = allowed(&keys, &bundle.signed_by.identity);
        let stem = bundle.name.strip_suffix(SUFFIX).unwrap_or(&bundle.name);
        let planned = [
            Planned { path: file(".html"), bytes: page(&bundle, &verified.sha256).into_bytes(), replaces },
            Planned { path: to.join(format!("{stem}.allowed")), bytes: allowed.into_bytes(), replaces: true },
            Planned { path: file(".json"), bytes, replaces },
            Planned { path: file(".json.sig"), bytes: signature.into_bytes(), replaces },
        ];
        for planned in &planned {
            refuse_own_output(context, &planned.path)?;
        }
        write(&planned)?.publish()?;
        vault.done();
        let paths = planned.iter().map(|planned| planned.path.display().to_string()).collect();
        let made = MadeCertificate::of(&verified, paths);
        context.output.done(made.text(), &made)
    }
}

/// Tells whether a certificate stands there that says of the same project that its destruction is not finished: a later
/// one takes its place.
fn is_unfinished(path: &Path, new: &Bundle) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    Bundle::parse(&bytes).is_ok_and(|old| old.waits_for.is_some() && old.project.id == new.project.id)
}

/// Finds out all that the certificate is made of.
fn gathered(context: &Context, vault: &Unlocked, project: &ProjectInfo, effort: &Effort) -> Result<Bundle, Failure> {
    let failed = |error| Failure::of("certify the destruction", error);
    let record = project.destruction.clone().unwrap_or_default();
    let keys = vault.signing_keys().map_err(failed)?;
    let key = keys.into_iter().next().ok_or_else(|| Failure::new(Exit::Failed, "failed", "no key signs reports"))?;
    let waits_for = match (record.waits_for(), record.is_closed()) {
        (Some(stage), _) => Some(stage.word()),
        (None, None) => Some("closed"),
        (None, Some(_)) => None,
    };
    // A kit that was made with the removal of the keys, or later, opens no vault file with them.
    let removed = record.done(Stage::KeysRemoved);
    let kits = vault.kits();
    let kits = kits.iter().filter(|kit| match removed {
        Some(_) => record.kits.contains(&kit.name.id) && kit.ended.is_none_or(|ended| ended >= project.created),
        None => kit.ended.is_none_or(|ended| ended >= project.created),
    });
    let created = |version| project.keys.iter().find(|key| key.version == version);
    Ok(Bundle {
        format: FORMAT.into(),
        version: VERSION,
        name: format!("{}{SUFFIX}", gather::stem(&project.name)),
        made: ThisHost.now(),
        vault: vault.id(),
        engagement: gather::engagement(project).get().cloned(),
        waits_for: waits_for.map(str::to_owned),
        kits: kits.map(gather::kit).collect(),
        vault_files: vault_files(context, vault)?,
        copies: surroundings::copies(context, vault, project, effort)?.get().cloned(),
        log: accesses::of_project(vault, project.id)?.get().cloned(),
        destruction: Record {
            number: record.number,
            opened: record.opened.unwrap_or(project.created),
            closed: record.is_closed(),
            by: record.by,
            reason: record.reason,
            basis: record.basis,
            steps: record
                .steps
                .into_iter()
                .map(|step| Step { step: step.step, at: step.at, result: step.result })
                .collect(),
            keys: record
                .checks
                .into_iter()
                .map(|key| Key {
                    version: key.version,
                    created: created(key.version).map(|key| key.created),
                    imported: created(key.version).is_some_and(|key| key.imported),
                    check: key.check,
                })
                .collect(),
        },
        project: ProjectPart {
            id: project.id,
            name: project.name.clone(),
            client: project.client.clone(),
            created: project.created,
            hold: project.hold.as_ref().map(|hold| HoldPart { since: hold.since, reason: hold.reason.clone() }),
            destroyed: project.destroyed,
        },
        destroyed: Vec::new(),
        not_destroyed: Vec::new(),
        cannot_know: Vec::new(),
        erase: Vec::new(),
        certifies: String::new(),
        tool: Tool { version: env!("CARGO_PKG_VERSION").into(), build_sha256: gather::build() },
        signed_by: SignedBy {
            public: key.public.text(),
            fingerprint: key.public.fingerprint(),
            since: key.created,
            identity: identity(vault.id()),
            statement: key.statement.map(|(text, signature)| StatementPart { text, signature }),
        },
        page_sha256: String::new(),
    })
}

/// Returns the other vault files that this computer knows, and that are not known to be gone.
fn vault_files(context: &Context, vault: &Unlocked) -> Result<Vec<VaultFile>, Failure> {
    let store = context.store()?;
    let own = copies_of(&store, vault.id()).into_iter().filter(|copy| copy.path != store.previous());
    let mut files: Vec<VaultFile> =
        own.map(|copy| VaultFile { place: copy.path.display().to_string(), is_same_vault: true }).collect();
    for (other, settings) in context.home.settings.all()? {
        let place = Path::new(&settings.place);
        if !is_gone(place) && !is_same_file(place, store.file()) {
            files.push(VaultFile { is_same_vault: other == vault.id().to_string(), place: settings.place });
        }
    }
    files.sort_by(|one, other| one.place.cmp(&other.place));
    files.dedup();
    Ok(files)
}
