//! Every finding of `doctor`: made for real, its printed remedy carried out by a shell, and doctor is then clean.
#![cfg(all(target_os = "linux", feature = "cli"))]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::{FileKeychain, ItemKind, ItemLock, Keychain, KeychainError, Probe, StoredItem};
use strongroom::store::FolderStore;
use strongroom::vault::Vault;

use crate::support::home::Home;
use crate::support::run::Typed;
use crate::support::{desktop, made};

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

#[test]
fn a_key_that_is_left_in_another_keychain_is_found_and_removed() {
    let home = with_vault("file:one/key");
    home.succeed(&["kit", "new", "--recovery-file", "kit", "--password-file", "password"]);
    fs::write(home.path("new"), "gravel-tunic-ember-canyon-plaza-hinge").unwrap();
    fs::set_permissions(home.path("new"), fs::Permissions::from_mode(0o600)).unwrap();
    // To another file, and from there to the default one: both are left behind.
    let recover = ["recover", "--kit-file", "kit", "--new-password-file", "password", "--kdf-memory", "256"];
    let told = home.succeed(&[&["--keychain", "file:two/key"], &recover[..]].concat());
    assert!(told.contains("this deletes it: `strongroom doctor --remove-left-behind`\n"), "{told}");
    home.succeed(&[&["--keychain", "file"], &recover[..]].concat());
    let remedies = home.found(&["left behind", "left behind"]);
    let id = home.item().file_name().unwrap().to_str().unwrap().to_owned();
    let refused = home.output(&["doctor", "--forget", &id, "--yes"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("doctor --remove-left-behind"));
    // With a wrong password nothing is known, and nothing is removed.
    assert_eq!(home.output(&["doctor", "--remove-left-behind", "--password-file", "new"]).status.code(), Some(3));
    assert!(home.path("one/key").exists() && home.path("two/key").exists());
    home.carry_out(&remedies[0]);
    home.clean();
    for gone in ["one/key", "one/key.anchor", "two/key", "two/key.anchor"] {
        assert!(!home.path(gone).exists(), "{gone}");
    }
    home.succeed(&["project", "list", "--password-file", "password"]);
}

#[test]
fn a_key_of_another_file_of_the_vault_is_not_left_behind() {
    let home = with_vault("file");
    home.succeed(&["kit", "new", "--recovery-file", "kit", "--password-file", "password"]);
    home.succeed(&["vault", "backup", "copy.json"]);
    let second = ["--vault", "second", "--keychain", "file:second-key", "recover", "--from", "copy.json"];
    let recover = ["--kit-file", "kit", "--new-password-file", "password", "--kdf-memory", "256"];
    home.succeed(&[&second[..], &recover].concat());
    home.clean();
    let output = home.succeed(&["doctor", "--remove-left-behind", "--password-file", "password"]);
    assert_eq!(output, "removed 0 keychain items\n");
    home.succeed(&[
        "--vault",
        "second",
        "--keychain",
        "file:second-key",
        "project",
        "list",
        "--password-file",
        "password",
    ]);
}

#[test]
fn a_copy_that_a_sync_service_left_beside_the_vault_is_merged() {
    let home = with_vault("file");
    let common = fs::read(home.vault()).unwrap();
    let anchor = fs::read(home.anchor()).unwrap();
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    let theirs = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), common).unwrap();
    fs::write(home.anchor(), anchor).unwrap();
    home.succeed(&["project", "add", "beta", "--password-file", "password"]);
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
#[ignore = "needs a real Secret Service: run ./test"]
fn a_key_left_in_a_real_keychain_and_old_test_items_are_found_and_removed() {
    desktop::inside(
        "--unlocked",
        concat!(module_path!(), "::a_key_left_in_a_real_keychain_and_old_test_items_are_found_and_removed"),
        || {
            let home = with_vault("os");
            home.succeed(&["kit", "new", "--recovery-file", "kit", "--password-file", "password"]);
            let store = |user: &str, secret: &[u8]| {
                let attributes = ["service", "strongroom", "username", user, "application", "strongroom"];
                let mut child = Command::new("secret-tool")
                    .args(["store", "--label=x"])
                    .args(attributes)
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap();
                std::io::Write::write_all(child.stdin.as_mut().unwrap(), secret).unwrap();
                drop(child.stdin.take());
                assert!(child.wait().unwrap().success());
            };
            // What a run of doctor left that could not delete its test item, and this program's own, which stays.
            store(&format!("{STRAY}:anchor"), b"strongroom doctor");
            home.clean();
            home.clean();
            let items = || -> Vec<String> {
                let found =
                    Command::new("secret-tool").args(["search", "--all", "service", "strongroom"]).output().unwrap();
                let text = [found.stdout, found.stderr].concat();
                let users = String::from_utf8_lossy(&text).into_owned();
                let mut users: Vec<_> = users
                    .lines()
                    .filter_map(|line| line.strip_prefix("attribute.username = "))
                    .map(str::to_owned)
                    .collect();
                users.sort();
                users
            };
            assert_eq!(items().iter().filter(|user| *user == "doctor:anchor").count(), 1);
            let recover = ["recover", "--kit-file", "kit", "--new-password-file", "password", "--kdf-memory", "256"];
            let told = home.succeed(&[&["--keychain", "file"], &recover[..]].concat());
            assert!(told.contains("strongroom doctor --remove-left-behind"), "{told}");
            let [remedy] = &home.found(&["left behind"])[..] else { panic!("one remedy") };
            home.carry_out(remedy);
            home.clean();
            assert_eq!(items(), ["doctor:anchor"]);
            // And the other way: from the file back to the desktop's keychain.
            home.succeed(&[&["--keychain", "os"], &recover[..]].concat());
            let [remedy] = &home.found(&["left behind"])[..] else { panic!("one remedy") };
            home.carry_out(remedy);
            home.clean();
            assert_eq!(items().len(), 3);
        },
    );
}

#[test]
#[ignore = "needs a real Secret Service: run ./test"]
fn a_vault_whose_settings_were_lost_is_remembered_once_it_opened() {
    desktop::inside(
        "--unlocked",
        concat!(module_path!(), "::a_vault_whose_settings_were_lost_is_remembered_once_it_opened"),
        || {
            let home = with_vault("os");
            let default = ["--kdf-memory", "256", "--password-file", "password"];
            home.succeed(&[&["--vault", "second", "init", "--no-recovery"], &default[..]].concat());
            fs::remove_file(home.path(".config/strongroom/settings.json")).unwrap();
            let [remedy] = &home.found(&["stray items"])[..] else { panic!("one remedy") };
            assert!(remedy.starts_with("open that vault once, so that the settings list it"), "{remedy}");
            home.succeed(&["--vault", "second", "project", "list", "--password-file", "password"]);
            home.clean();
        },
    );
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
    let names = [home.vault(), home.vault().with_extension("json.prev"), home.item(), home.anchor()];
    for name in &names {
        fs::write(format!("{}.strongroom-tmp", name.display()), b"half").unwrap();
    }
    for remedy in home.found(&["leftovers"; 4]) {
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
fn a_missing_key_is_found_and_a_restored_one_is_well() {
    let home = with_vault("file");
    let (item, bytes) = (home.item(), fs::read(home.item()).unwrap());
    fs::remove_file(&item).unwrap();
    home.found(&["data key"]);
    fs::write(&item, b"garbage").unwrap();
    fs::set_permissions(&item, fs::Permissions::from_mode(0o600)).unwrap();
    home.found(&["data key"]);
    fs::write(&item, bytes).unwrap();
    home.clean();
}

/// A keychain file whose second write never happens: what a crash in the middle of a password change leaves.
struct CutShort {
    inner: FileKeychain,
    writes: AtomicUsize,
}

impl Keychain for CutShort {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        self.inner.probe()
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        self.inner.get(vault, kind)
    }

    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        if self.writes.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(KeychainError::Vanished { provider: "test".into() });
        }
        self.inner.set(vault, kind, bytes)
    }

    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        self.inner.lock(vault, wait)
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        self.inner.delete(handle)
    }

    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        self.inner.list()
    }
}

#[test]
fn a_password_change_that_was_cut_short_is_found() {
    let home = with_vault("file");
    let store = Arc::new(FolderStore::new(home.vault().parent().unwrap(), SIZE_LIMIT).unwrap());
    let keychain = Arc::new(CutShort { inner: FileKeychain::new(home.item()), writes: AtomicUsize::new(0) });
    let old = Password::new(PASSWORD.as_bytes()).unwrap();
    let mut vault = Vault::open(store.clone()).unwrap().unlock(&old, keychain.clone(), Arc::new(ThisHost)).unwrap();
    let new = Password::new(b"another-password-altogether-here").unwrap();
    vault.change_password(&old, &new, Some(KdfCost::DEFAULT)).unwrap_err();
    let remedies = home.found(&["data key"]);
    fs::write(home.path("new"), "and-yet-another-one-of-six-words").unwrap();
    fs::set_permissions(home.path("new"), fs::Permissions::from_mode(0o600)).unwrap();
    home.carry_out(&format!("{} --new-password-file new", remedies[0]));
    home.clean();
}

#[test]
fn a_cheap_password_is_found() {
    let home = at_cost("file", 64);
    let remedies = home.found(&["password cost"]);
    fs::copy(home.path("password"), home.path("new")).unwrap();
    home.carry_out(&format!("{} --new-password-file new", remedies[0]));
    home.clean();
}

#[test]
fn a_stray_key_is_found_and_a_known_one_is_never_forgotten() {
    let home = with_vault("file");
    let item = home.item();
    fs::copy(&item, item.with_file_name(STRAY)).unwrap();
    let remedies = home.found(&["stray items"]);
    home.carry_out(&remedies[0]);
    home.clean();
    let own = item.file_name().unwrap().to_str().unwrap();
    let output = home.output(&["doctor", "--forget", own, "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    home.clean();
}

#[test]
#[ignore = "needs a real Secret Service: run ./test"]
fn doubled_and_stray_items_of_a_real_keychain_are_found() {
    desktop::inside(
        "--unlocked",
        concat!(module_path!(), "::doubled_and_stray_items_of_a_real_keychain_are_found"),
        || {
            let home = with_vault("os");
            home.clean();
            let status: serde_json::Value = serde_json::from_str(&home.succeed(&["--json", "status"])).unwrap();
            let vault = status["vault"].as_str().unwrap();
            for (vault, extra) in [(vault, "yes"), (STRAY, "no")] {
                let user = format!("{vault}:data-key");
                let attributes = ["service", "strongroom", "username", &user, "extra", extra];
                let mut child = Command::new("secret-tool")
                    .args(["store", "--label=something else"])
                    .args(attributes)
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap();
                std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"garbage").unwrap();
                assert!(child.wait().unwrap().success());
            }
            for remedy in home.found(&["data key", "stray items"]) {
                home.carry_out(&remedy);
            }
            home.clean();
        },
    );
}

#[test]
#[ignore = "needs a real Secret Service: run ./test"]
fn a_keychain_that_cannot_be_used_is_found() {
    for mode in ["--locked", "--nodaemon"] {
        desktop::inside(mode, concat!(module_path!(), "::a_keychain_that_cannot_be_used_is_found"), || {
            let home = with_vault("file");
            fs::write(
                home.path(".config/strongroom/settings.json"),
                r#"{"format":"strongroom-settings","version":1,"vaults":{}}"#,
            )
            .unwrap();
            let problems = home.problems();
            assert!(problems.iter().any(|(check, remedy)| check == "keychain" && !remedy.is_empty()), "{problems:?}");
        });
    }
}

/// Returns a keychain item that holds the wraps of both.
fn with_wraps_of(first: &[u8], last: &[u8]) -> Vec<u8> {
    let wraps = |item: &[u8]| -> serde_json::Value { serde_json::from_slice(item).unwrap() };
    let (mut item, last) = (wraps(first), wraps(last));
    item["wraps"].as_array_mut().unwrap().extend(last["wraps"].as_array().unwrap().clone());
    item.to_string().into_bytes()
}

#[test]
fn a_rotation_of_the_data_key_that_was_cut_short_at_its_end_is_found() {
    let home = with_vault("file");
    let old = fs::read(home.item()).unwrap();
    home.succeed(&["vault", "rotate", "--no-recovery", "--settle-now", "--password-file", "password"]);
    home.clean();
    let new = fs::read(home.item()).unwrap();
    fs::write(home.item(), with_wraps_of(&old, &new)).unwrap();
    let remedies = home.found(&["data key"]);
    home.carry_out(&remedies[0]);
    home.clean();
    assert_eq!(fs::read(home.item()).unwrap(), new);
    // The other way round it may still be needed.
    fs::write(home.item(), with_wraps_of(&new, &old)).unwrap();
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
fn a_lost_key_is_made_good_with_a_recovery_kit() {
    let home = with_vault("file");
    home.succeed(&["kit", "new", "--recovery-file", "kit", "--password-file", "password"]);
    fs::remove_file(home.item()).unwrap();
    let remedies = home.found(&["data key"]);
    assert!(
        remedies[0].contains("or with recovery kit 1-") && remedies[0].ends_with(": `strongroom recover`"),
        "{remedies:?}"
    );
    let default = ["--kdf-memory", "256", "--kdf-passes", "3"];
    let mut recover = vec!["recover", "--kit-file", "kit", "--new-password-file", "password"];
    recover.extend(default);
    home.succeed(&recover);
    home.clean();
}

#[test]
fn a_vault_that_two_machines_changed_apart_is_united() {
    let home = with_vault("file");
    let common = fs::read(home.vault()).unwrap();
    let anchor = fs::read(home.anchor()).unwrap();
    home.succeed(&["project", "add", "acme", "--password-file", "password"]);
    let theirs = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), common).unwrap();
    fs::write(home.anchor(), anchor).unwrap();
    home.succeed(&["project", "add", "beta", "--password-file", "password"]);
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
