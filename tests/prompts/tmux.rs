//! A terminal that keeps its lines, with the screen of the program on it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::terminal::*;

pub const VALUE: &str = "quartz-hovercraft-of-the-portal";
/// Far more than any step takes.
const PATIENCE: Duration = Duration::from_secs(60);
pub const LOCKED: &str = "Locked. Press u to unlock the vault.";

/// A terminal of 80 columns and 24 lines with a shell that has job control.
pub struct Tmux<'a> {
    home: &'a Home,
    folder: TempDir,
}

impl<'a> Tmux<'a> {
    pub fn start(home: &'a Home) -> Self {
        let tmux = Self { home, folder: TempDir::with_prefix("strongroom-tmux-").unwrap() };
        // tmux runs the shell itself, so that the shell is the only thing in the pane.
        tmux.does("-f /dev/null new-session -d -x 80 -y 24 'PS1=\"ready> \" exec bash --norc --noprofile -i'");
        tmux.see("ready>");
        tmux
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn does(&self, words: &str) -> String {
        let script = format!("exec tmux -u -S {} {words}", self.socket().display());
        let output = self.home.shell(&script).output().unwrap();
        assert!(output.status.success(), "tmux {words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types a text.
    pub fn types(&self, text: &str) {
        self.does(&format!("send-keys -l -- '{text}'"));
    }

    /// Presses a key that has a name.
    pub fn press(&self, key: &str) {
        self.does(&format!("send-keys {key}"));
    }

    pub fn screen(&self) -> String {
        self.does("capture-pane -p")
    }

    /// All that a person could scroll back to.
    fn all(&self) -> String {
        self.does("capture-pane -p -S -")
    }

    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(start.elapsed() < PATIENCE, "waiting for {what:?}:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn see(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Runs the screen, and unlocks the vault in it.
    pub fn unlocks(&self) {
        self.types("bash --norc --noprofile -c \"echo \\$\\$ >pid; exec strongroom\"; echo \"left with $?\"");
        self.press("Enter");
        self.see(LOCKED);
        self.types("u");
        self.see("master password");
        self.types(OLD);
        self.press("Enter");
        let screen = self.see("unlocked in this screen");
        assert!(!screen.contains(OLD), "{screen}");
    }

    /// Finds the secret by three letters and shows what it holds.
    pub fn reveals(&self) {
        self.types("/por");
        self.see("search: por_");
        self.press("Enter");
        let screen = self.see("hidden; press r");
        assert!(!screen.contains(VALUE), "{screen}");
        self.types("r");
        self.see(VALUE);
    }

    /// Returns the process that [`Tmux::unlocks`] has started.
    pub fn pid(&self) -> u32 {
        fs::read_to_string(self.home.work("pid")).unwrap().trim().parse().unwrap()
    }

    /// Asserts that the terminal is as it was and keeps nothing.
    #[track_caller]
    pub fn keeps_nothing(&self) {
        self.types("stty -a");
        self.press("Enter");
        self.see("rows 24");
        let all = self.all();
        for wanted in [" echo ", " icanon ", " isig ", " icrnl "] {
            assert!(all.replace('\n', " ").contains(wanted), "{wanted} is off:\n{all}");
        }
        assert!(!all.contains(VALUE) && !all.contains(OLD) && !all.contains("portal"), "{all}");
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.socket()).arg("kill-server").output();
    }
}

/// A home whose vault holds the secret portal.
pub fn with_secret() -> Home {
    let home = Home::with_vault();
    let file = home.path("../value");
    fs::write(&file, VALUE).unwrap();
    let words = format!("secret set portal -p acme --user ada --from-file {}", file.display());
    assert_eq!(home.run(&words, OLD), 0);
    home
}
