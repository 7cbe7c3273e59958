//! `--update`: what it leaves out, what it replaces, and what it refuses to call up to date.

use std::fs;

use super::trees::touch;
use crate::support::home::Home;

const OLD: u64 = 1_600_000_000_123_456_789;
const OLDER: u64 = 1_500_000_000_000_000_000;
const BY: &str = "(project acme, key version 1)";

/// A home in which `in/a.csv` was encrypted some time after it was written.
fn with_copy() -> Home {
    let home = Home::with_project();
    home.write("in/a.csv", "id,amount\n1,100\n");
    touch(&home, "in/a.csv", OLD);
    home.run("encrypt -p acme in --update").does(&format!("1 file encrypted, 16 B {BY}\n"));
    home
}

#[test]
fn a_newer_delivery_with_older_times_is_encrypted_again() {
    let home = with_copy();
    home.run("encrypt -p acme in --update").shows(&format!("0 files encrypted, 0 B {BY}, 1 there already\n"));
    // Another length; the same length with an older time; the same length with a newer time.
    for (content, time) in [
        ("id,amount\n1,999\n2,55\n", OLDER),
        ("id,amount\n1,100\n3,77\n", OLDER + 1),
        ("id,amount\n1,100\n4,77\n", OLD),
    ] {
        home.write("in/a.csv", content);
        touch(&home, "in/a.csv", time);
        home.run("encrypt -p acme in --update")
            .does(&format!("1 file encrypted, {} B {BY}, 1 existing file replaced\n", content.len()));
        home.run("cat in.sealed/a.csv.sealed").shows(content);
        home.run("encrypt -p acme in --update").shows(&format!("0 files encrypted, 0 B {BY}, 1 there already\n"));
    }
}

#[test]
fn what_is_no_copy_is_named_and_only_force_replaces_it() {
    let home = with_copy();
    let sealed = home.read("in.sealed/a.csv.sealed");
    home.run("project add beta").succeeds();
    home.run("encrypt -p beta in -o of-beta").succeeds();
    home.run("project add gone").succeeds();
    home.run("encrypt -p gone in -o of-gone").succeeds();
    home.run("project destroy gone --yes gone --no-recovery").succeeds();
    let text = "the file that is there is not an encrypted file";
    let open = "the encrypted file that is there does not open: ";
    for (bytes, cause) in [
        (Vec::new(), text.to_owned()),
        (b"junk".to_vec(), text.to_owned()),
        (sealed[..8000].iter().map(|byte| byte ^ 1).collect(), text.to_owned()),
        (sealed[..4000].to_vec(), format!("{open}[..]")),
        (home.read("of-beta/a.csv.sealed"), "the encrypted file that is there belongs to project beta".into()),
        (
            home.read("of-gone/a.csv.sealed"),
            "the encrypted file that is there opens with no key of this vault: its project was destroyed, or it belongs \
             to another vault"
                .into(),
        ),
    ] {
        home.write("in.sealed/a.csv.sealed", bytes);
        home.run("encrypt -p acme in --update").ends(
            1,
            "",
            &format!(
                "error: cannot write in.sealed/a.csv.sealed\ncause: {cause}; it was left as it is\nhint: move it away, \
                 name another output with -o, or replace it with --force\n"
            ),
        )
        .changed_nothing();
        home.run("encrypt -p acme in --update --force").does(&format!("1 file encrypted, 16 B {BY}, 1 existing file replaced\n"));
        home.run("encrypt -p acme in --update --force")
            .shows(&format!("0 files encrypted, 0 B {BY}, 1 there already\n"));
    }
}

#[test]
fn a_copy_that_is_cut_short_is_made_again() {
    let home = with_copy();
    let sealed = home.read("in.sealed/a.csv.sealed");
    for length in [8192, 8230, sealed.len() - 1] {
        home.write("in.sealed/a.csv.sealed", &sealed[..length]);
        home.run("encrypt -p acme in --update")
            .does(&format!("1 file encrypted, 16 B {BY}, 1 existing file replaced\n"));
        home.run("cat in.sealed/a.csv.sealed").shows("id,amount\n1,100\n");
    }
    // A cut copy of an empty file is no whole one either.
    home.write("in/a.csv", "");
    touch(&home, "in/a.csv", OLD);
    home.run("encrypt -p acme in --update").does(&format!("1 file encrypted, 0 B {BY}, 1 existing file replaced\n"));
    let sealed = home.read("in.sealed/a.csv.sealed");
    home.write("in.sealed/a.csv.sealed", &sealed[..sealed.len() - 1]);
    home.run("encrypt -p acme in --update").does(&format!("1 file encrypted, 0 B {BY}, 1 existing file replaced\n"));
    assert_eq!(home.read("in.sealed/a.csv.sealed").len(), sealed.len());
}

#[test]
fn an_earlier_version_of_the_key_is_reported_and_removal_can_finish_under_it() {
    let home = with_copy();
    home.run("key rotate acme").succeeds();
    let outcome = home.run("encrypt -p acme in --update --json");
    let file = &outcome.json()[0];
    assert_eq!(
        (&file["up_to_date"], &file["project"], &file["key_version"]),
        (&true.into(), &"acme".into(), &1.into())
    );
    let compared = serde_json::json!({"bytes": 16, "modified": "2020-09-13T12:26:40Z", "key_version": 1});
    assert_eq!(file["compared"], compared);
    home.run("encrypt -p acme in --update --remove")
        .does("0 files encrypted, 0 B (project acme, key version 2), 1 there already, 1 original deleted\n");
    assert!(!home.path("in/a.csv").exists());
    home.run("cat in.sealed/a.csv.sealed").shows("id,amount\n1,100\n");
}

#[test]
fn a_file_changed_within_the_tick_of_the_clock_is_read() {
    let home = Home::with_project();
    home.write("a", "one");
    home.run("encrypt -p acme a").succeeds();
    let time = fs::metadata(home.path("a")).unwrap().modified().unwrap();
    // The same length and the same time, as two writes within one tick leave it.
    home.write("a", "two");
    fs::File::options().write(true).open(home.path("a")).unwrap().set_modified(time).unwrap();
    home.run("encrypt -p acme a --update").does(&format!("a -> a.sealed {BY}\n"));
    home.run("cat a.sealed").shows("two");
    home.run("encrypt -p acme a --update").shows(&format!("0 files encrypted, 0 B {BY}, 1 there already\n"));
}

#[test]
fn hidden_names_are_brought_up_to_date_by_the_paths_sealed_in() {
    let home = Home::with_project();
    for (name, content) in [("in/a.csv", "v1"), ("in/sub/b.csv", "b")] {
        home.write(name, content);
        touch(&home, name, OLD);
    }
    home.run("encrypt -p acme in --hide-names -o out").succeeds();
    let names = || super::trees::below(&home, "out");
    let before = names();
    // A second run into the same folder would leave two copies of each.
    home.run("encrypt -p acme in --hide-names -o out").fails(
        1,
        "\
error: cannot encrypt into out
cause: it holds encrypted copies of 2 of these files already, for example of a.csv
hint: bring the copies up to date with --update, or name another folder with -o
",
    );
    home.run("encrypt -p acme in --hide-names -o out --update")
        .shows(&format!("0 files encrypted, 0 B {BY}, 2 there already\n"));
    home.write("in/a.csv", "v2");
    home.write("in/sub/c.csv", "c");
    home.run("encrypt -p acme in --hide-names -o out --update")
        .does(&format!("2 files encrypted, 3 B {BY}, 1 existing file replaced, 1 there already\n"));
    assert_eq!(names().len(), before.len() + 1);
    assert!(before.iter().all(|name| names().contains(name)));
    home.run("decrypt out -o back").succeeds();
    assert_eq!(home.read("back/a.csv"), b"v2");
}

#[test]
fn of_two_files_for_one_path_neither_is_written_and_both_are_named() {
    let home = Home::with_project();
    home.write("in/a.csv", "v1");
    home.write("in/b.csv", "b");
    home.run("encrypt -p acme in --hide-names -o one").succeeds();
    home.write("in/a.csv", "v2");
    home.run("encrypt -p acme in --hide-names -o two").succeeds();
    // As a sync service leaves them.
    for name in super::trees::below(&home, "two") {
        let stem = name.file_stem().unwrap().to_str().unwrap();
        fs::copy(home.path("two").join(&name), home.path(format!("one/{stem} (conflicted copy).sealed"))).unwrap();
    }
    fs::remove_dir_all(home.path("two")).unwrap();
    let outcome = home.run("decrypt one -o back");
    let stderr = outcome.stderr().to_owned();
    assert_eq!(outcome.code(), 1, "{stderr}");
    for name in ["a.csv", "b.csv"] {
        assert!(
            stderr.contains(&format!(
                "error: cannot decrypt to back/{name}\ncause: 2 encrypted files belong there: one/"
            )),
            "{stderr}"
        );
    }
    assert_eq!(stderr.matches(" (encrypted 2").count(), 8, "{stderr}");
    assert!(!home.path("back/a.csv").exists() && !home.path("back/b.csv").exists());
}

#[test]
fn opened_files_are_compared_too_and_edits_are_kept() {
    let home = with_copy();
    home.run("decrypt in.sealed -o back").succeeds();
    let up_to_date = "0 files decrypted, 0 B (project acme), 1 there already\n";
    home.run("decrypt in.sealed -o back --update").shows(up_to_date);
    // A newer delivery whose files carry older times. When a file is encrypted is known to the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    home.write("in/a.csv", "id,amount\n1,999\n2,55\n");
    touch(&home, "in/a.csv", OLDER);
    home.run("encrypt -p acme in --update").succeeds();
    home.run("decrypt in.sealed -o back --update")
        .does("1 file decrypted, 21 B (project acme), 1 existing file replaced\n");
    assert_eq!(home.read("back/a.csv"), b"id,amount\n1,999\n2,55\n");
    // The same content under another time, as a drive that takes no times leaves it.
    home.write("back/a.csv", "id,amount\n1,999\n2,55\n");
    home.run("decrypt in.sealed -o back --update").shows(up_to_date);
    home.write("back/a.csv", "my own work\n");
    // Whatever time it has been given: a client's correction comes with one of its own.
    for set_time in ["true", "touch -d 2020-01-01 back/a.csv"] {
        home.shell(set_time).succeeds();
        home.run("decrypt in.sealed -o back --update").fails(
            1,
            "\
error: cannot decrypt in.sealed/a.csv.sealed
cause: back/a.csv holds something else, written after this was encrypted, and was left as it is
hint: encrypt it again, name another output with -o, or replace it with --force
",
        );
        assert_eq!(home.read("back/a.csv"), b"my own work\n");
    }
    home.run("decrypt in.sealed -o back --update --force")
        .does("1 file decrypted, 21 B (project acme), 1 existing file replaced\n");
}
