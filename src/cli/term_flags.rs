//! The flags that say what is agreed about a project.

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::context::Context;
use crate::crypto::hmac::sha256;
use crate::failure::{Exit, Failure};
use crate::files::find::open_input;
use crate::format::Date;
use crate::format::name::{TEXT_LIMIT, free_text};
use crate::vault::{Declared, Setting, Terms};

/// The largest document whose digest is recorded, in bytes.
const DOCUMENT_LIMIT: u64 = 1 << 30;

/// What may be agreed when a project is added, besides the client.
#[derive(Debug, Args)]
pub struct FirstTerms {
    /// What the data are processed for
    #[arg(long, value_name = "TEXT")]
    pub purpose: Option<String>,
    /// The last day of the engagement, such as 2027-03-31
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub ends: Option<Setting<Date>>,
    /// The last day on which the data may be there
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub destroy_by: Option<Setting<Date>>,
    #[command(flatten)]
    pub by: ByFlag,
}

/// Who gives an order.
#[derive(Debug, Args)]
pub struct ByFlag {
    /// Who says so [default: the custodian on record, else your account's name]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl ByFlag {
    /// Returns who is named, else the custodian of these terms, else the account's name, if there is one that can be
    /// shown.
    pub fn or_custodian(self, context: &Context, terms: &Terms) -> String {
        let custodian = || terms.custodian.given().filter(|custodian| !custodian.is_empty()).cloned();
        let account = || context.home.account().filter(|name| free_text(name, TEXT_LIMIT).is_ok());
        self.by.or_else(custodian).or_else(account).unwrap_or_default()
    }
}

/// All that may be agreed, but for who says so.
#[derive(Debug, Args)]
pub struct TermFlags {
    /// Whose data it is
    #[arg(long, value_name = "TEXT")]
    client: Option<String>,
    /// What the data are processed for
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Your role under the law; it only chooses words in reports
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// On what basis, such as a contract and its date
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    /// The document that states the basis: its SHA-256 is recorded
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    basis_file: Option<PathBuf>,
    /// Who holds the data: a person, a company and a place
    #[arg(long, value_name = "TEXT")]
    custodian: Option<String>,
    /// Whom to ask, and how
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// The last day of the engagement, such as 2027-03-31
    #[arg(long, value_name = "DATE", value_parser = date)]
    ends: Option<Setting<Date>>,
    /// The last day on which the data may be there
    #[arg(long, value_name = "DATE", value_parser = date)]
    destroy_by: Option<Setting<Date>>,
    /// What is agreed to be done at the end
    #[arg(long, value_name = "WHAT")]
    at_end: Option<AtEnd>,
    /// Whether each access has to be logged
    #[arg(long, value_name = "RULE")]
    log: Option<LogRule>,
    /// Whether each access needs a reason
    #[arg(long, value_name = "RULE")]
    reasons: Option<ReasonRule>,
    /// Something else that you declare, such as 'backups=none leaves the office' (may be given several times)
    #[arg(long, value_name = "KEY=TEXT", value_parser = declaration)]
    declare: Vec<(String, String)>,
}

/// A role under the law.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Processor,
    Controller,
    Joint,
    BusinessAssociate,
    Other,
}

/// What is done at the end.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum AtEnd {
    Destroy,
    Return,
    ReturnThenDestroy,
}

/// Whether each access has to be logged.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogRule {
    Required,
    BestEffort,
}

/// Whether each access needs a reason.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReasonRule {
    Required,
    Optional,
}

impl TermFlags {
    /// Returns the terms that the flags name.
    ///
    /// # Errors
    /// If the document cannot be read.
    pub fn terms(self) -> Result<Terms, Failure> {
        let declared = self.declare.into_iter().map(|(about, text)| (about, Setting::Given(text)));
        let document = self.basis_file.map(|path| digest_of(&path)).transpose()?;
        // The digest of another document would be taken for that of this basis.
        let basis_sha256 = match (&self.basis, document) {
            (_, Some(digest)) => Setting::Given(digest),
            (Some(_), None) => Setting::Withdrawn,
            (None, None) => Setting::Kept,
        };
        Ok(Terms {
            client: given(self.client),
            purpose: given(self.purpose),
            role: word(self.role),
            basis: given(self.basis),
            basis_sha256,
            custodian: given(self.custodian),
            contact: given(self.contact),
            ends: self.ends.unwrap_or_default(),
            destroy_by: self.destroy_by.unwrap_or_default(),
            at_end: word(self.at_end),
            log: word(self.log),
            reason: word(self.reasons),
            declared: Declared(declared.collect()),
            ..Terms::default()
        })
    }
}

/// Returns what a flag sets, if it is there.
pub fn given(text: Option<String>) -> Setting<String> {
    text.map_or(Setting::Kept, Setting::Given)
}

/// Returns the word of a choice, as the vault file has it.
fn word(choice: Option<impl ValueEnum>) -> Setting<String> {
    let value = choice.and_then(|choice| choice.to_possible_value());
    given(value.map(|value| value.get_name().to_owned()))
}

/// Reads a day. Nothing takes back the one that was there.
fn date(text: &str) -> Result<Setting<Date>, String> {
    if text.is_empty() {
        return Ok(Setting::Withdrawn);
    }
    text.parse().map(Setting::Given).map_err(|_| "write the day as 2027-03-31".to_owned())
}

fn declaration(text: &str) -> Result<(String, String), String> {
    let (about, text) = text.split_once('=').ok_or("write it as KEY=TEXT")?;
    Ok((about.to_owned(), text.to_owned()))
}

fn digest_of(path: &std::path::Path) -> Result<String, Failure> {
    let doing = format!("read {}", path.display());
    let (file, _) = open_input(path)?;
    let mut bytes = Vec::new();
    file.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| Failure::io(&doing, &error))?;
    if bytes.len() as u64 > DOCUMENT_LIMIT {
        return Err(Failure::new(Exit::Failed, "too-large", format!("cannot {doing}"))
            .cause("a document of more than 1 GiB is not taken"));
    }
    Ok(sha256(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
