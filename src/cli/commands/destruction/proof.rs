//! The proof that nothing opens a project's encrypted files here any more: each is tried with every key of the vault,
//! and each vault file that this computer knows is tried with the vault's data key.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::own_files::own_files;
use crate::failure::{Exit, Failure};
use crate::files::find::{Wanted, find, look, open_found};
use crate::files::keys::Keys;
use crate::files::sweep::sealed_id;
use crate::format::name::printable;
use crate::format::{FileId, ProjectId};
use crate::home::{copies_of, is_gone, is_same_file};
use crate::vault::{CopyOpens, ProjectInfo, Unlocked};
use crate::words::counted;

/// How many names an error lists.
const NAMED: usize = 5;

/// Encrypted files that do not open.
pub struct Proof {
    /// Where they were looked for.
    roots: Vec<String>,
    /// Those that the access logs have as the project's.
    pub own: Vec<(PathBuf, FileId)>,
    /// How many others do not open either: they may be the project's, or another vault's.
    pub strange: usize,
    /// How many opened with keys of other projects, and are theirs.
    others: usize,
    /// How many vault files of before were tried.
    copies: usize,
}

impl Proof {
    /// Says what was proven.
    pub fn says(&self) -> String {
        let copies = match self.copies {
            0 => "no other vault file is known to this computer".to_owned(),
            copies => {
                format!("{} known to this computer tried: none opens with the keys", counted(copies, "vault file"))
            }
        };
        format!(
            "{} tried with every key of the vault: 0 open; {} on record as the project's; {} of other projects not \
             counted; under {}; {copies}",
            counted(self.own.len() + self.strange, "encrypted file"),
            self.own.len(),
            self.others,
            self.roots.join(", ")
        )
    }
}

/// Tries every encrypted file under some paths.
///
/// # Errors
/// If one opens with a key that the project had, or cannot be tried; if a vault file with the project's keys opens.
pub fn prove(context: &Context, vault: &Unlocked, name: &str, roots: &[PathBuf]) -> Result<Proof, Failure> {
    let doing = format!("prove that no file of project {name:?} opens");
    let failed = |error| Failure::of(&doing, error);
    let project = vault.project(name).map_err(failed)?;
    let named = roots.iter().map(|root| look(root.clone())).collect::<Result<Vec<_>, _>>()?;
    let found = find(&named, Wanted::Sealed, None, &own_files(context, [])?);
    let on_record = files_of(vault, project.id)?;
    let keys = Keys::of(vault, None).map_err(failed)?;
    let mut proof = Proof {
        roots: roots.iter().map(|root| printable(&whole(root).display().to_string())).collect(),
        own: Vec::new(),
        strange: 0,
        others: 0,
        copies: 0,
    };
    let mut unread: Vec<String> = found.failures.iter().map(ToString::to_string).collect();
    let mut open = Vec::new();
    for item in &found.items {
        let opened = open_found(&item.path, item.is_link).and_then(|(file, _)| keys.open(&item.path, file));
        match opened {
            Ok(opener) => match had_key(vault, &project, &opener.header().opened_by)? {
                true => open.push(item.path.display().to_string()),
                false => proof.others += 1,
            },
            Err(error) => {
                let failure = Failure::from(error);
                match (failure.kind == "wrong-key" || failure.exit == Exit::Damaged, sealed_id(&item.path)) {
                    (false, _) => unread.push(failure.message),
                    (true, Some(id)) if on_record.contains(&id) && !item.is_link => {
                        proof.own.push((item.path.clone(), id))
                    }
                    (true, _) => proof.strange += 1,
                }
            }
        }
    }
    let refused = |kind, what: String, paths: &[String]| {
        let more = paths.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let named: Vec<String> = paths.iter().take(NAMED).map(|path| printable(path)).collect();
        Failure::new(Exit::Failed, kind, format!("cannot {doing}")).cause(format!("{what}: {}{more}", named.join(", ")))
    };
    if !open.is_empty() {
        return Err(refused("still-opens", format!("{} with a key that another project holds", "these open"), &open)
            .hint("destroy the other project too, or move its files away from these folders"));
    }
    if !unread.is_empty() {
        return Err(refused("not-tried", "these could not be tried".into(), &unread)
            .hint("see to it that they can be read, or name other folders with --roots"));
    }
    let (copies, with_keys, unread) = tried_copies(context, vault, project.id)?;
    proof.copies = copies;
    if !unread.is_empty() {
        return Err(refused("not-tried", "these vault files could not be read".into(), &unread)
            .hint("see to it that they can be read, or remove them, and run it again"));
    }
    if !with_keys.is_empty() {
        return Err(refused("still-opens", "these vault files open, and have the keys".into(), &with_keys)
            .hint("remove them, or merge them into the vault, and run it again"));
    }
    Ok(proof)
}

fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Tells whether a key that opened a file is one that the destroyed project had.
fn had_key(vault: &Unlocked, project: &ProjectInfo, by: &crate::keys::OpenedBy) -> Result<bool, Failure> {
    let check = vault.key_check(&by.project, by.version).map_err(|error| Failure::of("compare the keys", error))?;
    let check: String = check.iter().map(|byte| format!("{byte:02x}")).collect();
    let checks = project.destruction.iter().flat_map(|record| &record.checks);
    Ok(by.project == project.name || checks.into_iter().any(|held| held.check == check))
}

/// Returns the encrypted files that the access logs have as a project's.
fn files_of(vault: &Unlocked, project: ProjectId) -> Result<BTreeSet<FileId>, Failure> {
    let logs = vault.read_logs().map_err(|error| Failure::of("read the access log", error))?;
    let entries = logs.iter().flat_map(|log| &log.records).filter_map(|record| record.entry.as_ref());
    let files = entries.flat_map(|entry| &entry.files).filter(|file| file.project == Some(project));
    Ok(files.map(|file| file.file).collect())
}

/// Tries the vault files that this computer knows, with the vault's data key. Returns how many were tried,
/// those that open with the project's keys in them, and those that cannot be read.
fn tried_copies(
    context: &Context,
    vault: &Unlocked,
    project: ProjectId,
) -> Result<(usize, Vec<String>, Vec<String>), Failure> {
    let store = context.store()?;
    let mut paths: BTreeSet<PathBuf> = copies_of(&store, vault.id()).into_iter().map(|copy| copy.path).collect();
    paths.extend(store.set_aside());
    paths.insert(store.previous());
    for (other, settings) in context.home.settings.all()? {
        let place = PathBuf::from(settings.place);
        if other == vault.id().to_string() && !is_same_file(&place, store.file()) {
            paths.insert(place);
        }
    }
    let (mut tried, mut with_keys, mut unread) = (0, Vec::new(), Vec::new());
    for path in paths {
        if is_gone(&path) {
            continue;
        }
        let mut bytes = Vec::new();
        let read = open_found(&path, true).map(|(mut file, _)| file.read_to_end(&mut bytes));
        if !matches!(read, Ok(Ok(_))) {
            unread.push(path.display().to_string());
            continue;
        }
        match vault.opens_copy(project, &bytes) {
            CopyOpens::OtherVault => {}
            CopyOpens::Refused | CopyOpens::WithoutKeys => tried += 1,
            CopyOpens::WithKeys => with_keys.push(path.display().to_string()),
        }
    }
    Ok((tried, with_keys, unread))
}
