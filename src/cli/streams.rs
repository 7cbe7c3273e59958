//! What comes through standard input or goes to standard output, and what is warned of after work on files.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::output::whole_or_failed;
use super::pipes;
use super::progress::{Effort, Progress};
use crate::failure::Failure;
use crate::files::find::{Item, open_found};
use crate::files::open::{Opened, Opening};
use crate::files::pipes::STDIN;
use crate::files::place::Destination;
use crate::files::producer::{self, Producer};
use crate::files::publish::Refused;
use crate::files::seal::{Job, Sealing};
use crate::files::streams::{self, Source};
use crate::keys::SealingKey;
use crate::words::counted;

/// Seals one file to standard output.
///
/// # Errors
/// Those of either side.
pub fn seal_to_stdout(sealing: &Sealing<'_>, job: &Job, threads: usize, progress: &Progress) -> Result<(), Failure> {
    let sealed = streams::seal_file_to_stream(sealing, job, &mut pipes::stdout()?, threads, progress);
    sealed.map_err(|error| whole_or_failed(error.into()))
}

/// Seals standard input, or what a command prints: then the output appears only if the command ends well.
///
/// # Errors
/// Those of either side.
pub fn seal_stream(
    context: &Context,
    key: SealingKey<'_>,
    command: Option<&str>,
    destination: &Destination,
    force: bool,
    effort: &Effort,
) -> Result<u64, Failure> {
    let (name, producer, mut reader): (_, _, Box<dyn Read + Send>) = match command {
        Some(command) => {
            let (producer, output) = Producer::start(command)?;
            (producer::OUTPUT, Some(producer), Box::new(output))
        }
        None => (STDIN, None, Box::new(pipes::stdin()?)),
    };
    let source = Source { name, reader: &mut *reader, producer };
    let (progress, threads) = (effort.progress(&context.output, 1, None), effort.stream_threads());
    match destination {
        Destination::File(path) => Ok(streams::seal_to_file(key, source, path, force, threads, &progress)?),
        _ => {
            let sealed = streams::seal_to_stream(key, source, &mut pipes::stdout()?, threads, &progress);
            sealed.map_err(|error| whole_or_failed(error.into()))
        }
    }
}

/// Opens one file, or standard input, to standard output.
///
/// # Errors
/// Those of either side; what was written by then is authentic and not whole.
pub fn open_to_stdout(
    opening: &Opening<'_>,
    context: &Context,
    input: Option<&Item>,
    effort: &Effort,
) -> Result<(), Failure> {
    let mut sink = pipes::plaintext_out()?;
    let progress = effort.progress(&context.output, 1, input.map(|item| item.len));
    let threads = effort.stream_threads();
    let Some(item) = input else {
        let opener = streams::opener_of(&opening.keys, STDIN, pipes::stdin()?)?;
        warn_of_one_block(context, Path::new(STDIN), opener.header().one_block_only);
        return Ok(streams::open_to_stream(opener, STDIN, &mut *sink, threads, &progress)?);
    };
    let (file, _) = open_found(&item.path, item.is_link)?;
    let opener = opening.keys.open(&item.path, file)?;
    warn_of_one_block(context, &item.path, opener.header().one_block_only);
    Ok(streams::open_file_to_stream(&opener, &item.path, &mut *sink, threads, &progress)?)
}

/// Opens standard input into a file.
///
/// # Errors
/// Those of either side; nothing new is under the name then.
pub fn open_stream(
    opening: &Opening<'_>,
    context: &Context,
    output: &Path,
    effort: &Effort,
) -> Result<Opened, Failure> {
    let opener = streams::opener_of(&opening.keys, STDIN, pipes::stdin()?)?;
    warn_of_one_block(context, Path::new(STDIN), opener.header().one_block_only);
    let (progress, threads) = (effort.progress(&context.output, 1, None), effort.stream_threads());
    Ok(streams::open_to_file(opening, opener, STDIN, output, threads, &progress)?)
}

/// Warns of outputs that could not be given their times or permissions.
pub fn warn_of_refused(context: &Context, refused: &Refused) {
    let Some((count, first, why)) = refused.not_kept() else { return };
    let first = first.display();
    let text = match count {
        1 => format!("the time or the permissions of {first} could not be set ({why}); the content is whole"),
        count => format!(
            "the time or the permissions of {count} outputs could not be set, for example of {first} ({why}); the \
             content is whole"
        ),
    };
    context.output.warn("attributes-refused", text);
}

/// Warns of plaintexts that other users may read.
pub fn warn_of_open(context: &Context, refused: &Refused) {
    let Some((count, first)) = refused.open() else { return };
    let what = match count {
        1 => first.display().to_string(),
        count => format!("{count} decrypted files, for example {}", first.display()),
    };
    let text = format!(
        "other users of this computer can read {what}: the drive has no permissions that could forbid it; decrypt to \
         another drive if they must not"
    );
    context.output.warn("readable-by-others", text);
}

/// Warns where a file opened by one of its blocks alone.
pub fn warn_of_one_block(context: &Context, input: &Path, one_block_only: bool) {
    if one_block_only {
        let text = format!(
            "one of the two header blocks of {} is damaged or older; the file opened with the other block",
            input.display()
        );
        context.output.warn("one-block-only", text);
    }
}

/// Warns of files whose names are not those that are sealed in.
pub fn warn_of_renamed<'a>(context: &Context, files: impl IntoIterator<Item = (&'a Path, Option<&'a Path>)>) {
    /// Of more files only the count is worth reading.
    const SHOWN: usize = 10;
    let renamed: Vec<_> = files.into_iter().filter_map(|(path, sealed_in)| Some((path, sealed_in?))).collect();
    for (path, sealed_in) in renamed.iter().take(SHOWN) {
        let text = format!(
            "{} was encrypted as {}: it was renamed, or put in another file's place",
            path.display(),
            sealed_in.display()
        );
        context.output.warn("renamed", text);
    }
    if renamed.len() > SHOWN {
        let text = format!("{} more files do not have the names that they were encrypted under", renamed.len() - SHOWN);
        context.output.warn("renamed", text);
    }
}

/// Warns of what interrupted runs left in the folders of this run's outputs.
pub fn warn_of_left_behind(context: &Context, left: &[PathBuf]) {
    let Some(first) = left.first() else { return };
    let text = format!(
        "an interrupted run left {} of its output, which may be decrypted data: if no other strongroom is running \
         there, delete {}",
        if left.len() == 1 { "a part".into() } else { format!("{} parts", left.len()) },
        if left.len() == 1 { first.display().to_string() } else { format!("files such as {}", first.display()) }
    );
    context.output.warn("left-behind", text);
}

/// Warns of files that recipients could open before they were encrypted again. `files` gives how many each had.
pub fn warn_of_recipients<'a>(context: &Context, files: impl IntoIterator<Item = (&'a Path, usize)>) {
    let shared: Vec<_> = files.into_iter().filter(|(_, recipients)| *recipients > 0).collect();
    let Some((first, _)) = shared.first() else { return };
    let recipients = shared.iter().map(|(_, recipients)| recipients).sum::<usize>();
    let text = format!(
        "{} could also be opened with recipients' keys ({} in all); now only the project's key opens {}, for example {}",
        counted(shared.len(), "file"),
        counted(recipients, "recipient"),
        if shared.len() == 1 { "it" } else { "them" },
        first.display()
    );
    context.output.warn("recipients-dropped", text);
}

/// Warns of files that another name still holds: a hard link, under which nothing has changed.
pub fn warn_of_links(context: &Context, what: &str, linked: &[PathBuf]) {
    let Some(first) = linked.first() else { return };
    let files = if linked.len() == 1 { "1 file has".into() } else { format!("{} files have", linked.len()) };
    let text = format!("{files} another name (a hard link) that still holds {what}, for example {}", first.display());
    context.output.warn("hard-links", text);
}
