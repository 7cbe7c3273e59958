//! What an unlocked vault signs its reports with, and what it remembers of them.

use super::Unlocked;
use super::contents::change::Change;
use super::contents::project::find;
use super::contents::signing::{current, last_report, public_of, unwrap};
use crate::crypto::signing::{CHECK_LEN, key_check};
use crate::error::{Error, Subject};
use crate::format::signing::{PublicKey, REPORT, ReportRecord, SigningKey, sign_file};
use crate::format::{SigningKeyId, Timestamp, label};

/// What is known of a key that signs reports.
#[derive(Clone)]
pub struct SigningInfo {
    /// Its id.
    pub id: SigningKeyId,
    /// Its public half.
    pub public: PublicKey,
    /// When it was made.
    pub created: Timestamp,
    /// When a successor took its place.
    pub ended: Option<Timestamp>,
    /// What its predecessor says of it, and that key's signature of it.
    pub statement: Option<(String, String)>,
}

impl Unlocked {
    /// Returns every key that ever signed reports: the one that signs first, then the latest.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a key that is none.
    pub fn signing_keys(&self) -> Result<Vec<SigningInfo>, Error> {
        let signs = current(&self.payload).map(|key| key.id);
        let mut keys: Vec<SigningInfo> = self.payload.signing.iter().map(info).collect::<Result<_, _>>()?;
        keys.sort_by_key(|key| (signs != Some(key.id), std::cmp::Reverse((key.created, key.id))));
        Ok(keys)
    }

    /// Returns the key that signs reports, and makes one if there is none yet.
    ///
    /// # Errors
    /// Those of a vault write; [`Error::Damaged`].
    pub fn signing_key(&mut self) -> Result<SigningInfo, Error> {
        if current(&self.payload).is_none() {
            self.change(&Change::SigningKeyMade)?;
        }
        info(current(&self.payload).ok_or_else(none)?)
    }

    /// Makes a successor of the key that signs reports, which the earlier key announces.
    ///
    /// # Errors
    /// [`Refused::Text`](crate::error::Refused) for a reason that cannot be printed; those of a vault write;
    /// [`Error::Damaged`].
    pub fn rotate_signing_key(&mut self, reason: &str) -> Result<SigningInfo, Error> {
        self.change(&Change::SigningKeyRotated { reason })?;
        info(current(&self.payload).ok_or_else(none)?)
    }

    /// Signs a report's bundle, in OpenSSH's form.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the key does not unwrap; [`Error::Changed`] if there is none.
    pub fn sign_report(&self, bundle: &[u8]) -> Result<String, Error> {
        let key = current(&self.payload).ok_or_else(none)?;
        let public = public_of(key)?;
        let seed = unwrap(self.id(), &self.data_key, key)?;
        Ok(sign_file(&seed, &public, REPORT, bundle))
    }

    /// Returns what is remembered of a project's last report.
    ///
    /// # Errors
    /// [`NotFound::Project`](crate::error::NotFound).
    pub fn last_report(&self, project: &str) -> Result<Option<ReportRecord>, Error> {
        Ok(last_report(&self.payload, find(&self.payload, project)?.id).cloned())
    }

    /// Remembers a report, which must be the next of its project.
    ///
    /// # Errors
    /// [`Error::Changed`] if another report was made meanwhile; [`NotFound::Project`](crate::error::NotFound); those of a vault write.
    pub fn record_report(&mut self, report: &ReportRecord) -> Result<(), Error> {
        self.change(&Change::ReportMade(report)).map(drop)
    }

    /// Returns what a report shows of a file key.
    ///
    /// # Errors
    /// As [`Unlocked::file_key`].
    pub fn key_check(&self, project: &str, version: u32) -> Result<[u8; CHECK_LEN], Error> {
        Ok(key_check(&self.file_key(project, Some(version))?.key, label::KEY_CHECK))
    }
}

fn info(key: &SigningKey) -> Result<SigningInfo, Error> {
    let statement = key.statement.as_ref().map(|said| (said.text.clone(), said.signature.clone()));
    Ok(SigningInfo { id: key.id, public: public_of(key)?, created: key.created, ended: key.ended, statement })
}

fn none() -> Error {
    Error::Changed { what: Subject::Content("the key that signs reports") }
}
