//! `strongroom encrypt`.

use std::fs::{self, File, Metadata as FileMetadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::init::describe;
use super::project::shell_word;
use crate::body::{Input, Metadata, Output, Run, default_threads, seal};
use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Announced;
use crate::cli::output_file::{OutputFile, check_apart, check_free, sealed_name};
use crate::cli::progress::Progress;
use crate::cli::setup::{self, NewVault, Plan};
use crate::error::Error;
use crate::format::name::printable;
use crate::store::Store;
use crate::vault::{NewProject, ProjectFileKey, Unlocked};

/// Encrypt files for a project.
///
/// Writes FILE.sealed beside each FILE, readable by you alone. The original stays.
#[derive(Debug, Args)]
pub struct Encrypt {
    /// The project whose key encrypts
    #[arg(long, short, value_name = "NAME")]
    project: String,
    /// The files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Where to write: a file, or with several FILEs a folder
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace files that stand there
    #[arg(long)]
    force: bool,
    /// Make the vault and the project where they are missing
    #[arg(long)]
    init: bool,
    #[command(flatten)]
    new: NewVault,
}

/// One file to be encrypted.
struct Job {
    input: PathBuf,
    output: PathBuf,
}

impl Encrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let new_project = NewProject { name: self.project.clone(), ..NewProject::default() };
        new_project.check().map_err(|error| Failure::of("encrypt", error))?;
        // What can be refused without a password is refused before anybody types one.
        let outputs = outputs(&self.files, self.output.as_deref(), |file| Ok(sealed_name(file)))?;
        let jobs: Vec<Job> =
            self.files.iter().cloned().zip(outputs).map(|(input, output)| Job { input, output }).collect();
        check_apart(&self.files, jobs.iter().map(|job| &job.output))?;
        for job in &jobs {
            check_input(&job.input)?;
            check_free(&job.output, self.force)?;
        }
        let vault_missing = context.store()?.load().is_ok_and(|vault| vault.is_none())
            && context.store()?.load_previous().is_ok_and(|vault| vault.is_none());
        if !vault_missing {
            if self.new.generate_password {
                context.output.remark("the vault is there already: --generate-password changes nothing");
            }
            return context.with_unlocked(|vault| self.encrypt_all(context, vault, &jobs, None, None));
        }
        if !self.init {
            return Err(Failure::of("encrypt", Error::VaultNotFound { place: context.store()?.place() })
                .hint("add --init to make the vault and the project now, or make it with `strongroom init`"));
        }
        let plan = setup::plan(context, &self.new)?;
        setup::carry_out(context, &plan, |vault, announced| {
            self.encrypt_all(context, vault, &jobs, Some(&plan), Some(announced))
        })
    }

    fn encrypt_all(
        &self,
        context: &Context,
        vault: &mut Unlocked<'_>,
        jobs: &[Job],
        plan: Option<&Plan>,
        announced: Option<Announced>,
    ) -> Result<(), Failure> {
        let doing = |error| Failure::of(format!("encrypt for project {:?}", self.project), error);
        vault.check_writable().map_err(doing)?;
        let key = match vault.file_key(&self.project, None) {
            Err(Error::ProjectNotFound { .. }) if self.init => {
                let new = NewProject { name: self.project.clone(), ..NewProject::default() };
                vault.add_project(&new).map_err(doing)?;
                vault.file_key(&self.project, None).map_err(doing)?
            }
            other => other.map_err(|error| {
                let missing = matches!(error, Error::ProjectNotFound { .. });
                let failure = doing(error);
                if missing { failure.hint("add it with `strongroom project add`, or give --init") } else { failure }
            })?,
        };
        let mut done = Vec::new();
        let mut failed: Option<Failure> = None;
        for job in jobs {
            match encrypt_file(context, &key, job, self.force) {
                Ok(bytes) => done.push((job, bytes)),
                Err(failure) if jobs.len() == 1 => failed = Some(failure),
                Err(failure) => {
                    failure.print(context.output.json);
                    failed.get_or_insert(failure);
                }
            }
        }
        if !done.is_empty() {
            self.report(context, &key, &done, plan, announced)?;
        }
        match failed {
            None => Ok(()),
            Some(failure) if jobs.len() == 1 => Err(failure),
            Some(first) => Err(Failure {
                message: format!("{} of {} files were not encrypted", jobs.len() - done.len(), jobs.len()),
                cause: None,
                hint: (!done.is_empty()).then(|| "the others are done; the reasons stand above".into()),
                ..first
            }),
        }
    }

    fn report(
        &self,
        context: &Context,
        key: &ProjectFileKey,
        done: &[(&Job, u64)],
        plan: Option<&Plan>,
        announced: Option<Announced>,
    ) -> Result<(), Failure> {
        let mut lines: Vec<String> = done
            .iter()
            .map(|(job, _)| {
                let (input, output) = (shown(&job.input), shown(&job.output));
                format!("{input} -> {output} (project {}, key version {})", printable(&key.project), key.version)
            })
            .collect();
        let files: Value = done
            .iter()
            .map(|(job, bytes)| {
                json!({
                    "input": job.input.display().to_string(),
                    "output": job.output.display().to_string(),
                    "bytes": bytes,
                    "project": key.project,
                    "key_version": key.version,
                })
            })
            .collect();
        let (Some(plan), Some(announced)) = (plan, announced) else {
            return context.output.done(&lines.join("\n"), &files);
        };
        let place = context.store()?.place();
        lines.push(format!("\n{}", describe(plan, &place)));
        if let Some((job, _)) = done.first() {
            let copy = copy_name(&job.input);
            lines.push(format!(
                "\nopen it again:\n  strongroom {}decrypt {} -o {}",
                vault_flag(context),
                shell_word(&job.output.display().to_string()),
                shell_word(&copy.display().to_string())
            ));
        }
        let summary = json!({
            "files": files,
            "vault": {"path": place, "keychain": plan.kind().to_string()},
        });
        announced.finish(&lines.join("\n"), &summary)
    }
}

/// Returns a path on one line, with what would act on the terminal escaped.
pub fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// Returns the --vault flag as it must be typed again, where one was.
fn vault_flag(context: &Context) -> String {
    match &context.global.vault {
        Some(folder) => format!("--vault {} ", shell_word(&folder.display().to_string())),
        None => String::new(),
    }
}

/// Returns a name beside the original that is not its own.
fn copy_name(input: &Path) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    let extension = input.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    input.with_file_name(format!("{stem}-opened{extension}"))
}

/// Settles the output of each file: beside it, the one that -o names, or in the folder that -o names.
pub fn outputs(
    files: &[PathBuf],
    output: Option<&Path>,
    own: impl Fn(&Path) -> Result<PathBuf, Failure>,
) -> Result<Vec<PathBuf>, Failure> {
    let Some(output) = output else {
        return distinct(files.iter().map(|file| own(file)).collect::<Result<_, _>>()?);
    };
    let is_folder = output.is_dir();
    if files.len() == 1 && !is_folder {
        return Ok(vec![output.into()]);
    }
    if !is_folder {
        return Err(Failure::usage(format!("{} is not a folder", output.display()))
            .hint("with several files, -o names a folder that exists"));
    }
    let inside = |file: &PathBuf| Ok(output.join(own(file)?.file_name().unwrap_or_default()));
    distinct(files.iter().map(inside).collect::<Result<_, Failure>>()?)
}

/// Refuses two inputs that would become one output.
fn distinct(outputs: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let mut taken = std::collections::HashSet::new();
    match outputs.iter().find(|output| !taken.insert(*output)) {
        None => Ok(outputs),
        Some(twice) => Err(Failure::usage(format!("two files would become {}", twice.display()))
            .hint("name each file once, or run it for each by itself")),
    }
}

/// Refuses what is not a regular file. Never opens it: a FIFO would wait for ever.
pub fn check_input(path: &Path) -> Result<FileMetadata, Failure> {
    let metadata = fs::metadata(path).map_err(|error| {
        Failure::io(format!("read {}", path.display()), &error).hint("check the path; nothing was written")
    })?;
    if metadata.is_file() {
        return Ok(metadata);
    }
    let what = if metadata.is_dir() { "a folder" } else { "not a regular file" };
    Err(Failure::new(Exit::Failed, "not-a-file", format!("cannot read {}", path.display()))
        .cause(format!("it is {what}"))
        .hint("name regular files; pack a folder into one file first"))
}

/// Opens a file for reading without ever waiting for it.
pub fn open_input(path: &Path) -> Result<(File, FileMetadata), Failure> {
    check_input(path)?;
    let failed = |error: io::Error| Failure::io(format!("read {}", path.display()), &error);
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // It may have become a FIFO since it was looked at.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() { Ok((file, metadata)) } else { check_input(path).and(Err(changed(path))) }
}

fn changed(path: &Path) -> Failure {
    Failure::new(Exit::Failed, "changed", format!("cannot encrypt {}", path.display()))
        .cause("it changed while it was being read, so no one moment of it would be encrypted")
        .hint("wait until it is written, and run it again; nothing was kept")
}

/// Encrypts one file and returns its length in bytes.
fn encrypt_file(context: &Context, key: &ProjectFileKey, job: &Job, force: bool) -> Result<u64, Failure> {
    let (file, before) = open_input(&job.input)?;
    let doing = || format!("encrypt {}", job.input.display());
    let name = job.input.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    #[cfg(unix)]
    let mode = Some(std::os::unix::fs::PermissionsExt::mode(&before.permissions()) & 0o7777);
    #[cfg(not(unix))]
    let mode = None;
    let metadata = Metadata { name, modified: before.modified().ok().map(Into::into), mode, ..Metadata::default() };
    let output = OutputFile::create(&job.output, force)?;
    let progress = Progress::new(context.output, &job.input.display().to_string(), before.len());
    let run = Run { threads: default_threads(), progress: &|more| progress.add(more) };
    let what = job.input.display().to_string();
    let total = seal(&what, &key.key, &metadata, Input::At(&file), Output::At(output.file()), run).map_err(
        |error| match error {
            Error::Io { doing: "write", source, .. } => write_failed(&job.output, &source),
            Error::Changed { .. } => changed(&job.input),
            error => Failure::of(doing(), error),
        },
    )?;
    drop(progress);
    let after = file.metadata().map_err(|error| Failure::io(doing(), &error))?;
    if total != before.len() || after.len() != before.len() || after.modified().ok() != before.modified().ok() {
        return Err(changed(&job.input));
    }
    output.publish()?;
    Ok(total)
}

/// Says that an output could not be written.
pub fn write_failed(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io(format!("write {}", path.display()), error);
    if error.kind() == io::ErrorKind::StorageFull {
        return failure.hint("free some space and run it again; nothing was kept");
    }
    failure
}
