//! The destruction of a project, step by step.

use serde::Serialize;

use super::report::{KeyKnown, Rendered};
use crate::evidence::certificate::VerifiedCertificate;
use crate::format::name::printable;
use crate::format::{ProjectId, Timestamp};
use crate::vault::ProjectInfo;

/// The destruction of a project.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DestructionOf {
    /// The project's name.
    pub project: String,
    /// Its id.
    pub id: ProjectId,
    /// Counts the vault's destructions.
    pub number: u32,
    /// When it was ordered.
    pub opened: Option<Timestamp>,
    /// Who ordered it; may be empty.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// On what basis; may be empty.
    pub basis: String,
    /// What was done, by time.
    pub steps: Vec<StepDone>,
    /// What each key is recognized by, if it is found again.
    pub keys: Vec<KeyKnownBy>,
    /// The next step; `null` if it is closed, or only has to be.
    pub waits_for: Option<&'static str>,
    /// When it was closed; `null` while it is under way.
    pub closed: Option<Timestamp>,
}

/// A step that was done.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepDone {
    /// `copies`, `keys-removed`, `settled`, `proved` or `files-deleted`.
    pub step: String,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub result: String,
}

/// A key that was removed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyKnownBy {
    /// Its version.
    pub version: u32,
    /// 8 bytes in hexadecimal.
    pub check: String,
}

impl DestructionOf {
    /// Takes a project's record, if it has one.
    pub fn of(project: &ProjectInfo) -> Self {
        let record = project.destruction.clone().unwrap_or_default();
        Self {
            project: project.name.clone(),
            id: project.id,
            number: record.number,
            opened: record.opened,
            waits_for: record.waits_for().map(crate::vault::Stage::word),
            closed: record.is_closed(),
            by: record.by,
            reason: record.reason,
            basis: record.basis,
            steps: record
                .steps
                .into_iter()
                .map(|step| StepDone { step: step.step, at: step.at, result: step.result })
                .collect(),
            keys: record.checks.into_iter().map(|key| KeyKnownBy { version: key.version, check: key.check }).collect(),
        }
    }

    /// Tells in a line whether it is finished.
    pub fn head(&self) -> String {
        match self.closed {
            Some(at) => format!("destruction {} of project {}: closed {at}", self.number, self.project),
            None => format!("destruction {} of project {}: under way, NOT finished", self.number, self.project),
        }
    }

    /// Tells how far it is.
    pub fn text(&self) -> String {
        let parts = [("by", &self.by), ("reason", &self.reason), ("basis", &self.basis)];
        let said =
            parts.iter().filter(|(_, text)| !text.is_empty()).map(|(what, text)| format!("\n  {what:<13} {text}"));
        let opened = self.opened.map(|at| format!("\n  {:<13} {at}", "ordered")).unwrap_or_default();
        let steps = self.steps.iter().map(|step| format!("\n  {:<13} {}  {}", step.step, step.at, step.result));
        let keys = self
            .keys
            .iter()
            .map(|key| format!("\n  {:<13} version {}, recognized by {}", "key", key.version, key.check));
        self.head() + &opened + &said.chain(steps).chain(keys).collect::<String>()
    }
}

/// A certificate that was made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MadeCertificate {
    /// The project.
    pub project: String,
    /// The step that the destruction waits for; `null` if it is finished.
    pub waits_for: Option<String>,
    /// SHA-256 of the bundle, in hexadecimal.
    pub sha256: String,
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// How much is known not to be destroyed.
    pub not_destroyed: usize,
    /// The files, the page first and the signature last.
    pub files: Vec<String>,
}

fn finished(waits_for: Option<&str>) -> String {
    match waits_for {
        None => "finished".into(),
        Some(step) => format!("under way, NOT finished: it waits for {}", printable(step)),
    }
}

impl MadeCertificate {
    /// Takes what was made.
    pub fn of(verified: &VerifiedCertificate, files: Vec<String>) -> Self {
        let certificate = &verified.certificate;
        Self {
            project: certificate.project.name.clone(),
            waits_for: certificate.waits_for.clone(),
            sha256: verified.sha256.clone(),
            key: verified.signer.fingerprint(),
            not_destroyed: certificate.not_destroyed.len(),
            files,
        }
    }

    /// Says what was made.
    pub fn text(&self) -> String {
        format!(
            "certificate of the destruction of {:?}: {}; {} known not to be destroyed\n{}\nSHA-256 {}\nsigned by {}\nread \
             the page before you sign it, and give the client all of these files",
            self.project,
            finished(self.waits_for.as_deref()),
            self.not_destroyed,
            self.files.join("\n"),
            self.sha256,
            self.key
        )
    }
}

/// A certificate that was verified.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckedCertificate {
    /// The project's name, as the certificate has it.
    pub project: String,
    /// The project's id.
    pub project_id: ProjectId,
    /// When it says to have been made.
    pub made: Timestamp,
    /// The step that the destruction waits for; `null` if it is finished.
    pub waits_for: Option<String>,
    /// SHA-256 of the bundle, in hexadecimal.
    pub sha256: String,
    /// The fingerprint of the key that signed it.
    pub key: String,
    /// Whether that key is known.
    pub key_known: KeyKnown,
    /// The page.
    pub page: Rendered,
    /// How much is known not to be destroyed.
    pub not_destroyed: usize,
}

impl CheckedCertificate {
    /// Takes what was verified.
    pub fn of(verified: &VerifiedCertificate, key_known: KeyKnown, page: Rendered) -> Self {
        let certificate = &verified.certificate;
        Self {
            project: certificate.project.name.clone(),
            project_id: certificate.project.id,
            made: certificate.made,
            waits_for: certificate.waits_for.clone(),
            sha256: verified.sha256.clone(),
            key: verified.signer.fingerprint(),
            key_known,
            page,
            not_destroyed: certificate.not_destroyed.len(),
        }
    }

    /// Says what was verified.
    pub fn text(&self) -> String {
        format!(
            "certificate of the destruction of {:?}, made {}: verified\nthe destruction is {}\nSHA-256 {}\nsigned by {}: \
             {}\n{}\n{} known not to be destroyed",
            printable(&self.project),
            self.made,
            finished(self.waits_for.as_deref()),
            self.sha256,
            self.key,
            self.key_known.words(),
            self.page.words("page"),
            self.not_destroyed
        )
    }
}
