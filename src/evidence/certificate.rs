//! A certificate of destruction as data: what was destroyed, what is known not to be, and what nobody here can know.
//! docs/format.md, "The certificate of destruction", is normative. The lists follow from the facts in the same bundle,
//! so that whoever verifies it makes them again.

mod lists;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use super::bundle::{CheckState, Copies, Engagement, KitPart, LogPart, ProjectPart, SignedBy, Tool};
use super::verify::{Refusal, check_log, check_signer, hash, is_name};
use crate::format::json::{closed_object, parse};
use crate::format::signing::{PublicKey, REPORT, signer};
use crate::format::{FormatError, Timestamp, VaultId};

#[cfg(test)]
pub use tests::certificate as certificate_made_up;

pub use lists::{cannot_know, client, destroyed, erase, not_destroyed, sentence};

/// What a bundle says that it is.
pub const FORMAT: &str = "strongroom-certificate";
/// The version that is written and read, which is that of its page as well.
pub const VERSION: u64 = 1;
/// What is said instead of a list of nothing.
pub const NONE: &str = "None is recorded.";
/// What ends the name of a certificate's files.
pub const SUFFIX: &str = "-destruction";

closed_object! {
    /// A certificate of destruction.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Certificate {
        /// [`FORMAT`].
        pub format: String,
        /// [`VERSION`].
        pub version: u64,
        /// What its files are called, without what follows the last dot.
        pub name: String,
        /// When it was made.
        pub made: Timestamp,
        /// The vault.
        pub vault: VaultId,
        /// The project.
        pub project: ProjectPart,
        /// What was agreed with the client; none if nothing is on record.
        pub engagement: Option<Engagement>,
        /// The record of the destruction.
        pub destruction: Record,
        /// The step that it waits for; none if it is closed.
        pub waits_for: Option<String>,
        /// Every recovery kit that could open the keys.
        pub kits: Vec<KitPart>,
        /// Other vault files, and other vaults, that this computer knows.
        pub vault_files: Vec<VaultFile>,
        /// Readable copies that were made; none if that is not known.
        pub copies: Option<Copies>,
        /// The record of accesses; none if there is none.
        pub log: Option<LogPart>,
        /// What was destroyed here.
        pub destroyed: Vec<Line>,
        /// What was not destroyed, and is known.
        pub not_destroyed: Vec<Line>,
        /// What nobody here can know.
        pub cannot_know: Vec<String>,
        /// The conditions of NIST SP 800-88 revision 2 for cryptographic erase.
        pub erase: Vec<Condition>,
        /// What the person who signs certifies.
        pub certifies: String,
        /// The program.
        pub tool: Tool,
        /// The key that signs.
        pub signed_by: SignedBy,
        /// SHA-256 of the page, in hexadecimal, with zeros where it shows the bundle's own.
        pub page_sha256: String,
    }
}

closed_object! {
    /// The record of a destruction.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Record {
        /// Counts the vault's destructions.
        pub number: u32,
        /// When it was ordered.
        pub opened: Timestamp,
        /// Who ordered it; may be empty.
        pub by: String,
        /// Why; may be empty.
        pub reason: String,
        /// On what basis; may be empty.
        pub basis: String,
        /// What was done, by time.
        pub steps: Vec<Step>,
        /// The keys.
        pub keys: Vec<Key>,
        /// When it was closed.
        pub closed: Option<Timestamp>,
    }
}

closed_object! {
    /// A step that was done.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Step {
        /// Which step.
        pub step: String,
        /// When.
        pub at: Timestamp,
        /// What came of it.
        pub result: String,
    }
}

closed_object! {
    /// A key that was destroyed, or is to be.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Key {
        /// Its version.
        pub version: u32,
        /// When it was made; none if that is not known.
        pub created: Option<Timestamp>,
        /// Whether it came from elsewhere.
        pub imported: bool,
        /// What it is recognized by, in hexadecimal.
        pub check: String,
    }
}

closed_object! {
    /// Another vault file that this computer knows.
    #[derive(Debug, Clone, PartialEq)]
    pub struct VaultFile {
        /// Where it was last.
        pub place: String,
        /// Whether it is a file of this vault; if not, it may have been forked from it.
        pub is_same_vault: bool,
    }
}

closed_object! {
    /// Something in one of the lists.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Line {
        /// What kind of thing.
        pub kind: String,
        /// What it is.
        pub says: String,
    }
}

closed_object! {
    /// A condition of cryptographic erase.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Condition {
        /// Where it stands in SP 800-88 revision 2; may be empty.
        pub section: String,
        /// The condition.
        pub name: String,
        /// What became of it.
        pub state: CheckState,
        /// Why.
        pub says: String,
    }
}

/// A certificate that proved to be what it says.
#[derive(Debug)]
pub struct VerifiedCertificate {
    /// The bundle.
    pub certificate: Certificate,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The key that signed it.
    pub signer: PublicKey,
    /// The key before, if that announces this one.
    pub announced_by: Option<PublicKey>,
}

/// Tells whether bytes say that they are a certificate's bundle.
#[must_use]
pub fn is_certificate(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outer {
        format: String,
    }
    serde_json::from_slice(bytes).is_ok_and(|outer: Outer| outer.format == FORMAT)
}

impl Certificate {
    /// Makes the lists of the facts.
    #[must_use]
    pub fn with_lists(mut self) -> Self {
        self.destroyed = destroyed(&self);
        self.not_destroyed = not_destroyed(&self);
        self.cannot_know = cannot_know();
        self.erase = erase(&self);
        self.certifies = sentence(&self);
        self
    }

    /// Returns what was agreed about something, if it is on record.
    #[must_use]
    pub fn agreed(&self, field: &str) -> Option<&str> {
        self.engagement.as_ref().and_then(|agreed| agreed.now.get(field)).and_then(|value| value.as_value().as_str())
    }

    /// Returns when a step was done.
    #[must_use]
    pub fn done(&self, step: &str) -> Option<Timestamp> {
        self.destruction.steps.iter().filter(|done| done.step == step).map(|done| done.at).min()
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`FormatError::Version`] for a newer one; [`FormatError::Malformed`], also for one that is written in another
    /// way than [`Certificate::to_bytes`] writes it.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        #[derive(Deserialize)]
        struct Outer {
            version: u64,
        }
        let outer: Outer =
            serde_json::from_slice(bytes).map_err(|_| FormatError::malformed("it is not a certificate's bundle"))?;
        if outer.version > VERSION {
            return Err(FormatError::Version { found: outer.version, known: VERSION });
        }
        let certificate: Self = parse("the certificate", bytes)?;
        let is_own = certificate.format == FORMAT && certificate.version == VERSION;
        if !is_own || certificate.to_bytes()? != bytes {
            return Err(FormatError::malformed("the certificate is not written as certificates are"));
        }
        Ok(certificate)
    }

    /// Writes the bundle: always the same bytes for the same certificate.
    ///
    /// # Errors
    /// None in practice: the members are plain data.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| FormatError::malformed(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Verifies a certificate by itself.
///
/// # Errors
/// [`Refusal`].
pub fn verify(bytes: &[u8], signature: &str) -> Result<VerifiedCertificate, Refusal> {
    let signer = signer(signature, REPORT, bytes)?;
    let certificate = Certificate::parse(bytes)?;
    let announced_by = check_signer(certificate.vault, &certificate.signed_by, &signer)?;
    let refuse = |what: &str| Err(Refusal::Inconsistent(what.into()));
    let stem = certificate.name.strip_suffix(SUFFIX);
    if !stem.is_some_and(is_name) || !is_name(&certificate.signed_by.identity) {
        return refuse("a name in it cannot be that of a file");
    }
    let missing =
        ["copies", "keys-removed", "settled", "proved"].into_iter().find(|step| certificate.done(step).is_none());
    let waits = match (missing, certificate.destruction.closed) {
        (Some(step), _) => Some(step),
        (None, None) => Some("closed"),
        (None, Some(_)) => None,
    };
    if certificate.waits_for.as_deref() != waits {
        return refuse("what it waits for does not follow from the steps that are done");
    }
    if certificate.clone().with_lists() != certificate {
        return refuse("its lists do not follow from what is on record in it");
    }
    if let Some(log) = &certificate.log {
        check_log(log)?;
    }
    Ok(VerifiedCertificate { certificate, sha256: hash(bytes), signer, announced_by })
}
