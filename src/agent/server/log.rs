//! What the agent records in the access log: what its clients have it record, and what they ask for without having it
//! recorded anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answering::Early;
use super::{Shared, lock};
use crate::agent::protocol::{Answer, LoggedEnd, LoggedEntry, Refusal};
use crate::format::ProjectId;
use crate::format::log::{Action, LogEnd, LoggedFile, NewEntry, Outcome, What, Who};
use crate::host;
use crate::vault::{LogPolicy, Unlocked};

/// How many entries are ended at most when the agent locks, which must not take long.
const ENDED_AT_LOCK: usize = 16;

/// What was begun and has not ended.
#[derive(Default)]
pub struct Sessions {
    /// By the number of the entry: how many keys were handed out, of what no client declared.
    open: BTreeMap<u64, Option<u64>>,
    /// The entry of the agent itself.
    life: Option<u64>,
}

/// One connection, as the access log sees it.
pub struct Visit {
    /// The process at the other end.
    pid: Option<u32>,
    /// The entry for what was asked for without one.
    undeclared: Option<u64>,
}

impl Visit {
    /// A connection that has asked for nothing yet.
    pub fn by(pid: Option<u32>) -> Self {
        Self { pid, undeclared: None }
    }
}

impl Shared {
    /// Records what a client is about to do.
    pub(super) fn log_begin(&self, vault: &Unlocked, entry: LoggedEntry) -> Result<Answer, Early> {
        let entry = entry.into_entry().ok_or(Refusal::Malformed)?;
        if let Some(scope) = self.keeper.scope()
            && entry.projects.iter().flatten().any(|project| !scope.contains(project))
        {
            return Err(Refusal::OutsideScope.into());
        }
        let seq = vault.log_begin(&entry)?;
        lock(&self.sessions).open.insert(seq, None);
        Ok(Answer::Begun(seq))
    }

    /// Records files of something that was begun here.
    pub(super) fn log_files(&self, vault: &Unlocked, of: u64, files: &[LoggedFile]) -> Result<Answer, Early> {
        if !lock(&self.sessions).open.contains_key(&of) {
            return Err(Refusal::Malformed.into());
        }
        vault.log_files(of, files)?;
        Ok(Answer::Recorded)
    }

    /// Records the end of something that was begun here.
    pub(super) fn log_end(&self, vault: &Unlocked, of: u64, end: LoggedEnd) -> Result<Answer, Early> {
        if lock(&self.sessions).open.remove(&of).is_none() {
            return Err(Refusal::Malformed.into());
        }
        vault.log_end(of, &end.into())?;
        Ok(Answer::Recorded)
    }

    /// Sees to it that content keys are handed out under an entry: the one that the client names, else one of the
    /// connection.
    pub(super) fn account_for(
        &self,
        vault: &Unlocked,
        visit: &mut Visit,
        under: Option<u64>,
        project: Option<ProjectId>,
    ) -> Result<(), Early> {
        let is_open = |seq: &u64| lock(&self.sessions).open.contains_key(seq);
        if under.as_ref().is_some_and(is_open) || visit.undeclared.as_ref().is_some_and(is_open) {
            return Ok(());
        }
        let what = What { to: "memory".into(), ..What::default() };
        let entry = self.undeclared(Action::FileOpen, visit, project.map(|project| vec![project]), what);
        match vault.log_begin(&entry) {
            Ok(seq) => {
                lock(&self.sessions).open.insert(seq, Some(0));
                visit.undeclared = Some(seq);
                Ok(())
            }
            Err(_) if vault.logging().log == LogPolicy::BestEffort => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts what was handed out under the connection's own entry.
    pub(super) fn count_for(&self, visit: &Visit, under: Option<u64>, keys: usize) {
        if let (None, Some(seq)) = (under, visit.undeclared)
            && let Some(Some(count)) = lock(&self.sessions).open.get_mut(&seq)
        {
            *count += keys as u64;
        }
    }

    /// Sees to it that what is handed out once, a file key or the value of a secret, is recorded.
    pub(super) fn note(
        &self,
        vault: &Unlocked,
        visit: &Visit,
        under: Option<u64>,
        (action, projects, subject): (Action, Vec<ProjectId>, &str),
    ) -> Result<(), Early> {
        if under.is_some_and(|seq| lock(&self.sessions).open.contains_key(&seq)) {
            return Ok(());
        }
        let what = What { subject: subject.into(), to: "memory".into(), ..What::default() };
        match vault.log_note(&self.undeclared(action, visit, Some(projects), what)) {
            Err(error) if vault.logging().log == LogPolicy::Required => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn undeclared(&self, action: Action, visit: &Visit, projects: Option<Vec<ProjectId>>, what: What) -> NewEntry {
        let mut who = Who { via: "agent".into(), ..self.who.clone() };
        // Of a process that the system does not name, the entry is the agent's own.
        if let Some(pid) = visit.pid {
            let process = host::process_of(pid);
            who = Who { pid: process.pid, started: process.started, parent: host::program_of(pid), ..who };
        }
        NewEntry { projects, what, ..NewEntry::new(action, who) }
    }

    /// Records the end of what a connection has asked for, once it is closed.
    pub(super) fn end_visit(&self, visit: &Visit) {
        let Some(seq) = visit.undeclared else { return };
        let Some(Some(keys)) = lock(&self.sessions).open.remove(&seq) else { return };
        // Where the agent has locked meanwhile, it has recorded the end itself.
        if let Ok(vault) = self.keeper.vault() {
            let _ = vault.log_end(seq, &done(keys));
        }
    }

    /// Records that the agent answers from now on.
    pub(super) fn begin_life(&self, vault: &Unlocked) {
        let who = Who { via: "agent".into(), ..self.who.clone() };
        // Nothing is handed out by it.
        if let Ok(seq) = vault.log_begin(&NewEntry::new(Action::AgentUnlock, who)) {
            lock(&self.sessions).life = Some(seq);
        }
    }

    /// Records that it answers no more, and the end of what was begun without a client's word, before the keys are
    /// wiped.
    pub(super) fn end_life(&self, vault: &Arc<Unlocked>) {
        if let Some(seq) = lock(&self.sessions).life.take() {
            let _ = vault.log_end(seq, &LogEnd { what: What::default(), ..done(0) });
        }
        let sessions = std::mem::take(&mut lock(&self.sessions).open);
        let undeclared = sessions.into_iter().filter_map(|(seq, keys)| Some((seq, keys?)));
        for (seq, keys) in undeclared.take(ENDED_AT_LOCK) {
            // What is not recorded here, the next command records as interrupted.
            let _ = vault.log_end(seq, &done(keys));
        }
    }
}

/// The end of what was asked for: files by the keys that were handed out.
fn done(keys: u64) -> LogEnd {
    LogEnd {
        outcome: Outcome::Done,
        error: None,
        projects: None,
        what: What { files: Some(keys), ..What::default() },
    }
}
