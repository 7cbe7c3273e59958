//! `strongroom secret import` of a store that `pass` itself has made, with a key that is thrown away afterwards.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::home::Home;

const TOTP: &str = "otpauth://totp/mail:ada?secret=JBSWY3DPEHPK3PXP&issuer=mail";

/// gpg's home and a store beside a home, both gone with it.
struct Store {
    keys: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        Self::with_passphrase("")
    }

    fn with_passphrase(passphrase: &str) -> Self {
        // A socket's path is short.
        let keys = tempfile::TempDir::with_prefix_in("sr-gpg-", "/tmp").unwrap();
        fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let store = Self { keys };
        store.gpg(
            &[
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                passphrase,
                "--quick-generate-key",
                "tests@example.org",
                "future-default",
                "default",
                "never",
            ],
            "",
        );
        store.pass(&["init", "tests@example.org"], "");
        store
    }

    fn folder(&self) -> String {
        self.keys.path().join("store").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("GNUPGHOME", self.keys.path())
            .env("PASSWORD_STORE_DIR", self.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; ./test installs it"));
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn gpg(&self, arguments: &[&str], input: &str) {
        self.run("gpg", &[&["--batch", "--quiet"], arguments].concat(), input);
    }

    fn pass(&self, arguments: &[&str], input: &str) {
        self.run("pass", arguments, input);
    }

    fn insert(&self, name: &str, text: &str) {
        self.pass(&["insert", "--multiline", "--force", name], text);
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new(&self.folder()).join(name)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Its agent would outlive it.
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.keys.path()).output();
    }
}

#[test]
fn a_store_of_pass_comes_over_and_what_gpg_cannot_open_is_reported() {
    let home = Home::with_project();
    let store = Store::new();
    store.insert(
        "Work/mail",
        &format!("hunter2 \nuser: ada\nurl: https://mail.example\n{TOTP}\nPIN: 99\nfirst\nsecond\n"),
    );
    store.insert("plain", "p\u{e4}ss");
    store.insert("odd $(touch pwned); name", "odd\n");
    fs::rename(store.file("odd $(touch pwned); name.gpg"), store.file("--odd $(touch pwned); name.gpg")).unwrap();
    // As `pass` makes them, or as somebody puts them there.
    fs::create_dir(store.file(".git")).unwrap();
    fs::write(store.file(".git/config.gpg"), "not an entry").unwrap();
    fs::write(store.file("broken.gpg"), "no message").unwrap();
    fs::write(store.file("notes.txt"), "x").unwrap();
    store.gpg(&["--output", &store.file("clear.gpg").display().to_string(), "--store"], "not encrypted");
    store.gpg(&["--output", &store.file("binary.gpg").display().to_string(), "--symmetric", "--passphrase", "x"], "y");
    fs::write(store.keys.path().join("outside.gpg"), "x").unwrap();
    symlink(store.keys.path().join("outside.gpg"), store.file("out.gpg")).unwrap();
    symlink("../outside.gpg", store.file("up.gpg")).unwrap();
    symlink(store.keys.path(), store.file("away")).unwrap();
    symlink("Work/mail.gpg", store.file("again.gpg")).unwrap();
    symlink("Work", store.file("Folder")).unwrap();
    let import = |flags: &[&str]| {
        let typed = home.typed("secret import").arg(store.folder()).args(["--json", "--password-file", "pw"]);
        typed.args(flags).env("GNUPGHOME", store.keys.path().to_str().unwrap()).run()
    };
    let json = import(&["--yes", "-p", "acme"]).succeeds().json();
    assert_eq!(json["format"], "pass");
    assert_eq!(json["added"], json!(["odd $(touch pwned); name", "Work/mail", "again", "plain"]));
    let skipped: Vec<_> =
        json["skipped"].as_array().unwrap().iter().map(|one| (&one["item"], &one["reason"])).collect();
    let expected = [
        ("Folder", "it is a link to a folder; what is in that folder is read there"),
        ("away", "it is a link that leads out of the store"),
        ("notes.txt", "it is not an entry: its name does not end in .gpg"),
        ("out.gpg", "it is a link that leads out of the store"),
        ("up.gpg", "it is a link that leads out of the store"),
        ("binary", "gpg cannot decrypt it"),
        ("broken", "gpg cannot decrypt it"),
        ("clear", "it is not encrypted"),
    ];
    assert_eq!(
        skipped,
        Vec::from_iter(expected.iter().map(|(item, reason)| (json!(item), json!(reason))))
            .iter()
            .map(|(item, reason)| (item, reason))
            .collect::<Vec<_>>()
    );
    let field = |name: &str, field: &str| {
        home.typed("secret show").arg(name).args(["--field", field, "--password-file", "pw"]).run().succeeds().text()
    };
    for name in ["Work/mail", "again"] {
        assert_eq!(field(name, "password"), "hunter2 \n");
        assert_eq!(field(name, "user"), "ada\n");
        assert_eq!(field(name, "PIN"), "99\n");
        assert_eq!(field(name, "note"), "first\nsecond\n");
        assert_eq!(field(name, "totp"), format!("{TOTP}\n"));
    }
    assert_eq!(field("plain", "password"), "p\u{e4}ss\n");
    assert_eq!(field("odd $(touch pwned); name", "password"), "odd\n");
    assert!(!home.path("pwned").exists());
    let again = import(&["--yes"]).succeeds().changed_nothing().json();
    assert_eq!((&again["added"], again["known"].as_array().unwrap().len()), (&json!([]), 4));
}

#[test]
fn a_store_whose_key_is_not_here_and_a_computer_without_gpg_say_so() {
    let home = Home::with_project();
    let store = Store::new();
    store.insert("mail", "hunter2");
    let empty = tempfile::TempDir::with_prefix_in("sr-gpg-", "/tmp").unwrap();
    fs::set_permissions(empty.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let import = || home.typed("secret import").arg(store.folder()).args(["--yes", "--json", "--password-file", "pw"]);
    let json = import().env("GNUPGHOME", empty.path().to_str().unwrap()).run().succeeds().json();
    assert_eq!(json["added"], json!([]));
    assert_eq!(json["skipped"][0]["reason"], "none of the keys that it is encrypted for is here");
    let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", empty.path()).output();
    let (message, hint) = import().through(&["env", "PATH=/nonexistent"]).run().fails_in_json(1, "bad-export");
    assert!(message.contains("gpg cannot be started") && hint.contains("install GnuPG"), "{message} {hint}");
    home.run("secret import nosuch --format pass --yes --json").fails_in_json(4, "input-not-found");
}

#[test]
fn without_input_gpg_asks_for_no_passphrase() {
    let home = Home::with_project();
    let store = Store::with_passphrase("sesame");
    store.insert("mail", "hunter2");
    // Its agent may know the passphrase from when the key was made.
    let ended = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", store.keys.path()).output();
    assert!(ended.unwrap().status.success());
    let import = home.typed("secret import").arg(store.folder()).args(["--yes", "--json", "--no-input"]);
    let import = import.args(["--password-file", "pw"]).env("GNUPGHOME", store.keys.path().to_str().unwrap());
    let json = import.run().succeeds().json();
    assert_eq!(json["added"], json!([]));
    let reason = json["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.ends_with("has a passphrase, which --no-input forbids to ask for"), "{reason}");
}
