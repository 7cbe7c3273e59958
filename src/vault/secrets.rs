//! The secrets of an unlocked vault.

use super::Unlocked;
use super::contents::Effect;
use super::contents::change::Change;
use super::contents::project::find;
use super::contents::secret_edits::{Before, NewSecret, SecretEdit};
use super::contents::secrets::{self, SecretInfo};
use crate::error::Error;
use crate::format::secret::SecretValue;

impl Unlocked {
    /// Returns every secret without its value, by name.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretInfo> {
        secrets::list(&self.payload)
    }

    /// Returns one secret without its value.
    ///
    /// # Errors
    /// [`NotFound::Secret`](crate::error::NotFound).
    pub fn secret(&self, name: &str) -> Result<SecretInfo, Error> {
        secrets::one(&self.payload, name)
    }

    /// Returns the value of a secret, or of one of its versions, which are counted from 1, the oldest.
    ///
    /// # Errors
    /// [`NotFound::Secret`](crate::error::NotFound), [`NotFound::SecretVersion`](crate::error::NotFound),
    /// [`Error::Damaged`].
    pub fn secret_value(&self, name: &str, version: Option<usize>) -> Result<SecretValue, Error> {
        secrets::value(&self.payload, (self.id(), &self.data_key), name, version)
    }

    /// Returns the names of a project's secrets.
    ///
    /// # Errors
    /// [`NotFound::Project`](crate::error::NotFound).
    pub fn secrets_of(&self, project: &str) -> Result<Vec<String>, Error> {
        Ok(secrets::names_in(&self.payload, find(&self.payload, project)?.id))
    }

    /// Edits a secret, or makes it. An edit adds a version; the earlier ones stay, ten in all.
    ///
    /// # Errors
    /// [`NotFound::Secret`](crate::error::NotFound), [`Exists::Secret`](crate::error::Exists) as `before` says;
    /// [`NotFound::Project`](crate::error::NotFound), [`NotFound::Destroyed`](crate::error::NotFound);
    /// [`Refused::Held`](crate::error::Refused) if it is to leave a project that is on hold;
    /// [`Refused::SecretName`](crate::error::Refused), [`Refused::Text`](crate::error::Refused),
    /// [`Refused::SecretTooLong`](crate::error::Refused), [`Refused::TooManySecrets`](crate::error::Refused);
    /// [`Error::Damaged`]; those of a vault write.
    pub fn edit_secret(&mut self, name: &str, edit: &SecretEdit, before: Before) -> Result<Effect, Error> {
        self.change(&Change::SecretEdited { name, edit, before })
    }

    /// Adds many secrets in one write: all of them or none.
    ///
    /// # Errors
    /// As [`Unlocked::edit_secret`], where there must be none of the name.
    pub fn add_secrets(&mut self, new: &[NewSecret]) -> Result<(), Error> {
        self.change(&Change::SecretsAdded(new)).map(drop)
    }

    /// Deletes a secret with all its versions.
    ///
    /// # Errors
    /// [`NotFound::Secret`](crate::error::NotFound); [`Refused::Held`](crate::error::Refused) if its project is on hold;
    /// those of a vault write.
    pub fn remove_secret(&mut self, name: &str) -> Result<(), Error> {
        self.change(&Change::SecretRemoved { name }).map(drop)
    }

    /// Deletes the earlier versions of a secret, or of all secrets whose project is not on hold, so that this many are
    /// left of each.
    ///
    /// # Errors
    /// [`NotFound::Secret`](crate::error::NotFound); [`Refused::Held`](crate::error::Refused) for one that is named;
    /// those of a vault write.
    pub fn prune_secrets(&mut self, name: Option<&str>, keep: usize) -> Result<Effect, Error> {
        self.change(&Change::SecretsPruned { name, keep })
    }
}
