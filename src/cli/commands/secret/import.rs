//! `strongroom secret import`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum, ValueHint};
use zeroize::Zeroizing;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::progress::Counter;
use crate::cli::unlocking::{unlock, unlock_to_look};
use crate::cli::views::{ImportedSecrets, SkippedInImport};
use crate::crypto::hmac::sha256;
use crate::crypto::secret::SecretText;
use crate::disk::plain;
use crate::failure::{Exit, Failure};
use crate::foreign::pass_store::{self, PassError};
use crate::foreign::read_keepass;
use crate::format::log::Action;
use crate::format::name::{PROJECT_NAME_LIMIT, project_name};
use crate::format::secret::{SecretField, SecretValue};
use crate::host::{Host, ThisHost};
use crate::imports::keepass::Key;
use crate::imports::{self, ColumnMap, Format, HtmlEntities, ImportError, Imported, Item, Options, limits};
use crate::password::Source;
use crate::vault::{NewSecret, SecretEdit, SecretInfo, check_new_secret};
use crate::words::counted;

/// Take over the secrets of another password manager: from a file that it exported, a KeePass file or a store of pass.
///
/// Shows what will be added, and asks. Nothing is written before that; then all of it is written at once. What was
/// imported before is not added again. The exported file stays where it is: delete it afterwards.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret import bitwarden.json --project acme\n\
                         To see what would be added: strongroom secret import bitwarden.json --dry-run")]
pub struct Import {
    /// The exported file, the KeePass file, or the folder of the store of pass
    #[arg(value_hint = ValueHint::AnyPath)]
    file: PathBuf,
    /// What exported it [default: found out from the file]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<String>,
    /// The project that the secrets are to belong to [default: none]
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    /// Show what would be added, and add nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the secrets are added
    #[arg(long)]
    yes: bool,
    /// Read the password of the exported or KeePass file from this file [default: it is asked for if it is needed]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    export_password_file: Option<PathBuf>,
    /// The key file that a KeePass file is opened with, besides its password or without one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    export_key_file: Option<PathBuf>,
    /// Whether &amp; and the like in a file of LastPass stand for the character
    #[arg(long, value_name = "WHAT", value_enum)]
    html_entities: Option<Entities>,
    /// Which columns of a CSV file hold what, for example name=Title,user=Login,password=Password; also url, totp, note,
    /// folder, tags, id, field, hidden
    #[arg(long, value_name = "MAP")]
    columns: Option<String>,
}

/// What HTML entities are taken for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Entities {
    /// They stand for a character.
    Decode,
    /// They are meant as they are.
    Keep,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(Format::ALL.iter().map(|format| format.name()))
}

impl Import {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if !self.yes && !self.dry_run && context.terminal().is_none() {
            return Err(Failure::usage("an import has to be confirmed, and there is no terminal to ask at")
                .hint("see what would be added with --dry-run, and add --yes"));
        }
        let doing = format!("import {}", self.file.display());
        let failed = |error| Failure::of(&doing, error);
        let (format, imported) = self.imported(context, &doing)?;
        let mut vault = if self.dry_run {
            unlock_to_look(context)?
        } else {
            unlock(context, &Doing::to_vault(Action::SecretImport).subject(self.file.display().to_string()))?
        };
        if let Some(project) = &self.project {
            vault.usable_project(project).map_err(failed)?;
        }
        let Imported { items, skipped } = imported;
        let there = vault.secrets();
        let mut plan = Plan::over(&there);
        plan.skipped.extend(skipped.into_iter().map(|skipped| SkippedInImport {
            item: skipped.item,
            what: skipped.what,
            reason: skipped.reason.to_owned(),
        }));
        for item in items {
            match plan.imported.get(&*source_of(&item, format)).copied() {
                Some(secret) => {
                    let value = vault.secret_value(&secret.name, None).map_err(failed)?;
                    plan.compare(secret, &item, &value);
                }
                None => plan.take(item, format, self.project.as_deref()),
            }
        }
        let added = plan.new.iter().map(|(name, _)| name.clone()).collect();
        let mut view = ImportedSecrets {
            file: self.file.display().to_string(),
            format: format.name(),
            project: self.project.clone(),
            added,
            known: plan.known,
            skipped: plan.skipped,
            written: false,
            is_encrypted: matches!(format, Format::Pass | Format::KeePass),
        };
        if self.dry_run || plan.new.is_empty() {
            return context.output.result(view.text(), &view);
        }
        if !self.yes
            && let Some(mut terminal) = context.terminal()
        {
            terminal.say(&view.plan().with(&context.output.flags))?;
            if !terminal.confirm(&format!("add {}?", counted(plan.new.len(), "secret")))? {
                return Err(Failure::new(Exit::Failed, "not-confirmed", "nothing is imported")
                    .cause("it was not confirmed")
                    .hint("nothing was changed; run it again"));
            }
        }
        vault.add_secrets(&plan.new).map_err(failed)?;
        vault.done();
        view.written = true;
        context.output.result(view.text(), &view)
    }

    /// Reads what is to be imported.
    fn imported(&self, context: &Context, doing: &str) -> Result<(Format, Imported), Failure> {
        let named = self.format.as_deref().and_then(Format::from_name);
        if self.export_key_file.is_some() && named.is_some_and(|format| format != Format::KeePass) {
            return Err(Failure::usage("only a KeePass file has a key file").hint("leave out --export-key-file"));
        }
        if named == Some(Format::Pass) || (named.is_none() && pass_store::is_store(&self.file)) {
            let mut counter = Counter::new(&context.output);
            let imported =
                pass_store::read(&self.file, !context.global.no_input, &mut |done, all| counter.show(done, all));
            drop(counter);
            return imported.map(|imported| (Format::Pass, imported)).map_err(|error| store_refused(doing, error));
        }
        let bytes = read(&self.file, doing)?;
        if bytes.len() > limits::FILE {
            return Err(refused(doing, &ImportError::FileTooLong));
        }
        self.exported(context, &bytes, named, doing)
    }

    /// Reads an export, and asks for the password that it is encrypted under if there is one.
    fn exported(
        &self,
        context: &Context,
        bytes: &[u8],
        named: Option<Format>,
        doing: &str,
    ) -> Result<(Format, Imported), Failure> {
        let refused = |error: ImportError| refused(doing, &error);
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let or_columns = || self.columns.is_some().then_some(Format::Csv);
        let format = named.or_else(or_columns).or_else(|| Format::detect(bytes, &name)).ok_or_else(|| {
            Failure::new(Exit::Failed, "bad-export", format!("cannot {doing}"))
                .cause("it is not known which program exported it")
                .hint("name the program with --format, or the columns of a CSV file with --columns")
        })?;
        if format == Format::KeePass {
            let imported = self.keepass(context, bytes, doing)?;
            return Ok((format, imported));
        }
        let columns = self.columns.as_deref().map(ColumnMap::parse).transpose().map_err(refused)?;
        let html_entities = self.html_entities.map(|what| match what {
            Entities::Decode => HtmlEntities::Decode,
            Entities::Keep => HtmlEntities::Keep,
        });
        let password = self.password(doing)?;
        let mut options = Options { password, html_entities, columns };
        match imports::read(bytes, format, &options) {
            Err(ImportError::PasswordNeeded) if options.password.is_none() => {}
            other => return other.map(|imported| (format, imported)).map_err(refused),
        }
        let mut terminal = context.terminal().ok_or_else(|| refused(ImportError::PasswordNeeded))?;
        let typed = terminal.ask_hidden("the password that the file was exported with")?;
        options.password = Some(text_of(typed.as_bytes(), doing)?);
        imports::read(bytes, format, &options).map(|imported| (format, imported)).map_err(refused)
    }

    /// Opens a KeePass file with a password, a key file or both.
    fn keepass(&self, context: &Context, bytes: &[u8], doing: &str) -> Result<Imported, Failure> {
        let refused = |error: ImportError| keepass_refused(doing, &error);
        // Before anybody is asked for anything.
        imports::keepass::check(bytes).map_err(refused)?;
        let mut key = Key { password: self.password(doing)?, file: None };
        if let Some(path) = &self.export_key_file {
            key.file = Some(read(path, &format!("read {}", path.display()))?);
        }
        if key.password.is_none() {
            match context.terminal() {
                Some(mut terminal) => {
                    let typed = terminal.ask_hidden("the password of the KeePass file")?;
                    key.password = Some(text_of(typed.as_bytes(), doing)?);
                }
                None if key.file.is_some() => {}
                None => return Err(refused(ImportError::PasswordNeeded)),
            }
        }
        if key.file.is_some() {
            key.password = key.password.filter(|password| !password.is_empty());
        }
        read_keepass(bytes, &key, ThisHost.available_memory()).map_err(refused)
    }

    /// Reads the password from the file that is named, if one is.
    fn password(&self, doing: &str) -> Result<Option<SecretText>, Failure> {
        let path = self.export_password_file.as_deref();
        path.map(|path| text_of(Source::File(path).read()?.line(), doing)).transpose()
    }
}

fn text_of(bytes: &[u8], doing: &str) -> Result<SecretText, Failure> {
    SecretText::from_bytes(Zeroizing::new(bytes.to_vec())).ok_or_else(|| {
        Failure::new(Exit::Usage, "bad-password", format!("cannot {doing}"))
            .cause("the password that it was exported with is not UTF-8 text")
            .hint("save it in a file as UTF-8, and name that with --export-password-file")
    })
}

fn read(path: &Path, doing: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error| Failure::io(doing, &error);
    let file = File::open(path).map_err(failed)?;
    let length = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(usize::MAX);
    // One that grows leaves its bytes behind where it was.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.min(limits::FILE) + 1));
    file.take(limits::FILE as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Says why an export cannot be read, and what helps.
fn refused(doing: &str, error: &ImportError) -> Failure {
    let exit = match error {
        ImportError::WrongPassword | ImportError::PasswordNeeded => Exit::WrongPassword,
        ImportError::Truncated | ImportError::Damaged => Exit::Damaged,
        _ => Exit::Failed,
    };
    let failure = Failure::new(exit, "bad-export", format!("cannot {doing}")).cause(error.to_string());
    match error {
        ImportError::PasswordNeeded => failure.hint("give --export-password-file"),
        ImportError::WrongPassword => failure.hint(
            "give the password that was chosen for the export; it need not be the other program's master password",
        ),
        ImportError::HtmlEntities { .. } => failure.hint(
            "look into the file: if an address or a password has &amp; where it should have &, give \
                          --html-entities decode, else --html-entities keep",
        ),
        ImportError::NoColumns | ImportError::NoSuchColumn { .. } | ImportError::ColumnMap { .. } => {
            failure.hint("name them with --columns")
        }
        ImportError::NotThisFormat(_) => failure.hint("leave out --format, or name the program that exported it"),
        _ => failure.hint("export it again; nothing was changed"),
    }
}

/// Says the same of a KeePass file: there is another way to get at what is in it.
fn keepass_refused(doing: &str, error: &ImportError) -> Failure {
    let exit = match error {
        ImportError::KeePassKey | ImportError::PasswordNeeded => Exit::WrongPassword,
        ImportError::Truncated | ImportError::Damaged => Exit::Damaged,
        _ => Exit::Failed,
    };
    let cause = match error {
        ImportError::PasswordNeeded => "its password is needed".to_owned(),
        error => error.to_string(),
    };
    Failure::new(exit, "bad-export", format!("cannot {doing}")).cause(cause).hint(match error {
        ImportError::PasswordNeeded => "give --export-password-file, --export-key-file or both",
        ImportError::KeePassKey => "try again; if it has a key file, give --export-key-file",
        _ => "export it as CSV from KeePassXC, and import that; nothing was changed",
    })
}

/// Says why a store of pass cannot be read, and what helps.
fn store_refused(doing: &str, error: PassError) -> Failure {
    let failed = || Failure::new(Exit::Failed, "bad-export", format!("cannot {doing}"));
    match error {
        PassError::Folder(error) => Failure::io(doing, &error),
        PassError::Gpg(error) => failed()
            .cause(format!("gpg cannot be started: {}", plain(&error)))
            .hint("install GnuPG; nothing was changed"),
        PassError::Cancelled => failed().cause(error.to_string()).hint("nothing was changed; run it again"),
        PassError::Import(error) => refused(doing, &error),
    }
}

/// What is to be added to the secrets that are there.
#[derive(Default)]
struct Plan<'a> {
    taken: BTreeSet<String>,
    /// What was imported before, by what tells it from all others.
    imported: BTreeMap<&'a str, &'a SecretInfo>,
    seen: BTreeSet<String>,
    new: Vec<NewSecret>,
    known: Vec<String>,
    skipped: Vec<SkippedInImport>,
}

impl<'a> Plan<'a> {
    fn over(there: &'a [SecretInfo]) -> Self {
        let imported = there.iter().map(|secret| (&*secret.from, secret)).filter(|(from, _)| !from.is_empty());
        Self {
            taken: there.iter().map(|secret| secret.name.clone()).collect(),
            imported: imported.collect(),
            ..Self::default()
        }
    }

    /// Leaves out an item that was imported before, and says what of it is not as it is in the vault.
    fn compare(&mut self, secret: &SecretInfo, item: &Item, value: &SecretValue) {
        let differs = [
            ("user", item.user != secret.user),
            ("password", item.password.expose() != value.password.expose()),
            ("seed of one-time codes", item.totp.expose() != value.totp.expose()),
            ("note", item.note.expose() != value.note.expose()),
        ];
        for (what, _) in differs.into_iter().filter(|(_, differs)| *differs) {
            self.skipped.push(SkippedInImport {
                item: secret.name.clone(),
                what: what.into(),
                reason: "the vault has a different one since an earlier import, and keeps it".into(),
            });
        }
        self.known.push(secret.name.clone());
    }

    fn take(&mut self, item: Item, format: Format, project: Option<&str>) {
        let from = source_of(&item, format);
        if self.seen.contains(&from) {
            self.known.push(item.name);
            return;
        }
        let name = self.free_name(&item);
        let Item { name: own_name, user, urls, tags, kind, password, totp, note, fields, .. } = item;
        let text = |text: SecretText| (!text.is_empty()).then_some(text);
        let edit = SecretEdit {
            name: None,
            project: project.map(|project| Some(project.to_owned())),
            kind: Some(kind),
            user: Some(user),
            urls: Some(urls),
            tags: Some(tags),
            from: Some(from.clone()),
            password: text(password),
            totp: text(totp),
            note: text(note),
            fields: fields.into_iter().map(|(name, value, hidden)| SecretField { name, value, hidden }).collect(),
        };
        let new = (name, edit);
        if let Err(error) = check_new_secret(&new) {
            self.skipped.push(SkippedInImport { item: own_name, what: "the item".into(), reason: error.to_string() });
            return;
        }
        self.seen.insert(from);
        self.taken.insert(new.0.clone());
        self.new.push(new);
    }

    /// Returns the item's name, with its folder in front, and a number if that is taken.
    fn free_name(&self, item: &Item) -> String {
        let in_folder = format!("{}/{}", item.folder, item.name);
        let wanted = match project_name(&in_folder) {
            Ok(name) if !item.folder.is_empty() => name,
            _ => item.name.clone(),
        };
        if !self.taken.contains(&wanted) {
            return wanted;
        }
        let stem: String = wanted.chars().take(PROJECT_NAME_LIMIT - 8).collect();
        let numbered = (2u32..).map(|number| format!("{} ({number})", stem.trim_end()));
        numbered.into_iter().find(|name| !self.taken.contains(name)).unwrap_or(wanted)
    }
}

/// Returns what tells an item from all others, the same in each export: what its program calls it or, if it has no such
/// thing, a digest of where it is.
fn source_of(item: &Item, format: Format) -> String {
    if !item.source_id.is_empty() {
        return format!("{}:{}", format.name(), item.source_id);
    }
    let place = [&item.folder, &item.name, &item.user].into_iter().chain(&item.urls);
    let text: Vec<u8> = place.flat_map(|part| part.bytes().chain([0])).collect();
    let digest: String = sha256(&text)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{digest}", format.name())
}
