//! What `strongroom import` is asked to do, and what its kinds of files have in common.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use data_encoding::HEXLOWER_PERMISSIVE;
use strongroom_legacy::{Detected, Request, Scheme, detect, sha256_of};

use super::parameters::{Parameters, named};
use super::refusal::no_scheme;
use super::secret::OldSecret;
use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::open_vault::Uses;
use crate::cli::progress::Effort;
use crate::cli::project_flags::OfProject;
use crate::cli::tally::WHOLE;
use crate::cli::unlocking;
use crate::cli::views::{CleanUp, DetectedFile};
use crate::error::{Error, NotFound};
use crate::failure::Failure;
use crate::files::find::open_input;
use crate::format::log::Action;
use crate::keys::SealingKey;
use crate::words::{command, shell_word, words};

/// The flags.
#[derive(Debug, Args)]
pub struct Asked {
    #[command(flatten)]
    pub of: OfProject,
    /// The encrypted files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// How the files were encrypted [default: found out from the first file]
    #[arg(long, value_name = "SCHEME", value_parser = named(Scheme::ALL, Scheme::name, Scheme::from_name))]
    pub scheme: Option<Scheme>,
    /// Where to write: for one FILE a file or an existing folder, otherwise an existing folder
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// Replace existing output files, whatever they contain
    #[arg(long)]
    pub force: bool,
    /// Say what each file looks like, and do nothing else
    #[arg(long, conflicts_with_all = ["project", "scheme", "output", "force", "dry_run"])]
    pub detect: bool,
    /// Open and check all of each file, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten, next_help_heading = "The old secret")]
    pub secret: OldSecret,
    #[command(flatten, next_help_heading = "How it was encrypted")]
    pub parameters: Box<Parameters>,
    #[command(flatten, next_help_heading = "What proves that the key is right")]
    pub proof: Proof,
    #[command(flatten)]
    pub effort: Effort,
}

/// What the caller knows of the plaintext.
#[derive(Debug, Args)]
pub struct Proof {
    /// The SHA-256 of the plaintext, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub sha256: Option<Digest>,
    /// A file that is the plaintext
    #[arg(long, value_name = "PLAIN", value_hint = ValueHint::FilePath, conflicts_with = "sha256")]
    pub verify_against: Option<PathBuf>,
    /// Take content that is too short to tell, or of no known format, without asking
    #[arg(long)]
    pub yes: bool,
}

/// A SHA-256.
#[derive(Debug, Clone, Copy)]
pub struct Digest(pub [u8; 32]);

fn digest(text: &str) -> Result<Digest, &'static str> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest).ok_or("give 64 hexadecimal digits")
}

impl Asked {
    /// Says what each file looks like.
    pub fn report_detected(&self, context: &Context) -> Result<(), Failure> {
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

    /// Puts together what the flags say, and asks for the old password.
    pub fn request(&self, context: &Context) -> Result<(Request, Option<CleanUp>), Failure> {
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
}

/// What came of the work under a key.
pub struct Done {
    /// How many files or folders were sealed.
    pub sealed: usize,
    /// The kind of the first failure.
    pub failed: Option<&'static str>,
}

/// Unlocks the vault and works under a project's key; without a project, under none.
pub fn under_key(
    context: &Context,
    project: Option<&str>,
    files: usize,
    work: impl FnOnce(Option<SealingKey<'_>>) -> Done,
) -> Result<(), Failure> {
    let Some(project) = project else {
        work(None);
        return Ok(());
    };
    let doing = Doing::to_project(Action::FileImport, Some(project)).files(files);
    let mut vault = unlocking::open(context, Uses::Project(project), &doing)?;
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
    drop(held);
    match done.failed {
        None => vault.done(),
        Some(kind) => vault.failed(kind),
    }
    if done.sealed > 0 {
        let _ = vault.note_sealed(project);
    }
    Ok(())
}

/// Lists what is left of the old encryption. A secret counts only if every file was imported with it.
pub fn clean_up<'i>(
    asked: &Asked,
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
        let secrets = asked.secret.files().map(|(path, what)| (path.display().to_string(), what));
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

pub fn detected(path: &Path) -> Result<Detected, Failure> {
    let (file, _) = open_input(path)?;
    detect(file).map_err(|error| Failure::io(format!("read {}", path.display()), &error))
}

/// Returns the SHA-256 of a file.
fn digest_of(path: &Path) -> Result<[u8; 32], Failure> {
    let (file, _) = open_input(path)?;
    sha256_of(file).map_err(|error| Failure::io(format!("read {}", path.display()), &error))
}
