//! Other files of this vault beside it, as a sync service leaves them when two computers changed the vault at once.
//! Each service has names of its own for them, so they are known by what is in them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::known::{Known, Opened};
use crate::cli::hints::shell_word;
use crate::cli::views::Finding;
use crate::crypto::hmac::sha256;
use crate::disk::{UNFINISHED_SUFFIX, folder_of, with_suffix};
use crate::format::vault::{Document, SIZE_LIMIT};
use crate::store::FolderStore;

/// What stands at the start of every vault file.
const START: &[u8] = br#"{"format":"strongroom-vault""#;

/// Another file of the vault.
pub struct Copy {
    path: PathBuf,
    generation: u64,
    digest: [u8; 32],
    /// Strongroom itself made it: the previous vault file, or one that was set aside.
    is_own: bool,
}

/// Finds the other files of the vault beside its file.
pub fn find(store: &FolderStore, vault: &Known) -> Vec<Copy> {
    let previous = store.previous();
    let passing = [store.file().into(), store.unfinished(), with_suffix(&previous, UNFINISHED_SUFFIX)];
    let mut own = store.set_aside();
    own.push(previous);
    let Ok(entries) = fs::read_dir(folder_of(store.file())) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| !passing.contains(path));
    let copy_at = |path: PathBuf| {
        let copy = read(&path).filter(|copy| copy.header.vault == vault.id)?;
        let is_own = own.contains(&path);
        Some(Copy { path, generation: copy.header.generation, digest: sha256(&copy.payload), is_own })
    };
    let mut copies: Vec<_> = paths.filter_map(copy_at).collect();
    copies.sort_by(|one, other| one.path.cmp(&other.path));
    copies
}

/// Names the file to merge, as a shell takes it: the one with this digest, else the only one that somebody else left
/// there.
pub fn to_merge(copies: &[Copy], digest: &[u8; 32]) -> Option<String> {
    let mut others = copies.iter().filter(|copy| !copy.is_own);
    let only = others.next().filter(|_| others.next().is_none());
    let copy = copies.iter().find(|copy| copy.digest == *digest).or(only);
    copy.map(|copy| shell_word(&copy.path.display().to_string()))
}

/// Checks the files beside the vault file.
pub fn check(copies: &[Copy], vault: &Known, opened: Option<&Opened>, findings: &mut Vec<Finding>) {
    for Copy { path, generation, digest, .. } in copies.iter().filter(|copy| !copy.is_own) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_held = |opened: &Opened| opened.ancestors.iter().any(|ancestor| digest.starts_with(ancestor));
        if *digest == vault.digest || opened.is_some_and(is_held) {
            let text = format!("{name} has nothing that is not in the vault (generation {generation})");
            findings.push(Finding::note("copies", text));
            continue;
        }
        let path = shell_word(&path.display().to_string());
        findings.push(Finding::problem(
            "copies",
            format!(
                "{name} is another file of this vault (generation {generation}); it may contain keys that the vault \
                 does not have"
            ),
            format!("merge it, then remove it: strongroom vault merge {path} && rm {path}"),
        ));
    }
}

/// Reads a vault file; none if it is none.
fn read(path: &Path) -> Option<Document> {
    // A pipe would wait for ever.
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    if metadata.len() > SIZE_LIMIT {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.by_ref().take(START.len() as u64).read_to_end(&mut bytes).ok()?;
    if bytes != START {
        return None;
    }
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).ok()?;
    Document::parse(&bytes).ok()
}
