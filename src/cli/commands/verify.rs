//! `strongroom verify`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::copies::Copies;
use crate::cli::interrupt;
use crate::cli::layout::table;
use crate::cli::open_vault::Uses;
use crate::cli::own_files::own_files;
use crate::cli::paths::Paths;
use crate::cli::progress::Effort;
use crate::cli::project_flags::OnlyProject;
use crate::cli::streams::{warn_of_one_block, warn_of_renamed};
use crate::cli::tally::{Tally, nothing_sealed};
use crate::cli::unlocking::open;
use crate::cli::views::VerifiedFile;
use crate::failure::{Exit, Failure};
use crate::files::find::{Named, Wanted, find};
use crate::files::keys::Keys;
use crate::files::listing::{look_up, read_manifest};
use crate::files::manifest::{Comparison, Listed};
use crate::files::pool;
use crate::files::read_ahead::ReadAhead;
use crate::files::renamed::renamed;
use crate::files::verify::prove;
use crate::format::log::Action;
use crate::words::{command, words};

/// Prove that encrypted files are whole and unaltered.
///
/// Every byte is read and authenticated; nothing is written. In a folder, all sealed files are verified.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom verify exports.sealed")]
pub struct Verify {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    project: OnlyProject,
    /// Compare the files with this list, which `strongroom encrypt --manifest` wrote: also find missing, added, swapped
    /// and older files
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named = self.paths.named(context)?;
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("a stream cannot be verified").hint(words![
                "name files or folders; ",
                command("decrypt -"),
                " proves what it decrypts"
            ]));
        }
        let own = own_files(context, [])?;
        let found = find(&named, Wanted::Sealed, None, &own);
        let mut vault =
            open(context, Uses::of(self.project.name()), &Doing::to_project(Action::FileVerify, self.project.name()))?;
        let keys = Keys::of(&*vault, self.project.name()).map_err(|error| Failure::of("verify", error))?;
        let mut listed = self.manifest.as_deref().map(|path| read_manifest(&keys, path)).transpose()?;
        let mut tally = Tally::begin(context, "proven whole", &found, found.items.len());
        let total = found.items.iter().map(|item| item.len).sum();
        let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
        let ahead = ReadAhead::of(&keys, found.items.iter());
        let words = interrupt::say("nothing was changed, and the check was not finished", "");
        let outcomes = pool::for_each_file(
            &found.items,
            self.effort.threads(),
            &progress,
            |item| item.len,
            |item, threads| prove(&ahead, item, threads, &progress),
        );
        drop((progress, words, ahead));
        let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.map_err(Failure::from)).collect();
        let is_damaged = |failure: &&Failure| failure.exit == Exit::Damaged;
        let mut failures = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let damaged = failures.find(is_damaged).map(|failure| failure.kind);
        let mut files = Vec::new();
        let proven: Vec<_> = found
            .items
            .iter()
            .zip(&outcomes)
            .filter_map(|(item, outcome)| Some((item, outcome.as_ref().ok()?)))
            .collect();
        let compared: Vec<_> = proven.iter().map(|(item, proven)| (*item, &proven.metadata)).collect();
        let renamed = renamed(&named, &compared);
        warn_of_renamed(
            context,
            proven.iter().zip(&renamed).map(|((item, _), renamed)| (item.path.as_path(), renamed.as_deref())),
        );
        let mut is_renamed = renamed.iter().map(Option::is_some).collect::<Vec<_>>().into_iter();
        let (mut differing, mut copies) = (0, Copies::default());
        for (item, outcome) in found.items.iter().zip(outcomes) {
            let path = item.path.display().to_string();
            let state = outcome.as_ref().err().map(|failure| failure.kind).unwrap_or_default();
            let Some(proven) = tally.take(outcome) else {
                files.push(VerifiedFile { file: path, state, ..VerifiedFile::default() });
                if let Some(listed) = &mut listed {
                    listed.found_at(&item.relative.with_extension(""));
                }
                continue;
            };
            warn_of_one_block(context, &item.path, proven.one_block_only);
            tally.bytes += proven.bytes;
            copies.count(&proven.by.project, proven.bytes);
            let is_renamed = is_renamed.next().unwrap_or_default();
            let listing = listed.as_mut().and_then(|listed| look_up(listed, is_renamed, &proven));
            differing += usize::from(listing.is_some_and(|listing| listing != Listed::Here));
            files.push(VerifiedFile {
                file: path,
                state: VerifiedFile::WHOLE,
                bytes: Some(proven.bytes),
                project: Some(proven.by.project),
                key_version: Some(proven.by.version),
                one_block_only: Some(proven.one_block_only),
                path: Some(proven.metadata.path),
                renamed: Some(is_renamed),
                manifest: listing.map(Into::into),
            });
        }
        for path in listed.iter().flat_map(Comparison::missing) {
            differing += 1;
            let path = path.display().to_string();
            files.push(VerifiedFile { file: path, state: VerifiedFile::MISSING, ..VerifiedFile::default() });
        }
        // Of very many files, those that failed were named when they did.
        const SHOWN: usize = 100;
        let summary = tally.summary(if tally.done > 0 { "every byte authenticated" } else { "" });
        let text = if files.len() > SHOWN || files.is_empty() {
            summary
        } else {
            let rows = files.iter().map(VerifiedFile::row).collect();
            format!("{}\n{summary}", table(&["FILE", "STATE", "PROJECT"], rows))
        };
        if found.items.is_empty() && listed.is_none() && !tally.has_failed() {
            return Err(nothing_sealed("verify", &found));
        }
        context.output.done(text, &files)?;
        let result = if differing > 0 && !tally.has_failed() {
            Err(differs(self.manifest.as_deref(), differing))
        } else {
            tally.end()
        };
        let result = result.map_err(|failure| match damaged {
            // One that is damaged is worse news than those before it whose key is elsewhere.
            Some(kind) => Failure { exit: Exit::Damaged, kind, ..failure },
            None => failure,
        });
        vault.finish(copies, &result);
        result
    }
}

fn differs(manifest: Option<&Path>, count: usize) -> Failure {
    let manifest = manifest.unwrap_or(Path::new("")).display();
    let text = format!(
        "{count} {} not as the manifest {manifest} lists {}",
        if count == 1 { "file is" } else { "files are" },
        if count == 1 { "it" } else { "them" }
    );
    Failure::new(Exit::Damaged, "manifest-differs", text)
        .cause(
            "a file that is listed is missing, is elsewhere, or another file is in its place; or a file is not listed",
        )
        .hint(words!["compare with a backup of the folder; after ", command("reencrypt"), ", write a new manifest"])
}
