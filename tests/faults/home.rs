//! A home folder that is put back to the same state before each run, and what is to be known of the vault in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use strongroom::crypto::secret::{KitSecret, Password};
use strongroom::format::kit;
use strongroom::format::log::{Action, NewEntry, Phase, Who};
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::{LogState, ReadLog, Unlocked, Vault};

use crate::support::home::without_log;
pub use crate::support::home::{FLOOR, Home, PASSWORD as OLD};
use crate::support::made;
pub use crate::support::run::PROGRAM;

/// The password in the file `new`. The other one is in the file `old`, too.
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

    /// Returns the entry without what every command changes: an anchor without how far the access log is. `None` of the
    /// log itself, and of what an interrupted write has left, which is looked at by itself.
    pub fn but_the_log(&self, path: &Path) -> Option<Self> {
        let is_of_log = path.parent().is_some_and(|folder| folder.ends_with("strongroom/log"));
        match path.extension() {
            _ if is_of_log || is_unfinished(path) => None,
            Some(ending) if ending == "anchor" => {
                let content = self.content.as_ref().map(|item| without_log(item).to_string().into_bytes());
                Some(Self { modified: SystemTime::UNIX_EPOCH, content, ..self.clone() })
            }
            _ => Some(self.clone()),
        }
    }
}

fn is_unfinished(path: &Path) -> bool {
    is_unfinished_output(path) || path.to_string_lossy().ends_with(".strongroom-tmp")
}

/// Tells whether something is an output that has not got its name.
pub fn is_unfinished_output(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".strongroom-") && name.ends_with(".tmp")
}

/// Makes a home with the passwords' files in it.
pub fn empty() -> Home {
    let home = Home::empty();
    home.write("old", format!("{OLD}\n"));
    home.write("new", format!("{NEW}\n"));
    home
}

/// Makes a home with a vault, the project `acme` with two keys, and a recovery kit whose code is in `kit`.
pub fn with_vault() -> Home {
    made::once("vault with a kit", empty, |home| {
        home.succeeds(&format!("init --keychain file --recovery-file kit {FLOOR} --password-file old"));
        home.succeeds("project add acme --client Example --password-file old");
        home.succeeds("key rotate acme --password-file old");
    })
}

/// A vault with a secret, and what is to become of it.
pub fn with_secret() -> Home {
    made::once("vault with a secret", empty, |home| {
        home.succeeds(&format!("init --keychain file --no-recovery {FLOOR} --password-file old"));
        home.succeeds("project add acme --client Example --password-file old");
        home.write("value", "first-quartz\n");
        home.succeeds("secret set portal --from-file value -p acme --password-file old");
        home.write("value", "second-quartz\n");
    })
}

/// What is asked of a home in which a command met a fault.
pub trait Struck {
    /// Returns a file's bytes; `None` if there is none.
    fn found(&self, name: &str) -> Option<Vec<u8>>;
    /// Returns everything in it.
    fn snapshot(&self) -> BTreeMap<PathBuf, Entry>;
    /// Puts everything back.
    fn restore(&self, entries: &BTreeMap<PathBuf, Entry>);
    /// Tells whether there is a vault file.
    fn has_vault(&self) -> bool;
    /// Opens the vault file as it stands, with this password and the keychain file, and returns its keys. `Err` says
    /// why it does not open.
    fn open(&self, password: &str) -> Result<Keys, String>;
    /// Opens the vault file in the same way, and returns the passwords of a secret's versions.
    fn versions(&self, secret: &str) -> Vec<String>;
    /// Tells whether the code in a file opens the vault file as it stands.
    fn kit_opens(&self, file: &str) -> bool;
    /// Sees to it that no access log in the vault's folder says that it was cut, rewritten or damaged; asks nothing of a
    /// vault that no password opens. Returns this computer's.
    fn log_without_alarm(&self) -> Option<ReadLog>;
    /// Sees to it that the access log goes on, and that what was begun and never ended is closed as interrupted.
    fn log_goes_on(&self);
    /// Returns the unfinished files that lie about.
    fn leftovers(&self) -> Vec<PathBuf>;
    /// Returns what doctor wants done about leftovers.
    fn leftovers_by_doctor(&self) -> Vec<String>;
}

impl Struck for Home {
    fn found(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    fn snapshot(&self) -> BTreeMap<PathBuf, Entry> {
        let mut entries = BTreeMap::new();
        let mut folders = vec![self.path("")];
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

    fn restore(&self, entries: &BTreeMap<PathBuf, Entry>) {
        for entry in fs::read_dir(self.path("")).unwrap() {
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

    fn has_vault(&self) -> bool {
        self.vault().exists()
    }

    fn open(&self, password: &str) -> Result<Keys, String> {
        let unlocked = unlocked(self, password)?;
        unlocked
            .candidate_keys(None)
            .map(|key| {
                let key = key.map_err(|error| error.to_string())?;
                Ok(((key.project, key.version), key.key.expose().to_vec()))
            })
            .collect()
    }

    fn versions(&self, secret: &str) -> Vec<String> {
        let unlocked = unlocked(self, OLD).unwrap();
        let password = |version| unlocked.secret_value(secret, Some(version)).unwrap().password.expose().to_owned();
        (1..=unlocked.secret(secret).unwrap().versions.len()).map(password).collect()
    }

    fn kit_opens(&self, file: &str) -> bool {
        let secret = |text: Vec<u8>| -> Option<KitSecret> { kit::read(std::str::from_utf8(&text).ok()?).ok() };
        let Some(secret) = self.found(file).and_then(secret) else { return false };
        let store = FolderStore::new(self.vault().parent().unwrap(), SIZE_LIMIT).unwrap();
        Vault::open(Arc::new(store)).is_ok_and(|vault| vault.open_with_kit(&secret).is_ok())
    }

    fn log_without_alarm(&self) -> Option<ReadLog> {
        without_alarm(&either(self)?.0)
    }

    fn log_goes_on(&self) {
        if let Some((mut unlocked, password)) = either(self) {
            // As each command does.
            unlocked.tend(&Password::new(password.as_bytes()).unwrap()).unwrap();
            log_goes_on(&unlocked);
        }
    }

    fn leftovers(&self) -> Vec<PathBuf> {
        self.snapshot().into_keys().filter(|path| is_unfinished(path)).collect()
    }

    fn leftovers_by_doctor(&self) -> Vec<String> {
        let findings = self.typed("doctor --json").output().stdout;
        let findings: Vec<serde_json::Value> = serde_json::from_slice(&findings).unwrap();
        let leftovers = findings.iter().filter(|finding| finding["check"] == "leftovers");
        leftovers.map(|finding| finding["remedy"].as_str().unwrap().to_owned()).collect()
    }
}

/// Unlocks the vault file as it stands, which must be fit to be written.
fn unlocked(home: &Home, password: &str) -> Result<Unlocked, String> {
    unlocked_in(home.folder(), password)
}

/// Unlocks the vault of a home folder, which must be fit to be written.
pub fn unlocked_in(home: &Path, password: &str) -> Result<Unlocked, String> {
    let folder = home.join(".local/share/strongroom");
    let store = Arc::new(FolderStore::new(&folder, SIZE_LIMIT).map_err(|error| error.to_string())?);
    let vault = Vault::open(store).map_err(|error| error.to_string())?;
    let file = home.join(format!(".local/state/strongroom/keychain/{}", vault.id()));
    let keychain = Arc::new(FileKeychain::new(file));
    let password = Password::new(password.as_bytes()).unwrap();
    let unlocked = vault.unlock(&password, keychain, Arc::new(ThisHost)).map_err(|error| error.to_string())?;
    unlocked.check_writable().map_err(|error| format!("it opens, but is not to be written: {error}"))?;
    Ok(unlocked)
}

/// Unlocks the vault file with whichever password opens it, and returns that, too.
fn either(home: &Home) -> Option<(Unlocked, &'static str)> {
    if !home.has_vault() {
        return None;
    }
    [OLD, NEW].into_iter().find_map(|password| Some((unlocked(home, password).ok()?, password)))
}

/// Adds to the access log, after which it is as it was recorded, and everything that was begun has one end.
pub fn log_goes_on(unlocked: &Unlocked) {
    unlocked.log_note(&NewEntry::new(Action::ReportMade, Who::default())).unwrap();
    let log = without_alarm(unlocked).unwrap();
    assert_eq!(log.state, LogState::Current);
    assert!(log.torn == 0 && log.gaps.is_empty(), "{} bytes torn, gaps {:?}", log.torn, log.gaps);
    let entries = || log.records.iter().map(|record| record.entry.as_ref().expect("each entry opens"));
    for begun in entries().filter(|entry| entry.phase == Phase::Begin) {
        let mut ends = entries().filter(|entry| entry.phase == Phase::End && entry.of == Some(begun.seq));
        let end = ends.next().unwrap_or_else(|| panic!("{begun:?} has no end"));
        assert!(end.outcome.is_some() && ends.next().is_none(), "{begun:?} ends twice");
    }
}

/// Reads the access logs, none of which says that it was cut, rewritten or damaged, and returns this computer's.
pub fn without_alarm(unlocked: &Unlocked) -> Option<ReadLog> {
    let logs = unlocked.read_logs().unwrap();
    for log in &logs {
        assert!(!matches!(log.state, LogState::Altered(_)), "a false alarm: {:?}", log.state);
    }
    logs.into_iter().find(|log| log.is_own)
}

/// Returns the program and its arguments.
pub fn program(words: &str) -> Vec<OsString> {
    std::iter::once(PROGRAM).chain(words.split_whitespace()).map(OsString::from).collect()
}
