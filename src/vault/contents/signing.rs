//! The keys that sign a vault's reports, and what is remembered of each report.

use super::Editing;
use crate::crypto::cobblestone;
use crate::crypto::secret::{DataKey, SigningSeed};
use crate::crypto::signing::public_key;
use crate::error::{Error, Subject};
use crate::format::scalar::Base64;
use crate::format::signing::{PublicKey, ReportRecord, STATEMENT, SigningKey, Statement, sign_file};
use crate::format::vault::{Payload, RENEW};
use crate::format::{ProjectId, SigningKeyId, VaultId, label};

/// The member of a payload that holds the keys, as `needs` names it.
const MEMBER: &str = "signing";

/// Returns the key that signs: of several that have not ended, as two computers may have made them apart, the first.
pub fn current(payload: &Payload) -> Option<&SigningKey> {
    payload.signing.iter().filter(|key| key.ended.is_none()).min_by_key(|key| (key.created, key.id))
}

/// Sees to it that there is a key that signs.
pub fn ensure(payload: &mut Payload, editing: &Editing<'_>) -> Result<(), Error> {
    if current(payload).is_none() {
        let key = new_key(editing)?;
        add(payload, key);
    }
    Ok(())
}

/// Makes a successor of the key that signs, which says so in its last words. Every key of before ends with it.
pub fn rotate(payload: &mut Payload, reason: &str, editing: &Editing<'_>) -> Result<(), Error> {
    ensure(payload, editing)?;
    let Some(old) = current(payload) else { return Ok(()) };
    let old_public = public_of(old)?;
    let old_seed = unwrap(editing.vault, editing.data_key, old)?;
    let mut key = new_key(editing)?;
    let text = format!(
        "Strongroom key statement, version 1\nvault: {}\nfrom: {}\nearlier key: {}\nits successor: {}\nreason: {}\n",
        editing.vault,
        editing.now,
        old_public.text(),
        key.public,
        reason
    );
    let signature = sign_file(&old_seed, &old_public, STATEMENT, text.as_bytes());
    key.statement = Some(Statement { text, signature, others: Default::default() });
    for held in payload.signing.iter_mut().filter(|held| held.ended.is_none()) {
        held.ended = Some(editing.now);
    }
    add(payload, key);
    Ok(())
}

fn add(payload: &mut Payload, key: SigningKey) {
    payload.signing.push(key);
    let need = format!("{RENEW}{MEMBER}");
    // A program that cannot wrap the key anew would lose it with a rotation.
    if !payload.needs.contains(&need) {
        payload.needs.push(need);
    }
}

fn new_key(editing: &Editing<'_>) -> Result<SigningKey, Error> {
    let (id, seed) = (SigningKeyId::generate()?, SigningSeed::generate()?);
    let public = PublicKey(public_key(&seed));
    Ok(SigningKey {
        id,
        public: public.text(),
        created: editing.now,
        ended: None,
        wrapped: wrap(editing.vault, editing.data_key, id, &seed)?,
        statement: None,
        others: Default::default(),
    })
}

fn wrap(vault: VaultId, data_key: &DataKey, id: SigningKeyId, seed: &SigningSeed) -> Result<Base64, Error> {
    let context: [&[u8]; 3] = [label::SIGNING_KEY, vault.as_bytes(), id.as_bytes()];
    Ok(Base64(cobblestone::seal(data_key.expose(), &context, seed.expose())?))
}

/// Unwraps a key's seed.
pub fn unwrap(vault: VaultId, data_key: &DataKey, key: &SigningKey) -> Result<SigningSeed, Error> {
    let context: [&[u8]; 3] = [label::SIGNING_KEY, vault.as_bytes(), key.id.as_bytes()];
    SigningSeed::fill_with(|seed| cobblestone::open_key(data_key.expose(), &context, &key.wrapped.0, seed))
        .map_err(|error| damaged(&error))
}

/// Reads a key's public half as it stands in the payload.
pub fn public_of(key: &SigningKey) -> Result<PublicKey, Error> {
    PublicKey::read(&key.public).map_err(|error| damaged(&error))
}

fn damaged(detail: &dyn std::fmt::Display) -> Error {
    Error::Damaged { what: Subject::Content("the key that signs reports"), detail: detail.to_string() }
}

/// Wraps every key anew: for another data key, or another vault.
pub fn renew(payload: &mut Payload, from: (VaultId, &DataKey), to: (VaultId, &DataKey)) -> Result<(), Error> {
    for key in &mut payload.signing {
        let seed = unwrap(from.0, from.1, key)?;
        key.wrapped = wrap(to.0, to.1, key.id, &seed)?;
    }
    Ok(())
}

/// Leaves nothing of them: a fork signs for itself, and its reports count from 1.
pub fn leave_behind(payload: &mut Payload) {
    payload.signing.clear();
    payload.reports.clear();
    payload.needs.retain(|need| need.strip_prefix(RENEW) != Some(MEMBER));
}

/// Takes over what another file of the same data key has more. Returns the keys that both have and that are not the
/// same.
pub fn unite(own: &mut Payload, other: &Payload) -> Vec<String> {
    let mut differing = Vec::new();
    for key in &other.signing {
        match own.signing.iter_mut().find(|held| held.id == key.id) {
            None => own.signing.push(key.clone()),
            // The wraps may differ: each is sealed with a salt of its own.
            Some(held) if held.public == key.public => {
                held.ended = match (held.ended, key.ended) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
            Some(_) => differing.push(format!("signing key {}", key.id)),
        }
    }
    for report in &other.reports {
        if !own.reports.contains(report) {
            own.reports.push(report.clone());
        }
    }
    differing
}

/// Returns the last report of a project: the one of the highest number, and of several with it the latest.
pub fn last_report(payload: &Payload, project: ProjectId) -> Option<&ReportRecord> {
    let reports = payload.reports.iter().filter(|report| report.project == project);
    reports.max_by_key(|report| (report.number, report.made, report.sha256.as_str()))
}

/// Remembers a report, which must be the next of its project.
pub fn record(payload: &mut Payload, report: &ReportRecord) -> Result<(), Error> {
    let last = last_report(payload, report.project).map_or(0, |last| last.number);
    if Some(report.number) != last.checked_add(1) {
        return Err(Error::Changed { what: Subject::Content("the list of reports") });
    }
    payload.reports.push(report.clone());
    Ok(())
}
