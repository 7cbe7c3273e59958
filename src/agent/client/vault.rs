//! The agent's vault in the hands of a command, as if it were unlocked in this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Client;
use crate::agent::limits::KEYS_AT_ONCE;
use crate::agent::protocol::Change;
use crate::crypto::secret::{ContentKey, ProjectFileKey};
use crate::error::{Error, KeyPlace, NotFound};
use crate::format::Timestamp;
use crate::format::log::{LogEnd, LoggedFile, NewEntry};
use crate::format::sealed::PRELUDE_LEN;
use crate::format::secret::SecretValue;
use crate::keys::{Drawn, FileKeys, HeldKey, OpenedBy, WrappedKey};
use crate::vault::{
    Among, Before, Effect, KitInfo, Logging, NewProject, Notice, OpenVault, ProjectInfo, SecretEdit, SecretInfo, Terms,
    current_version,
};

/// A vault that an agent keeps unlocked.
pub struct AgentVault {
    client: Arc<Client>,
    notices: Vec<Notice>,
}

impl AgentVault {
    /// Takes the vault of an agent that answers.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client: Arc::new(client), notices: Vec::new() }
    }

    /// Changes the vault, and returns whether anything had to be changed and the project as it is then.
    fn change(&mut self, change: Change) -> Result<(Effect, ProjectInfo), Error> {
        let changed = self.client.change(change).map_err(|error| self.client.as_error(error))?;
        self.notices.extend(changed.notices);
        Ok((changed.effect, changed.project))
    }
}

impl FileKeys for AgentVault {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.client.unwrap_content_key(wrapped)
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        self.client.wrap_content_key(project, version, prelude, content_key)
    }

    fn draw_content_key(&self, project: &str, version: u32, block_len: usize) -> Result<Drawn, Error> {
        self.client.draw_content_key(project, version, block_len)
    }
}

impl OpenVault for AgentVault {
    fn projects(&self) -> Result<Vec<ProjectInfo>, Error> {
        self.client.projects().map_err(|error| self.client.as_error(error))
    }

    fn project(&self, name: &str) -> Result<ProjectInfo, Error> {
        self.client.project(name).map_err(|error| self.client.as_error(error))
    }

    fn kits(&self) -> Result<Vec<KitInfo>, Error> {
        self.client.kits().map_err(|error| self.client.as_error(error))
    }

    fn newest_time(&self) -> Result<Timestamp, Error> {
        self.client.newest_time().map_err(|error| self.client.as_error(error))
    }

    fn check_writable(&self) -> Result<(), Error> {
        self.client.check_writable().map_err(|error| self.client.as_error(error))
    }

    fn unwrap_among(&self, wrapped: WrappedKey<'_>, among: Among<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        self.client.unwrap_among(wrapped, among).map_err(|error| self.client.as_error(error))
    }

    fn unwraps_at_once(&self) -> usize {
        KEYS_AT_ONCE
    }

    fn unwrap_some(
        &self,
        wrapped: &[WrappedKey<'_>],
        among: Among<'_>,
    ) -> Result<Vec<Option<(ContentKey, OpenedBy)>>, Error> {
        self.client.unwrap_some(wrapped, among).map_err(|error| self.client.as_error(error))
    }

    fn sealing_key(&self, project: &str) -> Result<HeldKey, Error> {
        let project = self.usable_project(project)?;
        let version = current_version(&project)?;
        let keys: Arc<dyn FileKeys + Send> = Arc::clone(&self.client) as _;
        HeldKey::new(keys, project.name, version)
    }

    fn file_key(&self, project: &str, version: Option<u32>) -> Result<ProjectFileKey, Error> {
        self.client.file_key(project, version).map_err(|error| self.client.as_error(error))
    }

    fn secrets(&self) -> Result<Vec<SecretInfo>, Error> {
        self.client.secrets().map_err(|error| self.client.as_error(error))
    }

    fn secret(&self, name: &str) -> Result<SecretInfo, Error> {
        self.client.secret(name).map_err(|error| self.client.as_error(error))
    }

    fn secret_value(&self, name: &str, version: Option<usize>) -> Result<SecretValue, Error> {
        self.client.secret_value(name, version).map_err(|error| self.client.as_error(error))
    }

    fn edit_secret(&mut self, name: &str, edit: SecretEdit, before: Before) -> Result<Effect, Error> {
        let changed = self.client.edit_secret(name, edit, before).map_err(|error| self.client.as_error(error));
        let (effect, notices) = changed?;
        self.notices.extend(notices);
        Ok(effect)
    }

    /// The agent looks at the vault file at each question, and answers only from what descends from what it knows.
    fn check_still_holds(&mut self, key: &HeldKey) -> Result<(), Error> {
        self.check_writable()?;
        let opened = self.unwrap_among(key.sign(), Among::Vault { first: Some(&key.project) })?;
        if opened.is_some_and(|(_, by)| by.version == key.version) {
            return Ok(());
        }
        self.usable_project(&key.project)?;
        Err(NotFound::Key(KeyPlace { project: key.project.clone(), version: key.version }).into())
    }

    fn add_project(&mut self, new: &NewProject) -> Result<ProjectInfo, Error> {
        let NewProject { name, client, note, terms, by } = new.clone();
        Ok(self.change(Change::AddProject { name, client, note, terms: Box::new(terms), by })?.1)
    }

    fn rename_project(&mut self, old: &str, new: &str) -> Result<Effect, Error> {
        Ok(self.change(Change::RenameProject { project: old.into(), name: new.into() })?.0)
    }

    fn hold_project(&mut self, name: &str, reason: &str, by: &str) -> Result<Effect, Error> {
        Ok(self.change(Change::HoldProject { project: name.into(), reason: reason.into(), by: by.into() })?.0)
    }

    fn set_engagement(&mut self, name: &str, terms: &Terms, by: &str) -> Result<Effect, Error> {
        let terms = Box::new(terms.clone());
        Ok(self.change(Change::SetEngagement { project: name.into(), terms, by: by.into() })?.0)
    }

    fn rotate_file_key(&mut self, project: &str) -> Result<u32, Error> {
        let (_, project) = self.change(Change::RotateKey { project: project.into() })?;
        current_version(&project)
    }

    fn retire_file_key(&mut self, project: &str, version: u32, retired: bool) -> Result<Effect, Error> {
        Ok(self.change(Change::RetireKey { project: project.into(), version, retired })?.0)
    }

    fn note_sealed(&mut self, project: &str) -> Result<Effect, Error> {
        Ok(self.change(Change::NoteSealed { project: project.into() })?.0)
    }

    fn remember_scan(&mut self, project: &str, files: &BTreeMap<u32, u64>) -> Result<(), Error> {
        self.change(Change::RememberScan { project: project.into(), files: files.clone() }).map(drop)
    }

    fn logging_for(&self, project: Option<&str>) -> Result<Logging, Error> {
        self.client.logging_for(project).map_err(|error| self.client.as_error(error))
    }

    fn log_begin(&self, entry: &NewEntry) -> Result<u64, Error> {
        self.client.log_begin(entry).map_err(|error| self.client.as_error(error))
    }

    fn log_files(&self, of: u64, files: &[LoggedFile]) -> Result<(), Error> {
        self.client.log_files(of, files).map_err(|error| self.client.as_error(error))
    }

    fn log_end(&self, of: u64, end: &LogEnd) -> Result<(), Error> {
        self.client.log_end(of, end).map_err(|error| self.client.as_error(error))
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

impl std::fmt::Debug for AgentVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentVault").field("vault", &self.client.vault()).finish_non_exhaustive()
    }
}
