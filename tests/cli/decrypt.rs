//! `strongroom decrypt`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::home::{FLOOR, Home};

/// A home with `a.txt.sealed`, whose original is gone.
fn home_with_sealed() -> Home {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    fs::remove_file(home.path("a.txt")).unwrap();
    home
}

#[test]
fn the_file_stands_under_its_name_without_the_suffix_and_is_private() {
    let home = home_with_sealed();
    home.run("decrypt a.txt.sealed").does(
        "\
a.txt.sealed -> a.txt (project acme, key version 1)
  encrypted as a.txt, last modified [..]Z
",
    );
    assert_eq!((home.read("a.txt"), home.mode("a.txt")), (b"data".to_vec(), 0o600));
    home.run("decrypt a.txt.sealed").fails(
        1,
        "\
error: cannot write a.txt
cause: a file is there already, and was left as it is
hint: choose another name with -o, or replace it with --force
",
    );
    home.write("a.txt", "changed");
    home.run("decrypt a.txt.sealed --force").succeeds();
    assert_eq!(home.read("a.txt"), b"data");
}

#[test]
fn in_json_each_file_is_an_object_of_one_array() {
    let home = home_with_sealed();
    let json = home.run("decrypt a.txt.sealed --json").succeeds().json();
    let modified = json[0]["modified"].as_str().unwrap();
    assert!(modified.ends_with('Z'));
    assert_eq!(
        json,
        serde_json::json!([{
            "input": "a.txt.sealed", "output": "a.txt", "bytes": 4, "project": "acme", "key_version": 1,
            "name": "a.txt", "path": "a.txt", "modified": modified, "renamed": false,
        }])
    );
}

#[test]
fn output_goes_where_it_is_asked_to() {
    let home = home_with_sealed();
    fs::create_dir(home.path("out")).unwrap();
    home.run("decrypt a.txt.sealed -o one.txt").succeeds();
    assert_eq!(home.read("one.txt"), b"data");
    home.run("decrypt a.txt.sealed -o out").succeeds();
    assert_eq!(home.read("out/a.txt"), b"data");
    home.run("decrypt a.txt.sealed a.txt.sealed -o out --force").fails(
        2,
        "\
error: two files would become out/a.txt
hint: name each file once, or run it for each separately
",
    );
    home.run("decrypt a.txt.sealed a.txt.sealed -o one.txt").fails(
        2,
        "\
error: one.txt is not a folder
hint: for several files, -o names a folder that exists
",
    );
}

#[test]
fn a_name_without_the_suffix_needs_an_output() {
    let home = home_with_sealed();
    for name in ["sealed", ".sealed", "a.txt.sealed.bak"] {
        fs::copy(home.path("a.txt.sealed"), home.path(name)).unwrap();
        home.run(&format!("decrypt {name}")).fails(
            2,
            &format!(
                "\
error: cannot choose a name for {name} once it is decrypted
cause: its name does not end in .sealed
hint: name the output with -o, or use --original-name
"
            ),
        );
        let outcome = home.run(&format!("decrypt {name} -o {name}.open"));
        assert_eq!((outcome.code(), outcome.stderr().contains(" was encrypted as a.txt: ")), (0, true));
        assert_eq!(home.read(format!("{name}.open")), b"data");
    }
}

#[test]
fn the_sealed_in_name_is_used_when_asked_for() {
    let home = home_with_sealed();
    fs::rename(home.path("a.txt.sealed"), home.path("x")).unwrap();
    fs::create_dir(home.path("out")).unwrap();
    home.run("decrypt x --original-name").does(
        "\
x -> a.txt (project acme, key version 1)
  encrypted as a.txt, last modified [..]Z
",
    );
    home.run("decrypt x --original-name -o out").succeeds();
    assert_eq!((home.read("a.txt"), home.read("out/a.txt")), (b"data".to_vec(), b"data".to_vec()));
    // A folder, since there may be a name for each file.
    home.run("decrypt x --original-name -o none").fails(
        2,
        "\
error: none is not a folder
hint: with --original-name, -o names a folder that exists
",
    );
    home.run("decrypt x --original-name").fails(
        1,
        "\
error: cannot write a.txt
cause: a file is there already, and was left as it is
hint: [..] --force
",
    );
    home.run("decrypt x --original-name --force").succeeds();
}

#[test]
fn hostile_sealed_in_names_are_shown_escaped_and_never_used() {
    let home = Home::with_project();
    for (name, shown) in [
        ("two\nlines", "two\\u{a}lines"),
        ("\u{1b}]0;title\u{7}.txt", "\\u{1b}]0;title\\u{7}.txt"),
        ("invoice\u{202e}fdp.exe", "invoice\\u{202e}fdp.exe"),
        ("..\\up.txt", "..\\up.txt"),
        ("NUL.txt", "NUL.txt"),
        ("C:evil", "C:evil"),
        ("dot.", "dot."),
    ] {
        home.write(name, "data");
        home.typed("encrypt -p acme --password-file pw -o x --force").arg(name).run().succeeds();
        fs::remove_file(home.path(name)).unwrap();
        let outcome = home.run("decrypt x --original-name");
        assert!(!outcome.stderr().contains(['\u{1b}', '\u{202e}', '\u{7}']), "{name:?} reaches the terminal");
        assert!(!outcome.stderr().contains("\\\\u{"), "escaped twice: {}", outcome.stderr());
        let (message, hint) = home.run("decrypt x --original-name --json").fails_in_json(1, "bad-original-name");
        assert!(message.contains("cannot be used here"), "{message}");
        assert!(hint.contains("-o"), "{hint}");
        outcome.ends(
            1,
            "",
            "\
error: cannot decrypt x
cause: the name sealed in it, \"[..]\", cannot be used here
hint: leave out --original-name, or name the output with -o
",
        );
        home.run("decrypt x -o y --force").warns(
            &format!(
                "\
x -> y (project acme, key version 1)
  encrypted as {shown}, last modified [..]Z
"
            ),
            &format!("warning: x was encrypted as {shown}: it was renamed, or put in another file's place\n"),
        );
    }
}

#[test]
fn a_name_that_is_not_text_is_sealed_without_it() {
    let home = Home::with_project();
    let name = OsStr::from_bytes(b"caf\xe9.txt");
    fs::write(home.path(name), "data").unwrap();
    home.typed("encrypt -p acme --password-file pw -o x")
        .arg(name)
        .run()
        .does("caf\u{fffd}.txt -> x (project acme, key version 1)\n");
    home.run("decrypt x -o y").warns(
        "x -> y (project acme, key version 1)\n",
        "warning: x was encrypted as caf\u{fffd}.txt: it was renamed, or put in another file's place\n",
    );
    home.run("decrypt x --original-name").fails(
        1,
        "\
error: cannot decrypt x
cause: no name is sealed in it
hint: leave out --original-name, or name the output with -o
",
    );
    let json = home.run("decrypt x -o z --json").json();
    assert_eq!(json[0]["name"], serde_json::Value::Null);
}

#[test]
fn the_project_is_found_by_itself_or_restricted() {
    let home = home_with_sealed();
    home.run("project add beta").succeeds();
    home.run("decrypt a.txt.sealed --project beta").fails(
        4,
        "\
error: cannot decrypt a.txt.sealed
cause: no key of project \"beta\" opens a.txt.sealed
hint: [..]--project[..]
",
    );
    home.run("decrypt a.txt.sealed -p gamma").fails(
        4,
        "\
error: cannot decrypt
cause: there is no project \"gamma\" in this vault
hint: see the names with `strongroom project list`
",
    );
    home.run("decrypt a.txt.sealed -p acme -q").does("");
}

#[test]
fn another_vaults_file_is_not_opened_and_not_called_damaged() {
    let home = home_with_sealed();
    home.run(&format!("init --no-recovery --vault other --keychain file {FLOOR}")).succeeds();
    home.run("project add acme --vault other").succeeds();
    home.run("decrypt a.txt.sealed --vault other").fails(
        4,
        "\
error: cannot decrypt a.txt.sealed
cause: no key of this vault opens a.txt.sealed
hint: if its project was destroyed, nothing in this vault opens it (see `strongroom --vault other project list`); if it belongs to another vault, name that vault's folder with --vault
",
    );
    home.run("decrypt a.txt.sealed --vault other --json").fails_in_json(4, "wrong-key");
    home.run("verify a.txt.sealed --vault other").ends(
        4,
        "\
FILE          STATE      PROJECT
a.txt.sealed  WRONG-KEY
0 files proven whole, 0 B, 1 failed
",
        "\
error: cannot verify a.txt.sealed
cause: no key of this vault opens a.txt.sealed
hint: if its project was destroyed, nothing in this vault opens it (see `strongroom --vault other project list`); if it belongs to another vault, name that vault's folder with --vault
",
    );
    home.run("decrypt a.txt.sealed").succeeds();
}

#[test]
fn several_files_with_a_bad_one_are_done_but_for_it() {
    let home = Home::with_project();
    fs::create_dir(home.path("out")).unwrap();
    for name in ["a", "b", "c"] {
        home.write(name, name);
    }
    home.run("encrypt -p acme a b c").succeeds();
    let mut sealed = home.read("b.sealed");
    *sealed.last_mut().unwrap() ^= 1;
    home.write("b.sealed", sealed);
    home.run("decrypt a.sealed b.sealed c.sealed -o out").ends(
        5,
        "\
a.sealed -> out/a (project acme, key version 1)
  encrypted as a, last modified [..]Z
c.sealed -> out/c (project acme, key version 1)
  encrypted as c, last modified [..]Z
",
        "\
error: cannot decrypt b.sealed
cause: b.sealed is damaged: the final chunk of 1 failed its integrity check: the file was altered, cut short or extended
hint: restore it from a backup
error: 1 of 3 files was not decrypted
hint: the others are done; the reasons are above
",
    );
    assert_eq!(
        (home.read("out/a"), home.read("out/c"), home.path("out/b").exists()),
        (b"a".into(), b"c".into(), false)
    );
}

#[test]
fn where_every_file_is_bad_nothing_stands_on_standard_output() {
    let home = Home::with_vault();
    home.write("a.sealed", "no sealed file");
    home.write("b.sealed", "neither");
    for words in ["decrypt a.sealed b.sealed", "decrypt a.sealed b.sealed --json"] {
        let outcome = home.run(words);
        let stderr = outcome.stderr().to_owned();
        outcome.fails(4, &stderr);
        assert!(!stderr.contains("the others are done"), "there are no others: {stderr}");
    }
}

#[test]
fn what_was_never_a_sealed_file_is_called_that() {
    let home = Home::with_project();
    home.write("plain.txt", "x".repeat(10_000));
    home.run("decrypt plain.txt -o y").fails(
        4,
        "\
error: cannot decrypt plain.txt
cause: plain.txt is not a sealed file
hint: name a file that strongroom encrypted; if this was such a file, its beginning was overwritten: restore it from a backup
",
    );
}
