//! `strongroom import`.

mod archives;
mod asked;
mod old;
mod parameters;
mod refusal;
mod secret;

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_legacy::{Content, Detected, Evidence, Keys, Refused, Request, Summary};

use asked::{Asked, Done, clean_up, detected, under_key};
use old::{NotOpened, Old, open_old};
use refusal::{not_opened, of_files};

use crate::cli::context::Context;
use crate::cli::own_files::own_files;
use crate::cli::progress::Progress;
use crate::cli::rendering;
use crate::cli::views::{CleanUp, ImportedFile, ImportedFiles};
use crate::failure::Failure;
use crate::files::Observer;
use crate::files::find::{Item, Named, look, open_found};
use crate::files::import::{Import as Imported, decrypted_name};
use crate::files::place::{Destination, Direction, check_distinct};
use crate::files::publish::{check_apart, check_free};
use crate::keys::SealingKey;

/// Encrypt anew what another program, or a script, has encrypted.
///
/// Each FILE is opened with its old password or key and encrypted again in one pass; its plaintext is never on the disk.
/// FILE.sealed appears only if something proves that the key was right: the file's tag, --sha256, --verify-against, or
/// content that is text or of a known format. An archive with a password becomes a folder, which appears if every file in
/// it held. The old files stay; the result names what is left to delete. To take over
/// the secrets of a password manager, use `strongroom secret import`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: strongroom import --project acme --scheme raw-key --old-key-file key.bin clients.csv.enc\n\
                         To see what a file is: strongroom import --detect clients.csv.enc"
)]
pub struct Import {
    #[command(flatten)]
    asked: Asked,
}

/// A file that is to be imported.
struct Job {
    item: Item,
    name: PathBuf,
    output: PathBuf,
}

/// A file whose key was found.
struct Found {
    file: File,
    before: Metadata,
    opening: Old,
    tried: Vec<String>,
    is_confirmed: bool,
}

impl Import {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named: Vec<Named> = self.asked.files.iter().map(|path| look(path.clone())).collect::<Result<_, _>>()?;
        if named.iter().any(|named| !matches!(named, Named::File(..))) {
            return Err(Failure::usage("import takes files").hint("name the encrypted files, not their folder"));
        }
        if self.asked.detect {
            return self.asked.report_detected(context);
        }
        let project = if self.asked.dry_run { None } else { Some(self.asked.of.decide(context)?.project) };
        let is_archive = match self.asked.scheme.or(self.asked.secret.scheme()) {
            Some(scheme) => scheme.is_archive(),
            None => matches!(detected(&self.asked.files[0])?, Detected::Scheme(scheme) if scheme.is_archive()),
        };
        if is_archive {
            return archives::run(&self.asked, context, &named, project);
        }
        let jobs = self.settle(context, &named)?;
        let (request, item) = self.asked.request(context)?;
        // A wrong old secret shows before anybody types the vault's password.
        let mut keys = Keys::default();
        let first = self.found(context, &request, &mut keys, &jobs[0]);
        if jobs.len() == 1 && first.is_err() {
            return first.map(drop);
        }
        let mut work =
            Work { context, import: &self, request: &request, item, keys, files: Vec::new(), failures: Vec::new() };
        let bytes = jobs.iter().map(|job| job.item.len).sum();
        under_key(context, project.as_deref(), jobs.len(), |key| {
            let progress = self.asked.effort.progress(&context.output, jobs.len(), Some(bytes));
            work.run(&jobs, first, key, &progress);
            Done { sealed: work.files.len(), failed: work.failures.first().map(|failure| failure.kind) }
        })?;
        work.report(&jobs)
    }

    fn settle(&self, context: &Context, named: &[Named]) -> Result<Vec<Job>, Failure> {
        let is_one = self.asked.files.len() == 1;
        if !is_one && (self.asked.proof.sha256.is_some() || self.asked.proof.verify_against.is_some()) {
            return Err(Failure::usage("--sha256 and --verify-against are about one file").hint("name one FILE"));
        }
        if self.asked.output.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage("import writes to a file, so that nothing appears unless every check holds")
                .hint("name a file with -o"));
        }
        let destination = Destination::of(named, self.asked.output.as_deref())?;
        let own = own_files(context, self.asked.secret.files().map(|(path, what)| (Some(path), what)))?;
        let mut jobs = Vec::new();
        for (index, one) in named.iter().enumerate() {
            let Named::File(path, seen) = one else { continue };
            own.refuse_input(path)?;
            let decrypted = decrypted_name(path);
            let name: PathBuf = decrypted.file_name().map(PathBuf::from).unwrap_or_default();
            let placed =
                Item { path: decrypted, named: index, relative: name.clone(), len: seen.len, is_link: seen.is_link };
            let output = destination.of_item(Direction::Sealing, &[], &placed)?;
            own.refuse_output(&output)?;
            if !self.asked.dry_run {
                check_free(&output, self.asked.force)?;
            }
            let item = Item { path: path.clone(), ..placed };
            jobs.push(Job { item, name, output });
        }
        check_distinct(jobs.iter().map(|job| &job.output))?;
        check_apart(jobs.iter().map(|job| &job.item), jobs.iter().map(|job| &job.output))?;
        Ok(jobs)
    }

    /// Finds a file's key, and has the user confirm it if nothing proves it.
    fn found(&self, context: &Context, request: &Request, keys: &mut Keys, job: &Job) -> Result<Found, Failure> {
        let path = &job.item.path;
        let (file, before) = open_found(path, job.item.is_link)?;
        let copy = file.try_clone().map_err(|error| Failure::io(format!("read {}", path.display()), &error))?;
        let refused = |why: NotOpened, keys: &Keys| not_opened(path, &why, request.scheme, keys.tried_in_short());
        let may_ask = !context.global.no_input;
        let mut opening = open_old(copy, request, keys, may_ask).map_err(|why| refused(why, keys))?;
        let is_unproven = opening.evidence() == Evidence::Nothing;
        if is_unproven {
            // Its HMAC says nothing of the cipher's key, but nobody is asked about a file that does not have it.
            if opening.is_authenticated() {
                opening.prove().map_err(|why| refused(why, keys))?;
            }
            let question = format!(
                "nothing proves that this is the key of {}: the content is too short to tell, or of no known format. \
                 Import it all the same?",
                path.display()
            );
            let is_accepted = self.asked.proof.yes
                || match context.terminal() {
                    Some(mut terminal) => terminal.confirm(&question)?,
                    None => false,
                };
            if !is_accepted {
                return Err(refused(Refused::Wrong.into(), keys));
            }
        }
        if self.asked.proof.yes {
            opening.accept_any_content();
        }
        Ok(Found { file, before, opening, tried: keys.tried().to_vec(), is_confirmed: is_unproven })
    }
}

/// What is done, and what came of it.
struct Work<'a> {
    context: &'a Context,
    import: &'a Import,
    request: &'a Request,
    /// The keychain's item that the old secret came from.
    item: Option<CleanUp>,
    keys: Keys,
    files: Vec<ImportedFile>,
    failures: Vec<Failure>,
}

impl Work<'_> {
    fn run(&mut self, jobs: &[Job], first: Result<Found, Failure>, key: Option<SealingKey<'_>>, progress: &Progress) {
        let mut first = Some(first);
        for job in jobs {
            let found =
                first.take().unwrap_or_else(|| self.import.found(self.context, self.request, &mut self.keys, job));
            match found.and_then(|found| self.one(job, found, key, progress)) {
                Ok(file) => self.files.push(file),
                Err(failure) => {
                    if jobs.len() > 1 {
                        rendering::print(&failure, &self.context.output);
                    }
                    self.failures.push(failure);
                }
            }
            progress.file_done();
        }
    }

    fn one(
        &self,
        job: &Job,
        mut found: Found,
        key: Option<SealingKey<'_>>,
        progress: &Progress,
    ) -> Result<ImportedFile, Failure> {
        let path = &job.item.path;
        let is_unauthenticated = !found.opening.is_authenticated();
        let tried = self.keys.tried_in_short();
        let refused = |why: NotOpened| not_opened(path, &why, self.request.scheme, tried.clone());
        let summary = match key {
            None => found.opening.prove().map_err(refused)?,
            Some(key) => {
                let mut plaintext = found.opening.plaintext().map_err(|why| refused(why.into()))?;
                let import =
                    Imported { path, file: &found.file, before: &found.before, name: &job.name, is_unauthenticated };
                let threads = self.import.asked.effort.threads();
                let sealed = import.seal(key, &mut plaintext, &job.output, self.import.asked.force, threads, progress);
                sealed.map_err(|error| of_files(error, refused))?;
                plaintext.finish().map_err(|why| refused(why.into()))?
            }
        };
        let (proof, content) = match found.opening.evidence() {
            _ if found.is_confirmed => ("confirmed", None),
            Evidence::Tag => ("tag", None),
            Evidence::Verifier => ("verifier", None),
            Evidence::Digest => ("sha256", None),
            Evidence::Content(Content::Utf8) => ("content", Some("UTF-8 text")),
            Evidence::Content(Content::Latin1) => ("content", Some("Latin-1 text")),
            Evidence::Content(Content::Format(name)) => ("content", Some(name)),
            _ => ("confirmed", None),
        };
        let Summary { bytes, zeros_cut } = summary;
        Ok(ImportedFile {
            input: path.display().to_string(),
            output: job.output.display().to_string(),
            bytes,
            project: key.map(|key| key.project.to_owned()),
            key_version: key.map(|key| key.version),
            scheme: self.request.scheme.name(),
            mode: found.opening.mode_name(),
            layout: found.opening.layout().to_owned(),
            key: found.opening.how(),
            tried: found.tried,
            proof,
            content,
            unauthenticated_source: is_unauthenticated,
            zeros_cut: (zeros_cut > 0).then_some(zeros_cut),
        })
    }

    fn report(mut self, jobs: &[Job]) -> Result<(), Failure> {
        let written = !self.import.asked.dry_run;
        if jobs.len() == 1
            && let Some(failure) = self.failures.pop()
        {
            return Err(failure);
        }
        if !self.files.is_empty() {
            let inputs = self.files.iter().map(|file| file.input.as_str());
            let clean_up = if written {
                clean_up(&self.import.asked, self.item.as_ref(), inputs, self.failures.is_empty())
            } else {
                Vec::new()
            };
            let files = std::mem::take(&mut self.files);
            let view = ImportedFiles { files, folders: Vec::new(), written, clean_up };
            self.context.output.done(view.text(), &view)?;
        }
        match self.failures.first() {
            None => Ok(()),
            Some(first) => {
                let text = format!("{} of {} files were not imported", self.failures.len(), jobs.len());
                Err(Failure::new(first.exit, first.kind, text).hint("the reasons are above"))
            }
        }
    }
}
