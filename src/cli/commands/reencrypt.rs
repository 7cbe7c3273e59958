//! `strongroom reencrypt`.

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
use crate::cli::streams::{warn_of_links, warn_of_one_block, warn_of_recipients, warn_of_refused};
use crate::cli::tally::Tally;
use crate::cli::times::moment;
use crate::cli::unlocking::open;
use crate::cli::views::ReencryptedFile;
use crate::failure::Failure;
use crate::files::find::{Named, Wanted, find};
use crate::files::keys::Keys;
use crate::files::pool;
use crate::files::reencrypt::{Outcome, Reencrypting};
use crate::format::Timestamp;
use crate::format::log::Action;

/// Encrypt files again, including the data, under the current key.
///
/// After a compromise, this is what shuts out whoever had an earlier key: each file gets a new key. The plaintext is
/// never written to disk. A file is replaced when all of it has been verified and the new file is safely on disk; after
/// an interruption, run it again to do the rest. Files that were only rewrapped are encrypted again too. Recipients of
/// a file cannot open the new file.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom reencrypt --project acme exports.sealed")]
pub struct Reencrypt {
    #[command(flatten)]
    of: OfProject,
    #[command(flatten)]
    paths: Paths,
    /// Also files under the current key that were encrypted before this time, such as 2026-11-21T08:30:00Z, or
    /// 2026-11-21 for midnight UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Option<Timestamp>,
    #[command(flatten)]
    effort: Effort,
}

impl Reencrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let project = self.of.decide(context)?.project;
        let named = self.paths.named(context)?;
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("a stream cannot be replaced").hint("name files or folders"));
        }
        let own = own_files(context, [])?;
        let found = find(&named, Wanted::Sealed, None, &own);
        let mut vault =
            open(context, Uses::Project(&project), &Doing::to_project(Action::FileReencrypt, Some(&project)))?;
        let doing = |error| Failure::of(format!("reencrypt files of project {:?}", project), error);
        vault.check_writable().map_err(doing)?;
        let held = vault.sealing_key(&project).map_err(doing)?;
        let to = held.sealing();
        let keys = Keys::of(&*vault, Some(&project)).map_err(doing)?;
        let work = Reencrypting::begin(keys, to, self.before);
        let mut tally = Tally::begin(context, "encrypted anew", &found, found.items.len());
        let total = found.items.iter().map(|item| item.len).sum();
        let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
        let words = interrupt::say("every file is either as it was or encrypted again", "run it again to do the rest");
        let outcomes = pool::for_each_file(
            &found.items,
            self.effort.threads(),
            &progress,
            |item| item.len,
            |item, threads| work.one(item, threads, &progress),
        );
        drop(progress);
        tally.note(work.tree.sync());
        drop(words);
        let mut copies = Copies::default();
        let (mut files, mut linked, mut shared) = (Vec::new(), Vec::new(), Vec::new());
        for (item, outcome) in found.items.iter().zip(outcomes) {
            let Some(outcome) = tally.take(outcome) else { continue };
            let file = item.path.display().to_string();
            files.push(match outcome {
                Outcome::Done { bytes, was, is_linked, recipients, one_block_only } => {
                    warn_of_one_block(context, &item.path, one_block_only);
                    tally.bytes += bytes;
                    copies.count(to.project, bytes);
                    shared.push((item.path.as_path(), recipients));
                    linked.extend(is_linked.then(|| item.path.clone()));
                    ReencryptedFile::done(file, to.version, bytes, was, recipients)
                }
                Outcome::Current { one_block_only } => {
                    warn_of_one_block(context, &item.path, one_block_only);
                    ReencryptedFile::unchanged(file, to.version)
                }
            });
        }
        warn_of_links(context, "the file as it was", &linked);
        warn_of_recipients(context, shared);
        warn_of_refused(context, &work.refused);
        if !files.is_empty() || !tally.has_failed() {
            let by = format!("project {}, key version {}", to.project, to.version);
            context.output.done(tally.summary(&by), &files)?;
        }
        let result = tally.end();
        vault.finish(copies, &result);
        result
    }
}
