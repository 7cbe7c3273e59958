//! Folders proven as folders: names that are not those sealed in, and lists of what there has to be.

use std::fs;

use crate::support::home::Home;

fn with_tree() -> Home {
    let home = Home::with_project();
    for (name, content) in [("exp/a.txt", "contract A"), ("exp/b.txt", "contract B"), ("exp/sub/a.txt", "contract C")] {
        home.write(name, content);
    }
    home.run("encrypt -p acme exp --manifest list.sealed")
        .does("3 files encrypted, 30 B (project acme, key version 1)\n");
    home
}

fn swap(home: &Home, one: &str, other: &str) {
    let (one, other) = (home.path(one), home.path(other));
    let aside = home.path("aside");
    fs::rename(&one, &aside).unwrap();
    fs::rename(&other, &one).unwrap();
    fs::rename(&aside, &other).unwrap();
}

fn renamed(path: &str, sealed_in: &str) -> String {
    format!("warning: {path} was encrypted as {sealed_in}: it was renamed, or put in another file's place\n")
}

#[test]
fn swapped_files_are_noticed_within_a_folder_and_between_folders() {
    for (one, other, sealed) in [("a.txt", "b.txt", ("b.txt", "a.txt")), ("a.txt", "sub/a.txt", ("sub/a.txt", "a.txt"))]
    {
        let home = with_tree();
        swap(&home, &format!("exp.sealed/{one}.sealed"), &format!("exp.sealed/{other}.sealed"));
        let warnings = renamed(&format!("exp.sealed/{one}.sealed"), sealed.0)
            + &renamed(&format!("exp.sealed/{other}.sealed"), sealed.1);
        let outcome = home.run("verify exp.sealed");
        assert_eq!((outcome.code(), outcome.stderr()), (0, warnings.as_str()));
        let outcome = home.run("decrypt exp.sealed -o back --json");
        assert_eq!(outcome.code(), 0);
        let renamed = outcome.json().as_array().unwrap().iter().filter(|file| file["renamed"] == true).count();
        assert_eq!(renamed, 2);
        home.run("key rotate acme").succeeds();
        let outcome = home.run("rewrap -p acme exp.sealed");
        assert_eq!((outcome.code(), outcome.stderr()), (0, warnings.as_str()));
    }
}

#[test]
fn a_folder_that_was_moved_or_is_a_part_is_no_swap() {
    let home = with_tree();
    fs::rename(home.path("exp.sealed"), home.path("delivery")).unwrap();
    for folder in ["delivery", "delivery/sub", ".", "delivery/sub/a.txt.sealed"] {
        let outcome = home.run(&format!("verify {folder}"));
        assert_eq!((outcome.code(), outcome.stderr()), (0, ""), "{folder}");
    }
    fs::rename(home.path("delivery/b.txt.sealed"), home.path("delivery/c.txt.sealed")).unwrap();
    let outcome = home.run("decrypt delivery/c.txt.sealed -o c");
    assert_eq!((outcome.code(), outcome.stderr()), (0, renamed("delivery/c.txt.sealed", "b.txt").as_str()));
}

#[test]
fn a_manifest_finds_what_is_missing_added_swapped_and_older() {
    let home = with_tree();
    let verify = || home.run("verify exp.sealed --manifest list.sealed --json");
    let outcome = verify();
    assert_eq!((outcome.code(), outcome.stderr()), (0, ""));
    assert!(outcome.json().as_array().unwrap().iter().all(|file| file["manifest"] == "listed"));
    // An older copy of one file, as a backup brings it back; a file too many; one that is gone; two swapped.
    let older = home.read("exp.sealed/b.txt.sealed");
    home.write("exp/b.txt", "contract B, second version");
    home.write("exp/d.txt", "d");
    home.run("encrypt -p acme exp --update --manifest list.sealed").succeeds();
    home.write("exp.sealed/b.txt.sealed", older);
    home.write("extra/e.txt", "e");
    home.run("encrypt -p acme extra/e.txt -o exp.sealed/e.txt.sealed").succeeds();
    fs::remove_file(home.path("exp.sealed/d.txt.sealed")).unwrap();
    swap(&home, "exp.sealed/a.txt.sealed", "exp.sealed/sub/a.txt.sealed");
    let outcome = verify();
    assert_eq!(outcome.code(), 5, "{}", outcome.stderr());
    let files = outcome.json();
    let states: Vec<(String, String)> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let state = if file["state"] == "missing" { &file["state"] } else { &file["manifest"] };
            (file["file"].as_str().unwrap().into(), state.as_str().unwrap().into())
        })
        .collect();
    let expected = [
        ("exp.sealed/a.txt.sealed", "moved"),
        ("exp.sealed/b.txt.sealed", "replaced"),
        ("exp.sealed/e.txt.sealed", "added"),
        ("exp.sealed/sub/a.txt.sealed", "moved"),
        ("d.txt", "missing"),
    ];
    assert_eq!(states, expected.map(|(file, state)| (file.to_owned(), state.to_owned())));
    let last: serde_json::Value = serde_json::from_str(outcome.stderr().lines().last().unwrap()).unwrap();
    assert_eq!((&last["kind"], &last["code"]), (&"manifest-differs".into(), &5.into()));
}

#[test]
fn a_manifest_is_of_hidden_names_too_survives_rewrapping_and_is_proven_itself() {
    let home = Home::with_project();
    home.write("exp/a", "1");
    home.write("exp/b", "2");
    home.run("encrypt -p acme exp --hide-names -o out --manifest out/list.sealed").succeeds();
    home.run("key rotate acme").succeeds();
    home.run("rewrap -p acme out").succeeds();
    let outcome = home.run("verify out --manifest out/list.sealed");
    assert_eq!((outcome.code(), outcome.stderr()), (0, ""));
    let mut damaged = home.read("out/list.sealed");
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    home.write("list", damaged);
    assert_eq!(home.run("verify out --manifest list").code(), 5);
    home.run("encrypt -p acme exp/a -o a.sealed").succeeds();
    home.run("verify out --manifest a.sealed").fails(
        1,
        "\
error: cannot read the manifest a.sealed
cause: it is an encrypted file, but not a manifest
hint: name the file that `strongroom encrypt --manifest FILE` wrote
",
    );
}

#[test]
fn where_nothing_is_encrypted_nothing_is_proven() {
    let home = Home::with_project();
    home.write("plain/a.csv", "1");
    fs::create_dir(home.path("empty")).unwrap();
    for (folder, cause) in [("plain", "1 file was found, and it is not encrypted"), ("empty", "no file was found")] {
        for command in ["verify", "decrypt"] {
            home.run(&format!("{command} {folder}")).fails(
                4,
                &format!(
                    "error: there is nothing to {command}\ncause: {cause}\nhint: name the encrypted files, or the folder \
                     that holds them\n"
                ),
            );
        }
    }
}

#[test]
fn encrypted_files_are_known_by_what_they_hold() {
    let home = Home::with_project();
    home.write("a.csv", "1");
    home.run("encrypt -p acme a.csv").succeeds();
    home.write("up/A.CSV.SEALED", home.read("a.csv.sealed"));
    home.write("up/a.csv.sealed.txt", home.read("a.csv.sealed"));
    home.write("up/notes.txt", "not encrypted");
    let outcome = home.run("verify up --json");
    assert_eq!((outcome.code(), outcome.json().as_array().unwrap().len()), (0, 2));
    fs::remove_file(home.path("up/A.CSV.SEALED")).unwrap();
    let outcome = home.run("decrypt up -o back");
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr());
    assert_eq!(home.read("back/a.csv"), b"1");
}

#[test]
fn a_manifest_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
    let home = with_tree();
    home.run("encrypt -p acme exp --update --manifest list.sealed").succeeds();
    home.write("notes.txt", "my own work");
    home.run("encrypt -p acme notes.txt").succeeds();
    for (there, cause) in [
        ("notes.txt", "the file that is there is not an encrypted file"),
        ("notes.txt.sealed", "the encrypted file that is there is not a manifest"),
    ] {
        home.run(&format!("encrypt -p acme exp --update --manifest {there}")).fails(
            1,
            &format!(
                "error: cannot write {there}\ncause: {cause}; it was left as it is\nhint: name another file with \
                 --manifest, or move away what is there\n"
            ),
        );
    }
    // Before anything is encrypted.
    home.write("other/a", "a");
    assert_eq!(home.run("encrypt -p acme other --manifest notes.txt").changed_nothing().code(), 1);
    let vault = home.vault();
    let outcome = home.run(&format!("encrypt -p acme other --force --manifest {}", vault.display()));
    outcome.fails(
        2,
        "error: {home}/.local/share/strongroom/vault.json is one of the vault's files, and is never replaced\nhint: \
         name another file\n",
    );
}
