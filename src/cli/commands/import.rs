//! `strongroom import`.

mod archives;
mod old;
mod parameters;
mod refusal;
mod secret;

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use data_encoding::HEXLOWER_PERMISSIVE;
use strongroom_legacy::{Content, Detected, Evidence, Keys, Refused, Request, Scheme, Summary, detect, sha256_of};

use old::{NotOpened, Old, open_old};
use parameters::{Parameters, named};
use refusal::{no_scheme, not_opened, of_files};
use secret::OldSecret;

use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::open_vault::Uses;
use crate::cli::own_files::own_files;
use crate::cli::progress::{Effort, Progress};
use crate::cli::project_flags::OfProject;
use crate::cli::rendering;
use crate::cli::tally::WHOLE;
use crate::cli::unlocking;
use crate::cli::views::{CleanUp, DetectedFile, ImportedFile, ImportedFiles};
use crate::error::{Error, NotFound};
use crate::failure::Failure;
use crate::files::Observer;
use crate::files::find::{Item, Named, look, open_found, open_input};
use crate::files::import::{Import as Imported, decrypted_name};
use crate::files::place::{Destination, Direction, check_distinct};
use crate::files::publish::{check_apart, check_free};
use crate::keys::SealingKey;
use crate::words::{command, shell_word, words};

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
    of: OfProject,
    /// The encrypted files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// How the files were encrypted [default: found out from the first file]
    #[arg(long, value_name = "SCHEME", value_parser = named(Scheme::ALL, Scheme::name, Scheme::from_name))]
    scheme: Option<Scheme>,
    /// Where to write: for one FILE a file or an existing folder, otherwise an existing folder
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Replace existing output files, whatever they contain
    #[arg(long)]
    force: bool,
    /// Say what each file looks like, and do nothing else
    #[arg(long, conflicts_with_all = ["project", "scheme", "output", "force", "dry_run"])]
    detect: bool,
    /// Open and check all of each file, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten, next_help_heading = "The old secret")]
    secret: OldSecret,
    #[command(flatten, next_help_heading = "How it was encrypted")]
    parameters: Box<Parameters>,
    #[command(flatten, next_help_heading = "What proves that the key is right")]
    proof: Proof,
    #[command(flatten)]
    effort: Effort,
}

/// What the caller knows of the plaintext.
#[derive(Debug, Args)]
struct Proof {
    /// The SHA-256 of the plaintext, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = digest)]
    sha256: Option<Digest>,
    /// A file that is the plaintext
    #[arg(long, value_name = "PLAIN", value_hint = ValueHint::FilePath, conflicts_with = "sha256")]
    verify_against: Option<PathBuf>,
    /// Take content that is too short to tell, or of no known format, without asking
    #[arg(long)]
    yes: bool,
}

/// A SHA-256.
#[derive(Debug, Clone, Copy)]
struct Digest([u8; 32]);

fn digest(text: &str) -> Result<Digest, &'static str> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest).ok_or("give 64 hexadecimal digits")
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
        let named: Vec<Named> = self.files.iter().map(|path| look(path.clone())).collect::<Result<_, _>>()?;
        if named.iter().any(|named| !matches!(named, Named::File(..))) {
            return Err(Failure::usage("import takes files").hint("name the encrypted files, not their folder"));
        }
        if self.detect {
            return self.report_detected(context);
        }
        let project = if self.dry_run { None } else { Some(self.of.decide(context)?.project) };
        let is_archive = match self.scheme.or(self.secret.scheme()) {
            Some(scheme) => scheme.is_archive(),
            None => matches!(detected(&self.files[0])?, Detected::Scheme(scheme) if scheme.is_archive()),
        };
        if is_archive {
            return archives::run(&self, context, &named, project);
        }
        let jobs = self.settle(context, &named)?;
        let (request, item) = self.request(context)?;
        // A wrong old secret shows before anybody types the vault's password.
        let mut keys = Keys::default();
        let first = self.found(context, &request, &mut keys, &jobs[0]);
        if jobs.len() == 1 && first.is_err() {
            return first.map(drop);
        }
        let mut work =
            Work { context, import: &self, request: &request, item, keys, files: Vec::new(), failures: Vec::new() };
        let bytes = jobs.iter().map(|job| job.item.len).sum();
        under_key(context, project.as_deref(), |key| {
            let progress = self.effort.progress(&context.output, jobs.len(), Some(bytes));
            work.run(&jobs, first, key, &progress);
        })?;
        work.report(&jobs)
    }

    fn report_detected(&self, context: &Context) -> Result<(), Failure> {
        let mut files = Vec::new();
        for path in &self.files {
            let detected = detected(path)?;
            let (scheme, looks_like) = looks(detected);
            let tries = match detected {
                Detected::Scheme(scheme) => scheme.usual_ways().iter().map(|way| (*way).to_owned()).collect(),
                _ => Vec::new(),
            };
            files.push(DetectedFile { file: path.display().to_string(), scheme, looks_like, tries });
        }
        let text: Vec<String> = files.iter().map(DetectedFile::text).collect();
        context.output.result(text.join("\n"), &files)
    }

    fn settle(&self, context: &Context, named: &[Named]) -> Result<Vec<Job>, Failure> {
        let is_one = self.files.len() == 1;
        if !is_one && (self.proof.sha256.is_some() || self.proof.verify_against.is_some()) {
            return Err(Failure::usage("--sha256 and --verify-against are about one file").hint("name one FILE"));
        }
        if self.output.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage("import writes to a file, so that nothing appears unless every check holds")
                .hint("name a file with -o"));
        }
        let destination = Destination::of(named, self.output.as_deref())?;
        let own = own_files(context, self.secret.files().map(|(path, what)| (Some(path), what)))?;
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
            if !self.dry_run {
                check_free(&output, self.force)?;
            }
            let item = Item { path: path.clone(), ..placed };
            jobs.push(Job { item, name, output });
        }
        check_distinct(jobs.iter().map(|job| &job.output))?;
        check_apart(jobs.iter().map(|job| &job.item), jobs.iter().map(|job| &job.output))?;
        Ok(jobs)
    }

    /// Puts together what the flags say, and asks for the old password.
    fn request(&self, context: &Context) -> Result<(Request, Option<CleanUp>), Failure> {
        let scheme = match self.scheme.or(self.secret.scheme()) {
            Some(scheme) => scheme,
            None => match detected(&self.files[0])? {
                Detected::Scheme(scheme) => scheme,
                detected => return Err(no_scheme(&self.files[0], detected)),
            },
        };
        let mut options = self.parameters.options(scheme)?;
        options.sha256 = match &self.proof.verify_against {
            None => self.proof.sha256.map(|digest| digest.0),
            Some(plain) => Some(digest_of(plain)?),
        };
        let given = self.secret.read(context, scheme)?;
        let request = Request { scheme, password: given.password, key: given.key, hmac_key: given.hmac_key, options };
        Ok((request, given.item))
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
            let question = format!(
                "nothing proves that this is the key of {}: the content is too short to tell, or of no known format. \
                 Import it all the same?",
                path.display()
            );
            let is_accepted = self.proof.yes
                || match context.terminal() {
                    Some(mut terminal) => terminal.confirm(&question)?,
                    None => false,
                };
            if !is_accepted {
                return Err(refused(Refused::Wrong.into(), keys));
            }
        }
        if self.proof.yes {
            opening.accept_any_content();
        }
        Ok(Found { file, before, opening, tried: keys.tried().to_vec(), is_confirmed: is_unproven })
    }
}

/// Unlocks the vault and works under a project's key; without a project, under none.
fn under_key<T>(
    context: &Context,
    project: Option<&str>,
    work: impl FnOnce(Option<SealingKey<'_>>) -> T,
) -> Result<T, Failure> {
    let Some(project) = project else { return Ok(work(None)) };
    let vault = unlocking::open(context, Uses::Project(project))?;
    let doing = |error| Failure::of(format!("import for project {project:?}"), error);
    vault.check_writable().map_err(doing)?;
    let held = vault.sealing_key(project).map_err(|error| {
        let is_missing = matches!(error, Error::NotFound(NotFound::Project { similar: None, .. }));
        let failure = doing(error);
        let add = command("project add").arg(project);
        if is_missing { failure.hint(words!["add it with ", add]) } else { failure }
    })?;
    let words = interrupt::say(WHOLE, "run it again for the files that are missing");
    let done = work(Some(held.sealing()));
    drop(words);
    Ok(done)
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
                let threads = self.import.effort.threads();
                let sealed = import.seal(key, &mut plaintext, &job.output, self.import.force, threads, progress);
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
        let written = !self.import.dry_run;
        if jobs.len() == 1
            && let Some(failure) = self.failures.pop()
        {
            return Err(failure);
        }
        if !self.files.is_empty() {
            let inputs = self.files.iter().map(|file| file.input.as_str());
            let clean_up = if written {
                clean_up(self.import, self.item.as_ref(), inputs, self.failures.is_empty())
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

/// Lists what is left of the old encryption. A secret counts only if every file was imported with it.
fn clean_up<'i>(
    import: &Import,
    item: Option<&CleanUp>,
    inputs: impl Iterator<Item = &'i str>,
    is_all: bool,
) -> Vec<CleanUp> {
    let left = |what, path: &str| CleanUp {
        what,
        path: path.to_owned(),
        command: format!("rm {}{}", if path.starts_with('-') { "-- " } else { "" }, shell_word(path)),
    };
    let mut clean_up: Vec<CleanUp> = inputs.map(|input| left("the old encrypted file", input)).collect();
    if is_all {
        let secrets = import.secret.files().map(|(path, what)| (path.display().to_string(), what));
        clean_up.extend(secrets.map(|(path, what)| left(what, &path)));
        clean_up.extend(item.cloned());
    }
    clean_up
}

/// Says what a file looks like: its scheme, if its bytes say it, and in words.
fn looks(detected: Detected) -> (Option<&'static str>, &'static str) {
    match detected {
        Detected::Scheme(scheme) => {
            let words = match scheme {
                Scheme::Fernet => "a token of Fernet",
                Scheme::Aescrypt => "a file of AES Crypt",
                Scheme::Age => "a file of age",
                Scheme::Gpg => "a file of gpg (OpenPGP)",
                Scheme::Office => "an Office file with a password",
                Scheme::Zip => "a ZIP file with a password",
                Scheme::SevenZip => "a 7z file with a password",
                _ => "openssl enc or CryptoJS",
            };
            (Some(scheme.name()), words)
        }
        Detected::NotEncrypted(what) => (None, what),
        Detected::OlderOffice => (None, "an older Office file: open it in Excel and save it as .xlsx"),
        Detected::Pdf { is_encrypted: true } => (None, "a PDF with a password: encrypt it as it came"),
        Detected::Pdf { is_encrypted: false } => (None, "a PDF without a password: encrypt it as it is"),
        Detected::Json => (None, "JSON with ciphertext: needs --scheme"),
        Detected::WholeBlocks => (None, "home-made AES, perhaps in CBC, or something else: needs --scheme"),
        _ => (None, "home-made AES, or something else: needs --scheme"),
    }
}

fn detected(path: &Path) -> Result<Detected, Failure> {
    let (file, _) = open_input(path)?;
    detect(file).map_err(|error| Failure::io(format!("read {}", path.display()), &error))
}

/// Returns the SHA-256 of a file.
fn digest_of(path: &Path) -> Result<[u8; 32], Failure> {
    let (file, _) = open_input(path)?;
    sha256_of(file).map_err(|error| Failure::io(format!("read {}", path.display()), &error))
}
