//! Sealing and opening what comes through standard input or goes to standard output.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use super::context::Context;
use super::layout::counted;
use super::output::whole_or_failed;
use super::pipes::{self, TextOnly};
use super::progress::{Effort, Progress};
use crate::body::{BodyError, Input, Metadata, Output, Run, StreamOpener, seal};
use crate::crypto::secret::ProjectFileKey;
use crate::failure::Failure;
use crate::files::Observer;
use crate::files::find::{Item, open_input};
use crate::files::holes::WithHoles;
use crate::files::open::{Opened, Opening, not_written};
use crate::files::pipes::STDIN;
use crate::files::place::Destination;
use crate::files::producer::{self, Producer};
use crate::files::publish::OutputFile;
use crate::files::seal::{Job, Sealing, stream_failed, write_failed};

/// Seals one file to standard output.
///
/// # Errors
/// Those of either side.
pub fn seal_to_stdout(sealing: &Sealing<'_>, job: &Job, threads: usize, progress: &Progress) -> Result<(), Failure> {
    let mut stdout = pipes::stdout()?;
    let (file, before) = open_input(&job.item.path)?;
    let sealed = sealing.seal_into(&file, &before, job, Output::Stream(&mut stdout), threads, progress);
    sealed.map(drop).map_err(whole_or_failed)
}

/// Seals standard input, or what a command prints: then the output appears only if the command ends well.
///
/// # Errors
/// Those of either side.
pub fn seal_stream(
    context: &Context,
    key: &ProjectFileKey,
    command: Option<&str>,
    destination: &Destination,
    force: bool,
    effort: &Effort,
) -> Result<u64, Failure> {
    let (name, producer, mut source): (_, _, Box<dyn Read + Send>) = match command {
        Some(command) => {
            let (producer, output) = Producer::start(command)?;
            (producer::OUTPUT, Some(producer), Box::new(output))
        }
        None => (STDIN, None, Box::new(pipes::stdin()?)),
    };
    let progress = effort.progress(&context.output, 1, None);
    let run = Run { threads: effort.stream_threads(), progress: &|more| progress.advanced(more) };
    let metadata = Metadata::default();
    let failed = |error: BodyError| match error {
        BodyError::Read(source) => Failure::io(format!("read {name}"), &source),
        error => Failure::of(format!("encrypt {name}"), error.named(name)),
    };
    match destination {
        Destination::File(path) => {
            let output = OutputFile::create(path, force)?;
            let input = Input::Stream(&mut *source);
            let sealed = seal(key, &metadata, input, Output::At(output.file()), run);
            let sealed = sealed.map_err(|error| match error {
                BodyError::Write(source) => write_failed(path, &source),
                error => failed(error),
            })?;
            if let Some(producer) = producer {
                producer.finish()?;
            }
            output.publish()?;
            Ok(sealed.bytes)
        }
        _ => {
            let mut stdout = pipes::stdout()?;
            let output = Output::Stream(&mut stdout);
            let sealed = seal(key, &metadata, Input::Stream(&mut *source), output, run);
            sealed.map(|sealed| sealed.bytes).map_err(|error| match error {
                BodyError::Write(source) => whole_or_failed(stream_failed(&source)),
                error => failed(error),
            })
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
    let stdout = pipes::stdout()?;
    let progress = effort.progress(&context.output, 1, input.map(|item| item.len));
    let run = Run { threads: effort.stream_threads(), progress: &|more| progress.advanced(more) };
    let written = |name: &str, error: BodyError| match error {
        BodyError::Write(source) => stream_failed(&source),
        error => {
            let failure = Failure::of(format!("decrypt {name}"), error.named(name));
            let cause = failure.cause.clone().unwrap_or_default();
            failure.cause(format!("{cause}; what was written before that is authentic, but not whole"))
        }
    };
    let mut sink: Box<dyn Write + Send> =
        if io::stdout().is_terminal() { Box::new(TextOnly::new(stdout)) } else { Box::new(stdout) };
    let output = Output::Stream(&mut *sink);
    let Some(item) = input else {
        let opener = opener_of_stdin(opening, context)?;
        return opener.copy_to(output, run).map(drop).map_err(|error| written(STDIN, error));
    };
    let (file, _) = open_input(&item.path)?;
    let opener = opening.keys.open(&item.path, file)?;
    warn_of_one_block(context, &item.path, opener.header().one_block_only);
    let name = item.path.display().to_string();
    opener.copy_to(output, run).map(drop).map_err(|error| written(&name, error))
}

/// Opens standard input into a file.
///
/// # Errors
/// Those of either side; nothing stands under the name then.
pub fn open_stream(
    opening: &Opening<'_>,
    context: &Context,
    output: &Path,
    effort: &Effort,
) -> Result<Opened, Failure> {
    let opener = opener_of_stdin(opening, context)?;
    let (by, metadata) = (opener.header().opened_by.clone(), opener.header().metadata.clone());
    let sink = OutputFile::create(output, opening.existing.force)?;
    let replaced = output.exists();
    let progress = effort.progress(&context.output, 1, None);
    let run = Run { threads: effort.stream_threads(), progress: &|more| progress.advanced(more) };
    let holes = WithHoles::in_file(sink.file(), opening.sparse);
    let copied = opener.copy_to(Output::At(&holes), run);
    let bytes = copied.map_err(|error| not_written(STDIN, output, error))?;
    holes.finish(bytes).map_err(|error| write_failed(output, &error))?;
    sink.set_plaintext_attributes(&opening.attributes(&metadata), &opening.refused);
    sink.publish()?;
    Ok(Opened { output: output.into(), bytes, by, metadata, up_to_date: false, replaced, one_block_only: false })
}

fn opener_of_stdin(opening: &Opening<'_>, context: &Context) -> Result<StreamOpener<File>, Failure> {
    let stdin = pipes::stdin()?;
    let opener = StreamOpener::new(stdin, &opening.keys)
        .map_err(|error| opening.keys.explain(STDIN, opening.keys.named(STDIN, error)))?;
    warn_of_one_block(context, Path::new(STDIN), opener.header().one_block_only);
    Ok(opener)
}

/// Warns where a file opened by one of its blocks alone.
pub fn warn_of_one_block(context: &Context, input: &Path, one_block_only: bool) {
    if one_block_only {
        let text = format!(
            "one of the two header blocks of {} is damaged or older; the file opened with the other block",
            input.display()
        );
        context.output.warn("one-block-only", &text);
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
        context.output.warn("renamed", &text);
    }
    if renamed.len() > SHOWN {
        let text = format!("{} more files do not have the names that they were encrypted under", renamed.len() - SHOWN);
        context.output.warn("renamed", &text);
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
    context.output.warn("left-behind", &text);
}

/// Warns of files that recipients could open before they were encrypted again. `files` gives how many each had.
pub fn warn_of_recipients<'a>(context: &Context, files: impl IntoIterator<Item = (&'a Path, usize)>) {
    let shared: Vec<_> = files.into_iter().filter(|(_, recipients)| *recipients > 0).collect();
    let Some((first, _)) = shared.first() else { return };
    let recipients = shared.iter().map(|(_, recipients)| recipients).sum();
    let text = format!(
        "{} could also be opened with recipients' keys ({} in all); now only the project's key opens {}, for example {}",
        counted(shared.len(), "file"),
        counted(recipients, "recipient"),
        if shared.len() == 1 { "it" } else { "them" },
        first.display()
    );
    context.output.warn("recipients-dropped", &text);
}

/// Warns of files that another name still holds: a hard link, under which nothing has changed.
pub fn warn_of_links(context: &Context, what: &str, linked: &[PathBuf]) {
    let Some(first) = linked.first() else { return };
    let files = if linked.len() == 1 { "1 file has".into() } else { format!("{} files have", linked.len()) };
    let text = format!("{files} another name (a hard link) that still holds {what}, for example {}", first.display());
    context.output.warn("hard-links", &text);
}
