//! Every finding of `doctor`: made for real, its printed remedy carried out by a shell, and doctor is then clean.
#![cfg(all(target_os = "linux", feature = "cli"))]

mod keys;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use crate::support::home::Home;
use crate::support::made;
use crate::support::run::Typed;
const PASSWORD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";

const STRAY: &str = "11111111-2222-4333-8444-555555555555";

/// Makes a home without a vault; the password is in the file `password`.
fn empty() -> Home {
    let home = Home::empty();
    home.write("password", PASSWORD);
    home
}

/// Makes a vault at the default cost, so that doctor has nothing to say of it.
fn with_vault(keychain: &str) -> Home {
    match keychain {
        "file" => made::once("vault at the default cost", empty, |home| init(home, keychain, 256)),
        _ => at_cost(keychain, 256),
    }
}

fn at_cost(keychain: &str, mib: u32) -> Home {
    let home = empty();
    init(&home, keychain, mib);
    home
}

fn init(home: &Home, keychain: &str, mib: u32) {
    home.succeeds(&format!(
        "init --no-recovery --keychain {keychain} --kdf-memory {mib} --password-file password --no-input"
    ));
}

/// What doctor is asked, and what is done about its answers.
trait Patient {
    fn item(&self) -> PathBuf;
    fn output(&self, args: &[&str]) -> Output;
    fn succeed(&self, args: &[&str]) -> String;
    fn problems(&self) -> Vec<(String, String)>;
    fn problems_with(&self, flags: &[&str]) -> Vec<(String, String)>;
    fn found(&self, checks: &[&str]) -> Vec<String>;
    fn clean(&self);
    fn carry_out(&self, remedy: &str);
}

impl Patient for Home {
    /// The keychain file of the vault, beside which there may be a stray one.
    fn item(&self) -> PathBuf {
        let folder = self.path(".local/state/strongroom/keychain");
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_none() && !path.ends_with(STRAY));
        files.pop().unwrap()
    }

    fn output(&self, args: &[&str]) -> Output {
        self.typed("--no-input").args(args).output()
    }

    fn succeed(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs doctor and returns the problems it finds: which check, and the remedy.
    fn problems(&self) -> Vec<(String, String)> {
        self.problems_with(&[])
    }

    fn problems_with(&self, flags: &[&str]) -> Vec<(String, String)> {
        let output = self.output(&[&["--json", "doctor"], flags].concat());
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let problems: Vec<_> = findings
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["level"] == "problem")
            .map(|finding| (text(&finding["check"]), text(&finding["remedy"])))
            .collect();
        assert_eq!(output.status.code(), Some(if problems.is_empty() { 0 } else { 1 }));
        problems
    }

    /// Asserts that doctor finds exactly these, and returns their remedies.
    fn found(&self, checks: &[&str]) -> Vec<String> {
        let problems = self.problems();
        let found: Vec<&str> = problems.iter().map(|(check, _)| check.as_str()).collect();
        assert_eq!(found, checks, "{problems:?}");
        problems.into_iter().map(|(_, remedy)| remedy).collect()
    }

    fn clean(&self) {
        assert_eq!(self.problems(), []);
    }

    /// Carries a remedy out in a shell, as a user would paste it; the password comes from its file.
    fn carry_out(&self, remedy: &str) {
        let line = remedy.rsplit_once(": ").map_or(remedy, |(_, command)| command);
        let mut line = line.trim_matches('`').to_owned();
        if line.starts_with("strongroom") && !line.contains("--forget") {
            line = line.replacen("strongroom", "strongroom --no-input --password-file password", 1);
        }
        let output = Typed::new(self, "sh").args(["-c", &line]).output();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_new_vault_is_clean_with_and_without_its_password() {
    let home = with_vault("file");
    home.clean();
    let text = home.succeed(&["doctor", "--password-file", "password"]);
    assert!(text.contains("ok      unlocking") && !text.contains("PROBLEM"), "{text}");
}

#[test]
fn a_missing_vault_is_found_and_init_makes_one() {
    let home = empty();
    // One fact is one problem, with a password too, and the keychain is tried all the same.
    for (flags, command) in [
        (&[][..], "strongroom init --keychain file"),
        (&["--password-file", "password"], "strongroom init --keychain file"),
        (&["--keychain", "file:key"], "strongroom init --keychain file:key"),
    ] {
        let doctor = home.typed("--no-input --json doctor").args(flags);
        let output = doctor.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").output();
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |level: &str| -> Vec<_> {
            findings.as_array().unwrap().iter().filter(|finding| finding["level"] == level).cloned().collect()
        };
        let [problem] = &of("problem")[..] else { panic!("{findings}") };
        assert_eq!((&problem["check"], &problem["remedy"]), (&"vault".into(), &command.into()));
        let tried: Vec<_> = [of("note"), of("good")].concat();
        let keychain = tried.iter().find(|finding| finding["check"] == "keychain").expect("it is tried");
        let message = keychain["message"].as_str().unwrap();
        assert!(message.matches("can keep its key in a file").count() <= 1, "{message}");
    }
    home.carry_out("strongroom init --no-recovery --kdf-memory 256 --keychain file");
    home.clean();
}

#[test]
fn what_keeps_the_vault_shut_is_one_problem_with_a_password_too() {
    let home = with_vault("file");
    fs::remove_file(home.item()).unwrap();
    fs::remove_file(home.path(".local/state/strongroom/keychain").read_dir().unwrap().next().unwrap().unwrap().path())
        .unwrap();
    let problems = home.problems_with(&["--password-file", "password"]);
    let checks: Vec<_> = problems.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(checks, ["data key"], "{problems:?}");
    assert!(problems.iter().all(|(_, remedy)| !remedy.is_empty()), "{problems:?}");
}

/// Makes a vault with project beta, and the file of another computer, which added acme to the same vault instead.
fn changed_apart() -> (Home, Vec<u8>) {
    let home = with_vault("file");
    let common = fs::read(home.vault()).unwrap();
    let anchor = fs::read(home.anchor()).unwrap();
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    let theirs = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), common).unwrap();
    fs::write(home.anchor(), anchor).unwrap();
    home.succeed(&["project", "add", "beta", "--password-file", "password"]);
    (home, theirs)
}

#[test]
fn a_copy_that_a_sync_service_left_beside_the_vault_is_merged() {
    let (home, theirs) = changed_apart();
    // With the other computer's file in place, the file to merge is the copy: it is named.
    let ours = fs::read(home.vault()).unwrap();
    let copy = home.vault().with_file_name("conflict.json");
    fs::write(&copy, &ours).unwrap();
    fs::write(home.vault(), &theirs).unwrap();
    let problems = home.problems_with(&["--password-file", "password"]);
    let remedy = problems.iter().find_map(|(check, remedy)| (check == "anchor").then_some(remedy)).unwrap();
    assert!(remedy.contains(&format!("`strongroom vault merge {}`;", copy.display())), "{remedy}");
    fs::remove_file(&copy).unwrap();
    fs::write(home.vault(), ours).unwrap();
    for name in [
        "vault (Anna's conflicted copy 2026-11-26).json",
        "vault.sync-conflict-20261126-101010-ABCDEFG.json",
        "vault-LAPTOP.json",
        "vault_conflict-20261126",
    ] {
        let copy = home.vault().with_file_name(name);
        fs::write(&copy, &theirs).unwrap();
        let [remedy] = &home.found(&["copies"])[..] else { panic!("one remedy") };
        assert!(remedy.contains("strongroom vault merge "), "{remedy}");
        home.carry_out(remedy);
        home.clean();
        assert!(!copy.exists());
        // A copy of what is known already is worth a note, once the vault is open.
        fs::write(&copy, &theirs).unwrap();
        assert_eq!(home.problems_with(&["--password-file", "password"]), []);
        fs::remove_file(&copy).unwrap();
    }
    // What is no file of this vault is none of its business.
    fs::write(home.vault().with_file_name("vault-other.json"), "{\"format\":\"strongroom-vault\"").unwrap();
    home.clean();
    let list = home.succeed(&["project", "list", "--password-file", "password"]);
    assert!(list.contains("acme") && list.contains("beta"), "{list}");
}

#[test]
fn permissions_are_found_file_by_file() {
    let home = with_vault("file");
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    let folder = home.vault().parent().unwrap().to_path_buf();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let files = [
        home.vault(),
        home.vault().with_extension("json.prev"),
        home.path(".config/strongroom/settings.json"),
        home.item(),
        home.anchor(),
    ];
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o640)).unwrap();
    }
    for remedy in home.found(&["permissions"; 6]) {
        home.carry_out(&remedy);
    }
    home.clean();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn leftovers_of_interrupted_writes_are_found() {
    let home = with_vault("file");
    let logs = home.vault().parent().unwrap().join("log");
    fs::create_dir_all(&logs).unwrap();
    let log = logs.join("5cdb0f0a-f839-46a6-9475-4b16a0e98c1a.2.log");
    let names = [home.vault(), home.vault().with_extension("json.prev"), home.item(), home.anchor(), log];
    for name in &names {
        fs::write(format!("{}.strongroom-tmp", name.display()), b"half").unwrap();
    }
    for remedy in home.found(&["leftovers"; 5]) {
        home.carry_out(&remedy);
    }
    home.clean();
}

#[test]
fn a_previous_vault_file_that_is_none_is_found() {
    let home = with_vault("file");
    fs::write(home.vault().with_extension("json.prev"), b"garbage").unwrap();
    fs::set_permissions(home.vault().with_extension("json.prev"), fs::Permissions::from_mode(0o600)).unwrap();
    let remedies = home.found(&["previous vault file"]);
    home.carry_out(&remedies[0]);
    home.clean();
}

#[test]
fn a_damaged_vault_with_a_good_previous_one_is_gone_on_from() {
    let home = with_vault("file");
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    home.succeed(&["project", "add", "beta", "--password-file", "password"]);
    let half = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), &half[..half.len() / 2]).unwrap();
    let remedies = home.found(&["vault"]);
    home.carry_out(&remedies[0]);
    home.clean();
    let list = home.succeed(&["project", "list", "--password-file", "password"]);
    assert!(list.contains("acme") && !list.contains("beta"), "{list}");
}

#[test]
fn a_missing_garbled_or_lagging_anchor_is_found() {
    let home = with_vault("file");
    let early = fs::read(home.anchor()).unwrap();
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    for bytes in [None, Some(b"garbage".to_vec()), Some(early)] {
        match bytes {
            None => fs::remove_file(home.anchor()).unwrap(),
            Some(bytes) => fs::write(home.anchor(), bytes).unwrap(),
        }
        let remedies = home.found(&["anchor"]);
        home.carry_out(&remedies[0]);
        home.clean();
    }
}

#[test]
fn an_older_vault_file_is_found() {
    let home = with_vault("file");
    let old = fs::read(home.vault()).unwrap();
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    fs::write(home.vault(), old).unwrap();
    let remedies = home.found(&["anchor"]);
    home.carry_out(&remedies[0]);
    home.clean();
}

#[test]
fn a_vault_file_from_before_a_rotation_is_found() {
    let home = with_vault("file");
    let old = fs::read(home.vault()).unwrap();
    home.succeed(&["vault", "rotate", "--no-recovery", "--settle-now", "--password-file", "password"]);
    let new = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), old).unwrap();
    let remedies = home.found(&["data key", "anchor"]);
    assert_eq!(remedies[0], "put back the vault file that this computer last recorded");
    fs::write(home.vault(), new).unwrap();
    home.clean();
}

#[test]
fn a_vault_that_two_machines_changed_apart_is_united() {
    let (home, theirs) = changed_apart();
    fs::rename(home.vault(), home.path("FILE")).unwrap();
    fs::write(home.vault(), theirs).unwrap();
    fs::set_permissions(home.vault(), fs::Permissions::from_mode(0o600)).unwrap();
    // Without the password a damaged file looks the same.
    let [suspected] = &home.found(&["anchor"])[..] else { panic!("one remedy") };
    assert!(suspected.ends_with("`strongroom doctor --unlock`"), "{suspected}");
    let problems = home.problems_with(&["--password-file", "password"]);
    let [(check, remedy)] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(check, "anchor");
    home.carry_out(remedy.split("; ").next().unwrap());
    home.clean();
    let list = home.succeed(&["project", "list", "--password-file", "password"]);
    assert!(list.contains("acme") && list.contains("beta"), "{list}");
}
