//! What the agent records in the access log: what its clients have it record, and what they ask for without having it
//! recorded anything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::answering::Early;
use super::{Shared, lock};
use crate::agent::protocol::{Answer, LoggedEnd, LoggedEntry, Refusal};
use crate::format::ProjectId;
use crate::format::log::{Action, LogEnd, LoggedFile, NewEntry, Outcome, What, Who};
use crate::host::{self, Host, ProcessName, ThisHost};
use crate::vault::{LogPolicy, ReasonPolicy, Unlocked};

/// How many entries are ended at most when the agent locks, which must not take long.
const ENDED_AT_LOCK: usize = 16;

/// How many ends are remembered.
const ENDED_KNOWN: usize = 256;

/// What was begun and has not ended.
#[derive(Default)]
pub struct Sessions {
    /// What clients have declared, by the number of the entry, and the process of each, if the system names it.
    declared: BTreeMap<u64, Option<ProcessName>>,
    /// What has ended, the last of them: whoever did not hear that asks once more.
    ended: VecDeque<u64>,
    /// What was handed out without a word, one entry for each process that asked.
    undeclared: Vec<Undeclared>,
    /// The entry of the agent itself.
    life: Option<u64>,
}

/// What a process has asked for without having it recorded.
struct Undeclared {
    process: Option<ProcessName>,
    seq: u64,
    /// How many content keys it got.
    keys: u64,
}

/// One connection, as the access log sees it.
pub struct Visit {
    /// The process at the other end, if the system names it.
    process: Option<ProcessName>,
}

impl Visit {
    /// A connection that has asked for nothing yet.
    pub fn by(pid: Option<u32>) -> Self {
        Self { process: pid.map(host::process_of) }
    }
}

impl Shared {
    /// Records what a client is about to do.
    pub(super) fn log_begin(&self, vault: &Unlocked, visit: &Visit, entry: LoggedEntry) -> Result<Answer, Early> {
        let entry = entry.into_entry().ok_or(Refusal::Malformed)?;
        if let Some(scope) = self.keeper.scope()
            && entry.projects.iter().flatten().any(|project| !scope.contains(project))
        {
            return Err(Refusal::OutsideScope.into());
        }
        let seq = vault.log_begin(&entry)?;
        lock(&self.sessions).declared.insert(seq, visit.process.clone());
        Ok(Answer::Begun(seq))
    }

    /// Records files of something that was begun here.
    pub(super) fn log_files(
        &self,
        vault: &Unlocked,
        visit: &Visit,
        of: u64,
        files: &[LoggedFile],
    ) -> Result<Answer, Early> {
        if !self.is_declared(Some(of), visit) {
            return Err(Refusal::Malformed.into());
        }
        vault.log_files(of, files)?;
        Ok(Answer::Recorded)
    }

    /// Records the end of something that was begun here.
    pub(super) fn log_end(&self, vault: &Unlocked, visit: &Visit, of: u64, end: LoggedEnd) -> Result<Answer, Early> {
        {
            let mut sessions = lock(&self.sessions);
            if sessions.ended.contains(&of) {
                return Ok(Answer::Recorded);
            }
            if sessions.declared.get(&of) != Some(&visit.process) {
                return Err(Refusal::Malformed.into());
            }
            // Before it is recorded, so that whoever asks once more meanwhile does not end it twice.
            sessions.declared.remove(&of);
            sessions.ended.truncate(ENDED_KNOWN - 1);
            sessions.ended.push_front(of);
        }
        if let Err(error) = vault.log_end(of, &end.into()) {
            let mut sessions = lock(&self.sessions);
            sessions.ended.retain(|seq| *seq != of);
            sessions.declared.insert(of, visit.process.clone());
            return Err(error.into());
        }
        Ok(Answer::Recorded)
    }

    /// Sees to it that content keys are handed out under an entry: the one that the client names, else one of its
    /// process.
    pub(super) fn account_for(
        &self,
        vault: &Unlocked,
        visit: &Visit,
        under: Option<u64>,
        project: Option<ProjectId>,
    ) -> Result<(), Early> {
        if self.is_declared(under, visit) || self.count_for(visit, 0) {
            return Ok(());
        }
        // Two threads of one process are one entry.
        let _beginning = lock(&self.beginning);
        if self.count_for(visit, 0) {
            return Ok(());
        }
        let what = What { to: "memory".into(), ..What::default() };
        let entry = self.undeclared(Action::FileOpen, visit, project.map(|project| vec![project]), what);
        self.check_reason(vault)?;
        match vault.log_begin(&entry) {
            Ok(seq) => {
                let undeclared = Undeclared { process: visit.process.clone(), seq, keys: 0 };
                lock(&self.sessions).undeclared.push(undeclared);
                Ok(())
            }
            Err(_) if vault.logging_for(None).log == LogPolicy::BestEffort => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells whether an entry was begun by the process that names it: what another one declared covers nothing here.
    fn is_declared(&self, under: Option<u64>, visit: &Visit) -> bool {
        under.is_some_and(|seq| lock(&self.sessions).declared.get(&seq) == Some(&visit.process))
    }

    /// Refuses what is asked for without a word if a reason has to be given.
    fn check_reason(&self, vault: &Unlocked) -> Result<(), Early> {
        match vault.logging_for(None).reason {
            ReasonPolicy::Required => Err(Refusal::NoReason.into()),
            ReasonPolicy::Optional => Ok(()),
        }
    }

    /// Counts what was handed out under the entry of a client's process. Tells whether there is one.
    pub(super) fn count_for(&self, visit: &Visit, keys: usize) -> bool {
        let mut sessions = lock(&self.sessions);
        let found = sessions.undeclared.iter_mut().find(|undeclared| undeclared.process == visit.process);
        found.is_some_and(|undeclared| {
            undeclared.keys += keys as u64;
            true
        })
    }

    /// Sees to it that what is handed out once, a file key or the value of a secret, is recorded.
    pub(super) fn note(
        &self,
        vault: &Unlocked,
        visit: &Visit,
        under: Option<u64>,
        (action, projects, subject): (Action, Vec<ProjectId>, &str),
    ) -> Result<(), Early> {
        if self.is_declared(under, visit) {
            return Ok(());
        }
        self.check_reason(vault)?;
        let what = What { subject: subject.into(), to: "memory".into(), ..What::default() };
        match vault.log_note(&self.undeclared(action, visit, Some(projects), what)) {
            Err(error) if vault.logging_for(None).log == LogPolicy::Required => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn undeclared(&self, action: Action, visit: &Visit, projects: Option<Vec<ProjectId>>, what: What) -> NewEntry {
        let mut who = Who { via: "agent".into(), ..self.who.clone() };
        // Of a process that the system does not name, the entry is the agent's own.
        if let Some(process) = visit.process.clone() {
            let parent = host::program_of(process.pid);
            who = Who { pid: process.pid, started: process.started, parent, ..who };
        }
        NewEntry { projects, what, ..NewEntry::new(action, who) }
    }

    /// Records the end of what was asked for by processes that have ended: of what they had declared, nobody knows how far
    /// they got.
    pub(super) fn end_of_the_gone(&self) {
        let is_gone = |process: &Option<ProcessName>| {
            process.as_ref().is_some_and(|process| ThisHost.is_running(process) == Some(false))
        };
        let (undeclared, declared) = {
            let mut sessions = lock(&self.sessions);
            let undeclared: Vec<Undeclared> =
                sessions.undeclared.extract_if(.., |undeclared| is_gone(&undeclared.process)).collect();
            let declared: Vec<_> = sessions.declared.extract_if(.., |_, process| is_gone(process)).collect();
            (undeclared, declared)
        };
        if undeclared.is_empty() && declared.is_empty() {
            return;
        }
        if let Ok(vault) = self.keeper.vault() {
            undeclared.into_iter().for_each(|undeclared| undeclared.end(&vault));
            let interrupted = LogEnd { outcome: Outcome::Interrupted, what: What::default(), ..done(0) };
            for (seq, process) in declared {
                if vault.log_end(seq, &interrupted).is_err() {
                    lock(&self.sessions).declared.insert(seq, process);
                }
            }
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
        let undeclared = std::mem::take(&mut lock(&self.sessions).undeclared);
        undeclared.into_iter().take(ENDED_AT_LOCK).for_each(|undeclared| undeclared.end(vault));
    }
}

impl Undeclared {
    /// What is not recorded here, the next command records as interrupted.
    fn end(self, vault: &Unlocked) {
        let _ = vault.log_end(self.seq, &done(self.keys));
    }
}

/// The end of what was asked for: files by the keys that were handed out.
fn done(keys: u64) -> LogEnd {
    LogEnd { outcome: Outcome::Done, error: None, projects: None, what: What { files: Some(keys), ..What::default() } }
}
