//! A vault file older than, or other than, the one this computer last recorded.

use std::fs;

use crate::support::home::{FLOOR, Home};

const WARNING: &str = "\
warning: the vault file is older (generation 3) than the one this computer last recorded (generation 4, [..]Z); nothing is encrypted or changed until you put the newer file back, or, if two computers changed the vault separately, merge the two files (`strongroom vault merge`), or give --accept-rollback
";

/// A home whose vault file was put back to a copy that lacks the project `beta`. Returns the newer file too.
fn home_rolled_back() -> (Home, Vec<u8>) {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    let older = home.read(home.vault());
    home.run("project add beta").succeeds();
    let newer = home.read(home.vault());
    home.write(home.vault(), older);
    (home, newer)
}

#[test]
fn an_older_vault_is_read_with_a_warning() {
    let (home, newer) = home_rolled_back();
    let listed = "PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             active        1     [..]Z\n";
    home.run("project list").warns(listed, WARNING).changed_nothing();
    // Not once, but as long as it stands; and --quiet does not hide it.
    home.run("project list --quiet").warns(listed, WARNING).changed_nothing();
    let shown = home.run("key show acme");
    assert_eq!((shown.bytes().len(), shown.ends_well()), (45, true));
    home.run("decrypt a.txt.sealed -o b.txt -q").warns("", WARNING);
    let json = home.run("project list --json");
    let warning: serde_json::Value = serde_json::from_str(json.stderr()).unwrap();
    assert_eq!((&warning["warning"], json.json().as_array().unwrap().len()), (&"rolled-back".into(), 1));
    // The newer one put back, all is well.
    home.write(home.vault(), newer);
    assert!(home.run("project list").succeeds().text().contains("beta"));
}

#[test]
fn under_an_older_vault_nothing_is_encrypted_or_changed() {
    let (home, _) = home_rolled_back();
    home.write("key", [7; 32]);
    for (words, doing) in [
        ("encrypt -p acme a.txt -o b", "encrypt for project \"acme\""),
        ("encrypt --init --no-recovery -p gamma a.txt -o b", "encrypt for project \"gamma\""),
        ("project add gamma", "add project \"gamma\""),
        ("project rename acme gamma", "rename project \"acme\""),
        ("key rotate acme", "rotate the key of \"acme\""),
        ("key import acme --from key", "import a key into \"acme\""),
    ] {
        home.run(words).fails(
            8,
            &format!(
                "\
{WARNING}error: cannot {doing}
cause: the vault file is older (generation 3) than the one this computer last recorded (generation 4, [..]Z)
hint: put the newer vault file back; if two computers changed it separately: `strongroom vault merge FILE`; to use only this file, run the command again with --accept-rollback
"
            ),
        );
    }
}

#[test]
fn an_accepted_older_vault_is_the_vault_from_then_on() {
    let (home, _) = home_rolled_back();
    let older = home.read(home.vault());
    let outcome = home.run("project add gamma --accept-rollback");
    assert!(outcome.ends_well() && outcome.text().starts_with("added project gamma\n"), "{}", outcome.stderr());
    home.run("project list")
        .shows("PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             active        1     [..]Z\ngamma            intake        1     [..]Z\n");
    // Above everything this computer has seen: 5 accepted it, 6 added the project.
    assert_eq!(home.run_alone("status --json").succeeds().json()["generation"], 6);
    let aside: Vec<_> = fs::read_dir(home.vault().parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("vault.json.older-"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(fs::read(home.vault().with_file_name(&aside[0])).unwrap(), older);
    home.run("decrypt a.txt.sealed -o b.txt -q").does("");
}

#[test]
fn accepting_says_what_it_did_and_not_what_to_give() {
    let (home, _) = home_rolled_back();
    let outcome = home.run("project list --accept-rollback");
    assert!(outcome.ends_well());
    let said = outcome.stderr();
    assert!(!said.contains("or give --accept-rollback"), "it was given: {said}");
    assert!(said.contains("vault.json.older-"), "where the file was set aside to: {said}");
}

#[test]
fn with_nothing_to_accept_the_flag_changes_nothing() {
    let home = Home::with_project();
    home.run("project list --accept-rollback")
        .shows("PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             intake        1     [..]Z\n");
}

#[test]
fn two_branches_of_the_same_generation_are_told_apart() {
    let home = Home::with_project();
    let base = home.read(home.vault());
    let remembered = home.read(home.anchor());
    home.run("project add one").succeeds();
    let one = home.read(home.vault());
    home.write(home.vault(), base);
    home.write(home.anchor(), remembered);
    home.run("project add two").succeeds();
    home.write(home.vault(), one);
    home.run("key rotate acme").fails(
        8,
        "\
warning: the vault file is not the one this computer last recorded (both generation 3, [..]Z); nothing is encrypted or changed until you merge it with the other file (`strongroom vault merge`) or give --accept-rollback
error: cannot rotate the key of \"acme\"
cause: the vault file is not the one this computer last recorded (both generation 3, [..]Z)
hint: merge it with the file that this computer last recorded: `strongroom vault merge OTHER`; to use only this file, run the command again with --accept-rollback
",
    );
    // One more generation on that branch makes it newer, and a fork all the same.
    let anchor = home.read(home.anchor());
    home.write(home.anchor(), "");
    assert!(home.run("project add more").ends_well());
    home.write(home.anchor(), anchor);
    let (outcome, diverged) =
        (home.run("project add another"), "has diverged from the one this computer last recorded");
    assert!(outcome.stderr().contains(diverged), "{}", outcome.stderr());
    let stderr = outcome.stderr().to_owned();
    outcome.fails(8, &stderr);
}

#[test]
fn a_newer_vault_that_descends_from_the_known_one_is_adopted_without_a_word() {
    // As another computer that shares the folder would have written it.
    let home = Home::with_project();
    let anchor = home.read(home.anchor());
    home.run("project add beta").succeeds();
    home.write(home.anchor(), anchor);
    let listed = home.run("project list").succeeds().text();
    assert!(listed.contains("beta"), "{listed}");
    home.run("project add gamma").succeeds();
}

#[test]
fn a_lost_memory_is_told_once() {
    let home = Home::with_project();
    let listed = "PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             intake        1     [..]Z\n";
    let warning = "\
warning: this computer had no record of the vault, so an older copy of it could not be detected; generation 2 is now on record
";
    fs::remove_file(home.anchor()).unwrap();
    home.run("project list").warns(listed, warning);
    home.run("project list").shows(listed);
    for bad in ["", "garbage"] {
        home.write(home.anchor(), bad);
        home.run("project list").warns(listed, warning);
        home.run("project list").shows(listed);
    }
    // The memory of another vault is none.
    home.run(&format!("init --no-recovery --vault other --keychain file:keys/other {FLOOR}")).succeeds();
    fs::copy(home.path("keys/other.anchor"), home.anchor()).unwrap();
    home.run("project list").warns(listed, warning);
}
