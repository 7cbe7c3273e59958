//! What --force and shared places must not cost: nothing that is still to be read, and no other vault's key.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};

use crate::support::home::{FLOOR, Home};

#[test]
fn an_output_is_never_one_of_the_inputs() {
    let home = Home::with_project();
    home.write("q", "plain");
    home.run("encrypt -p acme q").succeeds();
    let sealed = home.read("q.sealed");
    // The first output would replace the second input.
    home.run("encrypt -p acme --force q q.sealed").fails(
        2,
        "\
error: q.sealed is an input, and would be replaced by an output
hint: name another output with -o
",
    );
    assert_eq!(home.run("decrypt q.sealed -o q.sealed --force").code(), 2);
    // The sealed-in name is known only once the file is open.
    fs::create_dir(home.path("d")).unwrap();
    fs::rename(home.path("q.sealed"), home.path("d/q")).unwrap();
    assert_eq!(home.run("decrypt --original-name --force d/q").code(), 2);
    assert_eq!(home.read("d/q"), sealed);
}

#[test]
fn two_files_with_one_sealed_in_name_do_not_replace_each_other() {
    let home = Home::with_project();
    for (text, sealed) in [("one", "1.sealed"), ("two", "2.sealed")] {
        home.write("x.csv", text);
        home.run(&format!("encrypt -p acme x.csv -o {sealed}")).succeeds();
    }
    fs::create_dir(home.path("out")).unwrap();
    assert_eq!(home.run("decrypt --original-name --force 1.sealed 2.sealed -o out").code(), 2);
    assert_eq!(home.read("out/x.csv"), b"one");
}

#[test]
fn force_replaces_regular_files_alone() {
    let home = Home::with_project();
    home.write("a", "data");
    home.write("target", "kept");
    symlink(home.path("target"), home.path("link")).unwrap();
    home.shell("mkfifo pipe").succeeds();
    for output in ["link", "pipe"] {
        assert_eq!(home.run(&format!("encrypt -p acme a -o {output} --force")).code(), 1);
    }
    assert!(fs::symlink_metadata(home.path("link")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(home.path("pipe")).unwrap().file_type().is_fifo());
    assert_eq!(home.read("target"), b"kept");
}

#[test]
fn two_new_vaults_never_share_a_keychain_file() {
    for round in 0..6 {
        let home = Home::empty();
        let make = |vault: &str| {
            home.typed(&format!(
                "init --no-recovery --vault {vault} --keychain file:{round}.key {FLOOR} --password-file pw"
            ))
            .start()
        };
        let children = [make("a"), make("b")];
        let made: Vec<bool> =
            children.into_iter().map(|child| child.wait_with_output().unwrap().status.success()).collect();
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
        for (vault, made) in ["a", "b"].iter().zip(made) {
            assert_eq!(home.run(&format!("project list --vault {vault}")).ends_well(), made, "{vault}");
        }
    }
}

#[test]
fn names_that_would_act_on_the_terminal_are_escaped_in_every_report() {
    let home = Home::with_project();
    let name = "a\u{1b}]0;x\u{7}\u{9b}.csv";
    home.write(name, "data");
    for flag in ["-q", "--json", ""] {
        let line = home.typed(&format!("encrypt -p acme --force --password-file pw {flag}")).arg(name).run();
        assert!(!line.text().contains(['\u{1b}', '\u{7}', '\u{9b}']), "{flag}: {}", line.text());
    }
}

#[test]
fn an_error_does_not_repeat_a_document_that_is_one_long_name() {
    let home = Home::with_vault();
    std::fs::remove_file(home.vault().with_extension("json.prev")).unwrap();
    home.write(home.vault(), format!("{{\"{}\":1}}", "x".repeat(1 << 20)));
    let outcome = home.run("project list");
    assert!(outcome.code() == 5 && outcome.stderr().len() < 1000, "{} bytes", outcome.stderr().len());
}

#[test]
fn a_generated_password_is_not_shown_where_it_cannot_be_set() {
    let home = Home::with_project();
    let old = home.read(home.vault());
    home.run("project add beta").succeeds();
    home.write(home.vault(), old);
    let outcome = home.run("passwd --generate-password");
    assert_eq!((outcome.code(), outcome.text().as_str()), (8, ""));
}

#[test]
fn what_a_killed_run_left_beside_an_output_is_warned_of() {
    let home = Home::with_project();
    home.write("a.csv", "client data");
    home.run("encrypt -p acme a.csv").succeeds();
    let left = home.write("open/.strongroom-0123456789abcdef.tmp", "client da");
    home.run("decrypt a.csv.sealed -o open/a.csv").warns(
        "[..]\n[..]\n",
        "warning: an interrupted run left a part of its output, which may be decrypted data: if no other strongroom \
         is running there, delete open/.strongroom-0123456789abcdef.tmp\n",
    );
    assert!(left.exists());
    std::fs::remove_file(left).unwrap();
    home.run("decrypt a.csv.sealed -o open/a.csv --force").does("[..]\n[..]\n");
}
