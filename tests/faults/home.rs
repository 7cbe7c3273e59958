//! A home folder that is put back to the same state before each run, and what is to be known of the vault in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use strongroom::crypto::secret::{KitSecret, Password};
use strongroom::format::kit;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::Vault;
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");
/// The cheapest password check that is accepted.
pub const FLOOR: &str = "--kdf-memory 64 --kdf-passes 3 --kdf-lanes 4";
/// The password in the file `old`.
pub const OLD: &str = "tundra-velvet-onion-cobalt-ferry-mosaic";
/// The password in the file `new`.
pub const NEW: &str = "quarry-lantern-mellow-orbit-thimble-saffron";

/// Every file key by project and version.
pub type Keys = BTreeMap<(String, u32), Vec<u8>>;

/// A file or folder, as it is put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    mode: u32,
    modified: SystemTime,
    /// `None` of a folder.
    content: Option<Vec<u8>>,
}

impl Entry {
    /// Returns what the file holds.
    pub fn content(&self) -> Option<&Vec<u8>> {
        self.content.as_ref()
    }
}

/// A home folder.
pub struct Home {
    _folder: TempDir,
    path: PathBuf,
}

impl Home {
    /// Makes a home with the passwords' files in it.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("strongroom-faults-").unwrap();
        let path = folder.path().canonicalize().unwrap();
        let home = Self { _folder: folder, path };
        home.write("old", format!("{OLD}\n"));
        home.write("new", format!("{NEW}\n"));
        home
    }

    /// Makes a home with a vault, the project `acme` with two keys, and a recovery kit whose code is in `kit`.
    pub fn with_vault() -> Self {
        let home = Self::new();
        home.succeeds(&format!("init --keychain file --recovery-file kit {FLOOR} --password-file old"));
        home.succeeds("project add acme --client Example --password-file old");
        home.succeeds("key rotate acme --password-file old");
        home
    }

    /// Returns a path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file for its owner alone.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Returns a file's bytes; `None` where there is none.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    /// Runs the program.
    pub fn run(&self, words: &str) -> Output {
        let mut command = Command::new("setsid");
        command.arg("--wait").args(program(words)).current_dir(&self.path).env_clear();
        command.env("HOME", &self.path).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).output().unwrap()
    }

    /// Runs the program, and it succeeds.
    #[track_caller]
    pub fn succeeds(&self, words: &str) -> Output {
        let output = self.run(words);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a line of shell, and it succeeds.
    #[track_caller]
    pub fn shell(&self, line: &str) {
        let status = Command::new("sh").args(["-c", line]).current_dir(&self.path).status().unwrap();
        assert!(status.success(), "{line}");
    }

    /// Returns everything in it.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Entry> {
        let mut entries = BTreeMap::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let content = metadata.is_file().then(|| fs::read(&path).unwrap());
                if metadata.is_dir() {
                    folders.push(path.clone());
                }
                let modified = metadata.modified().unwrap();
                entries.insert(path, Entry { mode: metadata.mode() & 0o7777, modified, content });
            }
        }
        entries
    }

    /// Puts everything back.
    pub fn restore(&self, entries: &BTreeMap<PathBuf, Entry>) {
        for entry in fs::read_dir(&self.path).unwrap() {
            let path = entry.unwrap().path();
            // A folder that a disk is mounted on is emptied, and stays.
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            assert!(removed.is_ok() || removed.is_err_and(|error| error.kind() == ErrorKind::ResourceBusy));
        }
        // Each folder comes before what is in it.
        for (path, entry) in entries {
            match &entry.content {
                None => fs::create_dir_all(path).unwrap(),
                Some(bytes) => {
                    fs::write(path, bytes).unwrap();
                    fs::File::options().write(true).open(path).unwrap().set_modified(entry.modified).unwrap();
                }
            }
            fs::set_permissions(path, Permissions::from_mode(entry.mode)).unwrap();
        }
    }

    fn vault_folder(&self) -> PathBuf {
        self.path(".local/share/strongroom")
    }

    /// Tells whether there is a vault file.
    pub fn has_vault(&self) -> bool {
        self.vault_folder().join("vault.json").exists()
    }

    /// Opens the vault file as it stands, with this password and the keychain file, and returns its keys. `Err` says
    /// why it does not open.
    pub fn open(&self, password: &str) -> Result<Keys, String> {
        let store = Arc::new(FolderStore::new(&self.vault_folder(), SIZE_LIMIT).map_err(|error| error.to_string())?);
        let vault = Vault::open(store.clone()).map_err(|error| error.to_string())?;
        let keychain =
            Arc::new(FileKeychain::new(self.path(format!(".local/state/strongroom/keychain/{}", vault.id()))));
        let password = Password::new(password.as_bytes()).unwrap();
        let unlocked =
            vault.unlock(&password, keychain.clone(), Arc::new(ThisHost)).map_err(|error| error.to_string())?;
        unlocked.check_writable().map_err(|error| format!("it opens, but is not to be written: {error}"))?;
        unlocked
            .candidate_keys(None)
            .map(|key| {
                let key = key.map_err(|error| error.to_string())?;
                Ok(((key.project, key.version), key.key.expose().to_vec()))
            })
            .collect()
    }

    /// Tells whether the code in a file opens the vault file as it stands.
    pub fn kit_opens(&self, file: &str) -> bool {
        let secret = |text: Vec<u8>| -> Option<KitSecret> { kit::read(std::str::from_utf8(&text).ok()?).ok() };
        let Some(secret) = self.read(file).and_then(secret) else { return false };
        let store = Arc::new(FolderStore::new(&self.vault_folder(), SIZE_LIMIT).unwrap());
        Vault::open(store.clone()).is_ok_and(|vault| vault.open_with_kit(&secret).is_ok())
    }

    /// Returns the unfinished files that lie about.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let unfinished = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".strongroom-tmp") || (name.starts_with(".strongroom-") && name.ends_with(".tmp"))
        };
        self.snapshot().into_keys().filter(unfinished).collect()
    }

    /// Returns what doctor wants done about leftovers.
    pub fn leftovers_by_doctor(&self) -> Vec<String> {
        let findings = self.run("doctor --json").stdout;
        let findings: Vec<serde_json::Value> = serde_json::from_slice(&findings).unwrap();
        let leftovers = findings.iter().filter(|finding| finding["check"] == "leftovers");
        leftovers.map(|finding| finding["remedy"].as_str().unwrap().to_owned()).collect()
    }
}

/// Returns the program and its arguments.
pub fn program(words: &str) -> Vec<OsString> {
    std::iter::once(PROGRAM).chain(words.split_whitespace()).map(OsString::from).collect()
}
