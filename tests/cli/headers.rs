//! What a sealed file's header tells, and what is done to headers alone: `inspect`, `rewrap`, `key retire`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::home::Home;

#[test]
fn inspect_tells_what_anybody_can_see_and_asks_for_no_password() {
    let home = Home::with_project();
    home.write("clients.csv", vec![b'x'; 40_000]);
    home.run("encrypt -p acme clients.csv").succeeds();
    let seen = home.run_alone("inspect clients.csv.sealed --json").succeeds().changed_nothing().json();
    let file = &seen[0];
    assert_eq!((&file["plaintext_len"], &file["chunks"], &file["sequence"]), (&json!(40_000), &json!(3), &json!(0)));
    assert_eq!((&file["blocks_agree"], &file["block_len"], &file["version"]), (&json!(true), &json!(4096), &json!(1)));
    assert_eq!(file["sealed_in"], json!(null));
    let text = home.run_alone("inspect clients.csv.sealed").succeeds().text();
    assert!(text.contains("40000 bytes") && !text.contains("acme") && !text.contains("clients.csv\n"), "{text}");
    let known = home.run("inspect clients.csv.sealed --json").succeeds().json();
    assert_eq!(known[0]["sealed_in"]["project"], "acme");
    assert_eq!(known[0]["sealed_in"]["name"], "clients.csv");
    assert_eq!(known[0]["sealed_in"]["mode"], 0o600);
}

#[test]
fn inspect_shows_damage_that_can_be_seen() {
    let home = Home::with_project();
    home.write("a", "data");
    home.run("encrypt -p acme a").succeeds();
    let mut bytes = home.read("a.sealed");
    bytes[600] ^= 1;
    home.write("one.sealed", &bytes);
    home.write("long.sealed", [&bytes[..], &[0; 16_390]].concat());
    home.write("text", "this is no sealed file, whatever its length may be");
    let seen = home.run_alone("inspect one.sealed long.sealed --json").succeeds().json();
    assert_eq!((&seen[0]["blocks_agree"], &seen[1]["plaintext_len"]), (&json!(false), &json!(null)));
    let outcome = home.run_alone("inspect text --json");
    outcome.fails_in_json(4, "not-sealed");
    // A run goes past what fails.
    let some = home.run_alone("inspect text one.sealed --json");
    assert_eq!((some.code(), some.json().as_array().unwrap().len()), (4, 1), "{}", some.stderr());
    home.run_alone("inspect none --json").fails_in_json(4, "input-not-found");
}

#[test]
fn a_folder_is_listed_with_what_is_known_of_its_files() {
    let home = Home::with_project();
    home.write("in/sub/a.csv", "data");
    home.write("in/b.csv", "more data");
    home.run("encrypt -p acme in --hide-names -o hidden -q").does("");
    let listed = home.run_alone("ls hidden").succeeds().changed_nothing().text();
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines.len(), &lines[0][..]), (3, &["FILE", "LENGTH"][..]));
    assert!(lines[1][0].starts_with("hidden/") && !listed.contains("csv"), "{listed}");
    let listed = home.run("inspect hidden").succeeds().changed_nothing().text();
    let mut lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    assert_eq!(lines.remove(0), ["LENGTH", "PROJECT", "KEY", "PATH"]);
    lines.sort_unstable();
    assert_eq!(lines, [["4", "acme", "1", "sub/a.csv"], ["9", "acme", "1", "b.csv"]]);
    let json = home.run("ls hidden --json").succeeds().json();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["sealed_in"]["project"]), (2, &json!("acme")));
    fs::create_dir(home.path("empty")).unwrap();
    home.run_alone("ls empty").shows("no sealed files\n");
}

#[test]
fn a_retired_version_still_opens_and_the_current_one_cannot_be_retired() {
    let home = Home::with_project();
    home.write("a", "data");
    home.run("encrypt -p acme a").succeeds();
    home.run("key retire acme --version 1 --json").fails_in_json(1, "key-in-use");
    home.run("key rotate acme").succeeds();
    home.run("key retire acme --version 2 --json").fails_in_json(1, "key-in-use");
    home.run("key retire acme --version 3 --json").fails_in_json(4, "key-not-found");
    home.run("key retire nobody --version 1 --json").fails_in_json(4, "project-not-found");
    home.run("key retire acme --version 1").succeeds();
    home.run("key retire acme --version 1").shows("version 1 of acme's key was retired already; nothing was changed\n");
    let states = || {
        let keys = home.run("key list acme --json").json();
        keys["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(), ["retired", "current"]);
    home.run("decrypt a.sealed -o b").succeeds();
    assert_eq!(home.read("b"), b"data");
    home.run("key retire acme --version 1 --undo").succeeds();
    home.run("key retire acme --version 1 --undo")
        .shows("version 1 of acme's key was not retired; nothing was changed\n");
    assert_eq!(states(), ["earlier", "current"]);
}

#[test]
fn rewrap_counts_what_is_under_each_version_and_key_list_tells_of_it() {
    let home = Home::with_project();
    home.write("d/old", "1");
    home.run("encrypt -p acme d/old").succeeds();
    home.run("key rotate acme").succeeds();
    home.write("d/new", "2");
    home.run("encrypt -p acme d/new").succeeds();
    home.run("project add other").succeeds();
    home.run("encrypt -p other d/new -o d/theirs.sealed").succeeds();
    let seen = home.run("rewrap -p acme d --dry-run --json").succeeds().json();
    assert_eq!(seen["versions"], json!([{"version": 1, "files": 1}, {"version": 2, "files": 1}]));
    let states: Vec<_> = seen["files"].as_array().unwrap().iter().map(|file| file["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["unchanged", "due", "other-project"]);
    home.run("rewrap -p acme d").does(
        "\
1 file rewrapped (project acme, key version 2), 1 file of other projects left alone, 2 files not sealed left alone
no file here is under an earlier version
",
    );
    home.run("key list acme").shows(
        "\
VERSION  STATE    MADE                  FILES  COUNTED
1        earlier  [..]Z  0      [..]Z
2        current  [..]Z  2      [..]Z
",
    );
    // Both are opened with the current version alone.
    home.run("key retire acme --version 1").succeeds();
    let opened = home.run("decrypt d/old.sealed d/new.sealed -o d --force --json").succeeds().json();
    assert!(opened.as_array().unwrap().iter().all(|file| file["key_version"] == 2), "{opened}");
}

#[test]
fn rewrap_waits_for_no_lock_for_ever_and_touches_nothing_that_it_cannot_open() {
    let home = Home::with_project();
    for name in ["locked", "damaged", "whole"] {
        home.write(name, name);
        home.run(&format!("encrypt -p acme {name}")).succeeds();
    }
    home.run("key rotate acme").succeeds();
    let mut both = home.read("damaged.sealed");
    both[100] ^= 1;
    both[4196] ^= 1;
    home.write("damaged.sealed", &both);
    home.write("text.sealed", "a text that only has the suffix");
    let locked = File::open(home.path("locked.sealed")).unwrap();
    locked.lock().unwrap();
    let before = home.read("locked.sealed");
    let outcome = home.run("rewrap -p acme locked.sealed damaged.sealed text.sealed whole.sealed none.sealed");
    assert_eq!(outcome.code(), 4, "{}", outcome.stderr());
    let outcome = home.run("rewrap -p acme locked.sealed damaged.sealed text.sealed whole.sealed --json");
    let stderr = outcome.stderr().to_owned();
    for (name, kind) in [("locked", "busy"), ("damaged", "wrong-key"), ("text", "not-sealed")] {
        let line = stderr.lines().find(|line| line.contains(&format!("{name}.sealed"))).unwrap_or_default();
        let kinds = [kind, "damaged"];
        assert!(kinds.iter().any(|kind| line.contains(kind)), "{name}: {stderr}");
    }
    assert_eq!(outcome.json()["files"][0]["state"], "rewrapped");
    assert!(home.read("locked.sealed") == before && home.read("damaged.sealed") == both);
}

#[test]
fn a_file_that_is_as_it_should_be_need_not_be_writable() {
    let home = Home::with_project();
    home.write("a", "data");
    home.run("encrypt -p acme a").succeeds();
    fs::set_permissions(home.path("a.sealed"), fs::Permissions::from_mode(0o400)).unwrap();
    let seen = home.run("rewrap -p acme a.sealed --json").succeeds().json();
    assert_eq!(seen["files"][0]["state"], "unchanged");
}

#[test]
fn hundreds_of_files_are_rewrapped_in_one_run_and_an_empty_folder_is_no_mistake() {
    let home = Home::with_project();
    for number in 100..400 {
        home.write(format!("many/{number}"), number.to_string());
    }
    fs::create_dir(home.path("empty")).unwrap();
    home.run("encrypt -p acme many -o sealed").succeeds();
    home.run("key rotate acme").succeeds();
    let seen = home.run("rewrap -p acme sealed empty --json").succeeds().json();
    assert_eq!(seen["versions"], json!([{"version": 2, "files": 300}]));
    let proven = home.run("verify sealed").succeeds();
    assert!(proven.text().starts_with("300 files proven whole, "), "{}", proven.text());
    assert_eq!(home.run("verify empty").code(), 4);
}

#[test]
fn reencrypt_keeps_what_is_sealed_in_and_the_files_own_permissions() {
    let home = Home::with_project();
    home.write("d/a.csv", "id,name\n1,Ada Example\n");
    fs::set_permissions(home.path("d/a.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    home.run("encrypt -p acme d/a.csv").succeeds();
    fs::set_permissions(home.path("d/a.csv.sealed"), fs::Permissions::from_mode(0o644)).unwrap();
    let before = home.run("inspect d/a.csv.sealed --json").json();
    home.run("key rotate acme").succeeds();
    home.run("reencrypt -p acme d")
        .does("1 file encrypted anew, 22 B (project acme, key version 2), 1 not sealed and left alone\n");
    let after = home.run("inspect d/a.csv.sealed --json").json();
    assert_ne!(before[0]["id"], after[0]["id"]);
    for member in ["name", "modified", "mode"] {
        assert_eq!(before[0]["sealed_in"][member], after[0]["sealed_in"][member], "{member}");
    }
    assert_eq!((home.mode("d/a.csv.sealed"), &after[0]["sealed_in"]["key_version"]), (0o644, &json!(2)));
    home.run("decrypt d/a.csv.sealed -o b --keep-permissions").succeeds();
    assert_eq!((home.read("b"), home.mode("b")), (b"id,name\n1,Ada Example\n".to_vec(), 0o640));
}

#[test]
fn reencrypt_leaves_a_damaged_file_as_it_was() {
    let home = Home::with_project();
    home.write("a", vec![7; 100_000]);
    home.run("encrypt -p acme a").succeeds();
    home.run("key rotate acme").succeeds();
    let mut bytes = home.read("a.sealed");
    bytes[50_000] ^= 1;
    home.write("a.sealed", &bytes);
    home.run("reencrypt -p acme a.sealed --json").fails_in_json(5, "damaged");
    assert!(home.read("a.sealed") == bytes);
}
