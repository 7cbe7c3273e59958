//! The ledger of opened copies: every plaintext that the access logs say reached a disk under a name.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::views::OldCopies;
use crate::failure::Failure;
use crate::files::edges::Edges;
use crate::files::sweep::Entry;
use crate::format::log::{self, Action, Destination, LoggedFile, Phase};
use crate::format::{ProjectId, Timestamp};
use crate::vault::{LogState, ReadLog, Unlocked};

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
    let logs = vault.read_logs().map_err(failed)?;
    let sources: Vec<Source<'_>> = logs.iter().map(Source::of).collect();
    let mut doubts: Vec<String> = logs.iter().flat_map(doubts).collect();
    doubts.extend(sources.iter().flat_map(|source| unfinished(source, project)));
    Ok(Ledger { entries: entries_of(&sources, project), doubts })
}

/// The entries of one computer's log.
struct Source<'a> {
    /// The computer's name; `None` for this one.
    computer: Option<String>,
    entries: Vec<&'a log::Entry>,
}

impl<'a> Source<'a> {
    fn of(log: &'a ReadLog) -> Self {
        let entries: Vec<_> = log.records.iter().filter_map(|record| record.entry.as_ref()).collect();
        Self { computer: (!log.is_own).then(|| name_of(log)), entries }
    }
}

/// Returns what a computer calls itself in its log.
fn name_of(log: &ReadLog) -> String {
    let names = log.records.iter().rev().filter_map(|record| record.entry.as_ref()?.who.as_ref());
    names.map(|who| who.name.clone()).find(|name| !name.is_empty()).unwrap_or_else(|| log.enrolment.to_string())
}

/// Makes a ledger of logs, oldest entries first.
fn entries_of(logs: &[Source<'_>], project: Option<ProjectId>) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for Source { computer, entries } in logs {
        let is_begin = |entry: &&&log::Entry| entry.phase == Phase::Begin;
        let begins: HashMap<u64, &log::Entry> =
            entries.iter().filter(is_begin).map(|entry| (entry.seq, *entry)).collect();
        for entry in entries.iter().filter(|entry| entry.phase == Phase::Files) {
            let begin = entry.of.and_then(|of| begins.get(&of).copied());
            if !left_plaintext(entry, begin) {
                continue;
            }
            for file in &entry.files {
                let of = file.project.or_else(|| only_project(begin.unwrap_or(entry)));
                // A file that is on record without a project may be of any.
                let is_wanted = project.is_none() || of.is_none() || of == project;
                if is_wanted && !file.path.is_empty() {
                    let is_original = begin.unwrap_or(entry).known_action() == Some(Action::FileSeal);
                    let opened = entry_of(file, of, entry.at, computer.clone());
                    found.push(Entry { is_original, ..opened });
                }
            }
        }
    }
    // Of what was opened to one path again and again, the last time counts.
    found.sort_by_key(|entry| entry.at);
    let mut known = HashSet::new();
    let key = |entry: &Entry| (entry.path.clone(), entry.file, entry.size, entry.edges, entry.computer.clone());
    let mut newest: Vec<Entry> = found.into_iter().rev().filter(|entry| known.insert(key(entry))).collect();
    newest.reverse();
    newest
}

/// Says which openings to a disk did not come to their end, so that their files are not on record.
fn unfinished(source: &Source<'_>, project: Option<ProjectId>) -> Vec<String> {
    let listed: HashSet<u64> =
        source.entries.iter().filter(|entry| entry.phase == Phase::Files).filter_map(|entry| entry.of).collect();
    let ended: HashMap<u64, Option<log::Outcome>> = source
        .entries
        .iter()
        .filter(|entry| entry.phase == Phase::End)
        .filter_map(|entry| Some((entry.of?, entry.outcome)))
        .collect();
    let is_open = |entry: &&&log::Entry| {
        entry.phase == Phase::Begin
            && entry.known_action() == Some(Action::FileOpen)
            && entry.what.as_ref().is_some_and(|what| what.to == Destination::Disk.word())
            && project.is_none_or(|project| entry.projects.as_ref().is_none_or(|all| all.contains(&project)))
            && !listed.contains(&entry.seq)
            && matches!(ended.get(&entry.seq), None | Some(None | Some(log::Outcome::Interrupted)))
    };
    let say = |entry: &&log::Entry| {
        let place = entry.what.as_ref().map_or("", |what| what.place.as_str());
        format!("an opening to {place} on {} was cut short, and its files are not on record", entry.at.date())
    };
    source.entries.iter().filter(is_open).map(say).collect()
}

/// Tells whether the files of an entry are plaintexts on a disk: what was opened to there, and originals that were
/// sealed. If what began it is not on record any more, they count.
fn left_plaintext(entry: &log::Entry, begin: Option<&log::Entry>) -> bool {
    let action = begin.unwrap_or(entry).known_action().or_else(|| entry.known_action());
    let to = [Some(entry), begin]
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.what.as_ref())
        .find(|what| !what.to.is_empty());
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
        is_original: false,
        sealed: None,
        computer,
    }
}

/// Says why a log may lack openings.
fn doubts(log: &ReadLog) -> Vec<String> {
    let mut doubts = Vec::new();
    let whose = if log.is_own { "this computer".to_owned() } else { name_of(log) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FileId;
    use crate::format::log::{What, Who};
    use crate::format::scalar::FixedBase64;

    fn begin(seq: u64, action: Action, to: Option<Destination>, projects: Option<Vec<ProjectId>>) -> log::Entry {
        let mut entry = log::Entry::new(Phase::Begin, seq, Timestamp::from_unix(seq as i64));
        entry.action = action.word().into();
        entry.what = to.map(|to| What { to: to.word().into(), ..What::default() });
        entry.projects = projects;
        entry.who = Some(Who { name: "laptop".into(), ..Who::default() });
        entry
    }

    fn files(seq: u64, of: u64, paths: &[(&str, Option<ProjectId>)]) -> log::Entry {
        let mut entry = log::Entry::new(Phase::Files, seq, Timestamp::from_unix(seq as i64));
        entry.of = Some(of);
        entry.files = paths.iter().map(|(path, project)| file(path, *project)).collect();
        entry
    }

    fn file(path: &str, project: Option<ProjectId>) -> LoggedFile {
        let text = format!(r#"{{"file":"{}","size":7,"path":"{path}"}}"#, FileId::from_bytes([path.len() as u8; 16]));
        let mut file: LoggedFile = serde_json::from_str(&text).unwrap();
        file.project = project;
        file.edges = Some(FixedBase64([path.len() as u8; 32]));
        file
    }

    fn paths(log: &[log::Entry], project: Option<ProjectId>) -> Vec<String> {
        let source = Source { computer: None, entries: log.iter().collect() };
        let entries = entries_of(&[source], project);
        entries.iter().map(|entry| entry.path.display().to_string()).collect()
    }

    #[test]
    fn what_was_opened_to_a_disk_and_what_was_sealed_counts_and_nothing_else() {
        let log = [
            begin(1, Action::FileOpen, Some(Destination::Disk), None),
            files(2, 1, &[("/desk/a", None), ("", None)]),
            begin(3, Action::FileOpen, Some(Destination::Pipe), None),
            files(4, 3, &[("/piped", None)]),
            begin(5, Action::FileSeal, None, None),
            files(6, 5, &[("/original", None)]),
            begin(7, Action::FileVerify, None, None),
            files(8, 7, &[("/verified", None)]),
            // Its beginning was deleted with the first entries.
            files(9, 0, &[("/unknown", None)]),
            // The last time counts, and comes last.
            files(10, 1, &[("/desk/a", None)]),
        ];
        assert_eq!(paths(&log, None), ["/original", "/unknown", "/desk/a"]);
        let source = Source { computer: Some("laptop".into()), entries: log.iter().collect() };
        let entries = entries_of(&[source], None);
        assert!(entries.iter().all(|entry| entry.computer.as_deref() == Some("laptop")));
        assert_eq!((entries[2].size, entries[2].at), (7, Timestamp::from_unix(10)));
        assert_eq!(entries[2].edges.unwrap().as_bytes(), &[7; 32]);
    }

    #[test]
    fn a_projects_ledger_has_what_may_be_its() {
        let [one, other] = [1, 2].map(|byte| ProjectId::from_bytes([byte; 16]));
        let log = [
            begin(1, Action::FileOpen, Some(Destination::Disk), Some(vec![one])),
            files(2, 1, &[("/by-begin", None), ("/other-by-file", Some(other))]),
            begin(3, Action::FileOpen, Some(Destination::Disk), None),
            files(4, 3, &[("/by-file-1", Some(one)), ("/nobody-knows", None)]),
        ];
        assert_eq!(paths(&log, Some(one)), ["/by-begin", "/by-file-1", "/nobody-knows"]);
        assert_eq!(paths(&log, Some(other)), ["/other-by-file", "/nobody-knows"]);
        assert_eq!(paths(&log, None).len(), 4);
    }

    #[test]
    fn old_copies_are_those_that_still_have_their_length() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from(SystemTime::now());
        let entry = |name: &str, days: u64| {
            let at = SystemTime::from(now) - Duration::from_secs(days * 24 * 60 * 60);
            let path = folder.path().join(name);
            Entry {
                path,
                size: 3,
                edges: None,
                file: FileId::from_bytes([1; 16]),
                project: None,
                at: at.into(),
                sealed: None,
                is_original: false,
                computer: None,
            }
        };
        let entries = [("young", 29), ("old", 31), ("older", 40), ("changed", 50), ("gone", 60)];
        let entries = entries.map(|(name, days)| entry(name, days)).to_vec();
        for (name, text) in [("young", "abc"), ("old", "abc"), ("older", "abc"), ("changed", "abcd")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let ledger = Ledger { entries: entries.clone(), doubts: Vec::new() };
        let old = old_copies(&ledger, now).unwrap();
        assert_eq!((old.standing, old.is_complete, old.oldest), (2, true, entries[2].at));
        assert!(old.path.ends_with("older"));
        std::fs::remove_file(folder.path().join("old")).unwrap();
        std::fs::remove_file(folder.path().join("older")).unwrap();
        assert!(old_copies(&ledger, now).is_none());
    }
}
