//! Questions to answers, from the vault as it is now.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::log::Visit;
use super::{Counters, Shared, lock, millis};
use crate::agent::limits::{KEYS_AT_ONCE, UNWRAP_TIME};
use crate::agent::protocol::{
    Among, Answer, Change, KeyToUnwrap, KeyToWrap, Kit, NoticeOf, Project, Question, Refusal, Shown, Status,
    UnwrappedKey, Watching,
};
use crate::agent::watch::Ending;
use crate::error::Error;
use crate::format::log::Action;
use crate::format::scalar::Base64;
use crate::keys::{OpenedBy, WrappedKey};
use crate::vault::{self, Effect, NewProject, ProjectInfo, Unlocked};

/// An answer that ends the question early.
pub(super) enum Early {
    Failed(Error),
    Refused(Refusal),
    /// The agent has to lock, or does so already.
    Locked(Option<Ending>),
}

impl From<Error> for Early {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Early {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Option<Ending>> for Early {
    fn from(ending: Option<Ending>) -> Self {
        Self::Locked(ending)
    }
}

impl Shared {
    /// Answers a question. If that shows that the agent has to lock, says why, too: who has asked is answered first.
    pub fn answer(&self, question: Question, visit: &Visit) -> (Answer, Option<Ending>) {
        let is_use = !matches!(question, Question::Hello | Question::Status);
        let answer = match self.try_answer(question, visit) {
            Ok(answer) => answer,
            Err(Early::Failed(error)) => Answer::Failed(error.into()),
            Err(Early::Refused(refusal)) => Answer::Refused(refusal),
            Err(Early::Locked(ending)) => {
                let why = ending.clone().or_else(|| lock(&self.ended).clone());
                let reason = why.map_or_else(|| "the agent is locking".into(), |why| why.to_string());
                return (Answer::Refused(Refusal::Locked { reason }), ending);
            }
        };
        Counters::add(&self.counters.answered, 1);
        if is_use {
            // Also what failed: somebody is at work.
            self.used.store(millis(self.clock.now().boot), Ordering::Relaxed);
        }
        (answer, None)
    }

    fn try_answer(&self, question: Question, visit: &Visit) -> Result<Answer, Early> {
        // Whatever is asked: an agent whose vault was replaced must not seem to be at work.
        let vault = self.keeper.vault()?;
        Ok(match question {
            // Answered where the connection is.
            Question::Lock => Answer::Locked,
            Question::Hello => Answer::Hello {
                vault: vault.id(),
                program: env!("CARGO_PKG_VERSION").into(),
                pid: std::process::id(),
                projects: self.names_in_scope(&vault),
                confirms: self.confirm.is_some(),
            },
            Question::Status => Answer::Status(Box::new(self.status(&vault))),
            Question::Unwrap { keys, among, under } => {
                let project = match &among {
                    Among::Project(name) => vault.project(name).ok().map(|project| project.id),
                    Among::Vault { .. } => None,
                };
                self.account_for(&vault, visit, under, project)?;
                let (answer, count) = self.unwrap(&vault, &keys, among)?;
                self.count_for(visit, count);
                answer
            }
            Question::Wrap { project, version, keys } => self.wrap(&vault, &project, version, &keys)?,
            Question::Projects => {
                let all = vault.projects().into_iter().filter(|project| self.is_in_scope(project));
                Answer::Projects(all.map(Project::from).collect())
            }
            Question::Project { name } => {
                let project = vault.project(&name)?;
                self.check_scope(&project)?;
                Answer::Project(Box::new(project.into()))
            }
            Question::Names => {
                let usable = |project: &ProjectInfo| project.destroyed.is_none() && self.is_in_scope(project);
                Answer::Names(vault.projects().into_iter().filter(usable).map(|project| project.name).collect())
            }
            Question::Kits => Answer::Kits(vault.kits().into_iter().map(Kit::from).collect()),
            Question::NewestTime => Answer::NewestTime(vault.newest_time()),
            Question::Writable => self.check_writable(vault)?,
            Question::FileKey { project, version, under } => self.file_key(vault, &project, version, (visit, under))?,
            Question::Secrets => self.secrets(&vault),
            Question::Secret { name } => Answer::Secret(Box::new(self.secret(&vault, &name)?.into())),
            Question::SecretValue { name, version, under } => {
                self.secret_value(vault, &name, version, (visit, under))?
            }
            Question::EditSecret { secret, edit } => self.edit_secret(vault, &secret, *edit)?,
            Question::Logging { project } => Answer::Logging(vault.logging_for(project.as_deref()).into()),
            Question::LogBegin(entry) => self.log_begin(&vault, visit, *entry)?,
            Question::LogFiles { of, files } => self.log_files(&vault, visit, of, &files)?,
            Question::LogEnd { of, end } => self.log_end(&vault, visit, of, *end)?,
            Question::Change(change) => {
                self.check_change(&vault, &change)?;
                // The duplicate is made of what is current then.
                drop(vault);
                self.change(&change)?
            }
        })
    }

    fn is_in_scope(&self, project: &ProjectInfo) -> bool {
        self.keeper.scope().is_none_or(|scope| scope.contains(&project.id))
    }

    /// Compares the vault with what this computer recorded, too: since the agent last looked, another process may have
    /// written, and somebody put the file back. A keychain that does not answer now leaves what the agent knows.
    fn check_writable(&self, vault: Arc<Unlocked>) -> Result<Answer, Early> {
        let recorded = vault.recorded();
        drop(vault);
        let vault = self.keeper.vault()?;
        if let Ok(recorded) = recorded {
            let replaced = |error: Error| Early::Locked(Some(Ending::VaultReplaced { reason: error.to_string() }));
            vault.check_recorded(&recorded).map_err(replaced)?;
        }
        vault.check_writable()?;
        Ok(Answer::Writable)
    }

    /// Returns the names that the projects of its scope have now.
    pub(super) fn names_in_scope(&self, vault: &Unlocked) -> Option<Vec<String>> {
        let scope = self.keeper.scope()?;
        let in_scope = vault.projects().into_iter().filter(|project| scope.contains(&project.id));
        Some(in_scope.map(|project| project.name).collect())
    }

    pub(super) fn check_scope(&self, project: &ProjectInfo) -> Result<(), Refusal> {
        if self.is_in_scope(project) { Ok(()) } else { Err(Refusal::OutsideScope) }
    }

    /// Returns the answer, and how many keys it has.
    fn unwrap(&self, vault: &Unlocked, keys: &[KeyToUnwrap], mut among: Among) -> Result<(Answer, usize), Early> {
        if keys.len() > KEYS_AT_ONCE {
            return Err(Refusal::TooMany.into());
        }
        let started = Instant::now();
        let mut unwrapped = Vec::with_capacity(keys.len());
        for key in keys {
            let key =
                match self.unwrap_one(vault, WrappedKey { prelude: &key.prelude.0, stanza: &key.stanza.0 }, &among) {
                    Ok(key) => key,
                    // Whoever asks for this one first is told.
                    Err(_) if !unwrapped.is_empty() => break,
                    Err(why) => return Err(why),
                };
            // The next file is likely to be of the same project.
            if let (Some(key), Among::Vault { first }) = (&key, &mut among) {
                *first = Some(key.project.clone());
            }
            unwrapped.push(key);
            if started.elapsed() >= UNWRAP_TIME {
                break;
            }
        }
        let count = unwrapped.iter().flatten().count();
        Counters::add(&self.counters.unwrapped, count);
        Ok((Answer::Unwrapped(unwrapped), count))
    }

    fn unwrap_one(
        &self,
        vault: &Unlocked,
        wrapped: WrappedKey<'_>,
        among: &Among,
    ) -> Result<Option<UnwrappedKey>, Early> {
        let unwrapped = match (among, self.keeper.scope()) {
            (Among::Vault { first }, None) => {
                vault.unwrap_among(wrapped, vault::Among::Vault { first: first.as_deref() })?
            }
            (Among::Vault { .. }, Some(scope)) => {
                let named = vault.projects().into_iter().filter(|project| scope.contains(&project.id));
                let tried = named.map(|project| vault.unwrap_among(wrapped, vault::Among::Project(&project.name)));
                let found = tried.filter_map(Result::transpose).next().transpose()?;
                // Another project's key may fit.
                Some(found.ok_or(Refusal::OutsideScope)?)
            }
            (Among::Project(name), scope) => {
                if scope.is_some() {
                    self.check_scope(&vault.project(name)?)?;
                }
                vault.unwrap_among(wrapped, vault::Among::Project(name))?
            }
        };
        Ok(unwrapped.map(|(content_key, OpenedBy { project, version })| UnwrappedKey { content_key, project, version }))
    }

    fn wrap(&self, vault: &Unlocked, project: &str, version: u32, keys: &[KeyToWrap]) -> Result<Answer, Early> {
        if keys.len() > KEYS_AT_ONCE {
            return Err(Refusal::TooMany.into());
        }
        if self.keeper.scope().is_some() {
            self.check_scope(&vault.project(project)?)?;
        }
        // Unwrapped once for all of them.
        let file_key = vault.file_key(project, Some(version))?;
        let wrapped: Result<Vec<Base64>, Error> = keys
            .iter()
            .map(|key| Ok(Base64(crate::keys::wrap_under(&file_key.key, &key.prelude.0, &key.content_key)?)))
            .collect();
        Counters::add(&self.counters.wrapped, keys.len());
        Ok(Answer::Wrapped(wrapped?))
    }

    fn file_key(
        &self,
        vault: Arc<Unlocked>,
        project: &str,
        version: Option<u32>,
        (visit, under): (&Visit, Option<u64>),
    ) -> Result<Answer, Early> {
        let found = vault.usable_project(project)?;
        self.check_scope(&found)?;
        let vault = self.confirmed(vault, || format!("show a file key of project {project:?}"))?;
        self.note(&vault, visit, under, (Action::KeyShow, vec![found.id], ""))?;
        let shown = vault.file_key(project, version)?;
        Counters::add(&self.counters.keys, 1);
        Ok(Answer::FileKey { project: shown.project, version: shown.version, key: shown.key })
    }

    /// Asks the user whether something may be done, if the user wants to be asked, and returns the vault as it is then.
    pub(super) fn confirmed(&self, vault: Arc<Unlocked>, what: impl Fn() -> String) -> Result<Arc<Unlocked>, Early> {
        let Some(confirm) = &self.confirm else { return Ok(vault) };
        // The user may take a minute, in which the agent may have to lock.
        drop(vault);
        if confirm(&what()) { Ok(self.keeper.vault()?) } else { Err(Refusal::NotConfirmed.into()) }
    }

    fn check_change(&self, vault: &Unlocked, change: &Change) -> Result<(), Early> {
        match change {
            _ if self.keeper.scope().is_none() => Ok(()),
            Change::AddProject { .. } => Err(Refusal::OutsideScope.into()),
            change => Ok(self.check_scope(&vault.project(change.project())?)?),
        }
    }

    fn change(&self, change: &Change) -> Result<Answer, Early> {
        let changed = self.keeper.change(|vault| {
            let effect = apply(vault, change)?;
            let name = if let Change::RenameProject { name, .. } = change { name } else { change.project() };
            Ok((effect, vault.project(name)?, vault.take_notices()))
        })?;
        let (effect, project, notices) = changed?;
        Ok(Answer::Changed {
            effect: effect.into(),
            project: Box::new(project.into()),
            notices: notices.into_iter().filter_map(NoticeOf::of).collect(),
        })
    }

    fn status(&self, vault: &Unlocked) -> Status {
        let now = self.clock.now().boot;
        let used = Duration::from_millis(self.used.load(Ordering::Relaxed));
        let left = |since: Duration, limit: Duration| since.saturating_add(limit).saturating_sub(now).as_secs();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let watcher = lock(&self.watcher).clone();
        Status {
            vault: vault.id(),
            program: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            unlocked_at: self.unlocked_at,
            idle_seconds_left: left(used, self.limits.idle),
            life_seconds_left: left(self.start, self.limits.life),
            projects: self.names_in_scope(vault),
            confirms: self.confirm.is_some(),
            watching: watcher.map_or_else(Watching::default, |watcher| watcher.watching()),
            shown: Shown {
                keys: count(&self.counters.keys),
                secrets: count(&self.counters.secrets),
                unwrapped: count(&self.counters.unwrapped),
                wrapped: count(&self.counters.wrapped),
            },
            answered: count(&self.counters.answered),
            connections: self.connections.count(),
            adopted: self.keeper.adopted(),
            rotation_waits: vault.rotation().is_some(),
        }
    }
}

/// Makes a change as the user would have made it with the password.
fn apply(vault: &mut Unlocked, change: &Change) -> Result<Effect, Error> {
    match change {
        Change::AddProject { name, client, note, terms, by } => {
            let (client, note, terms, by) = (client.clone(), note.clone(), (**terms).clone(), by.clone());
            let new = NewProject { name: name.clone(), client, note, terms, by };
            vault.add_project(&new).map(|_| Effect::Changed)
        }
        Change::RenameProject { project, name } => vault.rename_project(project, name),
        Change::SetEngagement { project, terms, by } => vault.set_engagement(project, terms, by),
        Change::HoldProject { project, reason, by } => vault.hold_project(project, reason, by),
        Change::RotateKey { project } => vault.rotate_file_key(project).map(|_| Effect::Changed),
        Change::RetireKey { project, version, retired } => vault.retire_file_key(project, *version, *retired),
        Change::NoteSealed { project } => vault.note_sealed(project),
        Change::RememberScan { project, files } => vault.remember_scan(project, files).map(|()| Effect::Changed),
    }
}
