//! Findings about keychains and the keys in them.

use super::{PASSWORD, Patient, STRAY, at_cost, with_vault};
use crate::support::desktop;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
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
fn a_missing_key_is_found_and_a_restored_one_is_well() {
    let home = with_vault("file");
    let (item, bytes) = (home.item(), fs::read(home.item()).unwrap());
    fs::remove_file(&item).unwrap();
    let remedies = home.found(&["data key"]);
    assert_eq!(
        remedies,
        ["if it was moved: `strongroom status --unlock --keychain file:PATH`; otherwise restore it from a backup"]
    );
    let said = home.output(&["doctor"]).stdout;
    let said = String::from_utf8(said).unwrap();
    let folder = format!("the folder of {} accepts keychain files (", item.display());
    assert!(said.contains(&folder) && !said.contains(" works ("), "{said}");
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
    // Unlocked, the vault tells that it is meant to be so.
    let text = home.succeed(&["doctor", "--password-file", "password"]);
    assert!(
        text.contains("below the default, as this vault's policy has it; to raise it: `strongroom passwd"),
        "{text}"
    );
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
