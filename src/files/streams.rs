//! Sealing and opening what comes as a stream, or goes to one.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::Observer;
use super::edges::Edges;
use super::error::{Aside, FilesError, OutputError, Task};
use super::find::open_found;
use super::holes::WithHoles;
use super::keys::Keys;
use super::open::{Opened, Opening, not_written};
use super::producer::Producer;
use super::publish::OutputFile;
use super::seal::{Job, Sealing};
use crate::body::{BodyError, Input, Metadata, Opener, Output, Run, StreamOpener, seal};
use crate::keys::SealingKey;

/// A stream that is sealed.
pub struct Source<'a> {
    /// What it is called.
    pub name: &'static str,
    /// Where its bytes come from.
    pub reader: &'a mut (dyn Read + Send),
    /// The command that makes them, if one does: they count only if it ends well.
    pub producer: Option<Producer>,
}

impl Source<'_> {
    fn seal_into(&mut self, key: SealingKey<'_>, output: Output<'_>, run: Run<'_>) -> Result<u64, BodyError> {
        let sealed = seal(key, &Metadata::default(), Input::Stream(&mut *self.reader), output, run)?;
        Ok(sealed.bytes)
    }

    fn finish(self) -> Result<(), FilesError> {
        self.producer.map_or(Ok(()), Producer::finish)
    }
}

/// Seals a stream into a new file, and returns its length in bytes. The file appears only if all of the stream came.
///
/// # Errors
/// Those of either side, and of the command that makes the stream.
pub fn seal_to_file(
    key: SealingKey<'_>,
    mut source: Source<'_>,
    path: &Path,
    force: bool,
    threads: usize,
    observer: &dyn Observer,
) -> Result<u64, FilesError> {
    let output = OutputFile::create(path, force)?;
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let sealed = source.seal_into(key, Output::At(output.file()), run);
    let bytes = sealed.map_err(|error| match error {
        BodyError::Write(error) => FilesError::output(path, OutputError::Content(error)),
        error => not_sealed(source.name, error),
    })?;
    source.finish()?;
    output.publish()?;
    Ok(bytes)
}

/// Seals a stream to another one, and returns its length in bytes.
///
/// # Errors
/// As [`seal_to_file`]; what was written by then does not open.
pub fn seal_to_stream(
    key: SealingKey<'_>,
    mut source: Source<'_>,
    output: &mut (dyn Write + Send),
    threads: usize,
    observer: &dyn Observer,
) -> Result<u64, FilesError> {
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let sealed = source.seal_into(key, Output::Stream(output), run);
    let bytes = sealed.map_err(|error| match error {
        BodyError::Write(error) => FilesError::OutputStream(error),
        error => not_sealed(source.name, error),
    })?;
    source.finish()?;
    Ok(bytes)
}

fn not_sealed(name: &'static str, error: BodyError) -> FilesError {
    match error {
        BodyError::Read(source) => FilesError::InputStream { name, source },
        error => FilesError::sealed(Task::Encrypt, name, error.named(name)),
    }
}

/// Seals one file to a stream.
///
/// # Errors
/// Those of either side.
pub fn seal_file_to_stream(
    sealing: &Sealing<'_>,
    job: &Job,
    output: &mut (dyn Write + Send),
    threads: usize,
    observer: &dyn Observer,
) -> Result<(), FilesError> {
    let (file, before) = open_found(&job.item.path, job.item.is_link)?;
    sealing.seal_into(&file, &before, job, Output::Stream(output), threads, observer).map(drop)
}

/// Opens the header of a sealed stream.
///
/// # Errors
/// [`FilesError::Sealed`].
pub fn opener_of(keys: &Keys<'_>, name: &'static str, stream: File) -> Result<StreamOpener<File>, FilesError> {
    StreamOpener::new(stream, keys).map_err(|error| keys.not_opened(name, error))
}

/// Opens a sealed file to a stream.
///
/// # Errors
/// Those of either side; what was written by then is authentic and not whole.
pub fn open_file_to_stream(
    opener: &Opener<File>,
    path: &Path,
    output: &mut (dyn Write + Send),
    threads: usize,
    observer: &dyn Observer,
) -> Result<(), FilesError> {
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let copied = opener.copy_to(Output::Stream(output), run);
    copied.map(drop).map_err(|error| cut_short(&path.display().to_string(), error))
}

/// Opens a part of a sealed file to a stream: `length` bytes from `offset` on.
///
/// # Errors
/// Those of either side.
pub fn open_range_to_stream(
    opener: &Opener<File>,
    path: &Path,
    (offset, length): (u64, u64),
    output: &mut (dyn Write + Send),
    threads: usize,
    observer: &dyn Observer,
) -> Result<(), FilesError> {
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let copied = opener.copy_range_to(offset, length, output, run);
    copied.map(drop).map_err(|error| match error {
        BodyError::Write(error) => FilesError::OutputStream(error),
        error => {
            let what = path.display().to_string();
            let error = error.named(&what);
            FilesError::sealed(Task::Decrypt, what, error)
        }
    })
}

/// Opens a sealed stream to another one.
///
/// # Errors
/// As [`open_file_to_stream`].
pub fn open_to_stream(
    opener: StreamOpener<File>,
    name: &'static str,
    output: &mut (dyn Write + Send),
    threads: usize,
    observer: &dyn Observer,
) -> Result<(), FilesError> {
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    opener.copy_to(Output::Stream(output), run).map(drop).map_err(|error| cut_short(name, error))
}

fn cut_short(what: &str, error: BodyError) -> FilesError {
    match error {
        BodyError::Write(error) => FilesError::OutputStream(error),
        error => FilesError::sealed(Task::Decrypt, what, error.named(what)).aside(Aside::CutShort),
    }
}

/// Opens a sealed stream into a new file.
///
/// # Errors
/// Those of either side; nothing new is under the name then.
pub fn open_to_file(
    opening: &Opening<'_>,
    opener: StreamOpener<File>,
    name: &'static str,
    output: &Path,
    threads: usize,
    observer: &dyn Observer,
) -> Result<Opened, FilesError> {
    let header = opener.header();
    let (by, metadata, file) = (header.opened_by.clone(), header.metadata.clone(), header.prelude.file);
    let sink = OutputFile::create(output, opening.existing.force)?;
    let replaced = output.exists();
    let run = Run { threads, progress: &|more| observer.advanced(more) };
    let holes = WithHoles::in_file(sink.file(), opening.sparse);
    let copied = opener.copy_to(Output::At(&holes), run);
    let bytes = copied.map_err(|error| not_written(name, output, error))?;
    let failed = |error| FilesError::output(output, OutputError::Content(error));
    holes.finish(bytes).map_err(failed)?;
    let edges = Some(Edges::of(sink.file()).map_err(failed)?);
    sink.set_plaintext_attributes(&opening.attributes(&metadata), &opening.refused);
    sink.publish()?;
    let output = output.into();
    Ok(Opened { output, bytes, by, file, edges, metadata, up_to_date: false, replaced, one_block_only: false })
}
