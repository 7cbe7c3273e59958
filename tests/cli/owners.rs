//! One command under sudo, with the user's own home: the files stay the user's, and those that are not are named with
//! what gives them back.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::support::home::{FLOOR, Home, STRANGER, give_away, is_root};

/// Tells whether files can be given away here, and says so where they cannot.
fn root_is_here() -> bool {
    if !is_root() {
        // Not through print, which a passing test swallows.
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can work for another user");
    }
    is_root()
}

/// Returns everything below a folder that is not the stranger's.
fn not_the_strangers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if (metadata.uid(), metadata.gid()) != (STRANGER, STRANGER) {
            found.push(path.clone());
        }
        if metadata.is_dir() {
            found.extend(not_the_strangers(&path));
        }
    }
    found
}

#[test]
fn what_root_makes_and_replaces_in_a_users_home_stays_the_users() {
    if !root_is_here() {
        return;
    }
    let home = Home::empty();
    give_away(&home.path(""));
    // The very first file and folder, and then each that is replaced: vault, previous, lock, settings, key, anchor.
    home.run(&format!("init --no-recovery --keychain file {FLOOR}")).succeeds();
    assert_eq!(not_the_strangers(&home.path("")), [] as [PathBuf; 0]);
    home.run("project add acme").succeeds();
    home.run(&format!("init --no-recovery --vault second --keychain file:keys/second {FLOOR}")).succeeds();
    home.write("new", "gravel-tunic-ember-canyon-plaza-hinge");
    give_away(&home.path("new"));
    home.run("passwd --new-password-file new").succeeds();
    home.run("vault backup late").succeeds();
    assert_eq!(not_the_strangers(&home.path("")), [] as [PathBuf; 0]);
    home.typed("project list --password-file new").by_stranger_as_it_is().run().succeeds();
    home.typed("project add beta --password-file new").by_stranger_as_it_is().run().succeeds();
    // Root's own vault is root's.
    let own = Home::with_project();
    assert_eq!(fs::metadata(own.vault()).unwrap().uid(), 0);
}

#[test]
fn what_root_encrypts_and_decrypts_in_a_users_folders_is_the_users() {
    if !root_is_here() {
        return;
    }
    let home = Home::with_project();
    home.write("in/deep/a.csv", "client data");
    home.write("b.csv", "more");
    give_away(&home.path(""));
    for words in [
        "encrypt -p acme in --manifest list",
        "encrypt -p acme in --archive",
        "encrypt -p acme b.csv",
        "encrypt -p acme b.csv --force",
        "decrypt in.sealed -o back/further",
        "decrypt in.sealed -o back/further --force",
        "decrypt b.csv.sealed --force",
        "decrypt in.tar.sealed --extract -o unpacked",
        "kit new --recovery-file kit",
    ] {
        home.run(words).succeeds();
        assert_eq!(not_the_strangers(&home.path("")), [] as [PathBuf; 0], "{words}");
    }
    home.typed("decrypt in.sealed -o mine --password-file pw").by_stranger_as_it_is().run().succeeds();
    // In folders of others nothing is given away: they would get to read it.
    fs::create_dir(home.path("roots")).unwrap();
    home.run("decrypt b.csv.sealed -o roots/b.csv").succeeds();
    assert_eq!(fs::metadata(home.path("roots/b.csv")).unwrap().uid(), 0);
    fs::create_dir(home.path("others")).unwrap();
    chown(home.path("others"), Some(STRANGER + 1), None).unwrap();
    home.run("decrypt b.csv.sealed -o others/b.csv").succeeds();
    assert_eq!(fs::metadata(home.path("others/b.csv")).unwrap().uid(), 0);
}

#[test]
fn a_vault_of_another_user_is_refused_with_the_command_that_gives_it_back() {
    if !root_is_here() {
        return;
    }
    let home = Home::with_project();
    give_away(&home.path(""));
    let paths = [home.vault(), home.keychain(), home.path(".local/share/strongroom")];
    for lost in paths {
        for path in [lost.clone(), PathBuf::from(format!("{}.prev", lost.display()))] {
            if path.exists() {
                chown(path, Some(0), Some(0)).unwrap();
            }
        }
        if lost.is_dir() {
            chown(home.vault(), Some(0), Some(0)).unwrap();
        }
        let outcome = home.typed("project list --password-file pw").by_stranger_as_it_is().run();
        let hint = outcome.stderr().lines().last().unwrap().to_owned();
        assert!(
            hint.starts_with("hint: it belongs to root; if a command that was run with sudo left it so, "),
            "{hint}"
        );
        let command = hint.split(": ").last().unwrap().to_owned();
        // Doctor names the same, once.
        let doctor = home.typed("doctor --json").by_stranger_as_it_is().run();
        let told: serde_json::Value = serde_json::from_str(&doctor.text()).unwrap();
        let problems: Vec<_> = told.as_array().unwrap().iter().filter(|told| told["level"] == "problem").collect();
        assert!(problems.iter().any(|told| told["remedy"].as_str().unwrap().ends_with(&command)), "{command}: {told}");
        // What cannot be read is there: its file is not missed, and no new vault is offered.
        let is_unread = |told: &serde_json::Value| told["check"] == "other vaults";
        assert!(!told.as_array().unwrap().iter().any(is_unread) && !doctor.text().contains(" init"), "{told}");
        let keychain = told.as_array().unwrap().iter().find(|told| told["check"] == "keychain").expect("it is tried");
        assert!(!keychain["message"].as_str().unwrap().contains("new vault"), "{keychain}");
        home.shell(&format!("sudo() {{ \"$@\"; }}; {command}")).does("");
        home.typed("project list --password-file pw").by_stranger_as_it_is().run().succeeds();
    }
}

#[test]
fn a_vault_in_another_users_folder_is_not_to_be_taken() {
    if !root_is_here() {
        return;
    }
    let (home, others) = (Home::empty(), Home::with_vault());
    give_away(&home.path(""));
    let vault = others.vault();
    home.typed("status --vault").arg(vault.parent().unwrap()).by_stranger_as_it_is().run().fails(
        1,
        &format!(
            "\
error: cannot open the vault
cause: cannot open {}: permission denied
hint: make it readable and writable for you, or name another place with --vault or --keychain file:PATH
",
            vault.display()
        ),
    );
}

#[test]
fn doctor_tells_a_vault_that_this_user_cannot_read_from_one_that_is_gone() {
    if !root_is_here() {
        return;
    }
    let home = Home::with_vault();
    home.run(&format!("--vault other --keychain file:other-key init --no-recovery {FLOOR} -q")).succeeds();
    give_away(&home.path(""));
    chown(home.path("other"), Some(0), Some(0)).unwrap();
    let told = |wanted: &str| {
        let doctor = home.typed("doctor").by_stranger_as_it_is().run().text();
        assert!(doctor.contains(&format!("other/vault.json, {wanted}; its key is stored in ")), "{doctor}");
    };
    told("which cannot be read by this user");
    fs::remove_dir_all(home.path("other")).unwrap();
    told("where no file is");
}
