//! `strongroom reencrypt`.

use std::fs;
use std::time::Duration;

use clap::Args;

use crate::body::{BodyError, Metadata, Output, Run};
use crate::cli::context::Context;
use crate::cli::hints::shell_word;
use crate::cli::interrupt;
use crate::cli::own_files::own_files;
use crate::cli::paths::Paths;
use crate::cli::progress::{Effort, Progress};
use crate::cli::project_flags::OfProject;
use crate::cli::streams::{warn_of_links, warn_of_one_block, warn_of_recipients};
use crate::cli::tally::{Counted, Tally};
use crate::cli::unlocking::unlock;
use crate::cli::views::ReencryptedFile;
use crate::crypto::secret::ProjectFileKey;
use crate::disk::{keep_owner, plain};
use crate::error::Error;
use crate::failure::Failure;
use crate::files::Observer;
use crate::files::find::{Item, Named, Wanted, find, is_same_file, names_of, open_input};
use crate::files::keys::Keys;
use crate::files::pool;
use crate::files::publish::{Attributes, OutputFile, Refused};
use crate::files::seal::write_failed;
use crate::files::tree::{DiskSpace, Tree};
use crate::format::Timestamp;

/// How long another process may hold a file's lock.
const LOCK_WAIT: Duration = Duration::from_secs(10);

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

/// What became of a file.
enum Outcome {
    Done { bytes: u64, was: u32, is_linked: bool, recipients: usize },
    Current,
}

impl Counted for Outcome {
    fn is_up_to_date(&self) -> bool {
        matches!(self, Self::Current)
    }
}

/// What all files of a run share.
struct Work<'a> {
    keys: Keys<'a>,
    to: &'a ProjectFileKey,
    now: Timestamp,
    room: DiskSpace,
    tree: Tree,
    refused: Refused,
}

impl Reencrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named = self.paths.named(context)?;
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("a stream cannot be replaced").hint("name files or folders"));
        }
        let own = own_files(context, [])?;
        let found = find(&named, Wanted::Sealed, None, &own);
        let vault = unlock(context)?;
        let doing = |error| Failure::of(format!("reencrypt files of project {:?}", self.of.project), error);
        vault.check_writable().map_err(doing)?;
        let to = &vault.file_key(&self.of.project, None).map_err(doing)?;
        let keys = Keys::of(&vault, Some(&self.of.project)).map_err(doing)?;
        let now = std::time::SystemTime::now().into();
        let work =
            Work { keys, to, now, room: DiskSpace::default(), tree: Tree::default(), refused: Refused::default() };
        let mut tally = Tally::begin(context, "encrypted anew", &found, found.items.len());
        let total = found.items.iter().map(|item| item.len).sum();
        let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
        let words = interrupt::say("every file is either as it was or encrypted again", "run it again to do the rest");
        let outcomes = pool::for_each_file(
            &found.items,
            self.effort.threads(),
            &progress,
            |item| item.len,
            |item, threads| self.one(context, &work, item, threads, &progress),
        );
        drop(progress);
        tally.note(work.tree.sync());
        drop(words);
        let (mut files, mut linked, mut shared) = (Vec::new(), Vec::new(), Vec::new());
        for (item, outcome) in found.items.iter().zip(outcomes) {
            let Some(outcome) = tally.take(outcome) else { continue };
            let file = item.path.display().to_string();
            files.push(match outcome {
                Outcome::Done { bytes, was, is_linked, recipients } => {
                    tally.bytes += bytes;
                    shared.push((item.path.as_path(), recipients));
                    linked.extend(is_linked.then(|| item.path.clone()));
                    ReencryptedFile::done(file, to.version, bytes, was, recipients)
                }
                Outcome::Current => ReencryptedFile::unchanged(file, to.version),
            });
        }
        warn_of_links(context, "the file as it was", &linked);
        warn_of_recipients(context, shared);
        if let Some(text) = work.refused.text() {
            context.output.warn("attributes-refused", &text);
        }
        if !files.is_empty() || !tally.has_failed() {
            let by = format!("project {}, key version {}", to.project, to.version);
            context.output.done(&tally.summary(&by), &files)?;
        }
        tally.end()
    }

    fn one(
        &self,
        context: &Context,
        work: &Work<'_>,
        item: &Item,
        threads: usize,
        progress: &Progress,
    ) -> Result<Outcome, Failure> {
        let path = &item.path;
        let doing = || format!("reencrypt {}", path.display());
        // A link's target is what is replaced. It is replaced by another file, so it may be read-only.
        let target = fs::canonicalize(path).map_err(|error| Failure::io(doing(), &error))?;
        let (file, before) = open_input(&target)?;
        if !crate::body::lock(&file, LOCK_WAIT).map_err(|error| Failure::io(doing(), &error))? {
            let busy = Error::Busy { what: path.display().to_string(), waited: LOCK_WAIT };
            return Err(Failure::of(doing(), busy));
        }
        let opener = work.keys.try_open(path, file).map_err(|error| {
            let what = path.display().to_string();
            let of_other_project = matches!(error, Error::WrongKey { is_delivery: false, .. });
            let failure = work.keys.explain(&what, error);
            if of_other_project {
                failure
                    .hint(format!("see which project it belongs to: strongroom inspect --unlock {}", shell_word(&what)))
            } else {
                failure
            }
        })?;
        let header = opener.header();
        warn_of_one_block(context, path, header.one_block_only);
        let (was, recipients) = (header.opened_by.version, header.recipients);
        let is_new = self.before.is_none_or(|before| header.metadata.sealed.is_some_and(|sealed| sealed >= before));
        // A rewrapped file is under the current key, but its own key is the one that an earlier key opened.
        if was == work.to.version && header.sequence == 0 && is_new {
            progress.advanced(item.len);
            return Ok(Outcome::Current);
        }
        let is_linked = names_of(&before) > 1;
        let metadata = Metadata { sealed: Some(work.now), ..header.metadata.clone() };
        #[cfg(unix)]
        let mode = Some(std::os::unix::fs::PermissionsExt::mode(&before.permissions()) & 0o777);
        #[cfg(not(unix))]
        let mode = {
            let _ = before;
            None
        };
        let bytes = work.room.write(&doing(), || {
            let output = OutputFile::create(&target, true)?;
            let run = Run { threads, progress: &|more| progress.advanced(more) };
            let bytes = opener.reseal_to(work.to, &metadata, Output::At(output.file()), run);
            let bytes = bytes.map_err(|error| match error {
                BodyError::Write(source) => write_failed(&target, &source),
                error => Failure::of(doing(), error.named(&path.display().to_string())),
            })?;
            output.set_attributes(&Attributes { modified: None, mode }, &work.refused);
            if let Err(error) = keep_owner(output.file(), &target) {
                work.refused.note(&target, &plain(&error));
            }
            // Whatever has come to stand there since is not what was read, and must not be replaced by it.
            if !is_same_file(&before, &target) {
                return Err(Failure::of(doing(), Error::Changed { what: path.display().to_string() }));
            }
            output.name()?;
            Ok(bytes)
        })?;
        work.tree.named(&target);
        Ok(Outcome::Done { bytes, was, is_linked, recipients })
    }
}

/// Reads a time, or a date for the midnight it begins with.
fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = || format!("{text}T00:00:00Z").parse();
    let moment = text.parse().or_else(|_| midnight());
    moment.map_err(|_| "give a time in UTC, as 2026-11-21T08:30:00Z, or a date, as 2026-11-21".into())
}
