//! The rules by which facts become a report: which conditions there are, and when each of them is met. A condition of
//! which nothing is known is "not known", and never met. Nothing is counted into a score.

use super::bundle::{Bundle, Check, CheckState, CopyPart, FORMAT, FilePart, FileState, How, Inventory, Read, VERSION};
use super::day::Day;
use super::facts::{Facts, Known};
use super::openings::{last_done, openings};
use super::says::{counted, grouped, moment, size};
use crate::crypto::list_digest::ListDigest;
use crate::format::{FormatError, Timestamp};

/// The conditions, each with what the page calls it.
pub const CONDITIONS: [(&str, &str); 13] = [
    (FILES, "Every file is encrypted and whole"),
    (COPIES, "Opened copies have been removed"),
    (TIME, "The time to destroy has not passed"),
    (LOG, "The record of accesses is unbroken"),
    (PASSWORD, "The master password is strong"),
    (LOSS, "Loss is provided for"),
    (PERIOD, "The keys are within their period"),
    (SEPARATE, "Keys and data are on separate devices"),
    (DISK, "The computer’s disks are encrypted"),
    (SWAP, "Memory put on disk is encrypted"),
    (LOCK, "The screen locks by itself"),
    (SYNCED, "The data are in no synchronised folder"),
    (BACKUPS, "Backups are known and protected"),
];

/// Every file is encrypted and whole.
pub const FILES: &str = "files-whole";
/// Opened copies have been removed.
pub const COPIES: &str = "copies-removed";
/// The time to destroy has not passed.
pub const TIME: &str = "time";
/// The record of accesses is unbroken.
pub const LOG: &str = "log-unbroken";
/// The master password is strong.
pub const PASSWORD: &str = "password-strong";
/// Loss is provided for.
pub const LOSS: &str = "loss";
/// The keys are within their period.
pub const PERIOD: &str = "key-period";
/// Keys and data are on separate devices.
pub const SEPARATE: &str = "key-separate";
/// The computer's disks are encrypted.
pub const DISK: &str = "disk-encrypted";
/// Memory put on disk is encrypted.
pub const SWAP: &str = "swap-encrypted";
/// The screen locks by itself.
pub const LOCK: &str = "screen-locks";
/// The data are in no synchronised folder.
pub const SYNCED: &str = "not-synced";
/// Backups are known and protected.
pub const BACKUPS: &str = "backups";

/// How long a key may encrypt, in months (SP 800-57 part 1: the originator-usage period).
const PERIOD_MONTHS: u32 = 24;
/// How long a test of a kit and a copy of the vault count, in months.
const TEST_MONTHS: u32 = 12;

/// Makes a report of facts.
///
/// # Errors
/// None in practice: the members are plain data.
pub fn bundle(facts: Facts) -> Result<Bundle, FormatError> {
    let list_digest = list_digest(&facts.files)?;
    let mut bundle = Bundle {
        format: FORMAT.into(),
        version: VERSION,
        name: format!("{}-{}", facts.stem, facts.number),
        number: facts.number,
        made: facts.made,
        previous_sha256: facts.previous_sha256,
        vault: facts.vault,
        project: facts.project,
        engagement: facts.engagement.get().cloned(),
        state: facts.state,
        inventory: Inventory {
            roots: facts.roots,
            read: facts.read,
            at: facts.read_at,
            files: facts.files,
            list_digest,
        },
        keys: facts.keys,
        unlock: facts.unlock,
        checks: Vec::new(),
        log: facts.log.get().cloned(),
        copies: facts.copies.get().cloned(),
        shares: facts.shares,
        destruction: facts.destruction,
        tool: facts.tool,
        signed_by: facts.signed_by,
        not_covered: Vec::new(),
        page_sha256: String::new(),
        annex_sha256: String::new(),
    };
    let unknown = Unknown { log: facts.log.why().to_owned(), copies: facts.copies.why().to_owned() };
    let mut checks = checks(&bundle, &unknown, &facts.machine);
    checks.sort_by_key(|check| check.state);
    bundle.checks = checks;
    bundle.not_covered = not_covered(&bundle);
    Ok(bundle)
}

/// Returns the digest of a list of files, by which two reports' lists are compared.
///
/// # Errors
/// None in practice.
pub fn list_digest(files: &[FilePart]) -> Result<String, FormatError> {
    let bytes = serde_json::to_vec(files).map_err(|error| FormatError::malformed(error.to_string()))?;
    let mut digest = ListDigest::new();
    digest.update(&bytes);
    Ok(digest.finish().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Why some facts are not known.
struct Unknown {
    log: String,
    copies: String,
}

type Found = (CheckState, String, How);

fn checks(bundle: &Bundle, unknown: &Unknown, machine: &[Check]) -> Vec<Check> {
    let found = |id: &str| -> Option<Found> {
        Some(match id {
            FILES => files(bundle),
            COPIES => copies(bundle, unknown),
            TIME => time(bundle),
            LOG => log(bundle, &unknown.log),
            PASSWORD => password(bundle),
            LOSS => loss(bundle),
            PERIOD => period(bundle),
            BACKUPS => backups(bundle),
            _ => return None,
        })
    };
    let check = |(id, _): &(&str, &str)| match found(id) {
        Some((state, says, how)) => Check { id: (*id).into(), state, says, how, at: bundle.made },
        None => machine.iter().find(|check| check.id == *id).cloned().unwrap_or_else(|| Check {
            id: (*id).into(),
            state: CheckState::NotKnown,
            says: "this program did not find it out on this computer".into(),
            how: How::Probed,
            at: bundle.made,
        }),
    };
    CONDITIONS.iter().map(check).collect()
}

fn count(files: &[FilePart], state: FileState) -> usize {
    files.iter().filter(|file| file.state == state).count()
}

fn files(bundle: &Bundle) -> Found {
    let files = &bundle.inventory.files;
    let [whole, damaged, missing, foreign, unread] =
        [FileState::Whole, FileState::Damaged, FileState::Missing, FileState::Foreign, FileState::Unread]
            .map(|state| count(files, state));
    let read_at = moment(bundle.inventory.at, bundle.made);
    if bundle.project.destroyed.is_some() {
        let says = match files.len() {
            0 => "the keys are destroyed; no encrypted file was found where it was looked for".to_owned(),
            left => format!("the keys are destroyed; {} left, which no key here opens", counted(left, "file")),
        };
        return (CheckState::NotKnown, says, How::Probed);
    }
    let bad: Vec<String> = [(damaged, "damaged"), (missing, "missing"), (foreign, "opened by no key here")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count as u64)))
        .collect();
    if !bad.is_empty() {
        let says = format!("of {}: {}; the annex names them", counted(files.len(), "file"), bad.join(", "));
        return (CheckState::NotMet, says, How::Probed);
    }
    match (bundle.inventory.read, files.len()) {
        (_, 0) => (CheckState::NotKnown, "no encrypted file was found where it was looked for".into(), How::Probed),
        (Read::Full, _) if unread > 0 => {
            (CheckState::NotKnown, format!("{} could not be read", counted(unread, "file")), How::Probed)
        }
        (Read::Sample, all) => {
            let says = format!(
                "{} of {} read to the last byte, {read_at}; of the others only that they are there",
                grouped(whole as u64),
                grouped(all as u64)
            );
            (CheckState::NotKnown, says, How::Probed)
        }
        (Read::Full, all) => {
            let all = if all == 1 { "1 file".into() } else { format!("all {}", grouped(all as u64)) };
            (CheckState::Met, format!("AES-256-GCM; {all} read to the last byte {read_at}"), How::Probed)
        }
    }
}

fn copies(bundle: &Bundle, unknown: &Unknown) -> Found {
    let Some(copies) = &bundle.copies else { return (CheckState::NotKnown, unknown.copies.clone(), How::Recorded) };
    let in_state = |wanted: &[&str]| -> Vec<&CopyPart> {
        copies.files.iter().filter(|copy| wanted.contains(&copy.state.as_str())).collect()
    };
    let standing = in_state(&["stands", "stands-elsewhere"]);
    let unclear = in_state(&["changed", "not-reachable"]);
    let shown = openings(bundle).iter().any(|opening| opening.action == "key.show");
    if !standing.is_empty() {
        let bytes = standing.iter().map(|copy| copy.size).sum();
        let says = format!(
            "{} of {} still there, {}; the annex names them",
            grouped(standing.len() as u64),
            grouped(copies.files.len() as u64),
            size(bytes)
        );
        return (CheckState::NotMet, says, How::Probed);
    }
    if shown {
        let says = "a key was shown to another program: what that opened is not on record".into();
        return (CheckState::NotKnown, says, How::Recorded);
    }
    if !unclear.is_empty() {
        let says = format!(
            "{} of {} changed or out of reach; the annex names them",
            grouped(unclear.len() as u64),
            grouped(copies.files.len() as u64)
        );
        return (CheckState::NotKnown, says, How::Probed);
    }
    if let Some(doubt) = copies.doubts.first() {
        return (CheckState::NotKnown, format!("none found, but {doubt}"), How::Recorded);
    }
    if bundle.log.is_none() {
        return (CheckState::NotKnown, unknown.log.clone(), How::Recorded);
    }
    // What was opened before there was a record is not on it.
    if let Some(begun) = record_begins(bundle).map(Day::of).filter(|begun| *begun > Day::of(bundle.project.created)) {
        let says = format!("none found; what was opened before {} is not on record", begun.short());
        return (CheckState::NotKnown, says, How::Recorded);
    }
    let says = match copies.files.len() {
        0 => "none is on record".into(),
        all => format!(
            "{} on record; no identical copy found in {}",
            grouped(all as u64),
            counted(usize::try_from(copies.searched).unwrap_or(usize::MAX), "file")
        ),
    };
    (CheckState::Met, says, How::Probed)
}

/// Returns by when the data are to be destroyed, or when the contract ends if no such day is set.
#[must_use]
pub fn due(bundle: &Bundle) -> Option<Day> {
    bundle.agreed("destroy_by").or_else(|| bundle.agreed("ends")).and_then(Day::read)
}

fn time(bundle: &Bundle) -> Found {
    let today = Day::of(bundle.made);
    if let Some(at) = bundle.project.destroyed {
        return (CheckState::Met, format!("the keys were destroyed on {}", Day::of(at)), How::Recorded);
    }
    let day = due(bundle);
    if let Some(hold) = &bundle.project.hold {
        let until = day.map(|day| format!("; it would be {day}")).unwrap_or_default();
        let says = format!("under legal hold since {}{until}", Day::of(hold.since));
        return (CheckState::Met, says, How::Recorded);
    }
    let Some(day) = day else {
        return (CheckState::NotKnown, "no day is on record".into(), How::Recorded);
    };
    let days = today.until(day);
    if days < 0 {
        let late = counted(usize::try_from(-days).unwrap_or(usize::MAX), "day");
        return (CheckState::NotMet, format!("it was {day}, {late} ago"), How::Declared);
    }
    let left = counted(usize::try_from(days).unwrap_or(usize::MAX), "day");
    (CheckState::Met, format!("{day}, in {left}"), How::Declared)
}

fn log(bundle: &Bundle, why: &str) -> Found {
    let Some(log) = &bundle.log else { return (CheckState::NotKnown, why.into(), How::Recorded) };
    let logs = &log.enrolments;
    if let Some(trouble) = logs.iter().find_map(|log| log.trouble.as_ref()) {
        return (CheckState::NotMet, trouble.clone(), How::Probed);
    }
    let gaps: u64 = logs.iter().map(|log| log.gaps).sum();
    if gaps > 0 {
        let says = format!("{} on record, where entries were lost or altered", counted(gaps as usize, "gap"));
        return (CheckState::NotMet, says, How::Recorded);
    }
    let dropped = logs.iter().any(|log| log.from > 1);
    let entries: u64 = logs.iter().map(|log| (log.to + 1).saturating_sub(log.from)).sum();
    let earlier = if dropped { ", earlier ones dropped on purpose" } else { "" };
    match (logs.len(), logs.iter().all(|log| log.anchored)) {
        (0, _) => (CheckState::NotKnown, "no record has been begun".into(), How::Recorded),
        (_, false) => {
            let all = logs.iter().filter(|log| !log.anchored).count();
            let says = format!(
                "{}{earlier}; the end of {} can be proven on another computer only",
                counted(entries as usize, "entry"),
                counted(all, "log")
            );
            (CheckState::NotKnown, says, How::Probed)
        }
        (1, true) => {
            let which = match (logs[0].from, logs[0].to) {
                (from, to) if from == to => format!("entry {to}"),
                (from, to) => format!("entries {from} to {to}"),
            };
            let says = format!("{which}{earlier}; the end of the log agrees with the keychain");
            (CheckState::Met, says, How::Probed)
        }
        (several, true) => {
            let says = format!("{} in {several} logs{earlier}; their ends agree", counted(entries as usize, "entry"));
            (CheckState::Met, says, How::Probed)
        }
    }
}

fn password(bundle: &Bundle) -> Found {
    let kdf = &bundle.unlock.kdf;
    let cost = format!("Argon2id, {} MiB, {}", grouped(u64::from(kdf.m / 1024)), counted(kdf.t as usize, "pass"));
    match &bundle.unlock.password {
        Some(judged) if judged.strong => (CheckState::Met, format!("{}; {cost}", judged.says), How::Probed),
        Some(judged) => (CheckState::NotMet, format!("{}; {cost}", judged.says), How::Probed),
        None => (CheckState::NotKnown, format!("it was not typed for this report; {cost}"), How::Probed),
    }
}

fn loss(bundle: &Bundle) -> Found {
    let valid: Vec<_> = bundle.unlock.kits.iter().filter(|kit| kit.valid).collect();
    let Some(kit) = valid.iter().max_by_key(|kit| (kit.tested, kit.created)) else {
        return (CheckState::NotMet, "there is no recovery kit".into(), How::Recorded);
    };
    let is_recent = |at: &Timestamp| Day::of(*at).months_later(TEST_MONTHS) >= Day::of(bundle.made);
    let tested = kit.tested.or_else(|| last_done(bundle, "kit.test", Some(&kit.name)));
    let copied = bundle.unlock.backups.as_ref().map(|all| all.iter().max().copied());
    let test = match tested {
        Some(at) => format!("kit {} last tested {}", kit.name, Day::of(at).short()),
        None => format!("kit {}, of which no test is on record", kit.name),
    };
    let copy = match copied {
        Some(Some(at)) => format!("vault copied {}", Day::of(at).short()),
        Some(None) => "no copy of the vault on record".into(),
        None => "whether the vault was copied is not on record".into(),
    };
    let met = tested.as_ref().is_some_and(is_recent) && copied.flatten().as_ref().is_some_and(is_recent);
    (if met { CheckState::Met } else { CheckState::NotKnown }, format!("{test}; {copy}"), How::Recorded)
}

fn period(bundle: &Bundle) -> Found {
    let Some(key) = bundle.keys.iter().find(|key| key.current) else {
        return (CheckState::Met, "no key encrypts any more".into(), How::Recorded);
    };
    let (made, until) = (Day::of(key.created), Day::of(key.created).months_later(PERIOD_MONTHS));
    if until < Day::of(bundle.made) {
        let says = format!("key {}, made {}, has encrypted for over 24 months", key.version, made.short());
        return (CheckState::NotMet, says, How::Recorded);
    }
    let says = format!("key {}, made {}, encrypts until {}", key.version, made.short(), until.short());
    (CheckState::Met, says, How::Recorded)
}

fn backups(bundle: &Bundle) -> Found {
    let declared = bundle
        .engagement
        .as_ref()
        .and_then(|agreed| agreed.now.get("declared")?.as_value().get("backups")?.as_str().map(str::to_owned));
    match declared {
        Some(text) => (CheckState::NotKnown, format!("cannot be seen from here; declared: {text}"), How::Declared),
        None => (CheckState::NotKnown, "cannot be seen from here; nothing is declared".into(), How::Declared),
    }
}

/// Returns when the first entry was made that the report discloses.
fn record_begins(bundle: &Bundle) -> Option<Timestamp> {
    let entries = bundle.log.iter().flat_map(|log| &log.entries);
    entries.filter_map(|entry| entry.json.as_value()["at"].as_str()?.parse().ok()).min()
}

/// Returns what a report does not say. It is always on the page, and nobody can leave it out.
#[must_use]
pub fn not_covered(bundle: &Bundle) -> Vec<String> {
    let record = match record_begins(bundle) {
        Some(at) => format!(
            "Accesses are recorded from {}, when the first entry about these data was made; who is named there is what \
             each computer claims.",
            Day::of(at)
        ),
        None => "No access to these data is on record: if there was one, this page cannot know.".into(),
    };
    vec![
        "It shows what a program found at one moment on one computer.".into(),
        "It cannot see what was copied by hand, photographed or sent before or since, backups it was not told of, or \
         what an intruder did while files were open."
            .into(),
        record,
        "Not recorded are attempts with a wrong password, and what was done with a key that was handed out.".into(),
        "The signature shows that these files belong together and that whoever had the vault open signed them; not \
         that they are true, when they were made, or by which person."
            .into(),
        "The encryption follows published standards; the program is not a module validated under FIPS 140.".into(),
        "Whether this meets a contract or a law is for the reader to judge. No lawyer has reviewed the wording of \
         this page."
            .into(),
    ]
}

/// Returns a reason for [`Known::Not`].
#[must_use]
pub fn not_known<T>(why: &str) -> Known<T> {
    Known::Not(why.into())
}
