//! Other files of a vault beside it, as a sync service leaves them when two computers changed the vault at once.
//! Each service has names of its own for them, so they are known by what is in them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::crypto::hmac::sha256;
use crate::disk::{UNFINISHED_SUFFIX, folder_of, with_suffix};
use crate::format::VaultId;
use crate::format::vault::{Document, SIZE_LIMIT};
use crate::store::FolderStore;

/// What stands at the start of every vault file.
const START: &[u8] = br#"{"format":"strongroom-vault""#;

/// Another file of the vault.
pub struct VaultCopy {
    /// Where it is.
    pub path: PathBuf,
    /// Its generation.
    pub generation: u64,
    /// The SHA-256 digest of its payload.
    pub digest: [u8; 32],
    /// Strongroom itself made it: the previous vault file, or one that was set aside.
    pub is_own: bool,
}

/// Finds the other files of a vault beside its file.
pub fn copies_of(store: &FolderStore, vault: VaultId) -> Vec<VaultCopy> {
    let previous = store.previous();
    let passing = [store.file().into(), store.unfinished(), with_suffix(&previous, UNFINISHED_SUFFIX)];
    let mut own = store.set_aside();
    own.push(previous);
    let Ok(entries) = fs::read_dir(folder_of(store.file())) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| !passing.contains(path));
    let copy_at = |path: PathBuf| {
        let copy = read(&path).filter(|copy| copy.header.vault == vault)?;
        let is_own = own.contains(&path);
        Some(VaultCopy { path, generation: copy.header.generation, digest: sha256(&copy.payload), is_own })
    };
    let mut copies: Vec<_> = paths.filter_map(copy_at).collect();
    copies.sort_by(|one, other| one.path.cmp(&other.path));
    copies
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
