//! What is found out for a report: of the vault, of the files, of this computer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{accesses, surroundings};
use crate::cli::access::{self, Doing};
use crate::cli::context::Context;
use crate::cli::open_vault::OpenVault;
use crate::cli::own_files::own_files;
use crate::cli::progress::Effort;
use crate::cli::today::today;
use crate::cli::views::identity;
use crate::crypto::hmac::sha256;
use crate::crypto::secret::Password;
use crate::evidence::bundle::{
    Engagement, FilePart, FileState, HoldPart, KdfPart, KeyPart, KitPart, LogPart, PasswordPart, ProjectPart, Read,
    Revision, SignedBy, StatementPart, Tool, Unlock,
};
use crate::evidence::facts::{Facts, Known};
use crate::evidence::rules::not_known;
use crate::failure::{Exit, Failure};
use crate::files::FilesError;
use crate::files::find::{Found, Item, Wanted, find, look};
use crate::files::keys::Keys;
use crate::files::pool;
use crate::files::read_ahead::ReadAhead;
use crate::files::verify::{Looked, look_into};
use crate::format::json::StrictValue;
use crate::format::log::Action;
use crate::format::signing::ReportRecord;
use crate::format::vault::KeyState;
use crate::format::{Date, Timestamp};
use crate::host::{Host, ThisHost};
use crate::secrets::strength::check_strength;
use crate::vault::{EngagementState, KitInfo, ProjectInfo, Terms};

/// How many files a sample reads.
const SAMPLE: usize = 20;
/// The longest part of a project's name in the names of files.
const STEM: usize = 48;
/// What the keys of this version encrypt with.
const CIPHER: &str = "AES-256-GCM (C2SP Cobblestone-256)";

/// What was asked for.
pub struct Asked<'a> {
    /// The project.
    pub project: &'a str,
    /// Where its files are.
    pub roots: Vec<PathBuf>,
    /// Whether only some of them are read.
    pub sample: bool,
    /// The flags of effort and progress.
    pub effort: &'a Effort,
}

/// Returns what the files of a project's next report are called.
///
/// # Errors
/// If there is no such project.
pub fn name(vault: &OpenVault, project: &str) -> Result<String, Failure> {
    let (_, number) = last_and_next(vault, project)?;
    let named = vault.project(project).map_err(|error| Failure::of(format!("make a report of {project:?}"), error))?;
    Ok(format!("{}-{number}", stem(&named.name)))
}

/// Returns a project's last report, and the number of the next one.
fn last_and_next(vault: &OpenVault, project: &str) -> Result<(Option<ReportRecord>, u32), Failure> {
    let doing = format!("make a report of {project:?}");
    let last = vault.last_report(project).map_err(|error| Failure::of(&doing, error))?;
    let number = last.as_ref().map_or(Some(1), |last| last.number.checked_add(1));
    let number = number.ok_or_else(|| {
        Failure::new(Exit::Failed, "failed", format!("cannot {doing}")).cause("it has no more numbers for reports")
    })?;
    Ok((last, number))
}

/// Finds out all that a report is made of.
///
/// # Errors
/// If there is no such project, a root is not there, or the vault cannot be read.
pub fn facts(
    context: &Context,
    vault: &mut OpenVault,
    password: &Password,
    asked: &Asked<'_>,
) -> Result<Facts, Failure> {
    let failed = |error| Failure::of(format!("make a report of {:?}", asked.project), error);
    let project = vault.project(asked.project).map_err(failed)?;
    let (read_at, files) = (ThisHost.now(), files(context, vault, &project, asked)?);
    let (last, number) = last_and_next(vault, asked.project)?;
    let key = vault.signing_key().map_err(failed)?;
    let keys = project.keys.iter().map(|held| {
        let check = match held.state {
            KeyState::Destroyed => None,
            _ => Some(hex(&vault.key_check(asked.project, held.version).map_err(failed)?)),
        };
        Ok(KeyPart {
            version: held.version,
            state: match held.state {
                KeyState::Active => "active",
                KeyState::Retired => "retired",
                KeyState::Destroyed => "destroyed",
            }
            .into(),
            current: held.current,
            created: held.created,
            check,
            cipher: CIPHER.into(),
            seals: None,
        })
    });
    let keys = keys.collect::<Result<Vec<_>, Failure>>()?;
    let roots = asked.roots.iter().map(|root| whole_path(root)).collect();
    let kind = context.home.kind_of(vault.id())?;
    // So that the report itself says so. What keeps it from being recorded is on the page.
    let made = Doing::to_project(Action::ReportMade, Some(&project.name)).subject(format!("report {number}"));
    access::note(context, vault, &made)?;
    let log = accesses::of_project(vault, project.id)?;
    let backups = log.get().map(|log| done(log, "vault.backup"));
    let machine = surroundings::checks(context, vault, &asked.roots)?;
    let copies = surroundings::copies(context, vault, &project, asked.effort)?;
    Ok(Facts {
        stem: stem(&project.name),
        number,
        made: ThisHost.now(),
        previous_sha256: last.map(|last| last.sha256),
        vault: vault.id(),
        engagement: engagement(&project),
        state: state(&project, &files, today(context, &**vault)?).into(),
        roots,
        read: if asked.sample { Read::Sample } else { Read::Full },
        read_at,
        files,
        keys,
        unlock: Unlock {
            kdf: {
                let cost = vault.kdf_cost();
                KdfPart { algorithm: "argon2id".into(), m: cost.memory_kib, t: cost.passes, p: cost.lanes }
            },
            password: Some(judged(password, &project)),
            password_set: vault.password_set_at(),
            keychain: kind.to_string(),
            kits: vault.kits().iter().map(kit).collect(),
            backups,
        },
        machine,
        log,
        copies,
        shares: Vec::new(),
        destruction: project.destroyed.map(|keys_destroyed| crate::evidence::bundle::Destruction {
            keys_destroyed,
            settled: vault.rotation().is_none(),
        }),
        tool: Tool { version: env!("CARGO_PKG_VERSION").into(), build_sha256: build() },
        signed_by: SignedBy {
            public: key.public.text(),
            fingerprint: key.public.fingerprint(),
            since: key.created,
            identity: identity(vault.id()),
            statement: key.statement.map(|(text, signature)| StatementPart { text, signature }),
        },
        project: ProjectPart {
            id: project.id,
            name: project.name,
            client: project.client,
            created: project.created,
            hold: project.hold.map(|hold| HoldPart { since: hold.since, reason: hold.reason }),
            destroyed: project.destroyed,
        },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns what a project's files are called: of its name, what every file system takes.
pub fn stem(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect();
    let parts: Vec<&str> = kept.split('-').filter(|part| !part.is_empty()).collect();
    let stem: String = parts.join("-").chars().take(STEM).collect();
    match stem.trim_matches('-') {
        "" => "project".into(),
        stem => stem.to_owned(),
    }
}

fn whole_path(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// What is agreed with the client.
pub fn engagement(project: &ProjectInfo) -> Known<Engagement> {
    let members = |terms: &Terms| -> BTreeMap<String, StrictValue> {
        let value = serde_json::to_value(terms).unwrap_or_default();
        serde_json::from_value(value).unwrap_or_default()
    };
    let mut now = members(&project.terms());
    now.retain(|_, value| !value.as_value().is_null());
    let mut revisions: Vec<_> = project.engagement.revisions.iter().collect();
    revisions.sort_by_key(|revision| (revision.at, revision.id));
    if now.is_empty() && revisions.is_empty() {
        return not_known("nothing is on record");
    }
    let revisions = revisions.into_iter().map(|revision| Revision {
        id: revision.id.to_string(),
        at: revision.at,
        by: revision.by.clone(),
        set: members(&revision.set),
    });
    Known::Is(Engagement { now, revisions: revisions.collect() })
}

fn state(project: &ProjectInfo, files: &[FilePart], today: Date) -> &'static str {
    match project.facts(project.has_sealed() || !files.is_empty()).state(today) {
        EngagementState::Intake => "intake",
        EngagementState::Active => "active",
        EngagementState::Due => "due",
        EngagementState::Destroying => "destroying",
        EngagementState::Destroyed => "destroyed",
        EngagementState::Held => "held",
    }
}

/// Returns when something was done, as the entries say that are disclosed.
fn done(log: &LogPart, action: &str) -> Vec<Timestamp> {
    let entries = log.entries.iter().map(|entry| entry.json.as_value()).filter(|entry| entry["action"] == action);
    entries.filter_map(|entry| entry["at"].as_str()?.parse().ok()).collect()
}

pub fn kit(kit: &KitInfo) -> KitPart {
    KitPart {
        name: kit.name.to_string(),
        id: kit.name.id,
        created: kit.created,
        valid: kit.valid,
        tested: None,
        ended: kit.ended,
        paper_destroyed: kit.destroyed,
    }
}

/// Judges the password that was just typed, as a new one would be.
fn judged(password: &Password, project: &ProjectInfo) -> PasswordPart {
    let names = [project.name.clone(), project.client.clone()];
    match check_strength(password, &names) {
        Ok(()) => PasswordPart { strong: true, says: "judged hard to guess (zxcvbn 3 or 4 of 4)".into() },
        Err(_) => PasswordPart { strong: false, says: "it would not be taken as a new password".into() },
    }
}

/// Returns SHA-256 of the program that runs, if it can be read.
pub fn build() -> Option<String> {
    let program = std::fs::read(std::env::current_exe().ok()?).ok()?;
    Some(hex(&sha256(&program)))
}

/// Looks at the encrypted files under the roots: those of the project, and those that no key here opens. What belongs
/// to another project is nothing that this client is shown.
fn files(
    context: &Context,
    vault: &OpenVault,
    project: &ProjectInfo,
    asked: &Asked<'_>,
) -> Result<Vec<FilePart>, Failure> {
    let named = asked.roots.iter().map(|root| look(root.clone())).collect::<Result<Vec<_>, _>>()?;
    let own = own_files(context, [])?;
    let found = find(&named, Wanted::Sealed, None, &own);
    let keys = Keys::of(&**vault, None).map_err(|error| Failure::of("look at the files", error))?;
    if project.destroyed.is_none() {
        keys.try_first(&project.name);
    }
    let total = found.items.iter().map(|item| item.len).sum();
    let progress = asked.effort.progress(&context.output, found.items.len(), Some(total));
    let ahead = ReadAhead::of(&keys, found.items.iter());
    let step = found.items.len().div_ceil(SAMPLE).max(1);
    let jobs: Vec<(usize, &Item)> = found.items.iter().enumerate().collect();
    let looked = pool::for_each(
        &jobs,
        asked.effort.threads(),
        |(_, item)| item.len,
        |(at, item), threads| {
            let is_read = !asked.sample || at % step == 0;
            let wanted = |of: &str| of == project.name;
            look_into(&ahead, item, is_read, &wanted, threads, &progress)
        },
    );
    drop((progress, ahead));
    let mut parts: Vec<FilePart> =
        jobs.iter().zip(looked).filter_map(|((_, item), looked)| part(item, looked, asked)).collect();
    parts.extend(unlooked(&found));
    parts.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(parts)
}

fn part(item: &Item, looked: Result<Option<Looked>, FilesError>, asked: &Asked<'_>) -> Option<FilePart> {
    let path = if asked.roots.len() == 1 { &item.relative } else { &item.path };
    let new = |state| FilePart {
        path: path.display().to_string(),
        file_id: None,
        size: Some(item.len),
        plain_size: None,
        key_version: None,
        state,
    };
    match looked {
        Ok(None) => None,
        Ok(Some(looked)) => Some(FilePart {
            file_id: Some(looked.file),
            plain_size: Some(looked.bytes),
            key_version: Some(looked.by.version),
            ..new(match (looked.is_read, looked.is_whole) {
                (false, _) => FileState::Unread,
                (true, true) => FileState::Whole,
                (true, false) => FileState::Damaged,
            })
        }),
        Err(error) => {
            let failure = Failure::from(error);
            Some(new(match (failure.kind, failure.exit) {
                ("wrong-key", _) => FileState::Foreign,
                (_, Exit::Damaged) => FileState::Damaged,
                _ => FileState::Unread,
            }))
        }
    }
}

/// What could not even be looked at is not left out: nobody knows what is in it.
fn unlooked(found: &Found) -> impl Iterator<Item = FilePart> {
    found.failures.iter().map(|error| FilePart {
        path: error.to_string(),
        file_id: None,
        size: None,
        plain_size: None,
        key_version: None,
        state: FileState::Unread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_projects_files_are_called_is_a_name_everywhere() {
        for (name, expected) in [
            ("northwind", "northwind"),
            ("Northwind Health / 2026", "northwind-health-2026"),
            ("../../etc", "etc"),
            ("北风", "project"),
            ("--", "project"),
            ("a\u{202e}b", "a-b"),
        ] {
            assert_eq!(stem(name), expected);
        }
        assert!(stem(&"a-".repeat(100)).len() <= STEM);
    }
}
