//! `rewrap`, `reencrypt` and `verify`: which key a file is under, and whose key its own key has been under.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::home::Home;

fn home_with_rotated_key() -> Home {
    let home = Home::with_project();
    home.write("d/a.csv", "id,name\n1,Ada Example\n");
    home.write("d/b.csv", "id,name\n2,Bob Example\n");
    home.run("encrypt -p acme d/a.csv d/b.csv").succeeds();
    home.run("key rotate acme").succeeds();
    home
}

/// Returns the files' states, in their order.
fn states(files: &serde_json::Value) -> Vec<&str> {
    files.as_array().unwrap().iter().map(|file| file["state"].as_str().unwrap()).collect()
}

#[test]
fn a_rewrapped_file_still_gets_a_key_of_its_own_when_it_is_reencrypted() {
    let home = home_with_rotated_key();
    let before = home.read("d/a.csv.sealed");
    let rewrapped = home.run("rewrap -p acme d --json").json();
    assert_eq!(states(&rewrapped["files"]), ["rewrapped", "rewrapped"]);
    let after = home.read("d/a.csv.sealed");
    assert!(after[8192..] == before[8192..] && after[..8192] != before[..8192]);
    assert_eq!(states(&home.run("reencrypt -p acme d --json").json()), ["reencrypted", "reencrypted"]);
    assert!(home.read("d/a.csv.sealed")[16..32] != before[16..32]);
    // Now they have keys that the earlier version never wrapped, and a second run finds nothing to do.
    assert_eq!(states(&home.run("reencrypt -p acme d --json").json()), ["unchanged", "unchanged"]);
    home.run("decrypt d/a.csv.sealed -o a").succeeds();
    assert_eq!(home.read("a"), home.read("d/a.csv"));
}

#[test]
fn a_run_in_which_a_file_failed_clears_no_version() {
    let home = home_with_rotated_key();
    let mut cut = home.read("d/b.csv.sealed");
    cut.truncate(9000 - 8192);
    home.write("d/b.csv.sealed", &cut);
    let ended = home.run("rewrap -p acme d");
    assert_eq!(ended.code(), 5);
    let text = ended.text();
    assert!(text.contains("may be under an earlier version") && !text.contains("no file here"), "{text}");
    let keys = home.run("key list acme --json").json();
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key["seen"].is_null()), "{keys}");
}

#[test]
fn a_file_that_may_not_be_written_to_is_named_and_the_others_are_rewrapped() {
    let home = home_with_rotated_key();
    fs::set_permissions(home.path("d/a.csv.sealed"), fs::Permissions::from_mode(0o400)).unwrap();
    let before = home.read("d/a.csv.sealed");
    let ended = home.typed("rewrap -p acme d --json --password-file pw").by_stranger().run();
    assert_eq!((ended.code(), states(&ended.json()["files"])), (1, vec!["rewrapped"]));
    assert!(ended.stderr().contains("a.csv.sealed"), "{}", ended.stderr());
    assert!(home.read("d/a.csv.sealed") == before);
}

#[test]
fn a_dry_run_counts_and_changes_no_file() {
    let home = home_with_rotated_key();
    let before = home.read("d/a.csv.sealed");
    let counted = home.run("rewrap -p acme d --dry-run --json").json();
    assert_eq!(counted["versions"], json!([{"version": 1, "files": 2}]));
    assert!(home.read("d/a.csv.sealed") == before);
}

#[test]
fn a_damaged_file_decides_the_code_of_verify_wherever_it_comes() {
    let home = home_with_rotated_key();
    home.run("verify d").succeeds();
    home.run("project add other").succeeds();
    // By name, the one that is of another project comes first.
    let mut damaged = home.read("d/b.csv.sealed");
    *damaged.last_mut().unwrap() ^= 1;
    let only_strange = home.run("verify d --project other");
    assert_eq!(only_strange.code(), 4);
    home.write("d/0.csv", "x");
    home.run("encrypt -p other d/0.csv").succeeds();
    home.write("d/b.csv.sealed", &damaged);
    let ended = home.run("verify d --project acme");
    assert_eq!(ended.code(), 5, "{}", ended.stderr());
}
