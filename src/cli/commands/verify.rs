//! `strongroom verify`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::body::{Metadata, Output, Run};
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::layout::table;
use crate::cli::own_files::own_files;
use crate::cli::paths::Paths;
use crate::cli::progress::{Effort, Progress};
use crate::cli::project_flags::OnlyProject;
use crate::cli::streams::{warn_of_one_block, warn_of_renamed};
use crate::cli::tally::{Counted, Tally, nothing_sealed};
use crate::cli::unlocking::unlock;
use crate::cli::views::VerifiedFile;
use crate::failure::{Exit, Failure};
use crate::files::Observer;
use crate::files::find::{Item, Named, Wanted, find, open_input};
use crate::files::keys::Keys;
use crate::files::manifest::{self, Comparison, Listed, Manifest};
use crate::files::open::path_in;
use crate::files::pool;
use crate::files::renamed::renamed;
use crate::format::FileId;
use crate::keys::OpenedBy;

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

/// A file that proved whole.
struct Proven {
    bytes: u64,
    by: OpenedBy,
    one_block_only: bool,
    file: FileId,
    metadata: Metadata,
}

impl Counted for Proven {
    fn is_up_to_date(&self) -> bool {
        false
    }
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named = self.paths.named(context)?;
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("a stream is proven by `strongroom decrypt -`").hint("name files or folders"));
        }
        let own = own_files(context, [])?;
        let found = find(&named, Wanted::Sealed, None, &own);
        let vault = unlock(context)?;
        let keys = Keys::of(&vault, self.project.name()).map_err(|error| Failure::of("verify", error))?;
        let mut listed = self.manifest.as_deref().map(|path| read_manifest(&keys, path)).transpose()?;
        let mut tally = Tally::begin(context, "proven whole", &found, found.items.len());
        let total = found.items.iter().map(|item| item.len).sum();
        let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
        let words = interrupt::say("nothing was changed, and the check was not finished", "");
        let outcomes = pool::for_each_file(
            &found.items,
            self.effort.threads(),
            &progress,
            |item| item.len,
            |item, threads| prove(&keys, item, threads, &progress),
        );
        drop(progress);
        drop(words);
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
        let mut differing = 0;
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
        let summary = tally.summary("every byte authenticated");
        let text = if files.len() > SHOWN || files.is_empty() {
            summary
        } else {
            let rows = files.iter().map(VerifiedFile::row).collect();
            format!("{}\n{summary}", table(&["FILE", "STATE", "PROJECT"], rows))
        };
        if found.items.is_empty() && listed.is_none() && !tally.has_failed() {
            return Err(nothing_sealed("verify", &found));
        }
        context.output.done(&text, &files)?;
        if differing > 0 && !tally.has_failed() {
            return Err(differs(self.manifest.as_deref(), differing));
        }
        tally.end().map_err(|failure| match damaged {
            // One that is damaged is worse news than those before it whose key is elsewhere.
            Some(kind) => Failure { exit: Exit::Damaged, kind, ..failure },
            None => failure,
        })
    }
}

fn prove(keys: &Keys<'_>, item: &Item, threads: usize, progress: &Progress) -> Result<Proven, Failure> {
    let (file, _) = open_input(&item.path)?;
    let opener = keys.open(&item.path, file)?;
    let run = Run { threads, progress: &|more| progress.advanced(more) };
    let what = item.path.display().to_string();
    let bytes = opener.verify(run).map_err(|error| Failure::of(format!("verify {what}"), error.named(&what)))?;
    let header = opener.header();
    Ok(Proven {
        bytes,
        by: header.opened_by.clone(),
        one_block_only: header.one_block_only,
        file: header.prelude.file,
        metadata: header.metadata.clone(),
    })
}

/// Opens a manifest.
fn read_manifest(keys: &Keys<'_>, path: &Path) -> Result<Comparison, Failure> {
    /// DiskSpace for some million files.
    const LIMIT: u64 = 1 << 30;
    let doing = || format!("read the manifest {}", path.display());
    let (file, _) = open_input(path)?;
    let opener = keys.open(path, file)?;
    let is_none = |cause: String| {
        Failure::new(Exit::Failed, "manifest", format!("cannot {}", doing()))
            .cause(cause)
            .hint("name the file that `strongroom encrypt --manifest FILE` wrote")
    };
    if opener.header().metadata.media.as_deref() != Some(manifest::MEDIA) || opener.plaintext_len() > LIMIT {
        return Err(is_none("it is an encrypted file, but not a manifest".into()));
    }
    let mut bytes = Vec::new();
    opener
        .copy_to(Output::Stream(&mut bytes), Run::quiet())
        .map_err(|error| Failure::of(doing(), error.named(&path.display().to_string())))?;
    let manifest = Manifest::parse(&bytes).map_err(|error| is_none(error.to_string()))?;
    Ok(Comparison::with(&manifest))
}

/// Looks a proven file up. A manifest that is in the folder itself is not listed, and need not be.
fn look_up(listed: &mut Comparison, is_renamed: bool, proven: &Proven) -> Option<Listed> {
    if proven.metadata.media.as_deref() == Some(manifest::MEDIA) {
        return None;
    }
    let path = path_in(&proven.metadata).unwrap_or_default();
    // The path that is sealed in a file never changes, so it is the one that is listed.
    Some(listed.look_up(proven.file, &path, !is_renamed))
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
        .hint("compare with a backup of the folder; after `strongroom reencrypt`, write a new manifest")
}
