//! `strongroom decrypt`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::copies::Copies;
use crate::cli::interrupt;
use crate::cli::open_vault::Uses;
use crate::cli::own_files::own_files;
use crate::cli::paths::Paths;
use crate::cli::progress::Effort;
use crate::cli::project_flags::OnlyProject;
use crate::cli::streams::{
    open_stream, open_to_stdout, warn_of_left_behind, warn_of_one_block, warn_of_open, warn_of_refused, warn_of_renamed,
};
use crate::cli::tally::{CUT_SHORT, Tally, WHOLE, nothing_sealed, shown};
use crate::cli::unlocking::open;
use crate::cli::views::{Archived, DecryptedFile};
use crate::cli::{pipes, rendering};
use crate::disk::folder_of;
use crate::failure::Failure;
use crate::files::archive;
use crate::files::error::{FilesError, Task};
use crate::files::find::{Found, Item, Named, Wanted, find, open_found};
use crate::files::holes::Sparse;
use crate::files::keys::Keys;
use crate::files::open::{Job, Opening, Target, umask};
use crate::files::own::OwnFiles;
use crate::files::pipes::STDIN;
use crate::files::place::{Destination, Direction, check_distinct, is_suffixed};
use crate::files::publish::{Permissions, check_apart, check_free};
use crate::files::renamed::renamed;
use crate::files::seal::Existing;
use crate::format::FileId;
use crate::format::log::{Action, Destination as To};
use crate::format::name::printable;
use crate::keys::OpenedBy;
use crate::words::{command, counted, were, words};

/// Decrypt files and folders.
///
/// Writes each FILE.sealed to FILE, and each FOLDER.sealed to FOLDER, when all of the file has been verified. The
/// project is found automatically. Files get the time they had when they were encrypted, and are readable by you alone.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom decrypt exports.sealed")]
pub struct Decrypt {
    #[command(flatten)]
    paths: Paths,
    /// Where to write: a file, a folder, or - for standard output
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    #[command(flatten)]
    project: OnlyProject,
    /// Use the name the file had when it was encrypted
    #[arg(long)]
    original_name: bool,
    /// Replace existing files, whatever they contain
    #[arg(long)]
    force: bool,
    /// Skip files that exist and equal the original; replace others, but never files that were written after the
    /// encryption
    #[arg(long)]
    update: bool,
    /// Unpack what was encrypted with --archive
    #[arg(long, conflicts_with_all = ["original_name", "force", "update"])]
    extract: bool,
    /// With --extract: unpack any tar file, whoever made it
    #[arg(long, requires = "extract")]
    any_tar: bool,
    /// Give files and folders the permissions that they had when they were encrypted, except those that the umask
    /// removes
    #[arg(long)]
    keep_permissions: bool,
    /// Whether long runs of zeros become holes, which take no disk space
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    sparse: Sparse,
    #[command(flatten)]
    effort: Effort,
}

/// What is to be done, settled before anybody types a password.
struct Work {
    named: Vec<Named>,
    destination: Destination,
    found: Found,
    jobs: Vec<Job>,
    own: OwnFiles,
}

impl Decrypt {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let work = self.settle(context)?;
        let doing = self.doing(&work);
        let mut vault = open(context, Uses::of(self.project.name()), &doing)?;
        let keys = Keys::of(&*vault, self.project.name()).map_err(|error| Failure::of("decrypt", error))?;
        let inputs = work.jobs.iter().map(|job| job.item.path.clone()).collect();
        let permissions =
            if self.keep_permissions { Permissions::AsSealed { umask: umask() } } else { Permissions::OwnerAlone };
        let existing = Existing { force: self.force, update: self.update };
        let mut opening = Opening::of(keys, existing, permissions, self.sparse, inputs, &work.own);
        opening.find_twins(&work.jobs, self.effort.threads());
        let _words = match (&work.destination, &work.named[..]) {
            (Destination::Stream, _) => interrupt::say(CUT_SHORT, ""),
            (_, [Named::Stream]) => interrupt::say(WHOLE, ""),
            _ if self.extract => interrupt::say(WHOLE, "run it again for the archives that are missing"),
            _ => interrupt::say(WHOLE, "run it again with --update to do the rest"),
        };
        let mut copies = Copies::default();
        let result = match (&work.destination, &work.named[..]) {
            _ if self.extract => self.extract_all(context, &opening, &work, &mut copies),
            (Destination::Stream, _) => open_to_stdout(&opening, context, work.found.items.first(), &self.effort),
            (Destination::File(path), [Named::Stream]) => {
                let opened = open_stream(&opening, context, path, &self.effort)?;
                copies.opened(&opened);
                let file = DecryptedFile::of("-".into(), &opened, None);
                context.output.done(file.text(STDIN), &[&file])
            }
            _ => self.all(context, &opening, &work, &mut copies),
        };
        warn_of_refused(context, &opening.refused);
        warn_of_open(context, &opening.refused);
        drop(opening);
        vault.finish(copies, &result);
        result
    }

    /// Says what is about to be done.
    fn doing(&self, work: &Work) -> Doing<'_> {
        let doing = Doing::to_project(Action::FileOpen, self.project.name()).files(work.jobs.len().max(1));
        match &work.destination {
            Destination::Stream => doing.printed(),
            Destination::File(path) => doing.to(To::Disk).place(folder_of(path)),
            Destination::Folder(folder) => doing.to(To::Disk).place(folder),
            Destination::Beside => {
                let first = work.jobs.first().map(|job| folder_of(&job.item.path));
                doing.to(To::Disk).place(first.unwrap_or(Path::new(".")))
            }
        }
    }

    fn settle(&self, context: &Context) -> Result<Work, Failure> {
        let named = self.paths.named(context)?;
        let destination = if self.original_name { self.folder_of_names(&named)? } else { self.place(&named)? };
        pipes::check_free(&context.output, &named, &destination)?;
        if self.extract && (named.contains(&Named::Stream) || destination == Destination::Stream) {
            return Err(Failure::usage("--extract needs files on both sides").hint(words![
                "pipe the archive to tar: ",
                command("decrypt FILE -o -").line(),
                " | tar -x"
            ]));
        }
        let own = own_files(context, [(self.paths.list(), "the list of files")])?;
        let mut found = find(&named, Wanted::Sealed, destination.folder(), &own);
        let mut jobs = Vec::with_capacity(found.items.len());
        for item in &std::mem::take(&mut found.items) {
            let output = if self.original_name {
                let folder = destination.folder().unwrap_or_else(|| folder_of(&item.path));
                Target::Original { folder: folder.into(), root: None }
            } else {
                let in_folder = matches!(named[item.named], Named::Folder(_));
                let root =
                    in_folder.then(|| destination.root_of(Direction::Opening, &named, item.named)).transpose()?;
                match root {
                    // Found by what it holds: its own name does not say what it was called.
                    Some(root) if !is_suffixed(&item.relative) => {
                        Target::Original { folder: root.join(folder_of(&item.relative)), root: Some(root) }
                    }
                    root => {
                        let path = destination.of_item(Direction::Opening, &named, item)?;
                        // The output that is checked is the one that will be made.
                        let is_to_be_cut = self.extract && !matches!(destination, Destination::File(_));
                        let path = if is_to_be_cut { archive::folder_for(&path) } else { path };
                        // Of the files that were named; what folders hold is seen to one by one.
                        if root.is_none() && destination != Destination::Stream {
                            own.refuse_output(&path)?;
                        }
                        Target::Named { path, root }
                    }
                }
            };
            jobs.push(Job { item: item.clone(), output });
            found.items.push(item.clone());
        }
        if !self.original_name && destination != Destination::Stream {
            let names = || jobs.iter().filter_map(|job| job.output.name());
            check_distinct(names())?;
            check_apart(jobs.iter().map(|job| &job.item), names())?;
            // Of the files that were named; what folders hold is seen to one by one.
            for job in jobs.iter().filter(|_| !self.update) {
                match &job.output {
                    Target::Named { path, .. } if self.extract => archive::check_free(path)?,
                    Target::Named { path, root: None } => check_free(path, self.force)?,
                    _ => {}
                }
            }
            if let (Destination::File(path), [Named::Stream]) = (&destination, &named[..]) {
                check_free(path, self.force)?;
            }
        }
        if jobs.is_empty() && found.own.is_empty() && found.failures.is_empty() && !named.contains(&Named::Stream) {
            return Err(nothing_sealed("decrypt", &found));
        }
        if self.original_name || destination == Destination::Stream {
            found.folders.clear();
        }
        if let (Destination::File(path), [Named::Stream]) = (&destination, &named[..]) {
            own.refuse_output(path)?;
        }
        Ok(Work { named, destination, found, jobs, own })
    }

    fn place(&self, named: &[Named]) -> Result<Destination, Failure> {
        Ok(Destination::of(named, self.output.as_deref())?)
    }

    /// With the sealed-in names, only the folders are known before the files are open.
    fn folder_of_names(&self, named: &[Named]) -> Result<Destination, Failure> {
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("--original-name needs a file").hint("name the output with -o"));
        }
        match &self.output {
            Some(folder) if !folder.is_dir() => Err(Failure::usage(format!("{} is not a folder", folder.display()))
                .hint("with --original-name, -o names a folder that exists")),
            Some(folder) => Ok(Destination::Folder(folder.clone())),
            None => Ok(Destination::Beside),
        }
    }

    /// Unpacks each archive into its folder.
    fn extract_all(
        &self,
        context: &Context,
        opening: &Opening<'_>,
        work: &Work,
        copies: &mut Copies,
    ) -> Result<(), Failure> {
        // Says what is left out.
        Tally::begin(context, "extracted", &work.found, work.jobs.len());
        let (mut lines, mut files) = (Vec::new(), Vec::new());
        let (mut failed, mut first) = (0, None);
        for job in &work.jobs {
            let Target::Named { path, .. } = &job.output else { continue };
            let refused = work.own.refuse_output_of(Task::Extract, &job.item.path, path);
            let done = refused.and_then(|()| self.extract_one(context, opening, &job.item, path));
            let done = done.map_err(Failure::from);
            let (extracted, by) = match done {
                Ok((extracted, by, file)) => {
                    copies.extracted(&by, file, &extracted);
                    (extracted, by)
                }
                Err(failure) if work.jobs.len() == 1 => return Err(failure),
                Err(failure) => {
                    rendering::print(&failure, &context.output);
                    failed += 1;
                    first.get_or_insert((failure.exit, failure.kind));
                    continue;
                }
            };
            let unpacked = Archived {
                input: job.item.path.display().to_string(),
                output: path.display().to_string(),
                files: extracted.files as u64,
                bytes: extracted.bytes,
                project: by.project,
                key_version: by.version,
            };
            lines.push(unpacked.extracted_text());
            files.push(unpacked);
        }
        if !files.is_empty() || first.is_none() {
            context.output.done(lines.join("\n"), &files)?;
        }
        let Some((exit, kind)) = first else { return Ok(()) };
        let text = format!("{failed} of {} {} not extracted", counted(work.jobs.len(), "archive"), were(failed));
        Err(Failure::new(exit, kind, text))
    }

    fn extract_one(
        &self,
        context: &Context,
        opening: &Opening<'_>,
        item: &Item,
        output: &Path,
    ) -> Result<(archive::Extracted, OpenedBy, FileId), FilesError> {
        let input = &item.path;
        let (file, _) = open_found(input, item.is_link)?;
        let opener = opening.keys.open(input, file)?;
        warn_of_one_block(context, input, opener.header().one_block_only);
        let progress = self.effort.progress(&context.output, 1, Some(opener.plaintext_len()));
        let how = archive::How {
            any_tar: self.any_tar,
            permissions: opening.permissions,
            sparse: self.sparse,
            refused: &opening.refused,
        };
        let extracted = archive::extract(&opener, input, output, &how, &progress)?;
        let header = opener.header();
        Ok((extracted, header.opened_by.clone(), header.prelude.file))
    }

    fn all(&self, context: &Context, opening: &Opening<'_>, work: &Work, copies: &mut Copies) -> Result<(), Failure> {
        let mut tally = Tally::begin(context, "decrypted", &work.found, work.jobs.len());
        for (index, folder) in &work.found.folders {
            let root = work.destination.root_of(Direction::Opening, &work.named, *index)?;
            tally.note(opening.tree.make(&root, &root.join(folder)));
        }
        let bytes = work.jobs.iter().map(|job| job.item.len).sum();
        let progress = self.effort.progress(&context.output, work.jobs.len(), Some(bytes));
        let outcomes = opening.run(&work.jobs, self.effort.threads(), &progress);
        drop(progress);
        tally.note(opening.tree.sync());
        warn_of_left_behind(context, &opening.tree.left_behind());
        let opened: Vec<_> =
            work.jobs.iter().zip(&outcomes).filter_map(|(job, outcome)| Some((job, outcome.as_ref().ok()?))).collect();
        let compared: Vec<_> = opened.iter().map(|(job, opened)| (&job.item, &opened.metadata)).collect();
        // Who asks for the sealed-in names knows that the others differ.
        let renamed = if self.original_name { vec![None; opened.len()] } else { renamed(&work.named, &compared) };
        warn_of_renamed(
            context,
            opened.iter().zip(&renamed).map(|((job, _), renamed)| (job.item.path.as_path(), renamed.as_deref())),
        );
        let mut is_renamed = renamed.iter().map(Option::is_some).collect::<Vec<_>>().into_iter();
        let has_folder = work.named.iter().any(|named| matches!(named, Named::Folder(_)));
        let (mut lines, mut files) = (Vec::new(), Vec::new());
        let mut projects = std::collections::BTreeSet::new();
        for (job, outcome) in work.jobs.iter().zip(outcomes) {
            let Some(opened) = tally.take(outcome) else { continue };
            copies.opened(&opened);
            let is_renamed = is_renamed.next();
            warn_of_one_block(context, &job.item.path, opened.one_block_only);
            if !opened.up_to_date {
                tally.bytes += opened.bytes;
            }
            if context.output.json || !has_folder {
                let file = DecryptedFile::of(job.item.path.display().to_string(), &opened, is_renamed);
                if !file.up_to_date && !has_folder {
                    lines.push(file.text(&shown(&job.item.path)));
                }
                files.push(file);
            }
            projects.insert(opened.by.project);
        }
        let is_empty = projects.is_empty();
        let projects: Vec<_> = projects.iter().map(|project| format!("project {}", printable(project))).collect();
        let by = if is_empty { "none".into() } else { projects.join(", ") };
        let text = if has_folder || lines.is_empty() { tally.summary(&by) } else { lines.join("\n") };
        if !is_empty {
            context.output.done(text, &files)?;
        }
        tally.end()
    }
}
