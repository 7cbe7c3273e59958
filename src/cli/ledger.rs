//! The ledger of opened copies: every plaintext that the access logs say reached a disk under a name.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::views::OldCopies;
use crate::failure::Failure;
use crate::files::edges::Edges;
use crate::files::sweep::Entry;
use crate::format::log::{self, Action, Destination, LoggedFile, Phase};
use crate::format::{ProjectId, Timestamp};
use crate::vault::Unlocked;
use crate::vault::log::{LogState, ReadLog};

/// Every plaintext on record, and whether something may be missing.
pub struct Ledger {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// Why more may have been opened than is on record, a sentence each.
    pub doubts: Vec<String>,
}

/// Returns the ledger of a project, or of all of them.
///
/// # Errors
/// If there is no such project, or the logs cannot be read.
pub fn of(vault: &Unlocked, project: Option<&str>) -> Result<Ledger, Failure> {
    let failed = |error| Failure::of("read what was opened", error);
    let project = project.map(|name| vault.project(name).map(|project| project.id)).transpose().map_err(failed)?;
    Ok(from_logs(&vault.read_logs().map_err(failed)?, project))
}

/// Makes a ledger of logs.
fn from_logs(logs: &[ReadLog], project: Option<ProjectId>) -> Ledger {
    let mut ledger = Ledger { entries: Vec::new(), doubts: Vec::new() };
    for log in logs {
        let entries = || log.records.iter().filter_map(|record| record.entry.as_ref());
        let name = entries().filter_map(|entry| entry.who.as_ref()).map(|who| who.name.clone()).next_back();
        let computer = name.filter(|name| !name.is_empty()).unwrap_or_else(|| log.enrolment.to_string());
        ledger.doubts.extend(doubts(log, if log.is_own { "this computer" } else { &computer }));
        let begins: HashMap<u64, &log::Entry> =
            entries().filter(|entry| entry.phase == Phase::Begin).map(|entry| (entry.seq, entry)).collect();
        for entry in entries().filter(|entry| entry.phase == Phase::Files) {
            let begin = entry.of.and_then(|of| begins.get(&of).copied());
            if !left_plaintext(entry, begin) {
                continue;
            }
            for file in &entry.files {
                let of = file.project.or_else(|| only_project(begin.unwrap_or(entry)));
                // A file that is on record without a project may be of any.
                let is_wanted = project.is_none() || of.is_none() || of == project;
                if is_wanted && Path::new(&file.path).has_root() {
                    ledger.entries.push(entry_of(file, of, entry.at, (!log.is_own).then(|| computer.clone())));
                }
            }
        }
    }
    // Of what was opened to one path again and again, the last time counts.
    ledger.entries.sort_by_key(|entry| entry.at);
    let mut known = HashSet::new();
    let key = |entry: &Entry| (entry.path.clone(), entry.file, entry.size, entry.edges, entry.computer.clone());
    let mut newest: Vec<Entry> =
        std::mem::take(&mut ledger.entries).into_iter().rev().filter(|entry| known.insert(key(entry))).collect();
    newest.reverse();
    ledger.entries = newest;
    ledger
}

/// Tells whether the files of an entry are plaintexts on a disk: what was opened to there, and originals that were
/// sealed. If what began it is not on record any more, they count.
fn left_plaintext(entry: &log::Entry, begin: Option<&log::Entry>) -> bool {
    let action = begin.unwrap_or(entry).known_action().or_else(|| entry.known_action());
    let to = [Some(entry), begin].into_iter().flatten().filter_map(|entry| entry.what.as_ref()).find(|what| !what.to.is_empty());
    let is_on_disk = to.is_none_or(|what| what.to == Destination::Disk.word());
    match action {
        Some(Action::FileSeal) => true,
        Some(Action::FileOpen | Action::FileRange) | None => is_on_disk,
        Some(_) => false,
    }
}

fn only_project(entry: &log::Entry) -> Option<ProjectId> {
    match entry.projects.as_deref() {
        Some([project]) => Some(*project),
        _ => None,
    }
}

fn entry_of(file: &LoggedFile, project: Option<ProjectId>, at: Timestamp, computer: Option<String>) -> Entry {
    Entry {
        path: PathBuf::from(&file.path),
        size: file.size,
        edges: file.edges.map(|edges| Edges::from_bytes(edges.0)),
        file: file.file,
        project,
        at,
        sealed: None,
        computer,
    }
}

/// Says why a log may lack openings.
fn doubts(log: &ReadLog, whose: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    if matches!(log.state, LogState::Altered(_)) {
        doubts.push(format!("the access log of {whose} is not as it was recorded, so files may be missing here"));
    }
    if !log.gaps.is_empty() {
        doubts.push(format!("the access log of {whose} has gaps, so files may be missing here"));
    }
    if log.forgotten > 0 {
        doubts.push(format!("the first {} entries of the access log of {whose} were deleted", log.forgotten));
    }
    doubts
}

/// So many days after it was opened, a copy that still stands is worth a warning.
pub const OLD_DAYS: u64 = 30;

/// Looks which of the opened copies that are older than a month still stand: by a look at each, of the newest of them
/// only so many, and for a moment only.
pub fn old_copies(ledger: &Ledger, now: Timestamp) -> Option<OldCopies> {
    /// So many are looked at.
    const LOOKED_AT: usize = 2000;
    /// A drive that does not answer is not waited for.
    const PATIENCE: Duration = Duration::from_secs(1);
    let limit = SystemTime::from(now).checked_sub(Duration::from_secs(OLD_DAYS * 24 * 60 * 60))?;
    let is_old = |entry: &&Entry| entry.computer.is_none() && entry.size > 0 && SystemTime::from(entry.at) < limit;
    let mut known = HashSet::new();
    let old = ledger.entries.iter().rev().filter(is_old).filter(|entry| known.insert(&entry.path));
    let old: Vec<(PathBuf, u64, Timestamp)> =
        old.take(LOOKED_AT).map(|entry| (entry.path.clone(), entry.size, entry.at)).collect();
    if old.is_empty() {
        return None;
    }
    let looked_at = old.len();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("copies".into())
        .spawn(move || {
            for (path, size, at) in old {
                let found = std::fs::symlink_metadata(&path);
                let stands = found.is_ok_and(|found| found.is_file() && found.len() == size);
                // Nobody waits any more if it took too long.
                if sender.send(stands.then_some((path, at))).is_err() {
                    break;
                }
            }
        })
        .ok()?;
    let until = std::time::Instant::now() + PATIENCE;
    let mut answers = Vec::new();
    while let Ok(answer) = receiver.recv_timeout(until.saturating_duration_since(std::time::Instant::now())) {
        answers.push(answer);
    }
    let is_complete = answers.len() == looked_at;
    let mut standing: Vec<(PathBuf, Timestamp)> = answers.into_iter().flatten().collect();
    standing.sort_by_key(|(_, at)| *at);
    let (path, at) = standing.first()?;
    Some(OldCopies { standing: standing.len(), oldest: *at, path: path.display().to_string(), is_complete })
}
