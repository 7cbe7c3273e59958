//! `strongroom encrypt`.

mod archives;
mod report;
mod work;

use std::path::PathBuf;

use clap::{Args, ValueHint};

use work::{New, Work, random_name, sealed_in};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::copies::Copies;
use crate::cli::interrupt;
use crate::cli::kit;
use crate::cli::open_vault::Uses;
use crate::cli::own_files::{own_files, refuse_own_output};
use crate::cli::paths::Paths;
use crate::cli::pipes;
use crate::cli::progress::Effort;
use crate::cli::project_flags::{Decided, OfProject};
use crate::cli::setup::{self, Made, NewVault};
use crate::cli::streams::{seal_stream, seal_to_stdout, warn_of_left_behind, warn_of_links};
use crate::cli::tally::{CUT_SHORT, Tally, WHOLE};
use crate::cli::unlocking::{open, record, unlock_with_password};
use crate::disk::folder_of;
use crate::error::{Error, NotFound};
use crate::failure::{Exit, Failure};
use crate::files::FilesError;
use crate::files::find::{Named, Wanted, find_except};
use crate::files::keys::Keys;
use crate::files::listing::write_manifest;
use crate::files::pipes::STDIN;
use crate::files::place::{Destination, Direction, check_distinct};
use crate::files::producer;
use crate::files::publish::{check_apart, check_free};
use crate::files::remove::{Removed, remove};
use crate::files::seal::{Existing, Job, Outcome, Sealing};
use crate::format::log::Action;
use crate::format::name::{Difference, difference};
use crate::keys::{HeldKey, OpenedBy};
use crate::store::Store;
use crate::vault::{NewProject, OpenVault};
use crate::words::{command, words};

/// Encrypt files and folders for a project.
///
/// For each FILE, writes FILE.sealed beside it. For each FOLDER, writes a folder FOLDER.sealed with an encrypted copy of
/// every file in it, subfolders included. Other users of this computer get no permission to read the encrypted files. The
/// originals stay. Existing files are not replaced, except with --update or --force.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom encrypt --project acme exports\n\
                         First time: strongroom encrypt --init --project acme exports")]
#[command(mut_arg("paths", |paths| paths.required_unless_present_any(["files_from", "from_command"])))]
pub struct Encrypt {
    #[command(flatten)]
    of: OfProject,
    #[command(flatten)]
    paths: Paths,
    /// Run this command in a shell and encrypt its output (needs -o). If the command fails, that is, exits with another
    /// code than 0, nothing is kept
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString, requires = "output",
          conflicts_with_all = ["paths", "files_from", "update", "hide_names", "archive", "remove"])]
    from_command: Option<String>,
    /// Where to write. For one FILE, standard input, --from-command, or one FOLDER with --archive, OUT is a file, an
    /// existing folder, or - for standard output. Otherwise, OUT is a folder
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace existing output files, whatever they contain
    #[arg(long)]
    force: bool,
    /// Skip files whose length and time have not changed since they were encrypted; encrypt the others again
    #[arg(long)]
    update: bool,
    /// Give encrypted files random names, and make no subfolders in FOLDER.sealed; the real names are stored in the files,
    /// encrypted
    #[arg(long)]
    hide_names: bool,
    /// Pack each folder into one encrypted file, FOLDER.tar.sealed
    #[arg(long, conflicts_with_all = ["update", "hide_names", "remove", "init"])]
    archive: bool,
    /// Also write a list of the encrypted files to FILE, itself encrypted; `strongroom verify --manifest` compares a
    /// folder with it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "archive")]
    manifest: Option<PathBuf>,
    /// Leave out what matches PATTERN in folders, as in a .gitignore: *.tmp, cache/ or /top; may be given several times
    #[arg(long, value_name = "PATTERN", conflicts_with = "from_command")]
    exclude: Vec<String>,
    /// Delete each original once its encrypted copy is safely on disk and proven to contain the same data
    #[arg(long)]
    remove: bool,
    /// Make the vault and the project if they do not exist
    #[arg(long)]
    init: bool,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten, next_help_heading = "With --init, for a new vault")]
    new: NewVault,
}

impl Encrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let of = self.of.decide(context)?;
        let new_project = NewProject { name: of.project.clone(), ..NewProject::default() };
        new_project.check().map_err(|error| Failure::of("encrypt", error))?;
        if let (false, Some(flag)) = (self.init, self.new.given().first()) {
            return Err(Failure::usage(format!("{flag} is for a new vault")).hint("add --init, or leave the flag out"));
        }
        // What can be refused without a password is refused before anybody types one.
        let work = self.settle(context, of)?;
        let vault_missing = context.store()?.load().is_ok_and(|vault| vault.is_none())
            && context.store()?.load_previous().is_ok_and(|vault| vault.is_none());
        if !vault_missing {
            return if self.init {
                self.encrypt_again(context, work)
            } else {
                let mut vault = open(context, Uses::Project(&work.project), &self.doing(&work))?;
                let mut copies = Copies::default();
                let result = self.encrypt(context, &mut *vault, &mut copies, work, None);
                vault.finish(copies, &result);
                result
            };
        }
        if !self.init {
            return Err(Failure::of("encrypt", Error::NotFound(NotFound::Vault { place: context.store()?.place() }))
                .hint(
                    "if you have a vault elsewhere, name its folder with --vault; to make a new vault and the project \
                 now, add --init",
                ));
        }
        // On a drive that is not there, perhaps: a second vault is made by `init` alone.
        if context.home.made_at(context.store()?.file()).is_some() {
            return Err(Failure::of("encrypt", Error::NotFound(NotFound::Vault { place: context.store()?.place() })));
        }
        let plan = setup::plan(context, &self.new)?;
        let later = kit::Later {
            so: "; nothing was encrypted",
            hint: "run the same command again: it offers the kit again, and then encrypts".into(),
        };
        let Made { mut vault, place, announced, .. } = setup::carry_out(context, plan, later)?;
        record(context, &mut vault, &self.doing(&work))?;
        let mut copies = Copies::default();
        let result = self.encrypt(context, &mut *vault, &mut copies, work, Some(New { key: &place, announced }));
        vault.finish(copies, &result);
        result
    }

    /// Encrypts with a vault that the command would make if it did not exist.
    fn encrypt_again(&self, context: &Context, work: Work) -> Result<(), Failure> {
        let for_kit = ["--recovery-file", "--no-recovery", "--allow-synced"];
        let idle: Vec<&str> = self.new.given().into_iter().filter(|flag| !for_kit.contains(flag)).collect();
        if !idle.is_empty() {
            let text = format!("the vault exists already, so these flags have no effect: {}", idle.join(", "));
            context.output.remark(text);
        }
        let (mut vault, password) = unlock_with_password(context, &self.doing(&work))?;
        if self.new.kit.recovery_file.is_some() && !vault.kits().is_empty() {
            context.output.warn(
                "kit-not-made",
                words![
                    "the vault already has, or had, a recovery kit, so --recovery-file has no effect; make another \
                     kit with ",
                    command("kit new")
                ],
            );
        }
        kit::offer_again(context, &mut vault, &password, Some(&self.new.kit))?;
        drop(password);
        let mut copies = Copies::default();
        let result = self.encrypt(context, &mut *vault, &mut copies, work, None);
        vault.finish(copies, &result);
        result
    }

    /// Says what is about to be done.
    fn doing<'a>(&self, work: &'a Work) -> Doing<'a> {
        let doing = Doing::to_project(Action::FileSeal, Some(&work.project));
        if let [Named::Stream] = work.named[..] { doing } else { doing.files(work.jobs.len()) }
    }

    fn settle(&self, context: &Context, of: Decided) -> Result<Work, Failure> {
        let excludes = work::excludes(context, &self.exclude, &of)?;
        let named = match self.from_command {
            Some(_) => vec![Named::Stream],
            None => self.paths.named(context)?,
        };
        let destination = if self.archive { self.place_of_archives(&named)? } else { self.place(&named)? };
        if self.from_command.is_none() {
            pipes::check_free(&context.output, &named, &destination)?;
        } else if destination == Destination::Stream {
            return Err(Failure::usage("--from-command needs an output file").hint(words![
                "name a file with -o, or pipe the command's output to ",
                command("encrypt").flag("-p", &of.project).then("-")
            ]));
        }
        if let Some(path) = &self.manifest {
            refuse_own_output(context, path)?;
        }
        let own = own_files(
            context,
            [
                (self.new.kit.recovery_file.as_deref(), "the recovery kit"),
                (self.manifest.as_deref(), "the manifest"),
                (self.paths.list(), "the list of files"),
                (of.file.as_ref().map(|file| file.path.as_path()), "the project file"),
            ],
        )?;
        for named in &named {
            if let Named::File(path, _) = named {
                own.refuse_input(path)?;
            }
        }
        if destination == Destination::Stream {
            pipes::refuse_terminal()?;
            if self.init {
                return Err(Failure::usage("--init prints on standard output, where the sealed bytes go")
                    .hint(words!["make the vault first with ", command("init"), ", or name a file with -o"]));
            }
        }
        if self.archive {
            return self.settle_archives(of.project, named, destination, own, excludes);
        }
        if self.manifest.is_some() && (named.contains(&Named::Stream) || destination == Destination::Stream) {
            return Err(Failure::usage("--manifest lists files, and a stream is none").hint("leave out --manifest"));
        }
        if self.remove && (named.contains(&Named::Stream) || destination == Destination::Stream) {
            return Err(Failure::usage("--remove needs files on both sides").hint("leave out --remove"));
        }
        let roots = (0..named.len()).map(|index| destination.root_of(Direction::Sealing, &named, index));
        let roots = roots.collect::<Result<Vec<PathBuf>, _>>()?;
        let found = find_except(&named, Wanted::All, destination.folder(), &own, &excludes);
        let mut jobs = Vec::with_capacity(found.items.len());
        for item in &found.items {
            let output = if self.hide_names {
                let folder = match &destination {
                    Destination::Beside if roots[item.named].as_os_str().is_empty() => {
                        folder_of(&item.path).to_path_buf()
                    }
                    Destination::Folder(folder) => folder.clone(),
                    Destination::Beside => roots[item.named].clone(),
                    _ => return Err(Failure::usage("hidden names need a folder").hint("name a folder with -o")),
                };
                folder.join(random_name()?)
            } else {
                destination.of_item(Direction::Sealing, &named, item)?
            };
            let in_folder = matches!(named[item.named], Named::Folder(_));
            let root = in_folder.then(|| roots[item.named].clone());
            let path = sealed_in(&named, item)?;
            jobs.push(Job { item: item.clone(), output, root, path });
        }
        if destination != Destination::Stream {
            jobs.iter().filter(|job| job.root.is_none()).try_for_each(|job| own.refuse_output(&job.output))?;
        }
        if self.hide_names {
            check_distinct(jobs.iter().map(|job| &job.path))?;
        }
        check_distinct(jobs.iter().map(|job| &job.output))?;
        if destination != Destination::Stream {
            check_apart(jobs.iter().map(|job| &job.item), jobs.iter().map(|job| &job.output))?;
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
        if let (Destination::File(path), [Named::Stream]) = (&destination, &named[..]) {
            own.refuse_output(path)?;
        }
        Ok(Work { project: of.project, named, destination, found, jobs, own, excludes })
    }

    fn place(&self, named: &[Named]) -> Result<Destination, Failure> {
        Ok(Destination::of(named, self.output.as_deref())?)
    }

    fn encrypt(
        &self,
        context: &Context,
        vault: &mut dyn OpenVault,
        copies: &mut Copies,
        mut work: Work,
        new: Option<New<'_>>,
    ) -> Result<(), Failure> {
        let held = self.key(context, vault, &work.project)?;
        let key = held.sealing();
        let words = match (&work.destination, &work.named[..]) {
            (Destination::Stream, _) => interrupt::say(CUT_SHORT, ""),
            (_, [Named::Stream]) => interrupt::say(WHOLE, ""),
            _ if self.archive => interrupt::say(WHOLE, "run it again for the folders that are missing"),
            _ => interrupt::say(WHOLE, "run it again with --update to do the rest"),
        };
        if self.hide_names {
            report::warn_of_empty_folders(context, &work.found);
        }
        if self.archive {
            return self.pack_all(context, key, copies, &work);
        }
        if let [Named::Stream] = work.named[..] {
            let bytes =
                seal_stream(context, key, self.from_command.as_deref(), &work.destination, self.force, &self.effort)?;
            copies.sealed(key.project, bytes);
            let source = if self.from_command.is_some() { producer::OUTPUT } else { STDIN };
            return report::report_stream(context, key, source, &work.destination, bytes, new);
        }
        let keys = Keys::of(vault, None).map_err(|error| Failure::of("encrypt", error))?;
        keys.try_first(key.project);
        let existing = Existing { force: self.force, update: self.update };
        let sealing = Sealing::of(key, keys, existing, self.hide_names, &work.own);
        if work.destination == Destination::Stream {
            let progress = self.effort.progress(&context.output, 1, work.found.items.first().map(|item| item.len));
            for job in &work.jobs {
                seal_to_stdout(&sealing, job, self.effort.stream_threads(), &progress)?;
            }
            return Ok(());
        }
        if let Some(path) = &self.manifest {
            let hint = "name another file with --manifest, or move away what is there";
            sealing.check_manifest(path).map_err(|error| Failure::from(error).hint(hint))?;
        }
        if self.hide_names {
            sealing.find_hidden_copies(&mut work.jobs, self.effort.threads())?;
            check_apart(work.jobs.iter().map(|job| &job.item), work.jobs.iter().map(|job| &job.output))?;
        }
        let mut tally = Tally::begin(context, "encrypted", &work.found, work.jobs.len());
        // With hidden names, the folders' names are hidden too.
        for (index, folder) in work.found.folders.iter().filter(|_| !self.hide_names) {
            let root = work.destination.root_of(Direction::Sealing, &work.named, *index)?;
            tally.note(sealing.tree.make(&root, &root.join(folder)));
        }
        let bytes = work.jobs.iter().map(|job| job.item.len).sum();
        let progress = self.effort.progress(&context.output, work.jobs.len(), Some(bytes));
        let outcomes = sealing.run(&work.jobs, self.effort.threads(), &progress);
        drop(progress);
        match sealing.sealed_before() {
            0 => {}
            1 => {
                context.output.warn("sealed-twice", "1 of the files was encrypted already, and is now encrypted twice")
            }
            count => {
                let text = format!("{count} of the files were encrypted already, and are now encrypted twice");
                context.output.warn("sealed-twice", text);
            }
        }
        let lasts = sealing.tree.sync();
        warn_of_left_behind(context, &sealing.tree.left_behind());
        let removes = self.remove && lasts.is_ok();
        tally.note(lasts);
        for (job, outcome) in work.jobs.iter().zip(&outcomes) {
            if let Ok(Outcome::Done { is_vault: true, .. }) = outcome {
                let text = format!(
                    "{} is a file of another vault: its encrypted copy opens only while this vault does",
                    job.item.path.display()
                );
                context.output.warn("other-vault", text);
            }
        }
        if let Some(path) = &self.manifest {
            tally.note(write_manifest(key, path, self.force || self.update, &work.jobs, &outcomes));
        }
        if removes {
            let removed = self.remove_originals(vault, &held, &work, &outcomes, &mut tally);
            tally.removed = removed.count;
            tally.kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count() - removed.count;
            warn_of_links(context, "the data", &removed.linked);
        }
        drop(words);
        for (job, outcome) in work.jobs.iter().zip(&outcomes) {
            let Ok(Outcome::Done { bytes, file, edges, .. }) = outcome else { continue };
            copies.sealed(key.project, *bytes);
            // An original that was removed is gone.
            if let Some(edges) = edges.filter(|_| !removes || job.item.path.symlink_metadata().is_ok()) {
                let by = OpenedBy { project: key.project.to_owned(), version: key.version };
                copies.readable(by, *file, &job.item.path, *bytes, edges);
            }
        }
        report::report(context, key, &work, outcomes, &mut tally, new)?;
        if tally.done > 0 && !self.remove {
            report::remark_on_originals(context, &work, self.output.as_deref(), self.hide_names);
        }
        tally.end()
    }

    /// Deletes the originals, by the keys of the vault as it is now.
    fn remove_originals(
        &self,
        vault: &mut dyn OpenVault,
        key: &HeldKey,
        work: &Work,
        outcomes: &[Result<Outcome, FilesError>],
        tally: &mut Tally<'_>,
    ) -> Removed {
        let checked = vault.check_still_holds(key).and_then(|()| Keys::of(vault, Some(&key.project)));
        match checked {
            Ok(keys) => {
                let mut removed = remove(&keys, &work.own, &work.jobs, outcomes);
                removed.failures.drain(..).for_each(|error| tally.note(Err(error)));
                removed
            }
            Err(error) => {
                let failure = Failure::of("remove the originals", error).hint(words![
                    "all originals are still there: see ",
                    command("project list"),
                    ", then run it again"
                ]);
                tally.note(Err(failure));
                Removed::default()
            }
        }
    }

    fn key(&self, context: &Context, vault: &mut dyn OpenVault, project: &str) -> Result<HeldKey, Failure> {
        let doing = |error| Failure::of(format!("encrypt for project {:?}", project), error);
        vault.check_writable().map_err(doing)?;
        match vault.sealing_key(project) {
            Err(Error::NotFound(NotFound::Project { name, similar: Some(similar) }))
                if self.init && difference(&name, &similar) == Some(Difference::Case) =>
            {
                let doing = format!("cannot encrypt for project {name:?}");
                Err(Failure::new(Exit::Failed, "project-exists", doing)
                    .cause(format!("there is a project {similar:?}, whose name differs in case alone"))
                    .hint(words![
                        "name that project with -p; or, if you want both: ",
                        command("project add").arg(&name)
                    ]))
            }
            Err(Error::NotFound(NotFound::Project { .. })) if self.init => {
                let new = NewProject { name: project.to_owned(), ..NewProject::default() };
                vault.add_project(&new).map_err(doing)?;
                context.output.remark(format!("made project {:?}", project));
                vault.sealing_key(project).map_err(doing)
            }
            other => other.map_err(|error| {
                let missing = matches!(error, Error::NotFound(NotFound::Project { similar: None, .. }));
                let failure = doing(error);
                if missing {
                    let add = command("project add").arg(project);
                    failure.hint(words!["add it with ", add, ", or give --init"])
                } else {
                    failure
                }
            }),
        }
    }
}
