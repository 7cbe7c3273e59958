//! Secrets that should be changed: old ones, those that are used twice, those that are easy to guess. By their names
//! alone.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::error::Error;
use crate::format::Timestamp;
use crate::format::name::printable;
use crate::secrets::strength::weakness;
use crate::vault::Unlocked;
use crate::words::counted;

const CHECK: &str = "secrets";
/// How long a secret may stay as it is, in seconds: a year.
const OLD: i64 = 365 * 24 * 60 * 60;
/// The most names that a finding has.
const NAMES: usize = 10;

/// Looks at the secrets of a vault.
///
/// # Errors
/// If one cannot be opened.
pub fn check(vault: &Unlocked, now: Timestamp) -> Result<Vec<Finding>, Error> {
    let secrets = vault.secrets();
    let mut findings = Vec::new();
    let is_old = |changed: Timestamp| now.as_unix().saturating_sub(changed.as_unix()) > OLD;
    let old: Vec<&str> =
        secrets.iter().filter(|secret| is_old(secret.changed)).map(|secret| secret.name.as_str()).collect();
    if !old.is_empty() {
        findings.push(Finding::note(CHECK, format!("not changed for more than a year: {}", listed(&old))));
    }
    let values = secrets.iter().map(|secret| vault.secret_value(&secret.name, None));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let mut by_password: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut weak = Vec::new();
    for (secret, value) in secrets.iter().zip(&values).filter(|(_, value)| !value.password.is_empty()) {
        by_password.entry(value.password.expose()).or_default().push(&secret.name);
        let names = [Some(&secret.name), secret.project.as_ref(), Some(&secret.user)];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        if weakness(value.password.expose(), &names).is_some() {
            weak.push(secret.name.as_str());
        }
    }
    for names in by_password.values().filter(|names| names.len() > 1) {
        findings.push(Finding::note(CHECK, format!("these have the same password: {}", listed(names))));
    }
    if !weak.is_empty() {
        findings.push(Finding::note(CHECK, format!("easy to guess: {}", listed(&weak))));
    }
    if findings.is_empty() && !secrets.is_empty() {
        let text = format!("{}: none is old, easy to guess or used twice", counted(secrets.len(), "secret"));
        findings.push(Finding::good(CHECK, text));
    }
    Ok(findings)
}

/// Names some secrets, the first of them if there are many.
fn listed(names: &[&str]) -> String {
    let mut text = names.iter().take(NAMES).map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    if names.len() > NAMES {
        text += &format!(" and {} more", names.len() - NAMES);
    }
    text
}
