//! `strongroom encrypt`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::init::describe;
use crate::cli::checks::lost;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::hints::shell_word;
use crate::cli::output::Announced;
use crate::cli::paths::Paths;
use crate::cli::pipes;
use crate::cli::progress::Effort;
use crate::cli::setup::{self, KeyPlace, NewVault};
use crate::cli::streams::{seal_stream, seal_to_stdout};
use crate::cli::tally::{Tally, shown};
use crate::disk::with_suffix;
use crate::error::Error;
use crate::files::archive;
use crate::files::find::{Found, Item, Named, Wanted, find};
use crate::files::place::{Destination, Way, check_distinct, folder_name};
use crate::files::publish::{OutputFile, check_apart, check_free};
use crate::files::seal::{Job, Outcome, Sealing};
use crate::format::name::printable;
use crate::store::Store;
use crate::vault::{NewProject, ProjectFileKey, Unlocked};

/// Encrypt files and folders for a project.
///
/// Writes FILE.sealed beside each FILE, readable by you alone, and for each FOLDER a folder FOLDER.sealed in which
/// every file has its sealed counterpart. The originals stay.
#[derive(Debug, Args)]
pub struct Encrypt {
    /// The project whose key encrypts
    #[arg(long, short, value_name = "NAME")]
    project: String,
    #[command(flatten)]
    paths: Paths,
    /// Where to write: a file, a folder, or - for standard output
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace files that stand there
    #[arg(long)]
    force: bool,
    /// Leave out files whose sealed copy stands there and is newer
    #[arg(long, conflicts_with_all = ["force", "hide_names"])]
    update: bool,
    /// Give sealed files random names, all in one folder; the real ones are sealed in
    #[arg(long)]
    hide_names: bool,
    /// Pack each folder into one sealed file, FOLDER.tar.sealed
    #[arg(long, conflicts_with_all = ["update", "hide_names", "remove", "init"])]
    archive: bool,
    /// Delete each original once its sealed copy is synced and proven
    #[arg(long)]
    remove: bool,
    /// Make the vault and the project where they are missing
    #[arg(long)]
    init: bool,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    new: NewVault,
}

/// What is to be done, settled before anybody types a password.
struct Work {
    named: Vec<Named>,
    destination: Destination,
    found: Found,
    jobs: Vec<Job>,
}

/// What belongs to a vault that this run made.
struct New<'a> {
    key: &'a KeyPlace,
    announced: Announced,
}

impl Encrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let new_project = NewProject { name: self.project.clone(), ..NewProject::default() };
        new_project.check().map_err(|error| Failure::of("encrypt", error))?;
        // What can be refused without a password is refused before anybody types one.
        let work = self.settle(context)?;
        let vault_missing = context.store()?.load().is_ok_and(|vault| vault.is_none())
            && context.store()?.load_previous().is_ok_and(|vault| vault.is_none());
        if !vault_missing {
            if self.new.generate_password {
                context.output.remark("the vault is there already: --generate-password changes nothing");
            }
            return context.with_unlocked(|vault| self.encrypt(context, vault, work, None));
        }
        if !self.init {
            return Err(Failure::of("encrypt", Error::VaultNotFound { place: context.store()?.place() })
                .hint("add --init to make the vault and the project now, or make it with `strongroom init`"));
        }
        // On a drive that is not there, perhaps: a second vault is made by `init` alone.
        if lost(context, &context.store()?).is_some() {
            return Err(Failure::of("encrypt", Error::VaultNotFound { place: context.store()?.place() }));
        }
        let plan = setup::plan(context, &self.new)?;
        setup::carry_out(context, plan, |vault, key, announced, _| {
            self.encrypt(context, vault, work, Some(New { key, announced }))
        })
    }

    fn settle(&self, context: &Context) -> Result<Work, Failure> {
        let named = self.paths.named(context)?;
        let destination = if self.archive { self.place_of_archives(&named)? } else { self.place(&named)? };
        pipes::check_free(context, &named, &destination)?;
        if destination == Destination::Stream {
            pipes::refuse_terminal()?;
            if self.init {
                return Err(Failure::usage("--init prints on standard output, where the sealed bytes go")
                    .hint("make the vault first with `strongroom init`, or name a file with -o"));
            }
        }
        if self.archive {
            return self.settle_archives(named, destination);
        }
        if self.remove && (named.contains(&Named::Stream) || destination == Destination::Stream) {
            return Err(Failure::usage("--remove needs files on both sides").hint("leave out --remove"));
        }
        let roots = (0..named.len()).map(|index| destination.root_of(Way::Sealing, &named, index));
        let roots = roots.collect::<Result<Vec<PathBuf>, _>>()?;
        let found = find(&named, Wanted::All, destination.folder());
        let mut jobs = Vec::with_capacity(found.items.len());
        for item in &found.items {
            let output = if self.hide_names {
                let folder = match &destination {
                    Destination::Beside if roots[item.named].as_os_str().is_empty() => {
                        crate::disk::folder_of(&item.path).to_path_buf()
                    }
                    Destination::Folder(folder) => folder.clone(),
                    Destination::Beside => roots[item.named].clone(),
                    _ => return Err(Failure::usage("hidden names need a folder").hint("name a folder with -o")),
                };
                folder.join(random_name()?)
            } else {
                destination.of_item(Way::Sealing, &named, item)?
            };
            let root = matches!(named[item.named], Named::Folder(_)).then(|| roots[item.named].clone());
            jobs.push(Job { item: item.clone(), output, root });
        }
        check_distinct(jobs.iter().map(|job| &job.output))?;
        let inputs: Vec<PathBuf> = jobs.iter().map(|job| job.item.path.clone()).collect();
        if destination != Destination::Stream {
            check_apart(&inputs, jobs.iter().map(|job| &job.output))?;
        }
        if destination != Destination::Stream && !self.update {
            // Of the files that were named; what folders hold is seen to one by one.
            for job in jobs.iter().filter(|job| job.root.is_none()) {
                check_free(&job.output, self.force)?;
            }
            if let (Destination::File(path), [Named::Stream]) = (&destination, &named[..]) {
                check_free(path, self.force)?;
            }
        }
        Ok(Work { named, destination, found, jobs })
    }

    fn place(&self, named: &[Named]) -> Result<Destination, Failure> {
        Destination::of(named, self.output.as_deref())
    }

    /// An archive is one file, so its place is settled as a file's.
    fn place_of_archives(&self, named: &[Named]) -> Result<Destination, Failure> {
        let as_file = |named: &Named| match named {
            Named::Folder(folder) => Ok(Named::File(folder.clone())),
            _ => Err(Failure::usage("--archive packs folders").hint("leave out --archive for files")),
        };
        Destination::of(&named.iter().map(as_file).collect::<Result<Vec<_>, _>>()?, self.output.as_deref())
    }

    fn settle_archives(&self, named: Vec<Named>, destination: Destination) -> Result<Work, Failure> {
        let mut jobs = Vec::new();
        for (index, folder) in named.iter().enumerate() {
            let Named::Folder(folder) = folder else { continue };
            let name = with_suffix(&folder_name(folder)?, ".tar");
            let item = Item { path: folder.with_file_name(&name), named: index, relative: name, len: 0 };
            let output = destination.of_item(Way::Sealing, &[], &item)?;
            if destination != Destination::Stream {
                check_free(&output, self.force)?;
            }
            jobs.push(Job { item, output, root: None });
        }
        check_distinct(jobs.iter().map(|job| &job.output))?;
        Ok(Work { named, destination, found: Found::default(), jobs })
    }

    /// Packs each folder into its archive.
    fn pack_all(&self, context: &Context, key: &ProjectFileKey, work: &Work) -> Result<(), Failure> {
        let (mut lines, mut files) = (Vec::new(), Vec::new());
        for (named, job) in work.named.iter().zip(&work.jobs) {
            let Named::Folder(folder) = named else { continue };
            let found = find(std::slice::from_ref(named), Wanted::All, Some(&job.output));
            let mut tally = Tally::begin(context, "encrypted", &found, found.items.len());
            if tally.has_failed() {
                return tally.end();
            }
            let total = found.items.iter().map(|item| item.len).sum();
            let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
            if work.destination == Destination::Stream {
                archive::pack(key, folder, &found, pipes::stdout()?, &progress)?;
                return Ok(());
            }
            let output = OutputFile::create(&job.output, self.force)?;
            tally.bytes = archive::pack(key, folder, &found, output.file(), &progress)?;
            output.publish()?;
            tally.done = found.items.len();
            let by = format!("project {}, key version {}", printable(&key.project), key.version);
            lines.push(format!("{} -> {}: {}", shown(folder), shown(&job.output), tally.summary(&by)));
            files.push(json!({
                "input": folder.display().to_string(),
                "output": job.output.display().to_string(),
                "files": found.items.len(),
                "bytes": tally.bytes,
                "project": key.project,
                "key_version": key.version,
            }));
        }
        context.output.done(&lines.join("\n"), &Value::from(files))
    }

    fn encrypt(
        &self,
        context: &Context,
        vault: &mut Unlocked<'_>,
        work: Work,
        new: Option<New<'_>>,
    ) -> Result<(), Failure> {
        let key = self.key(vault)?;
        if self.archive {
            return self.pack_all(context, &key, &work);
        }
        if let [Named::Stream] = work.named[..] {
            let bytes = seal_stream(context, &key, &work.destination, self.force, &self.effort)?;
            return self.report_stream(context, &key, &work.destination, bytes, new);
        }
        if work.destination == Destination::Stream {
            let sealing = Sealing::of(&key, self.force, false, false);
            let progress = self.effort.progress(&context.output, 1, work.found.items.first().map(|item| item.len));
            for job in &work.jobs {
                seal_to_stdout(&sealing, job, self.effort.stream_threads(), &progress)?;
            }
            return Ok(());
        }
        let sealing = Sealing::of(&key, self.force, self.update, self.hide_names);
        let mut tally = Tally::begin(context, "encrypted", &work.found, work.jobs.len());
        // With hidden names, the folders' names are hidden too.
        for (index, folder) in work.found.folders.iter().filter(|_| !self.hide_names) {
            let root = work.destination.root_of(Way::Sealing, &work.named, *index)?;
            tally.note(sealing.tree.make(&root, &root.join(folder)));
        }
        let bytes = work.jobs.iter().map(|job| job.item.len).sum();
        let progress = self.effort.progress(&context.output, work.jobs.len(), Some(bytes));
        let outcomes = sealing.run(&work.jobs, self.effort.threads(), &progress);
        drop(progress);
        tally.note(sealing.tree.sync());
        if self.remove {
            for failure in sealing.remove(&work.jobs, &outcomes) {
                tally.note(Err(failure));
            }
        }
        self.report(context, &key, &work, outcomes, tally, new)
    }

    fn key(&self, vault: &mut Unlocked<'_>) -> Result<ProjectFileKey, Failure> {
        let doing = |error| Failure::of(format!("encrypt for project {:?}", self.project), error);
        vault.check_writable().map_err(doing)?;
        match vault.file_key(&self.project, None) {
            Err(Error::ProjectNotFound { .. }) if self.init => {
                let new = NewProject { name: self.project.clone(), ..NewProject::default() };
                vault.add_project(&new).map_err(doing)?;
                vault.file_key(&self.project, None).map_err(doing)
            }
            other => other.map_err(|error| {
                let missing = matches!(error, Error::ProjectNotFound { .. });
                let failure = doing(error);
                if missing { failure.hint("add it with `strongroom project add`, or give --init") } else { failure }
            }),
        }
    }

    fn report(
        &self,
        context: &Context,
        key: &ProjectFileKey,
        work: &Work,
        outcomes: Vec<Result<Outcome, Failure>>,
        mut tally: Tally<'_>,
        new: Option<New<'_>>,
    ) -> Result<(), Failure> {
        let by = format!("project {}, key version {}", printable(&key.project), key.version);
        let mut lines = Vec::new();
        let mut files = Vec::new();
        let mut first_output = None;
        for (job, outcome) in work.jobs.iter().zip(outcomes) {
            // Of a copy that stood there, which key it is under is not known without opening it.
            let keyed = |mut value: Value| {
                value["project"] = key.project.clone().into();
                value["key_version"] = key.version.into();
                value
            };
            let state = match tally.take(outcome) {
                Some(Outcome::Done { bytes }) => {
                    tally.bytes += bytes;
                    lines.push(format!("{} -> {} ({by})", shown(&job.item.path), shown(&job.output)));
                    first_output.get_or_insert(job);
                    keyed(json!({"bytes": bytes}))
                }
                Some(Outcome::UpToDate) => json!({"up_to_date": true, "bytes": job.item.len}),
                None => continue,
            };
            let mut file = json!({
                "input": job.item.path.display().to_string(),
                "output": job.output.display().to_string(),
                "project": null,
                "key_version": null,
            });
            merge(&mut file, state);
            files.push(file);
        }
        let has_folder = work.named.iter().any(|named| matches!(named, Named::Folder(_)));
        let mut text = if has_folder || lines.is_empty() { tally.summary(&by) } else { lines.join("\n") };
        let empty = files.is_empty() && tally.has_failed();
        let files = Value::from(files);
        match new {
            _ if empty => {}
            None => context.output.done(&text, &files)?,
            Some(New { key, announced }) => {
                let place = context.store()?.place();
                text += &format!("\n\n{}", describe(key, &place));
                if let Some(job) = first_output {
                    text += &open_again(&job.item.path, &job.output);
                }
                let summary = json!({"files": files, "vault": {"path": place, "keychain": key.kind.to_string()}});
                announced.finish(text.trim_start(), &summary)?;
            }
        }
        tally.end()
    }

    fn report_stream(
        &self,
        context: &Context,
        key: &ProjectFileKey,
        destination: &Destination,
        bytes: u64,
        new: Option<New<'_>>,
    ) -> Result<(), Failure> {
        let Destination::File(path) = destination else { return Ok(()) };
        let by = format!("project {}, key version {}", printable(&key.project), key.version);
        let mut text = format!("{} -> {} ({by})", pipes::STDIN, shown(path));
        let files = json!([{
            "input": "-",
            "output": path.display().to_string(),
            "bytes": bytes,
            "project": key.project,
            "key_version": key.version,
        }]);
        let Some(New { key, announced }) = new else { return context.output.done(&text, &files) };
        let place = context.store()?.place();
        text += &format!("\n\n{}", describe(key, &place));
        let summary = json!({"files": files, "vault": {"path": place, "keychain": key.kind.to_string()}});
        announced.finish(&text, &summary)
    }
}

fn merge(value: &mut Value, more: Value) {
    if let (Value::Object(members), Value::Object(more)) = (value, more) {
        members.extend(more);
    }
}

/// Returns a name that tells nothing.
fn random_name() -> Result<String, Failure> {
    let mut random = [0; 16];
    crate::crypto::random(&mut random).map_err(|error| Failure::of("name a file", error.into()))?;
    Ok(format!("{:032x}.sealed", u128::from_be_bytes(random)))
}

fn open_again(input: &Path, output: &Path) -> String {
    format!(
        "\n\nopen it again:\n  strongroom decrypt {} -o {}",
        shell_word(&output.display().to_string()),
        shell_word(&copy_name(input).display().to_string())
    )
}

/// Returns a name beside the original that is not its own.
fn copy_name(input: &Path) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    let extension = input.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    input.with_file_name(format!("{stem}-opened{extension}"))
}
