//! `strongroom import` of files that gpg has encrypted, with a passphrase and with a key of its own, which is thrown away
//! afterwards.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::home::Home;
use crate::support::run::Outcome;

const TEXT: &str = "name,balance\nada,12\nbo,7\n";

/// gpg's home, gone afterwards.
struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        // A socket's path is short.
        let keys = tempfile::TempDir::with_prefix_in("sr-gpg-", "/tmp").unwrap();
        fs::set_permissions(keys.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(keys)
    }

    fn with_key() -> Self {
        let keys = Self::new();
        let make =
            ["--passphrase", "", "--quick-generate-key", "tests@example.org", "future-default", "default", "never"];
        keys.gpg(&make, b"");
        keys
    }

    fn gpg(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut gpg = Command::new("gpg")
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback"])
            .args(arguments)
            .env("GNUPGHOME", self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("gpg: {error}; ./test installs it"));
        let mut stdin = gpg.stdin.take().unwrap();
        let input = input.to_vec();
        let fed = std::thread::spawn(move || stdin.write_all(&input));
        let output = gpg.wait_with_output().unwrap();
        fed.join().unwrap().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    }

    /// Encrypts with a passphrase that is cheap to try.
    fn symmetric(&self, text: &[u8]) -> Vec<u8> {
        self.gpg(&["--symmetric", "--s2k-count", "65536", "--passphrase", "the old one"], text)
    }

    fn import(&self, home: &Home, words: &str) -> Outcome {
        let words = format!("import --project acme {words} --password-file pw");
        home.typed(&words).env("GNUPGHOME", self.0.path()).run()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Its agent would outlive it.
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.0.path()).output();
    }
}

#[test]
fn a_passphrase_opens_a_file_and_another_one_leaves_nothing() {
    let (home, keys) = (Home::with_project(), Keys::new());
    // More than any pipe takes, and little when it is packed.
    let text = TEXT.repeat(20_000);
    let sealed = keys.symmetric(text.as_bytes());
    home.write("clients.csv.gpg", &sealed);
    home.write("old", "the old one\n");
    home.write("wrong", "another\n");
    let outcome = keys.import(&home, "--old-password-file old clients.csv.gpg --json");
    let imported = &outcome.json()["files"][0];
    assert_eq!((&imported["scheme"], &imported["proof"]), (&json!("gpg"), &json!("tag")));
    assert_eq!((&imported["bytes"], &imported["unauthenticated_source"]), (&json!(text.len()), &json!(false)));
    home.succeeds("decrypt clients.csv.sealed -o opened --password-file pw");
    assert!(home.read("opened") == text.as_bytes());
    let outcome = keys.import(&home, "--old-password-file old clients.csv.gpg --dry-run --json").changed_nothing();
    assert_eq!(outcome.json()["files"][0]["bytes"], json!(text.len()));
    // Cut short and altered, gpg has passed on most of it before it finds out.
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    for (secret, bytes) in
        [("wrong", &sealed[..]), ("old", &sealed[..sealed.len() - 30]), ("old", &altered), ("old", &sealed[..60])]
    {
        home.write("in.gpg", bytes);
        let outcome =
            keys.import(&home, &format!("--scheme gpg --old-password-file {secret} in.gpg")).changed_nothing();
        let said = outcome.stderr();
        assert_eq!(outcome.code(), 3, "{said}");
        assert!(
            said.starts_with("error: cannot import in.gpg\ncause: the old password or key, the scheme or "),
            "{said}"
        );
        assert!(said.contains("\ntried: the secret without its line end; keys by gpg\n"), "{said}");
        assert!(!said.contains("the old one"), "{said}");
    }
    let digest = format!("--sha256 {}", "0".repeat(64));
    let outcome =
        keys.import(&home, &format!("{digest} --old-password-file old clients.csv.gpg -o x")).changed_nothing();
    assert_eq!(outcome.code(), 3, "{}", outcome.stderr());
}

#[test]
fn a_key_that_gpg_has_opens_a_file_and_without_it_none_appears() {
    let (home, keys) = (Home::with_project(), Keys::with_key());
    let recipient = ["--trust-model", "always", "--recipient", "tests@example.org"];
    home.write("clients.csv.gpg", keys.gpg(&[&["--encrypt"], &recipient[..]].concat(), TEXT.as_bytes()));
    home.write("more.csv.asc", keys.gpg(&[&["--armor", "--encrypt"], &recipient[..]].concat(), TEXT.as_bytes()));
    let detected = home.run("import --detect clients.csv.gpg more.csv.asc --json").json();
    assert_eq!((&detected[0]["scheme"], &detected[1]["scheme"]), (&json!("gpg"), &json!("gpg")));
    let outcome = keys.import(&home, "clients.csv.gpg more.csv.asc --json");
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr());
    for name in ["clients.csv", "more.csv"] {
        home.succeeds(&format!("decrypt {name}.sealed -o opened-{name} --password-file pw"));
        assert_eq!(home.read(format!("opened-{name}")), TEXT.as_bytes());
    }
    let others = Keys::new();
    let outcome = others.import(&home, "clients.csv.gpg -o other --json --no-input").changed_nothing();
    assert_eq!(outcome.code(), 3, "{}", outcome.stderr());
    let error: serde_json::Value = serde_json::from_str(outcome.stderr()).unwrap();
    assert_eq!((&error["kind"], &error["tried"][1]), (&json!("not-opened"), &json!("keys by gpg")));
    assert!(error["hint"].as_str().unwrap().contains("none of the keys"), "{error}");
}

#[test]
fn what_is_signed_or_has_no_check_of_its_integrity_is_not_taken() {
    let (home, keys) = (Home::with_project(), Keys::with_key());
    home.write("old", "the old one\n");
    home.write("signed.gpg", keys.gpg(&["--sign"], TEXT.as_bytes()));
    // What PGP wrote twenty years ago; gpg still writes it if it is told to.
    let unchecked =
        ["--rfc2440", "--cipher-algo", "CAST5", "--disable-mdc", "--symmetric", "--passphrase", "the old one"];
    home.write("unchecked.gpg", keys.gpg(&unchecked, TEXT.as_bytes()));
    for name in ["signed.gpg", "unchecked.gpg"] {
        let words = format!("--scheme gpg --old-password-file old {name}");
        let outcome = keys.import(&home, &words).changed_nothing();
        assert_eq!(outcome.code(), 3, "{name}: {}", outcome.stderr());
    }
}

#[test]
fn without_gpg_it_is_said_what_is_missing() {
    let (home, keys) = (Home::with_project(), Keys::new());
    home.write("in.gpg", keys.symmetric(TEXT.as_bytes()));
    let typed = home.typed("import --project acme in.gpg --password-file pw");
    let outcome = typed.through(&["env", "PATH=/nowhere"]).run().changed_nothing();
    assert_eq!(outcome.code(), 1, "{}", outcome.stderr());
    assert!(outcome.stderr().contains("gpg cannot be started") && outcome.stderr().contains("hint: install GnuPG"));
}
