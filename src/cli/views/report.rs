//! Reports for clients, and the keys that sign them.

use serde::Serialize;

use crate::evidence::bundle::{Bundle, CheckState};
use crate::evidence::verify::{Compared, Followed, Verified};
use crate::format::name::printable;
use crate::format::signing::{REPORT, STATEMENT, allowed_line};
use crate::format::{ProjectId, Timestamp, VaultId};
use crate::vault::SigningInfo;
use crate::words::counted;

/// A report that was made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MadeReport {
    /// The project.
    pub project: String,
    /// The report's number.
    pub number: u32,
    /// SHA-256 of the bundle, in hexadecimal.
    pub sha256: String,
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// How many conditions are not met.
    pub not_met: usize,
    /// Of how many conditions nobody knows.
    pub not_known: usize,
    /// How many conditions are met.
    pub met: usize,
    /// The files, the page first and the signature last.
    pub files: Vec<String>,
}

fn count(bundle: &Bundle, state: CheckState) -> usize {
    bundle.checks.iter().filter(|check| check.state == state).count()
}

impl MadeReport {
    /// Takes what was made.
    pub fn of(verified: &Verified, project: &str, files: Vec<String>) -> Self {
        let bundle = &verified.bundle;
        Self {
            project: project.into(),
            number: bundle.number,
            sha256: verified.sha256.clone(),
            key: verified.signer.fingerprint(),
            not_met: count(bundle, CheckState::NotMet),
            not_known: count(bundle, CheckState::NotKnown),
            met: count(bundle, CheckState::Met),
            files,
        }
    }

    /// Says what was made.
    pub fn text(&self) -> String {
        let Self { number, not_met, not_known, met, .. } = self;
        let files = self.files.join("\n");
        format!(
            "report {number} of {:?}: {not_met} not met, {not_known} not known, {met} met\n{files}\nSHA-256 {}\nsigned by \
             {}\nread the page before you sign it, and give the client all of these files",
            self.project, self.sha256, self.key
        )
    }
}

/// The keys that sign reports.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SigningKeys {
    /// The vault.
    pub vault: VaultId,
    /// The name that OpenSSH's file of allowed signers has for its keys.
    pub identity: String,
    /// Every key there ever was; the one that signs first.
    pub keys: Vec<ReportKey>,
}

/// A key that signs reports.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReportKey {
    /// The public key, as OpenSSH writes it.
    pub public: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// When it was made.
    pub created: Timestamp,
    /// When a successor took its place.
    pub ended: Option<Timestamp>,
    /// The line for OpenSSH's file of allowed signers.
    pub allowed: String,
    /// What the key before it says of it.
    pub statement: Option<String>,
    /// That key's signature of the statement, in OpenSSH's form.
    pub statement_signature: Option<String>,
}

impl SigningKeys {
    /// Takes the keys of a vault.
    pub fn of(vault: VaultId, keys: &[SigningInfo]) -> Self {
        let identity = identity(vault);
        let key = |key: &SigningInfo| ReportKey {
            public: key.public.text(),
            fingerprint: key.public.fingerprint(),
            created: key.created,
            ended: key.ended,
            allowed: allowed_line(&identity, REPORT, key.created, &key.public.text()).trim_end().to_owned(),
            statement: key.statement.as_ref().map(|(text, _)| text.clone()),
            statement_signature: key.statement.as_ref().map(|(_, signature)| signature.clone()),
        };
        Self { vault, keys: keys.iter().map(key).collect(), identity }
    }

    /// Says what belongs into the contract.
    pub fn text(&self) -> String {
        let Some(key) = self.keys.first() else { return "no key signs reports".into() };
        let announced = match (&key.statement, &key.statement_signature) {
            (Some(statement), Some(signature)) => format!(
                "\n\nthe statement by which the key before announces this one, to be sent to clients as it is (it is \
                 signed for {STATEMENT}):\n{statement}\n{signature}"
            ),
            _ => String::new(),
        };
        let ended = self.keys.iter().filter(|key| key.ended.is_some()).count();
        let before = if ended > 0 { format!("\n{} of before", counted(ended, "key")) } else { String::new() };
        format!(
            "reports are signed by {}, made {}{before}\nwrite this into the contract, and give the client the line for the \
             file of allowed signers:\n{}{announced}",
            key.fingerprint, key.created, key.allowed
        )
    }
}

/// Returns what OpenSSH's file of allowed signers calls a vault's keys.
pub fn identity(vault: VaultId) -> String {
    let id = vault.to_string();
    format!("strongroom-{}", id.get(..8).unwrap_or(&id))
}

/// Whether the key that signed a report is known to whoever verifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyKnown {
    /// It is one of those in the file that was named.
    Known,
    /// One of those announces it.
    Announced,
    /// No file was named.
    Unknown,
}

impl KeyKnown {
    /// Says so.
    pub fn words(self) -> &'static str {
        match self {
            Self::Known => "a key that you know",
            Self::Announced => "a key that one you know announces",
            Self::Unknown => {
                "a key not known to you: the files belong together, and who made them is not proven (--key names the \
                 key that you got with the contract)"
            }
        }
    }
}

/// Whether a page is the one that the bundle makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rendered {
    /// It is, byte for byte.
    Same,
    /// It is the page that was signed; another version of the program made it, and this version cannot make it again.
    Signed,
    /// It is not beside the bundle.
    Absent,
}

impl Rendered {
    /// Says so of the page of a name.
    pub fn words(self, what: &str) -> String {
        match self {
            Self::Same => format!("the {what} is the one that the bundle makes"),
            Self::Signed => format!("the {what} is the one that was signed, made by another version of Strongroom"),
            Self::Absent => format!("no {what} is beside it"),
        }
    }
}

impl From<Compared> for Rendered {
    fn from(compared: Compared) -> Self {
        match compared {
            Compared::Same => Self::Same,
            Compared::Signed => Self::Signed,
        }
    }
}

/// What comparing with an earlier report came to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FollowedReport {
    /// The earlier report's number.
    pub number: u32,
    /// When that was made.
    pub made: Timestamp,
    /// How many records of accesses are the same in both.
    pub records: u64,
    /// How many of the earlier ones were dropped on purpose since, and cannot be compared.
    pub dropped: u64,
    /// Whether it is the report right before, whose hash was compared, too.
    pub is_next: bool,
    /// Whether the same key signed both.
    pub same_key: bool,
}

impl FollowedReport {
    /// Takes what was compared.
    pub fn of(earlier: &Bundle, followed: &Followed, same_key: bool) -> Self {
        Self {
            number: earlier.number,
            made: earlier.made,
            records: followed.records,
            dropped: followed.dropped,
            is_next: followed.is_next,
            same_key,
        }
    }
}

/// A report that was verified.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerifiedReport {
    /// The project's name, as the report has it.
    pub project: String,
    /// The project's id.
    pub project_id: ProjectId,
    /// The report's number.
    pub number: u32,
    /// When it says to have been made.
    pub made: Timestamp,
    /// SHA-256 of the bundle, in hexadecimal.
    pub sha256: String,
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// Whether that key is known.
    pub key_known: KeyKnown,
    /// The page.
    pub page: Rendered,
    /// The annex.
    pub annex: Rendered,
    /// How many entries were opened and found to be in the record of accesses.
    pub entries: usize,
    /// How many records of accesses there are in all.
    pub records: usize,
    /// What comparing with an earlier report came to, if one was named.
    pub after: Option<FollowedReport>,
    /// How many conditions are not met.
    pub not_met: usize,
    /// Of how many conditions nobody knows.
    pub not_known: usize,
    /// How many conditions are met.
    pub met: usize,
}

impl VerifiedReport {
    /// Takes what was verified.
    pub fn of(
        verified: &Verified,
        key_known: KeyKnown,
        (page, annex): (Rendered, Rendered),
        after: Option<FollowedReport>,
    ) -> Self {
        let bundle = &verified.bundle;
        let logs = bundle.log.iter().flat_map(|log| &log.enrolments);
        Self {
            project: bundle.project.name.clone(),
            project_id: bundle.project.id,
            number: bundle.number,
            made: bundle.made,
            sha256: verified.sha256.clone(),
            key: verified.signer.fingerprint(),
            key_known,
            page,
            annex,
            entries: bundle.log.as_ref().map_or(0, |log| log.entries.len()),
            records: logs.map(|log| log.records.len()).sum(),
            after,
            not_met: count(bundle, CheckState::NotMet),
            not_known: count(bundle, CheckState::NotKnown),
            met: count(bundle, CheckState::Met),
        }
    }

    /// Says what was verified.
    pub fn text(&self) -> String {
        let key = self.key_known.words();
        let page = format!("{}; {}", self.page.words("page"), self.annex.words("annex"));
        let entries = match self.records {
            0 => "it has no record of accesses".to_owned(),
            records => format!(
                "{} of {} in the record of accesses opened and compared",
                self.entries,
                counted(records, "record")
            ),
        };
        let mut text = format!(
            "report {} of {:?}, made {}: verified\nSHA-256 {}\nsigned by {}: {key}\n{page}\n{entries}\n{} not met, {} not \
             known, {} met",
            self.number,
            printable(&self.project),
            self.made,
            self.sha256,
            self.key,
            self.not_met,
            self.not_known,
            self.met
        );
        if let Some(after) = &self.after {
            let next = if after.is_next { ", which is the report right before this one" } else { "" };
            let dropped = match after.dropped {
                0 => String::new(),
                dropped => format!("; {dropped} were dropped on purpose since, and cannot be compared"),
            };
            let key = if after.same_key { "" } else { "; another key signed it, which the earlier key announces" };
            text += &format!(
                "\nit follows report {} of {}{next}: {} earlier records of accesses are unchanged{dropped}{key}",
                after.number, after.made, after.records
            );
        }
        text
    }
}
