//! What lies outside and must stay as it is, and how the program is run against it.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use crate::faults::home::{Home, program};

/// Names that a folder outside has files under, so that a swapped folder has something to lose.
const NAMES: [&str; 14] = [
    "precious",
    "vault.json",
    "vault.json.prev",
    "vault.json.lock",
    "vault.json.strongroom-tmp",
    "vault.json.prev.strongroom-tmp",
    "settings.json",
    "settings.json.lock",
    "settings.json.strongroom-tmp",
    "plans.bin.sealed",
    "a.csv.sealed",
    "a.csv",
    "c.txt",
    "c.txt.sealed",
];

/// A folder of somebody else's files.
pub struct Outside {
    folder: TempDir,
    before: BTreeMap<PathBuf, String>,
}

impl Outside {
    /// Makes one.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("strongroom-outside-").unwrap();
        for name in NAMES {
            let path = folder.path().join(name);
            fs::write(&path, format!("precious {name}\n")).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        }
        let mut outside = Self { folder, before: BTreeMap::new() };
        outside.before = outside.look();
        outside
    }

    /// Returns a path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns which of its files are not as they were.
    pub fn lost(&self) -> Vec<String> {
        let now = self.look();
        self.before.iter().filter(|file| now.get(file.0) != Some(file.1)).map(|file| format!("lost {file:?}")).collect()
    }

    /// Returns what was done to it since it was made: nothing, if all is well.
    pub fn damage(&self) -> Vec<String> {
        let now = self.look();
        let new = now.iter().filter(|file| self.before.get(file.0) != Some(file.1)).map(|file| format!("new {file:?}"));
        self.lost().into_iter().chain(new).collect()
    }

    /// Returns every name with content, mode, owner and time.
    fn look(&self) -> BTreeMap<PathBuf, String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let look = |path: &Path| {
            let metadata = fs::symlink_metadata(path).unwrap();
            let content =
                String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).chars().take(60).collect::<String>();
            format!(
                "{:o} {} {} {:?} {content:?}",
                metadata.mode(),
                metadata.uid(),
                metadata.ino(),
                metadata.modified().unwrap()
            )
        };
        entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), look(&path))).collect()
    }
}

/// Runs the program with a umask that takes nothing away, for 30 seconds at most.
pub fn run(home: &Home, words: &str) -> Output {
    let mut command = Command::new("setsid");
    command.args(["--wait", "timeout", "30", "sh", "-c", "umask 0; exec \"$0\" \"$@\""]).args(program(words));
    command.current_dir(home.path("")).env_clear().env("HOME", home.path("")).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).output().unwrap()
}

/// Returns what is wrong with how a run ended; `None` if nothing is.
pub fn unclean(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let documented =
        |line: &str| ["error: ", "cause: ", "hint: ", "warning: "].iter().any(|label| line.starts_with(label));
    match output.status.code() {
        Some(0) => None,
        Some(124) => Some("it waits for ever".into()),
        Some(1..=8) if said.lines().all(documented) && said.contains("error: ") => None,
        code => Some(format!("it ended with {code:?}: {said}")),
    }
}
