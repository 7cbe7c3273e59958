//! The screen that the program opens alone, in a terminal that keeps its lines: what is shown, for how long, and what
//! is left of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::terminal::*;

const VALUE: &str = "quartz-hovercraft-of-the-portal";
/// Far more than any step takes.
const PATIENCE: Duration = Duration::from_secs(60);
const LOCKED: &str = "The vault is locked. Press u to unlock it.";

/// A terminal of 80 columns and 24 lines with a shell that has job control.
struct Tmux<'a> {
    home: &'a Home,
    folder: TempDir,
}

impl<'a> Tmux<'a> {
    fn start(home: &'a Home) -> Self {
        let tmux = Self { home, folder: TempDir::with_prefix("strongroom-tmux-").unwrap() };
        // tmux runs the shell itself, so that the shell is the only thing in the pane.
        tmux.does("-f /dev/null new-session -d -x 80 -y 24 'PS1=\"ready> \" exec bash --norc --noprofile -i'");
        tmux.see("ready>");
        tmux
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn does(&self, words: &str) -> String {
        let script = format!("exec tmux -u -S {} {words}", self.socket().display());
        let output = self.home.shell(&script).output().unwrap();
        assert!(output.status.success(), "tmux {words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types a text.
    fn types(&self, text: &str) {
        self.does(&format!("send-keys -l -- '{text}'"));
    }

    /// Presses a key that has a name.
    fn press(&self, key: &str) {
        self.does(&format!("send-keys {key}"));
    }

    fn screen(&self) -> String {
        self.does("capture-pane -p")
    }

    /// All that a person could scroll back to.
    fn all(&self) -> String {
        self.does("capture-pane -p -S -")
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
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
    fn see(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Runs the screen, and unlocks the vault in it.
    fn unlocks(&self) {
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
    fn reveals(&self) {
        self.types("/por");
        self.see("search: por_");
        self.press("Enter");
        let screen = self.see("hidden; press r");
        assert!(!screen.contains(VALUE), "{screen}");
        self.types("r");
        self.see(VALUE);
    }

    /// Asserts that the terminal is as it was and keeps nothing.
    #[track_caller]
    fn keeps_nothing(&self) {
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

fn with_secret() -> Home {
    let home = Home::with_vault();
    let file = home.path("../value");
    fs::write(&file, VALUE).unwrap();
    let words = format!("secret set portal -p acme --user ada --from-file {}", file.display());
    assert_eq!(home.run(&words, OLD), 0);
    home
}

#[test]
fn a_secret_is_found_shown_for_ten_seconds_and_leaves_nothing_in_the_terminal() {
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    tmux.reveals();
    let start = Instant::now();
    tmux.until("the value to be hidden", |screen| !screen.contains(VALUE));
    let shown = start.elapsed();
    // It was seen a moment after it was shown, and what watches takes its time on a busy computer.
    assert!(shown > Duration::from_secs(7) && shown < Duration::from_secs(20), "{shown:?}");
    // A screen that gets smaller is drawn again.
    tmux.does("resize-window -x 40 -y 10");
    tmux.see("Esc back");
    tmux.does("resize-window -x 39 -y 10");
    tmux.see("too small");
    tmux.does("resize-window -x 80 -y 24");
    tmux.types("q");
    tmux.see("left with 0");
    tmux.keeps_nothing();
}

#[test]
fn suspended_it_hides_locks_and_continues() {
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    tmux.reveals();
    tmux.press("C-z");
    let screen = tmux.see("Stopped");
    assert!(!screen.contains(VALUE), "{screen}");
    tmux.keeps_nothing();
    tmux.types("clear; fg");
    tmux.press("Enter");
    tmux.see(LOCKED);
    tmux.press("C-c");
    tmux.see("left with 0");
}

#[test]
fn a_signal_ends_it_and_puts_the_terminal_back() {
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    tmux.reveals();
    let pid = fs::read_to_string(home.work("pid")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    tmux.see("left with 143");
    tmux.keeps_nothing();
}

#[test]
fn the_vault_of_the_agent_is_shown_at_once_and_locked_from_the_screen() {
    let home = with_secret();
    assert_eq!(home.run("unlock", OLD), 0);
    let tmux = Tmux::start(&home);
    tmux.types("strongroom; echo \"left with $?\"");
    tmux.press("Enter");
    let screen = tmux.see("portal");
    assert!(screen.contains("15 min left"), "{screen}");
    tmux.types("l");
    let screen = tmux.see("the vault is locked");
    assert!(!screen.contains("portal"), "{screen}");
    let status = home.shell("strongroom status --json").output().unwrap();
    assert!(!String::from_utf8(status.stdout).unwrap().contains("\"agent\""));
    tmux.types("q");
    tmux.see("left with 0");
    tmux.keeps_nothing();
}

#[test]
fn where_it_cannot_be_shown_the_program_alone_prints_its_help() {
    let home = Home::with_vault();
    for line in [
        "TERM=dumb strongroom",
        "TERM= strongroom",
        "TERM=xterm strongroom </dev/null",
        "TERM=xterm strongroom | cat; (exit ${PIPESTATUS[0]})",
    ] {
        let screen = home.terminal(line).leaves_with(2);
        assert!(screen.contains("Usage: strongroom [OPTIONS] <COMMAND>"), "{line}: {screen}");
    }
    for line in ["TERM=xterm strongroom --no-input", "TERM=xterm strongroom --accept-rollback"] {
        let screen = home.terminal(line).leaves_with(2);
        assert!(screen.contains("Usage: strongroom"), "{line}: {screen}");
    }
    let screen = home.terminal("TERM=xterm strongroom --json").leaves_with(2);
    assert!(screen.contains("{\"code\":2,\"kind\":\"usage\""), "{screen}");
}
