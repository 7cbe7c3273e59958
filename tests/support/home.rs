//! A home folder to run the program in, empty or with a vault whose key is in a keychain file.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use base64::prelude::{BASE64_STANDARD, Engine};
use tempfile::TempDir;

use super::made;
use super::run::{Outcome, PROGRAM, Typed};

/// The cheapest password check that is accepted: about a tenth of a second.
pub const FLOOR: &str = "--kdf-memory 64 --kdf-passes 3 --kdf-lanes 4";
/// The password in the file `pw` of every home.
pub const PASSWORD: &str = "tundra-velvet-onion-cobalt-ferry-mosaic";
/// The user and group nobody.
pub const STRANGER: u32 = 65534;
/// A user without an entry in the password file.
pub const UNKNOWN: u32 = 4242;
/// Files longer than this are compared by length and time alone.
const COMPARE_LIMIT: u64 = 64 << 20;

/// A home folder, which is also the commands' current folder unless it is apart from that.
pub struct Home {
    _folder: TempDir,
    path: PathBuf,
    work: PathBuf,
}

impl Home {
    /// Makes a home without a vault, with the password file `pw`.
    pub fn empty() -> Self {
        let folder = TempDir::with_prefix("strongroom-story-").unwrap();
        let path = folder.path().canonicalize().unwrap();
        let home = Self { _folder: folder, work: path.clone(), path };
        home.write("pw", format!("{PASSWORD}\n"));
        home
    }

    /// Makes a home with nothing in it, and beside it another folder to work in.
    pub fn apart() -> Self {
        let folder = TempDir::with_prefix("strongroom-story-").unwrap();
        let [path, work] = ["home", "work"].map(|name| folder.path().canonicalize().unwrap().join(name));
        fs::create_dir(&path).unwrap();
        fs::create_dir(&work).unwrap();
        Self { _folder: folder, path, work }
    }

    /// Makes a home with a vault whose key lies in a keychain file.
    pub fn with_vault() -> Self {
        made::once("vault", Self::empty, |home| {
            home.run(&format!("init --no-recovery --keychain file {FLOOR}")).succeeds();
        })
    }

    /// Makes a home with a vault and the project `acme` in it.
    pub fn with_project() -> Self {
        made::once("project", Self::empty, |home| {
            home.run(&format!("init --no-recovery --keychain file {FLOOR}")).succeeds();
            home.run("project add acme").succeeds();
        })
    }

    /// Returns the folder itself.
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// Returns the commands' current folder.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Returns the path of a file in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the vault's file.
    pub fn vault(&self) -> PathBuf {
        self.path(".local/share/strongroom/vault.json")
    }

    /// Returns the keychain file of its one vault.
    pub fn keychain(&self) -> PathBuf {
        let files = fs::read_dir(self.path(".local/state/strongroom/keychain")).unwrap();
        let mut items = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_none());
        let item = items.next().unwrap();
        assert_eq!(items.next(), None, "two keychain files");
        item
    }

    /// Returns the file of what this computer remembers of the vault.
    pub fn anchor(&self) -> PathBuf {
        self.keychain().with_extension("anchor")
    }

    /// Returns what the kit of this number is called, which opens the vault.
    pub fn kit(&self, number: u32) -> String {
        let kits = self.run_alone("status --json").json()["recovery_kits"].clone();
        let names = kits.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        let mut named = names.filter(|name| name.starts_with(&format!("{number}-")));
        named.next().unwrap_or_else(|| panic!("there is no kit {number}: {kits}"))
    }

    /// Writes a file that its owner alone can read.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Reads a file.
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Makes a FIFO.
    pub fn fifo(&self, name: impl AsRef<Path>) -> PathBuf {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let path = self.path(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        path
    }

    /// Returns the permission bits of a file.
    pub fn mode(&self, name: impl AsRef<Path>) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    /// Runs the program with these words and `--password-file pw`.
    #[must_use]
    pub fn run(&self, words: &str) -> Outcome {
        self.typed(words).args(["--password-file", "pw"]).run()
    }

    /// Runs the program with these words and no others.
    #[must_use]
    pub fn run_alone(&self, words: &str) -> Outcome {
        self.typed(words).run()
    }

    /// Runs the program with these words, and it succeeds, whatever it says.
    #[track_caller]
    pub fn succeeds(&self, words: &str) -> Output {
        let output = self.typed(words).output();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a line of shell in which `strongroom` is the program.
    #[must_use]
    pub fn shell(&self, line: &str) -> Outcome {
        Typed::new(self, "sh").args(["-c", line]).run()
    }

    /// Begins a command of the program.
    pub fn typed(&self, words: &str) -> Typed<'_> {
        Typed::new(self, PROGRAM).args(words.split_whitespace())
    }

    /// Returns every file with its kind, permissions and content, but not the access log, which commands that fail add to,
    /// too.
    pub fn contents(&self) -> BTreeMap<PathBuf, String> {
        let mut contents = BTreeMap::new();
        add_contents(&self.path, &mut contents);
        contents
    }
}

fn add_contents(folder: &Path, contents: &mut BTreeMap<PathBuf, String>) {
    // A folder may be closed on purpose, and some stories are not root's.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.ends_with("log") && path.is_dir() {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        if path.ends_with("strongroom/settings.json")
            && let Ok(mut settings) = serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap_or_default())
        {
            // What the next entry of the access log takes along.
            let vaults = settings["vaults"].as_object_mut().into_iter().flat_map(|vaults| vaults.values_mut());
            vaults.filter_map(serde_json::Value::as_object_mut).for_each(|vault| drop(vault.remove("unlogged")));
            contents.insert(path, format!("mode {:o}, {settings}", metadata.mode()));
            continue;
        }
        if metadata.is_file()
            && path.extension().is_some_and(|ending| ending == "anchor")
            && let Ok(item) = fs::read(&path)
        {
            contents.insert(path, format!("mode {:o}, {:?}", metadata.mode(), without_log(&item)));
            continue;
        }
        let mut hash = DefaultHasher::new();
        if metadata.is_file() && metadata.len() <= COMPARE_LIMIT {
            fs::read(&path).ok().hash(&mut hash);
        } else if metadata.is_file() {
            metadata.mtime_nsec().hash(&mut hash);
        }
        let length = if metadata.is_file() { metadata.len() } else { 0 };
        contents.insert(path.clone(), format!("mode {:o}, {length} bytes, {:x}", metadata.mode(), hash.finish()));
        if metadata.is_dir() {
            add_contents(&path, contents);
        }
    }
}

/// Returns what an anchor says, but for how far the access log was; the item itself if it is none.
pub fn without_log(item: &[u8]) -> serde_json::Value {
    let protected = |item: &[u8]| -> Option<serde_json::Value> {
        let item: serde_json::Value = serde_json::from_slice(item).ok()?;
        let protected = BASE64_STANDARD.decode(item.get("protected")?.as_str()?).ok()?;
        let mut protected: serde_json::Value = serde_json::from_slice(&protected).ok()?;
        protected.as_object_mut()?.remove("log");
        Some(protected)
    };
    protected(item).unwrap_or_else(|| String::from_utf8_lossy(item).into())
}

/// Returns a vault file in whose payload one letter is another: it parses, and does not open.
pub fn with_altered_payload(vault: &[u8]) -> Vec<u8> {
    let mut altered = vault.to_vec();
    let text = String::from_utf8(altered.clone()).unwrap();
    let at = text.find("\"payload\":\"").unwrap() + 111;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    altered
}

/// Tells whether the tests are root's, whom no file permission binds.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Makes a file, or a folder with all that is in it, the stranger's.
pub fn give_away(path: &Path) {
    give_to(path, STRANGER);
}

/// Makes a file, or a folder with all that is in it, a user's.
pub fn give_to(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_to(&entry.unwrap().path(), user);
        }
    }
}
