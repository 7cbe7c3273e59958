//! The record of accesses as a report has it: the digest of every record, and what the entries say that concern the
//! project. What an entry says of other clients is nothing that this client is shown.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::cobblestone::{self, DERIVED_LEN};
use crate::evidence::bundle::{Disclosed, LogOf, LogPart, Withheld};
use crate::evidence::facts::Known;
use crate::evidence::rules::not_known;
use crate::failure::{Exit, Failure};
use crate::format::json::{StrictValue, parse};
use crate::format::log::{Entry, Phase, frame};
use crate::format::{FormatError, ProjectId, Timestamp};
use crate::vault::{LogPolicy, LogState, ReadLog, ReadRecord, Unlocked};

/// Actions about the vault as a whole that a report of any project tells of.
const OF_THE_VAULT: [&str; 10] = [
    "kit.new",
    "kit.test",
    "kit.revoke",
    "kit.recover",
    "vault.backup",
    "vault.fork",
    "log.began",
    "log.gap",
    "log.accepted",
    "log.forgotten",
];

/// Why a record need not be whole although no entry is missing.
const MAY_GO_ON: &str = "an access that could not be recorded was not refused (policy log best-effort)";

/// Reads every log, and takes what concerns a project.
///
/// # Errors
/// If a log cannot be read, or a record is not as it was read a moment ago.
pub fn of_project(vault: &Unlocked, project: ProjectId) -> Result<Known<LogPart>, Failure> {
    let failed = |error| Failure::of("read the access log", error);
    // A page without the record is better than none, and says why.
    let logs = match vault.read_logs() {
        Ok(logs) => logs,
        Err(error) => return Ok(Known::Not(format!("the record of accesses cannot be read: {error}"))),
    };
    let mut part = LogPart { enrolments: Vec::new(), entries: Vec::new(), withheld: Vec::new() };
    let mut logs: Vec<ReadLog> = logs.into_iter().collect();
    logs.sort_by_key(|log| log.enrolment);
    for log in &logs {
        part.enrolments.extend(summary(log));
        let sorted = Sorted::of(log, project);
        for record in &log.records {
            match sorted.verdict(record) {
                Verdict::Disclosed => {
                    let disclosed = vault.disclose_record(log, record).map_err(failed)?;
                    let json = says(&disclosed.record, &disclosed.opens).map_err(|error| {
                        Failure::new(Exit::Damaged, "damaged", "cannot read the access log").cause(error.to_string())
                    })?;
                    part.entries.push(disclosed_entry(log, record, &disclosed.record, &disclosed.opens[..], json));
                }
                Verdict::Withheld { at, action, certain } => {
                    part.withheld.push(Withheld { enrolment: log.enrolment, seq: record.number, at, action, certain });
                }
                Verdict::Elsewhere => {}
            }
        }
    }
    // Of a log that is gone there is nothing to show but that.
    let gone = logs.iter().filter(|log| log.records.is_empty()).find_map(|log| match &log.state {
        LogState::Altered(alarm) if log.is_own => Some(alarm.to_string()),
        LogState::Altered(_) => Some("the record of another computer is not here".to_owned()),
        _ => None,
    });
    if part.enrolments.is_empty() {
        return Ok(not_known(gone.as_deref().unwrap_or("no record of accesses has been begun")));
    }
    // What was opened and not recorded is known to nobody.
    let lax = vault.projects().into_iter().find(|other| other.id == project).and_then(|project| {
        (vault.logging_for(Some(&project.name)).log == LogPolicy::BestEffort).then(|| MAY_GO_ON.to_owned())
    });
    let trouble = gone.or(lax);
    if let (Some(trouble), Some(log)) = (trouble, part.enrolments.iter_mut().find(|log| log.trouble.is_none())) {
        log.trouble = Some(trouble);
    }
    Ok(Known::Is(part))
}

/// Returns all that a record says, also what only a later program reads.
fn says(record: &[u8], opens: &[u8; DERIVED_LEN]) -> Result<StrictValue, FormatError> {
    let opened = cobblestone::open_disclosed(opens, frame(record)?.sealed);
    parse("the entry", &opened.map_err(|error| FormatError::Malformed(error.to_string()))?)
}

fn disclosed_entry(log: &ReadLog, record: &ReadRecord, bytes: &[u8], okm: &[u8], json: StrictValue) -> Disclosed {
    let [record_text, okm] = [bytes, okm].map(|bytes| STANDARD.encode(bytes));
    Disclosed { enrolment: log.enrolment, seq: record.number, record: record_text, okm, json }
}

/// Returns what a report says of a log itself.
fn summary(log: &ReadLog) -> Option<LogOf> {
    let (first, last) = (log.forgotten.checked_add(1)?, log.records.last()?);
    let hashes: BTreeMap<u64, [u8; 32]> = log.records.iter().map(|record| (record.number, record.hash)).collect();
    let records = (first..=last.number).map(|number| hashes.get(&number).map(|hash| hex(hash))).collect();
    let trouble = match &log.state {
        LogState::Altered(alarm) => Some(alarm.to_string()),
        _ => None,
    };
    Some(LogOf {
        id: log.enrolment,
        from: first,
        to: last.number,
        tip: hex(&last.hash),
        anchored: log.is_own && log.state == LogState::Current,
        gaps: log.gaps.len() as u64,
        trouble,
        records,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What becomes of an entry in the report.
enum Verdict {
    Disclosed,
    Withheld { at: Timestamp, action: String, certain: bool },
    Elsewhere,
}

/// The entries of a log by what they are about.
struct Sorted {
    project: ProjectId,
    /// Of what was begun: the projects of the files that were listed for it.
    listed: BTreeMap<u64, BTreeSet<Option<ProjectId>>>,
    /// What was begun, and names its projects.
    named: BTreeMap<u64, Option<BTreeSet<ProjectId>>>,
}

impl Sorted {
    fn of(log: &ReadLog, project: ProjectId) -> Self {
        let (mut listed, mut named): (BTreeMap<_, BTreeSet<_>>, BTreeMap<_, _>) = Default::default();
        for entry in log.records.iter().filter_map(|record| record.entry.as_ref()) {
            match (entry.phase, entry.of) {
                (Phase::Files, Some(of)) => {
                    listed.entry(of).or_default().extend(entry.files.iter().map(|file| file.project));
                }
                (Phase::End, Some(of)) => {
                    // The end knows the projects of what began without knowing them.
                    if let (Some(projects), Some(None)) = (&entry.projects, named.get(&of)) {
                        named.insert(of, Some(projects.iter().copied().collect()));
                    }
                }
                (Phase::Begin | Phase::Note, _) => {
                    let projects = entry.projects.as_ref().map(|projects| projects.iter().copied().collect());
                    named.insert(entry.seq, projects);
                }
                _ => {}
            }
        }
        Self { project, listed, named }
    }

    fn verdict(&self, record: &ReadRecord) -> Verdict {
        let Some(entry) = &record.entry else { return Verdict::Elsewhere };
        if OF_THE_VAULT.contains(&entry.action.as_str()) {
            return Verdict::Disclosed;
        }
        let about = entry.of.unwrap_or(entry.seq);
        let listed = self.listed.get(&about);
        let named = self.named.get(&about).and_then(Option::as_ref);
        let own = Some(self.project);
        let is_listed = listed.is_some_and(|listed| listed.contains(&own));
        let is_named = named.is_some_and(|named| named.contains(&self.project));
        // What names no project and lists no file may have been about any of them.
        let may_be = named.is_none() && listed.is_none();
        if !is_listed && !is_named && !may_be {
            return Verdict::Elsewhere;
        }
        let of_others = listed.is_some_and(|listed| listed.iter().any(|project| *project != own))
            || named.is_some_and(|named| named.iter().any(|project| *project != self.project))
            || may_be;
        match (of_others, self.is_alone(entry)) {
            (false, _) | (true, true) => Verdict::Disclosed,
            (true, false) => {
                let certain = is_listed || is_named;
                Verdict::Withheld { at: entry.at, action: entry.action.clone(), certain }
            }
        }
    }

    /// Tells whether an entry itself says nothing of other projects, whatever belongs to it.
    fn is_alone(&self, entry: &Entry) -> bool {
        entry.phase == Phase::Files && entry.files.iter().all(|file| file.project == Some(self.project))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::crypto::kdf::KdfCost;
    use crate::crypto::secret::Password;
    use crate::format::log::{Action, LogEnd, LoggedFile, NewEntry, What, Who};
    use crate::format::{FileId, VaultId};
    use crate::host::ThisHost;
    use crate::keychain::MemoryKeychain;
    use crate::store::MemoryStore;
    use crate::vault::{Edges, NewProject, create};

    fn entry(action: Action, projects: Option<Vec<ProjectId>>, reason: &str) -> NewEntry {
        let mut entry = NewEntry::new(action, Who { account: "ada".into(), ..Who::default() });
        entry.projects = projects;
        entry.reason = reason.into();
        entry
    }

    fn file(project: ProjectId, path: &str) -> LoggedFile {
        LoggedFile {
            file: FileId::from_bytes([1; 16]),
            project: Some(project),
            key_version: Some(1),
            size: 1,
            path: path.into(),
            edges: None,
            others: Default::default(),
        }
    }

    /// What a client must not see: another client's path, reason or id.
    const SECRET: &str = "/home/ada/other-client/merger.csv";

    #[test]
    fn a_report_discloses_what_concerns_the_project_alone_and_counts_the_rest() {
        let edges = Edges {
            store: Arc::new(MemoryStore::new()),
            keychain: Arc::new(MemoryKeychain::new()),
            host: Arc::new(ThisHost),
        };
        let password = Password::new(b"correct horse battery staple").unwrap();
        let mut vault = create(edges, VaultId::generate().unwrap(), &password, KdfCost::FLOOR).unwrap();
        for name in ["own", "other"] {
            vault.add_project(&NewProject { name: name.into(), ..NewProject::default() }).unwrap();
        }
        let [own, other] = ["own", "other"].map(|name| vault.project(name).unwrap().id);
        let opened = |projects: Option<Vec<ProjectId>>, reason: &str, files: &[LoggedFile]| {
            let seq = vault.log_begin(&entry(Action::FileOpen, projects, reason)).unwrap();
            if !files.is_empty() {
                vault.log_files(seq, files).unwrap();
            }
            vault.log_end(seq, &LogEnd::done(What::default())).unwrap();
            seq
        };
        let plain = opened(Some(vec![own]), "tables", &[file(own, "/home/ada/own.csv")]);
        opened(Some(vec![other]), SECRET, &[file(other, SECRET)]);
        let mixed = opened(None, SECRET, &[file(own, "/home/ada/own-2.csv"), file(other, SECRET)]);
        let unknown = opened(None, SECRET, &[]);
        vault.log_note(&entry(Action::KitTest, Some(Vec::new()), "")).unwrap();
        let Known::Is(part) = of_project(&vault, own).unwrap() else { panic!("there is a log") };
        let disclosed: Vec<String> = part.entries.iter().map(|entry| entry.json.as_value().to_string()).collect();
        assert!(disclosed.iter().all(|text| !text.contains("other-client") && !text.contains(&other.to_string())));
        assert!(disclosed.iter().any(|text| text.contains("/home/ada/own.csv")), "{disclosed:?}");
        assert!(disclosed.iter().any(|text| text.contains("kit.test")));
        assert!(part.entries.iter().any(|entry| entry.seq == plain));
        let withheld = |seq| part.withheld.iter().find(|entry| entry.seq == seq).map(|entry| entry.certain);
        assert_eq!((withheld(mixed), withheld(unknown)), (Some(true), Some(false)));
        let log = &part.enrolments[0];
        assert_eq!((log.from, log.to, log.anchored, log.gaps), (1, log.records.len() as u64, true, 0));
        assert_eq!(log.records.last().unwrap().as_ref(), Some(&log.tip));
    }
}
