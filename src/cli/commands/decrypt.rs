//! `strongroom decrypt`.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::encrypt::{check_input, open_input, outputs, shown, write_failed};
use crate::body::{Metadata, OpenedBy, Opener, Output, Run, default_threads};
use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output_file::{OutputFile, check_apart, check_free};
use crate::cli::progress::Progress;
use crate::error::Error;
use crate::format::name::{is_file_name, printable};
use crate::store::durable::folder_of;
use crate::vault::{ProjectFileKey, Unlocked};

/// Decrypt files.
///
/// Writes each FILE.sealed to FILE, readable by you alone, once all of it has proven authentic. The project is found
/// by itself.
#[derive(Debug, Args)]
pub struct Decrypt {
    /// The sealed files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Where to write: a file, or with several FILEs a folder
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Try the keys of this project alone
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    /// Write to the name the file had when it was encrypted
    #[arg(long)]
    original_name: bool,
    /// Replace files that stand there
    #[arg(long)]
    force: bool,
}

/// What became of one file.
struct Opened {
    input: PathBuf,
    output: PathBuf,
    bytes: u64,
    by: OpenedBy,
    metadata: Metadata,
}

impl Decrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let outputs = if self.original_name {
            self.folders()?
        } else {
            outputs(&self.files, self.output.as_deref(), |file| self.opened_name(file))?
        };
        if !self.original_name {
            check_apart(&self.files, &outputs)?;
        }
        for (input, output) in self.files.iter().zip(&outputs) {
            check_input(input)?;
            if !self.original_name {
                check_free(output, self.force)?;
            }
        }
        context.with_unlocked(|vault| {
            if let Some(project) = &self.project {
                vault.project(project).map_err(|error| Failure::of("decrypt", error))?;
            }
            let mut done: Vec<Opened> = Vec::new();
            let mut failed: Option<Failure> = None;
            for (input, output) in self.files.iter().zip(&outputs) {
                match self.decrypt_file(context, vault, input, output, &done) {
                    Ok(opened) => done.push(opened),
                    Err(failure) if self.files.len() == 1 => failed = Some(failure),
                    Err(failure) => {
                        failure.print(context.output.json);
                        failed.get_or_insert(failure);
                    }
                }
            }
            if !done.is_empty() {
                report(context, &done)?;
            }
            match failed {
                None => Ok(()),
                Some(failure) if self.files.len() == 1 => Err(failure),
                Some(first) => Err(Failure {
                    message: format!(
                        "{} of {} files were not decrypted",
                        self.files.len() - done.len(),
                        self.files.len()
                    ),
                    cause: None,
                    hint: (!done.is_empty()).then(|| "the others are done; the reasons stand above".into()),
                    ..first
                }),
            }
        })
    }

    /// Returns a sealed file's name without its suffix.
    fn opened_name(&self, file: &Path) -> Result<PathBuf, Failure> {
        if file.extension() == Some(OsStr::new("sealed")) && file.file_stem().is_some_and(|stem| !stem.is_empty()) {
            return Ok(file.with_extension(""));
        }
        Err(Failure::usage(format!("cannot tell what to call {} once it is open", file.display()))
            .cause("its name does not end in .sealed")
            .hint("name the output with -o, or use --original-name"))
    }

    /// With the sealed-in names, only the folders are known before the files are open.
    fn folders(&self) -> Result<Vec<PathBuf>, Failure> {
        match &self.output {
            Some(folder) if !folder.is_dir() => Err(Failure::usage(format!("{} is not a folder", folder.display()))
                .hint("with --original-name, -o names a folder that exists")),
            Some(folder) => Ok(vec![folder.clone(); self.files.len()]),
            None => Ok(self.files.iter().map(|file| folder_of(file).to_path_buf()).collect()),
        }
    }

    fn decrypt_file(
        &self,
        context: &Context,
        vault: &Unlocked<'_>,
        input: &Path,
        output: &Path,
        done: &[Opened],
    ) -> Result<Opened, Failure> {
        let doing = || format!("decrypt {}", input.display());
        let (file, _) = open_input(input)?;
        let last = done.last().map(|opened| opened.by.project.as_str());
        let opener = self.open(vault, input, file, last).map_err(|error| {
            let failure = Failure::of(doing(), error);
            let restricted = failure.kind == "wrong-key" && self.project.is_some();
            if restricted { failure.hint("leave out --project to try the keys of every project") } else { failure }
        })?;
        let header = opener.header();
        if header.one_block_only {
            let text = format!(
                "one of the two header blocks of {} is damaged or older; the file opened by the other",
                input.display()
            );
            context.output.warn("one-block-only", &text);
        }
        let (by, metadata) = (header.opened_by.clone(), header.metadata.clone());
        let output = if self.original_name { original(input, output, &metadata)? } else { output.to_path_buf() };
        if self.original_name {
            // Known only now, so it is checked now: --force is for what stood there before this run.
            check_apart(&self.files, [&output])?;
            if done.iter().any(|opened| opened.output == output) {
                let twice = format!("two files would become {}", output.display());
                return Err(Failure::usage(twice).hint("run it for each of them by itself"));
            }
        }
        let sink = OutputFile::create(&output, self.force)?;
        let progress = Progress::new(context.output, &input.display().to_string(), opener.plaintext_len());
        let run = Run { threads: default_threads(), progress: &|more| progress.add(more) };
        let bytes = opener.copy_to(Output::At(sink.file()), run).map_err(|error| match error {
            Error::Io { doing: "write", source, .. } => write_failed(&output, &source),
            error => {
                let failure = Failure::of(doing(), error);
                let cause = failure.cause.clone().unwrap_or_default();
                failure.cause(format!("{cause}; nothing was written to {}", output.display()))
            }
        })?;
        drop(progress);
        sink.publish()?;
        Ok(Opened { input: input.into(), output, bytes, by, metadata })
    }

    /// Opens the header: with the keys of the project named, else of the one that opened the last file first.
    fn open(&self, vault: &Unlocked<'_>, input: &Path, file: File, last: Option<&str>) -> Result<Opener<File>, Error> {
        let what = input.display().to_string();
        let Some(project) = &self.project else {
            return Opener::new(&what, "this vault", file, || vault.candidate_keys(last));
        };
        let name = vault.project(project)?.name;
        let searched = format!("project {name:?}");
        // The named project's keys come first; what follows is not asked for.
        let of_project = |key: &Result<ProjectFileKey, Error>| key.as_ref().map_or(true, |key| key.project == name);
        Opener::new(&what, &searched, file, || vault.candidate_keys(Some(project)).take_while(of_project))
    }
}

/// Puts the sealed-in name into a folder, if it is one harmless component.
fn original(input: &Path, folder: &Path, metadata: &Metadata) -> Result<PathBuf, Failure> {
    match &metadata.name {
        Some(name) if is_file_name(name) && folder == Path::new(".") => Ok(name.into()),
        Some(name) if is_file_name(name) => Ok(folder.join(name)),
        name => {
            let cause = match name {
                Some(name) => format!("the name sealed in it, \"{name}\", cannot be used here"),
                None => "no name is sealed in it".into(),
            };
            Err(Failure::new(Exit::Failed, "bad-original-name", format!("cannot decrypt {}", input.display()))
                .cause(cause)
                .hint("leave out --original-name, or name the output with -o"))
        }
    }
}

fn report(context: &Context, done: &[Opened]) -> Result<(), Failure> {
    let lines: Vec<String> = done
        .iter()
        .map(|opened| {
            let mut text = format!(
                "{} -> {} (project {}, key version {})",
                shown(&opened.input),
                shown(&opened.output),
                printable(&opened.by.project),
                opened.by.version
            );
            if let Some(name) = &opened.metadata.name {
                let modified =
                    opened.metadata.modified.map(|time| format!(", last modified {time}")).unwrap_or_default();
                text += &format!("\n  encrypted as {}{modified}", printable(name));
            }
            text
        })
        .collect();
    let files: Value = done
        .iter()
        .map(|opened| {
            json!({
                "input": opened.input.display().to_string(),
                "output": opened.output.display().to_string(),
                "bytes": opened.bytes,
                "project": opened.by.project,
                "key_version": opened.by.version,
                "name": opened.metadata.name,
                "modified": opened.metadata.modified.map(|time| time.to_string()),
            })
        })
        .collect();
    context.output.done(&lines.join("\n"), &files)
}
