//! A home folder to run the program in, and what the stories do to the keychain behind its back.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use crate::support::home::Home;
use crate::support::run::Typed;

pub const OLD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";
pub const NEW: &str = "gravel-tunic-ember-canyon-plaza-hinge";
pub const CHEAP: [&str; 6] = ["--kdf-memory", "64", "--kdf-passes", "3", "--kdf-lanes", "4"];
pub const DATA: &str = "name,city\nAda,Graz\n";

/// What a script may wait for a keychain that hangs, from the program's start to its end.
pub const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Shows what the daemon said where a story fails: it may have been the daemon that failed.
pub struct DaemonLog;

impl Drop for DaemonLog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::env::var("DESKTOP").map(|desktop| Path::new(&desktop).join("daemon.log"));
            eprintln!(
                "the daemon's log:\n{}",
                log.ok().and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default()
            );
        }
    }
}

/// Makes a user's home folder with two password files and a file of data, and no vault.
pub fn empty() -> Home {
    let home = Home::empty();
    for (name, text) in [("old", OLD), ("new", NEW), ("clients.csv", DATA)] {
        home.write(name, text);
    }
    home
}

/// Makes a home with a vault under [`OLD`], with the project acme, its key in the given keychain.
pub fn with_vault(keychain: &str) -> Home {
    let home = empty();
    home.succeed(&[&["init", "--no-recovery", "--keychain", keychain, "--password-file", "old"], &CHEAP[..]].concat());
    home.succeed(&["project", "add", "acme", "--password-file", "old"]);
    home
}

/// What the stories ask of a home.
pub trait OnDesktop {
    /// Begins a command that asks nothing.
    fn attended_by_nobody(&self, arguments: &[&str]) -> Typed<'_>;
    fn output(&self, arguments: &[&str]) -> Output;
    /// Runs a command that must succeed, and returns what it prints.
    fn succeed(&self, arguments: &[&str]) -> String;
    /// Runs a command that must succeed and returns the kinds of its warnings.
    fn warnings(&self, arguments: &[&str]) -> Vec<String>;
    /// Asserts that a command fails for the keychain's sake, in JSON and in words, and returns the hint.
    fn fails(&self, arguments: &[&str], kind: &str) -> String;
    /// Tells whether a password opens the vault.
    fn opens(&self, password_file: &str) -> bool;
    /// Asserts that nothing of a vault was made.
    fn has_no_vault(&self);
    fn vault_id(&self) -> String;
}

impl OnDesktop for Home {
    fn attended_by_nobody(&self, arguments: &[&str]) -> Typed<'_> {
        self.typed("--no-input").args(arguments)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.attended_by_nobody(arguments).output()
    }

    fn vault_id(&self) -> String {
        let vault: Value = serde_json::from_str(&self.succeed(&["--json", "status"])).unwrap();
        vault["vault"].as_str().expect("an id").to_owned()
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn warnings(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.output(&[&["--json"], arguments].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        errors
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect(line)["warning"].as_str().expect(line).to_owned())
            .collect()
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], kind: &str) -> String {
        let hint = refused(&self.output(&[&["--json"], arguments].concat()), kind);
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(6), &b""[..]), "{arguments:?}: {errors}");
        let labels: Vec<&str> =
            errors.lines().filter_map(|line| line.split_once(' ')).map(|(label, _)| label).collect();
        assert_eq!(labels, ["error:", "cause:", "hint:"], "{arguments:?}: {errors}");
        assert!(errors.contains(&hint), "{arguments:?}: {errors}");
        hint
    }

    #[track_caller]
    fn opens(&self, password_file: &str) -> bool {
        let output = self.output(&["project", "list", "--password-file", password_file]);
        match output.status.code() {
            Some(0) => true,
            Some(3) => false,
            _ => panic!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)),
        }
    }

    #[track_caller]
    fn has_no_vault(&self) {
        assert!(!self.vault().exists());
        assert!(!self.path(".local/state/strongroom/keychain").exists());
        let settings = fs::read_to_string(self.path(".config/strongroom/settings.json")).unwrap_or_default();
        assert!(!settings.contains("keychain"), "{settings}");
    }
}

/// Asserts that an output is a refusal of this kind in JSON with nothing beside it, and returns its hint.
#[track_caller]
pub fn refused(output: &Output, kind: &str) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let error: Value = serde_json::from_str(&errors).unwrap_or_else(|_| panic!("no line of JSON: {errors}"));
    assert_eq!((output.status.code(), error["code"].as_i64(), error["kind"].as_str()), (Some(6), Some(6), Some(kind)));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(": ")), "{errors}");
    error["hint"].as_str().filter(|hint| !hint.is_empty()).expect("a hint").to_owned()
}

/// Asserts what a keychain that cannot be used is to a vault of another kind, to one made by chance elsewhere, and to
/// a user without any vault. Returns the hint.
#[track_caller]
pub fn cannot_be_used(kind: &str) -> String {
    let home = with_vault("file");
    let before = fs::read(home.vault()).unwrap();
    let hint = home.fails(&["--keychain", "os", "key", "show", "acme", "--password-file", "old"], kind);
    for arguments in [
        &["--keychain", "os", "project", "add", "beta", "--password-file", "old"][..],
        &["--keychain", "os", "encrypt", "-p", "acme", "clients.csv", "--password-file", "old"],
        &["--keychain", "os", "passwd", "--password-file", "old", "--new-password-file", "new"],
    ] {
        assert_eq!(home.fails(arguments, kind), hint);
    }
    assert!(!home.path("clients.csv.sealed").exists());
    assert_eq!(fs::read(home.vault()).unwrap(), before);
    // The vault itself has nothing to do with that keychain.
    assert!(home.opens("old"));

    let home = empty();
    home.fails(&[&["init", "--no-recovery", "--keychain", "os", "--password-file", "old"], &CHEAP[..]].concat(), kind);
    home.has_no_vault();
    // Without --keychain it is the OS keychain's too: a file is never chosen for the user.
    home.fails(&[&["init", "--no-recovery", "--password-file", "old"], &CHEAP[..]].concat(), kind);
    home.has_no_vault();
    hint
}

/// Runs a program of the desktop that must succeed and returns all it says.
#[track_caller]
pub fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program);
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    format!("{out}{errors}")
}

/// Returns the user names of the items that another program finds under our service's name.
pub fn items_of_ours() -> BTreeSet<String> {
    let found = tool("secret-tool", &["search", "--all", "service", "strongroom"]);
    found.lines().filter_map(|line| line.strip_prefix("attribute.username = ")).map(str::to_owned).collect()
}

/// Counts all items of a collection, whosever they are.
pub fn items_in(collection: &str) -> usize {
    let path = format!("/org/freedesktop/secrets/{collection}");
    let answer = tool(
        "dbus-send",
        &[
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
            &path,
            "org.freedesktop.DBus.Properties.Get",
            "string:org.freedesktop.Secret.Collection",
            "string:Items",
        ],
    );
    answer.matches("object path").count()
}

/// Stores an item beside or in place of ours, as another program would. `extra` tells it from ours.
pub fn store(user: &str, extra: Option<&str>, secret: &[u8]) {
    let mut command = Command::new("secret-tool");
    command.args(["store", "--label=something else", "service", "strongroom", "username", user]);
    command.args(extra.iter().flat_map(|extra| ["extra", extra])).stdin(Stdio::piped());
    let mut child = command.spawn().expect("secret-tool");
    child.stdin.take().unwrap().write_all(secret).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Stores an item of another program under its own attributes.
pub fn store_with(attributes: &[&str], secret: &[u8]) {
    let mut command = Command::new("secret-tool");
    command.args(["store", "--label=of a script"]).args(attributes).stdin(Stdio::piped());
    let mut child = command.spawn().expect("secret-tool");
    child.stdin.take().unwrap().write_all(secret).unwrap();
    assert!(child.wait().unwrap().success());
}

pub fn look_up(user: &str) -> String {
    tool("secret-tool", &["lookup", "service", "strongroom", "username", user])
}

pub fn clear(user: &str) {
    tool("secret-tool", &["clear", "service", "strongroom", "username", user]);
}

pub fn signal_daemon(signal: &str) {
    let daemon = fs::read_to_string(std::env::var("DESKTOP_DAEMON").expect("set by the desktop script")).unwrap();
    let daemon = daemon.trim();
    tool("kill", &[signal, daemon]);
    // A signal is delivered a moment after `kill` returns.
    wait_until(|| {
        let state = fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap_or_default();
        let halted = state.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['T', 'Z']));
        halted != (signal == "-CONT")
    });
}

pub fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never came to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends the daemon and waits until the bus has noticed.
pub fn kill_daemon() {
    signal_daemon("-KILL");
    wait_until(|| {
        let question = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"];
        let name = ["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"];
        tool("dbus-send", &[&question[..], &name].concat()).contains("boolean false")
    });
}
