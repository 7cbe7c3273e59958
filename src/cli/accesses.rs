//! The entries of access logs as what was done: what was begun, the files it was done to, and how it ended.

use std::collections::BTreeMap;

use crate::format::log::{Entry, LoggedFile, Outcome, Phase};
use crate::format::{EnrolmentId, ProjectId};
use crate::vault::ReadLog;

/// Something that was done.
#[derive(Debug, Clone)]
pub struct Access<'a> {
    /// Whose log has it.
    pub enrolment: EnrolmentId,
    /// The entry that began it, or the only one.
    pub entry: &'a Entry,
    /// The files that were listed.
    pub files: Vec<&'a LoggedFile>,
    /// The entry that ended it.
    pub end: Option<&'a Entry>,
    /// It is in a gap that somebody has accepted: nothing vouches for it.
    pub is_disputed: bool,
}

impl Access<'_> {
    /// Tells how it ended; `None` if it has not, or nobody knows.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.entry.phase {
            Phase::Note => Some(Outcome::Done),
            _ => self.end.and_then(|end| end.outcome),
        }
    }

    /// Returns the projects; `None` if nobody knows: it may have been any.
    #[must_use]
    pub fn projects(&self) -> Option<&[ProjectId]> {
        let known = self.end.and_then(|end| end.projects.as_deref());
        known.or(self.entry.projects.as_deref())
    }

    /// Tells whether it was, or may have been, of a project.
    #[must_use]
    pub fn may_be_of(&self, project: ProjectId) -> bool {
        self.projects().is_none_or(|projects| projects.contains(&project))
    }

    /// Returns how many files it was done to, as far as that is known.
    #[must_use]
    pub fn file_count(&self) -> Option<u64> {
        let count = |entry: &Entry| entry.what.as_ref().and_then(|what| what.files);
        self.end.and_then(count).or_else(|| count(self.entry))
    }

    /// Returns how many bytes of plaintext they have, as far as that is known.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.end.and_then(|end| end.what.as_ref()).and_then(|what| what.bytes)
    }
}

/// Puts the entries of all logs together, the earliest first.
#[must_use]
pub fn accesses(logs: &[ReadLog]) -> Vec<Access<'_>> {
    let mut all: Vec<Access<'_>> = logs.iter().flat_map(of_log).collect();
    all.sort_by_key(|access| (access.entry.at, access.enrolment, access.entry.seq));
    all
}

fn of_log(log: &ReadLog) -> Vec<Access<'_>> {
    let mut of = BTreeMap::new();
    let mut found: Vec<Access<'_>> = Vec::new();
    for record in &log.records {
        let Some(entry) = &record.entry else { continue };
        let begun = entry.of.and_then(|seq| of.get(&seq).copied());
        match (entry.phase, begun) {
            (Phase::Begin | Phase::Note, _) => {
                of.insert(entry.seq, found.len());
                found.push(Access {
                    enrolment: log.enrolment,
                    entry,
                    files: Vec::new(),
                    end: None,
                    is_disputed: record.is_disputed,
                });
            }
            (Phase::Files, Some(index)) => found[index].files.extend(&entry.files),
            (Phase::End, Some(index)) => found[index].end = Some(entry),
            // What began it was forgotten, or is in a gap.
            (Phase::Files | Phase::End, None) => {}
        }
    }
    found
}
