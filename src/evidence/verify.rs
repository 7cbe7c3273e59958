//! Verifying a report that somebody hands over, without the vault: what is signed and by whom, whether its page is the
//! one that the bundle makes, whether the disclosed entries are those of the log, and whether an earlier report's log
//! is the beginning of this one's.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{Bundle, Disclosed, LogOf, LogPart, NO_HASH, SignedBy};
use super::rules::{CONDITIONS, list_digest, not_covered};
use crate::crypto::cobblestone::{DERIVED_LEN, open_disclosed};
use crate::crypto::hmac::sha256;
use crate::format::json::{StrictValue, parse};
use crate::format::log::frame;
use crate::format::signing::{PublicKey, REPORT, STATEMENT, SignatureError, signer};
use crate::format::{EnrolmentId, FormatError, VaultId};

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bundle is none.
    #[error("{0}")]
    Form(#[from] FormatError),
    /// The signature is not of this bundle.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The bundle names another key than the one that signed it.
    #[error("it was signed by {signed}, and names {named} as its key")]
    NamesOtherKey {
        /// The fingerprint of the key that signed.
        signed: String,
        /// The one that the bundle names.
        named: String,
    },
    /// The key is none of those that are known.
    #[error("it was signed by {signed}, which is none of the keys in {among}")]
    OtherKey {
        /// The fingerprint of the key that signed.
        signed: String,
        /// Where the known keys are from.
        among: String,
    },
    /// The page is not what the bundle makes.
    #[error("{file} is not what the bundle makes: it differs from byte {at} on")]
    Page {
        /// The file's name.
        file: String,
        /// The first byte that differs.
        at: usize,
    },
    /// Something that follows from the rest of the bundle does not.
    #[error("{0}")]
    Inconsistent(String),
    /// An entry of a log does not prove to be what the bundle says.
    #[error("entry {seq} of log {log}: {why}")]
    Entry {
        /// The log.
        log: EnrolmentId,
        /// The entry's number.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// It does not continue the earlier report.
    #[error("{0}")]
    DoesNotFollow(String),
}

/// A report that proved to be what it says.
#[derive(Debug)]
pub struct Verified {
    /// The bundle.
    pub bundle: Bundle,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The key that signed it.
    pub signer: PublicKey,
    /// The key before, if that announces this one.
    pub announced_by: Option<PublicKey>,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

/// What following an earlier report came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// How many of the earlier report's records are also in this one, unchanged.
    pub records: u64,
    /// How many of them were dropped on purpose since, and cannot be compared.
    pub dropped: u64,
    /// Whether it is the very next report, whose hash of the earlier one was compared, too.
    pub is_next: bool,
}

/// Returns SHA-256 in hexadecimal.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex_of(&sha256(bytes))
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Verifies a bundle by itself.
///
/// # Errors
/// [`Refusal`].
pub fn verify(bytes: &[u8], signature: &str) -> Result<Verified, Refusal> {
    let signer = signer(signature, REPORT, bytes)?;
    let bundle = Bundle::parse(bytes)?;
    let announced_by = check_signer(bundle.vault, &bundle.signed_by, &signer)?;
    check_consistent(&bundle)?;
    if let Some(log) = &bundle.log {
        check_log(log)?;
    }
    Ok(Verified { bundle, sha256: hash(bytes), signer, announced_by })
}

/// Sees to it that a bundle names the key that signed it. Returns the key before, if that announces this one.
pub(super) fn check_signer(vault: VaultId, named: &SignedBy, signer: &PublicKey) -> Result<Option<PublicKey>, Refusal> {
    if PublicKey::read(&named.public).ok() != Some(*signer)
        || named.public != signer.text()
        || named.fingerprint != signer.fingerprint()
    {
        let (signed, named) = (signer.fingerprint(), named.fingerprint.clone());
        return Err(Refusal::NamesOtherKey { signed, named });
    }
    announcer(vault, named, signer)
}

/// Returns the key whose statement names this one as its successor.
fn announcer(vault: VaultId, named: &SignedBy, key: &PublicKey) -> Result<Option<PublicKey>, Refusal> {
    let Some(said) = &named.statement else { return Ok(None) };
    let bad = || Refusal::Inconsistent("the statement about the key is not one of the key before it".into());
    let earlier = signer_of_statement(&said.text, &said.signature).ok_or_else(bad)?;
    let names = |what: &str, value: &str| said.text.lines().any(|line| line == format!("{what}: {value}"));
    let is_whole = names("vault", &vault.to_string())
        && names("earlier key", &earlier.text())
        && names("its successor", &key.text());
    if is_whole { Ok(Some(earlier)) } else { Err(bad()) }
}

fn signer_of_statement(text: &str, signature: &str) -> Option<PublicKey> {
    signer(signature, STATEMENT, text.as_bytes()).ok()
}

/// How far a page was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It is the page that was signed, and the one that the bundle makes.
    Same,
    /// It is the page that was signed; another version of the program made it, and this one would make another.
    Signed,
}

/// Compares a page with the one that was signed, and with the one that the bundle makes. `own` is what the bundle says
/// of it, and `shows` how it shows a digest.
///
/// # Errors
/// [`Refusal::Page`].
pub fn check_page(
    verified: &Verified,
    file: &str,
    own: &str,
    shows: impl Fn(&str) -> String,
    found: &[u8],
    made: &str,
) -> Result<Compared, Refusal> {
    compare_page((&verified.sha256, &verified.bundle.tool.version, own), file, shows, found, made)
}

/// As [`check_page`], of any bundle: its digest, the version of the program that made it, and what it says of the page.
///
/// # Errors
/// [`Refusal::Page`].
pub fn compare_page(
    (sha256, version, own): (&str, &str, &str),
    file: &str,
    shows: impl Fn(&str) -> String,
    found: &[u8],
    made: &str,
) -> Result<Compared, Refusal> {
    let differs = || {
        let at = found.iter().zip(made.as_bytes()).position(|(found, made)| found != made);
        Refusal::Page { file: file.into(), at: at.unwrap_or(found.len().min(made.len())) }
    };
    let text = std::str::from_utf8(found).map_err(|_| differs())?;
    if hash(text.replace(&shows(sha256), &shows(NO_HASH)).as_bytes()) != own {
        return Err(differs());
    }
    match (text == made, version == env!("CARGO_PKG_VERSION")) {
        (true, _) => Ok(Compared::Same),
        (false, false) => Ok(Compared::Signed),
        // Whoever signed it signed a page that does not say what the bundle says.
        (false, true) => Err(differs()),
    }
}

/// Tells whether a name can be that of a file, so that a page never names one elsewhere.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 80
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn check_consistent(bundle: &Bundle) -> Result<(), Refusal> {
    let refuse = |what: &str| Err(Refusal::Inconsistent(what.into()));
    let Some(stem) = bundle.name.strip_suffix(&format!("-{}", bundle.number)) else {
        return refuse("the report's name does not have its number");
    };
    if !is_name(stem) || !is_name(&bundle.signed_by.identity) {
        return refuse("a name in it cannot be that of a file");
    }
    if bundle.number == 0 || (bundle.number == 1) != bundle.previous_sha256.is_none() {
        return refuse("only a project's first report has none before it");
    }
    if !bundle.previous_sha256.as_deref().is_none_or(is_hash) {
        return refuse("the hash of the report before is none");
    }
    if bundle.inventory.list_digest != list_digest(&bundle.inventory.files)? {
        return refuse("the digest of the list of files does not fit the list");
    }
    let ids: BTreeSet<&str> = bundle.checks.iter().map(|check| check.id.as_str()).collect();
    let known: BTreeSet<&str> = CONDITIONS.iter().map(|(id, _)| *id).collect();
    if ids != known || bundle.checks.len() != known.len() {
        return refuse("it does not have each condition once");
    }
    if !bundle.checks.is_sorted_by_key(|check| check.state) {
        return refuse("what is not met does not come first");
    }
    if bundle.not_covered != not_covered(bundle) {
        return refuse("what it says that it does not say was altered");
    }
    Ok(())
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

pub(super) fn check_log(part: &LogPart) -> Result<(), Refusal> {
    let refuse = |what: String| Err(Refusal::Inconsistent(what));
    if !part.enrolments.is_sorted_by(|one, other| one.id < other.id) {
        return refuse("the logs are not in order".into());
    }
    let logs: BTreeMap<EnrolmentId, &LogOf> = part.enrolments.iter().map(|log| (log.id, log)).collect();
    for log in &part.enrolments {
        let count = log.to.checked_add(1).and_then(|end| end.checked_sub(log.from));
        if log.from == 0 || count != Some(log.records.len() as u64) {
            return refuse(format!("log {} does not have as many records as it says", log.id));
        }
        if !log.records.iter().flatten().all(|record| is_hash(record)) {
            return refuse(format!("log {} lists something that is no hash", log.id));
        }
        if log.gaps == 0 && log.trouble.is_none() && log.records.iter().any(Option::is_none) {
            return refuse(format!("log {} lacks records, and has no gap", log.id));
        }
        if log.records.last().is_some_and(|last| last.as_ref() != Some(&log.tip)) || !is_hash(&log.tip) {
            return refuse(format!("the end of log {} is not its last record", log.id));
        }
    }
    if !part.entries.is_sorted_by(|one, other| (one.enrolment, one.seq) < (other.enrolment, other.seq)) {
        return refuse("the entries are not in order".into());
    }
    if !part.withheld.is_sorted_by(|one, other| (one.enrolment, one.seq) < (other.enrolment, other.seq)) {
        return refuse("the withheld entries are not in order".into());
    }
    let disclosed: BTreeSet<_> = part.entries.iter().map(|entry| (entry.enrolment, entry.seq)).collect();
    for entry in &part.withheld {
        let log = logs.get(&entry.enrolment).filter(|log| (log.from..=log.to).contains(&entry.seq));
        if log.is_none() || disclosed.contains(&(entry.enrolment, entry.seq)) {
            return refuse(format!("entry {} is withheld, and is not in the log or is disclosed", entry.seq));
        }
    }
    part.entries.iter().try_for_each(|entry| {
        let refused = |why: String| Refusal::Entry { log: entry.enrolment, seq: entry.seq, why };
        let log = logs.get(&entry.enrolment).ok_or_else(|| refused("there is no such log".into()))?;
        check_entry(log, entry).map_err(refused)
    })
}

/// Opens an entry's record with what was disclosed, and compares.
fn check_entry(log: &LogOf, entry: &Disclosed) -> Result<(), String> {
    let decoded = |what: &str, text: &str| STANDARD.decode(text).map_err(|_| format!("its {what} is not base64"));
    let at = entry.seq.checked_sub(log.from).and_then(|at| log.records.get(usize::try_from(at).ok()?)?.as_ref());
    let expected = at.ok_or("the log has no record of that number")?;
    let record = decoded("record", &entry.record)?;
    if hash(&record) != *expected {
        return Err("its record is not the one in the log".into());
    }
    let okm: [u8; DERIVED_LEN] =
        decoded("key", &entry.okm)?.try_into().map_err(|_| "its key does not have 76 bytes".to_owned())?;
    let frame = frame(&record).map_err(|error| error.to_string())?;
    let opened = open_disclosed(&okm, frame.sealed).map_err(|error| error.to_string())?;
    let json: StrictValue = parse("the record", &opened).map_err(|error| error.to_string())?;
    if json != entry.json {
        return Err("its record says something else".into());
    }
    if json.as_value()["seq"].as_u64() != Some(entry.seq) {
        return Err("its record has another number".into());
    }
    Ok(())
}

/// Compares a report with an earlier one of the same project.
///
/// # Errors
/// [`Refusal::DoesNotFollow`].
pub fn follows(new: &Verified, old: &Verified) -> Result<Followed, Refusal> {
    let refuse = |what: String| Err(Refusal::DoesNotFollow(what));
    let (now, then) = (&new.bundle, &old.bundle);
    if (now.vault, now.project.id) != (then.vault, then.project.id) {
        return refuse("the earlier report is of another project or vault".into());
    }
    if new.signer != old.signer && new.announced_by != Some(old.signer) {
        return refuse(format!(
            "another key signed it: {} instead of {}, which does not announce it",
            new.signer.fingerprint(),
            old.signer.fingerprint()
        ));
    }
    if now.number <= then.number {
        return refuse(format!("its number is {}, and that of the earlier report {}", now.number, then.number));
    }
    let is_next = now.number == then.number + 1;
    if is_next && now.previous_sha256.as_deref() != Some(old.sha256.as_str()) {
        return refuse("the report before it was another one than the one you have".into());
    }
    if now.made < then.made {
        return refuse("it was made before the earlier report".into());
    }
    let kept: Vec<_> = now.engagement.iter().flat_map(|agreed| &agreed.revisions).collect();
    let revisions = then.engagement.iter().flat_map(|agreed| &agreed.revisions);
    if let Some(lost) = revisions.into_iter().find(|revision| !kept.contains(revision)) {
        return refuse(format!("what was agreed on {} is not in it, or was altered", lost.at));
    }
    let (mut records, mut dropped) = (0, 0);
    if let Some(then) = &then.log {
        let Some(now) = &now.log else { return refuse("it has no record of accesses any more".into()) };
        for earlier in &then.enrolments {
            let (same, gone) = is_prefix(earlier, now)?;
            records += same;
            dropped += gone;
        }
        for entry in &then.entries {
            let later = now.entries.iter().find(|later| (later.enrolment, later.seq) == (entry.enrolment, entry.seq));
            // Both are proven to be of their records; a record can still have been made to open in two ways.
            if later.is_some_and(|later| later.json != entry.json) {
                return refuse(format!("entry {} of log {} says something else in it", entry.seq, entry.enrolment));
            }
        }
    }
    Ok(Followed { records, dropped, is_next })
}

/// Sees to it that a log begins as it did. Returns how many records are the same, and how many were dropped since.
fn is_prefix(earlier: &LogOf, now: &LogPart) -> Result<(u64, u64), Refusal> {
    let refuse = |what: String| Err(Refusal::DoesNotFollow(what));
    let Some(log) = now.enrolments.iter().find(|log| log.id == earlier.id) else {
        return refuse(format!("log {} is not in it any more", earlier.id));
    };
    if log.to < earlier.to {
        return refuse(format!("log {} ends at entry {}; it had {}", log.id, log.to, earlier.to));
    }
    if log.from < earlier.from || log.gaps < earlier.gaps {
        return refuse(format!("log {} has back what it had lost", log.id));
    }
    let of = |log: &LogOf, seq: u64| log.records.get(usize::try_from(seq - log.from).ok()?).cloned();
    let mut same = 0;
    for seq in log.from..=earlier.to {
        let (now, then) = (of(log, seq).flatten(), of(earlier, seq).flatten());
        // A record that was lost since is gone for good, which is said by the gap; it never comes back as another one.
        let is_lost = now.is_none() && then.is_some() && log.gaps > earlier.gaps;
        if now != then && !is_lost {
            return refuse(format!("entry {seq} of log {} is another one than before", log.id));
        }
        same += 1;
    }
    Ok((same, (log.from.min(earlier.to + 1)) - earlier.from))
}
