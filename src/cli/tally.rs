//! What became of many files: failures as they come, one sum at the end, and the exit code of the first that failed.

use std::path::Path;

use super::context::Context;
use super::output::Output;
use super::rendering;
use crate::failure::{Exit, Failure};
use crate::files::find::{Excluded, Found, LeftOut};
use crate::files::{open, reencrypt, rewrap, seal, verify};
use crate::format::name::printable;
use crate::words::{Words, counted, were};

/// What is so of outputs if a run is interrupted.
pub const WHOLE: &str = "every output that has its name is whole";
/// What is so of standard output then.
pub const CUT_SHORT: &str = "what was written to standard output may be cut short";

/// The count of a run.
pub struct Tally<'a> {
    context: &'a Context,
    /// What is done to files, as "encrypted".
    done_word: &'static str,
    total: usize,
    /// How many files are done.
    pub done: usize,
    /// How many were so already.
    pub up_to_date: usize,
    /// Bytes of plaintext.
    pub bytes: u64,
    /// How many of those that are done took the place of another file.
    pub replaced: usize,
    /// How many originals were deleted.
    pub removed: usize,
    skipped: usize,
    others: usize,
    failed: usize,
    /// How many folders could not be read, so that nobody knows how many files they hold.
    unread: usize,
    /// How many originals should have been deleted and were not.
    pub kept: usize,
    /// Exit code and kind of the first failure.
    first: Option<(Exit, &'static str)>,
    /// The failure of a single file, which is all there is to say where nothing else failed.
    alone: Option<Failure>,
}

/// What can be counted.
pub trait Counted {
    /// Tells whether there was nothing to do.
    fn is_up_to_date(&self) -> bool;

    /// Tells whether the result took the place of another file.
    fn has_replaced(&self) -> bool {
        false
    }
}

impl Counted for rewrap::Outcome {
    fn is_up_to_date(&self) -> bool {
        match self {
            Self::Is { version, was, repaired, .. } => version == was && !repaired,
            Self::OtherProject(_) => true,
        }
    }
}

impl Counted for reencrypt::Outcome {
    fn is_up_to_date(&self) -> bool {
        matches!(self, Self::Current { .. })
    }
}

impl Counted for verify::Proven {
    fn is_up_to_date(&self) -> bool {
        false
    }
}

impl Counted for seal::Outcome {
    fn is_up_to_date(&self) -> bool {
        matches!(self, Self::UpToDate(_))
    }

    fn has_replaced(&self) -> bool {
        matches!(self, Self::Done { replaced: true, .. })
    }
}

impl Counted for open::Opened {
    fn is_up_to_date(&self) -> bool {
        self.up_to_date
    }

    fn has_replaced(&self) -> bool {
        self.replaced
    }
}

/// Says how much patterns have left out: it is not encrypted.
fn remark_on_excluded(output: &Output, excluded: Excluded) {
    let Excluded { files, folders } = excluded;
    let what = match (files, folders) {
        (0, 0) => return,
        (files, 0) => counted(files, "file"),
        (0, folders) => counted(folders, "folder"),
        (files, folders) => format!("{} and {}", counted(files, "file"), counted(folders, "folder")),
    };
    let text = format!("left out {what} that {} patterns", if files + folders == 1 { "matches" } else { "match" });
    // A program that reads JSON has to learn that not everything is encrypted.
    if output.json { output.warn("excluded", text) } else { output.remark(text) }
}

impl<'a> Tally<'a> {
    /// Begins with what was found, and says what is left out.
    pub fn begin(context: &'a Context, done_word: &'static str, found: &Found, total: usize) -> Self {
        let mut tally = Self {
            context,
            done_word,
            total,
            done: 0,
            up_to_date: 0,
            replaced: 0,
            bytes: 0,
            removed: 0,
            skipped: found.skipped.len(),
            others: found.others,
            failed: 0,
            unread: found.failures.len(),
            kept: 0,
            first: None,
            alone: None,
        };
        for skipped in &found.skipped {
            let text = format!("skipped {}: it is {}", skipped.path.display(), left_out(skipped.why));
            context.output.warn("skipped", text);
        }
        remark_on_excluded(&context.output, found.excluded);
        if let Some(first) = found.own.first() {
            let (count, files) = (found.own.len(), if found.own.len() == 1 { "file" } else { "files" });
            let text = format!(
                "left out {count} {files} of Strongroom itself, such as {}: they are never encrypted or deleted",
                first.display()
            );
            context.output.warn("own-files", text);
        }
        for error in &found.failures {
            let failure = error.into();
            rendering::print(&failure, &context.output);
            tally.count_failure(&failure);
        }
        tally
    }

    /// Counts a failure of something that is no file, and prints it.
    pub fn note(&mut self, result: Result<(), impl Into<Failure>>) {
        if let Err(error) = result {
            let failure = error.into();
            rendering::print(&failure, &self.context.output);
            self.count_failure(&failure);
        }
    }

    /// Counts a file. A failure among several was printed when it came; a single file's is left for the end.
    pub fn take<T: Counted>(&mut self, outcome: Result<T, impl Into<Failure>>) -> Option<T> {
        let outcome = outcome.map_err(Into::into);
        match outcome {
            Ok(ref outcome) if outcome.is_up_to_date() => self.up_to_date += 1,
            Ok(ref outcome) => {
                self.done += 1;
                self.replaced += usize::from(outcome.has_replaced());
            }
            Err(ref failure) => self.count_failure(failure),
        }
        match outcome {
            Ok(outcome) => Some(outcome),
            Err(failure) if self.total == 1 && self.failed == 1 => {
                self.alone = Some(failure);
                None
            }
            Err(failure) => {
                if self.total == 1 {
                    rendering::print(&failure, &self.context.output);
                }
                None
            }
        }
    }

    fn count_failure(&mut self, failure: &Failure) {
        self.failed += 1;
        self.first.get_or_insert((failure.exit, failure.kind));
    }

    /// Tells whether anything failed.
    pub fn has_failed(&self) -> bool {
        self.first.is_some()
    }

    /// Returns the sum in words, with a remark on how, which may be empty.
    pub fn summary(&self, by: &str) -> String {
        let files = |count: usize| if count == 1 { "1 file".into() } else { format!("{count} files") };
        let bytes = indicatif::HumanBytes(self.bytes);
        let by = if by.is_empty() { String::new() } else { format!(" ({by})") };
        let mut text = format!("{} {}, {bytes}{by}", files(self.done), self.done_word);
        for (count, what) in [
            (self.replaced, if self.replaced == 1 { "existing file replaced" } else { "existing files replaced" }),
            (self.up_to_date, "there already"),
            (self.removed, if self.removed == 1 { "original deleted" } else { "originals deleted" }),
            (self.skipped, "skipped"),
            (self.others, "not sealed and left alone"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text
    }

    /// Ends the run: the first failure's code, under a sum of them.
    ///
    /// # Errors
    /// Where anything failed.
    pub fn end(self) -> Result<(), Failure> {
        let Some((exit, kind)) = self.first else { return Ok(()) };
        if let Some(failure) = self.alone {
            return Err(failure);
        }
        let missing = self.total - self.done - self.up_to_date;
        let some_done = self.done + self.up_to_date > 0;
        let mut failed = Vec::new();
        if missing > 0 {
            let files = counted(self.total, "file");
            failed.push(format!("{missing} of {files} {} not {}", were(missing), self.done_word));
        }
        if self.unread > 0 {
            let they_hold = if self.unread == 1 { "it holds" } else { "they hold" };
            let folders = counted(self.unread, "folder");
            failed.push(format!("{folders} could not be read: how many files {they_hold} is unknown"));
        }
        if self.kept > 0 {
            failed.push(format!("{} {} not removed", counted(self.kept, "original"), were(self.kept)));
        }
        let message = match &failed[..] {
            [] if self.up_to_date > 0 => "a later step failed".into(),
            [] => format!("all files were {}, but a later step failed", self.done_word),
            failed => failed.join(", and "),
        };
        let hint = match (self.kept, some_done) {
            (0, true) => Some("the others are done; the reasons are above"),
            (0, false) => None,
            (1, _) => Some("it is still there: the error above says why and what to do"),
            _ => Some("they are still there: the errors above say why and what to do"),
        };
        Err(Failure {
            message,
            cause: None,
            hint: hint.map(Words::from),
            exit: if exit == Exit::Done { Exit::Failed } else { exit },
            kind,
            existing: None,
            tried: None,
        })
    }
}

/// Says what something is that is not worked on.
fn left_out(why: LeftOut) -> &'static str {
    match why {
        LeftOut::Link => "a symbolic link",
        LeftOut::Pipe => "a pipe",
        LeftOut::Socket => "a socket",
        LeftOut::Other if cfg!(unix) => "a device",
        LeftOut::Other => "not a regular file",
        LeftOut::Unfinished => "what an interrupted write left",
    }
}

/// Says that nothing sealed was found: a run that proved nothing must not look like one that did.
pub fn nothing_sealed(doing: &str, found: &Found) -> Failure {
    let cause = match found.others {
        0 => "no file was found".to_owned(),
        1 => "1 file was found, and it is not encrypted".to_owned(),
        others => format!("{others} files were found, and none of them is encrypted"),
    };
    Failure::new(Exit::NotFound, "nothing-sealed", format!("there is nothing to {doing}"))
        .cause(cause)
        .hint("name the encrypted files, or the folder that holds them")
}

/// Returns a path on one line, with what would act on the terminal escaped.
pub fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}
