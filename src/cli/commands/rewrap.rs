//! `strongroom rewrap`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::copies::Copies;
use crate::cli::interrupt;
use crate::cli::open_vault::Uses;
use crate::cli::own_files::own_files;
use crate::cli::paths::Paths;
use crate::cli::progress::Effort;
use crate::cli::project_flags::OfProject;
use crate::cli::streams::warn_of_renamed;
use crate::cli::tally::Tally;
use crate::cli::unlocking::open;
use crate::cli::views::{self, FilesOfVersion, RewrapState, RewrappedFile};
use crate::failure::Failure;
use crate::files::Observer;
use crate::files::find::{Named, Wanted, find};
use crate::files::keys::Keys;
use crate::files::pool;
use crate::files::renamed::renamed;
use crate::files::rewrap::{Outcome, move_to};
use crate::format::log::Action;
use crate::vault::OpenVault;

/// Rewrite the headers of files to use the project's current key.
///
/// Takes a few milliseconds for each file, whatever its size: the data is not changed. Afterwards these files need no
/// earlier version of the key. But whoever had an earlier version and a file can still open that file's data. To shut
/// them out, use `strongroom reencrypt`.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom rewrap --project acme exports.sealed")]
pub struct Rewrap {
    #[command(flatten)]
    of: OfProject,
    #[command(flatten)]
    paths: Paths,
    /// Only count the files under each key version
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    effort: Effort,
}

impl Rewrap {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let project = self.of.decide(context)?.project;
        let named = self.paths.named(context)?;
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("a stream has no header to rewrite").hint("name files or folders"));
        }
        let own = own_files(context, [])?;
        let found = find(&named, Wanted::Sealed, None, &own);
        let mut vault = open(context, Uses::Project(&project), &Doing::to_project(Action::FileRewrap, Some(&project)))?;
        let doing = |error| Failure::of(format!("rewrap files of project {:?}", project), error);
        vault.check_writable().map_err(doing)?;
        let to = vault.sealing_key(&project).map_err(doing)?;
        let keys = Keys::of(&*vault, Some(&to.project)).map_err(doing)?;
        let word = if self.dry_run { "looked at" } else { "rewrapped" };
        let mut tally = Tally::begin(context, word, &found, found.items.len());
        let progress = self.effort.progress(&context.output, found.items.len(), Some(found.items.len() as u64));
        let words = if self.dry_run {
            interrupt::say("nothing was changed", "")
        } else {
            interrupt::say("every file is as it was or under the current key", "run it again to do the rest")
        };
        // Headers only: every file is small.
        let outcomes = pool::for_each_file(
            &found.items,
            self.effort.threads(),
            &progress,
            |_| 0,
            |item, _| {
                let outcome = move_to(to.sealing(), &keys, &*vault, item, self.dry_run);
                progress.advanced(1);
                outcome
            },
        );
        drop(progress);
        drop(words);
        let opened = found.items.iter().zip(&outcomes).filter_map(|(item, outcome)| match outcome {
            Ok(Outcome::Is { metadata: Some(metadata), .. }) => Some((item, &**metadata)),
            _ => None,
        });
        let opened: Vec<_> = opened.collect();
        let renamed = renamed(&named, &opened);
        let paths = opened.iter().map(|(item, _)| item.path.as_path());
        warn_of_renamed(context, paths.zip(renamed.iter().map(Option::as_deref)));
        let mut copies = Copies::default();
        let mut versions: BTreeMap<u32, u64> = BTreeMap::new();
        let (mut files, mut others, mut changed) = (Vec::new(), 0, 0);
        for (item, outcome) in found.items.iter().zip(outcomes) {
            let Some(outcome) = tally.take(outcome) else { continue };
            match &outcome {
                Outcome::Is { version, was, repaired, .. } => {
                    *versions.entry(*version).or_default() += 1;
                    changed += u64::from(version != was || *repaired);
                    copies.count(&to.project, 0);
                }
                Outcome::OtherProject(_) => others += 1,
            }
            files.push(entry(&item.path, &outcome, to.version));
        }
        // What failed may be under any version: a count without it would clear a key that is still needed.
        if !tally.has_failed() {
            remember(context, &mut *vault, &project, &versions);
        }
        let versions = versions.into_iter().map(|(version, files)| FilesOfVersion { version, files });
        let rewrap = views::Rewrap {
            project: to.project.clone(),
            current: to.version,
            dry_run: self.dry_run,
            files,
            versions: versions.collect(),
            changed,
            others,
            not_sealed: found.others as u64,
            has_failed: tally.has_failed(),
        };
        if !rewrap.files.is_empty() || !tally.has_failed() {
            context.output.done(rewrap.text(), &rewrap)?;
        }
        let result = tally.end();
        vault.finish(copies, &result);
        result
    }
}

/// Lets `key list` tell of it. That it cannot be remembered takes nothing from what was done.
fn remember(context: &Context, vault: &mut dyn OpenVault, project: &str, versions: &BTreeMap<u32, u64>) {
    if let Err(error) = vault.remember_scan(project, versions) {
        context.output.warn("scan-not-remembered", format!("the counts could not be kept in the vault: {error}"));
    }
}

fn entry(path: &Path, outcome: &Outcome, current: u32) -> RewrappedFile {
    let file = path.display().to_string();
    match outcome {
        Outcome::Is { version, was, repaired, .. } => {
            let state = match (version == was, *version == current, repaired) {
                (false, ..) => RewrapState::Rewrapped,
                (true, false, _) => RewrapState::Due,
                (true, true, true) => RewrapState::Repaired,
                (true, true, false) => RewrapState::Unchanged,
            };
            RewrappedFile { file, state, key_version: *version, was: Some(*was), project: None }
        }
        Outcome::OtherProject(by) => RewrappedFile::of_other(file, by),
    }
}
