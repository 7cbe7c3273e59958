//! Runs over folders: what goes on past a failure, what a second run does, what is deleted, full disks, many files.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

use super::trees::{below, mode, touch};
use crate::support::home::Home;

#[test]
fn what_may_not_be_read_fails_alone_and_every_reason_is_told_once() {
    let home = Home::with_project();
    for name in ["file", "closed-folder/within", "closed"] {
        home.write(Path::new("tree").join(name), "data");
    }
    mode(&home, "tree/closed-folder", 0);
    mode(&home, "tree/closed", 0);
    let run = |words: &str| home.typed(words).args(["--password-file", "pw"]).by_stranger().run();
    let denied = |name: &str| format!("error: cannot read tree/{name}\ncause: permission denied\n");
    let done = "hint: the others are done; the reasons are above\n";
    run("encrypt -p acme tree").ends(
        1,
        "1 file encrypted, 4 B (project acme, key version 1), 2 failed\n",
        &(denied("closed-folder") + &denied("closed") + "error: 1 of 2 files was not encrypted, and 1 folder could not be read: how many files it holds is unknown\n" + done),
    );
    // With one file, which fails too.
    fs::remove_file(home.path("tree/file")).unwrap();
    run("encrypt -p acme tree -o one").ends(
        1,
        "",
        &(denied("closed-folder") + &denied("closed") + "error: 1 of 1 file was not encrypted, and 1 folder could not be read: how many files it holds is unknown\n"),
    );
    // With one file, which does not.
    mode(&home, "tree/closed", 0o600);
    let text = "error: 1 folder could not be read: how many files it holds is unknown\n";
    run("encrypt -p acme tree -o other").ends(
        1,
        "1 file encrypted, 4 B (project acme, key version 1), 1 failed\n",
        &(denied("closed-folder") + text + done),
    );
    mode(&home, "tree/closed-folder", 0o700);
}

#[test]
fn past_a_damaged_file_the_others_are_done() {
    let home = Home::with_project();
    for number in 0..9 {
        home.write(format!("tree/{}/{number}", number % 3), vec![number; 20_000]);
    }
    home.run("encrypt -p acme tree").succeeds();
    let mut damaged = home.read("tree.sealed/1/4.sealed");
    damaged[9000] ^= 1;
    home.write("tree.sealed/1/4.sealed", damaged);
    home.write("tree.sealed/notes.txt", "not sealed");
    home.run("decrypt tree.sealed -o back").ends(
        5,
        "8 files decrypted, 156.25 KiB (project acme), 1 not sealed and left alone, 1 failed\n",
        "\
error: cannot decrypt tree.sealed/1/4.sealed
cause: tree.sealed/1/4.sealed is damaged: chunk 1 of 2 failed its integrity check; nothing was written to back/1/4
hint: [..]
error: 1 of 9 files was not decrypted
hint: the others are done; the reasons are above
",
    );
    assert_eq!(below(&home, "back").len(), 3 + 8);
    let outcome = home.run("decrypt tree.sealed -o back --json --update");
    let stderr = outcome.stderr();
    let codes: Vec<_> = stderr
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["code"].as_i64().unwrap())
        .collect();
    assert_eq!((outcome.code(), codes), (5, vec![5, 5]));
    assert!(outcome.json().as_array().unwrap().iter().all(|file| file["up_to_date"] == true));
}

fn sums(home: &Home, folder: &str) -> Vec<Vec<u8>> {
    below(home, folder).iter().filter_map(|path| fs::read(home.path(folder).join(path)).ok()).collect()
}

#[test]
fn an_update_does_what_is_missing_or_older_and_nothing_else() {
    let home = Home::with_project();
    for name in ["a", "b", "sub/c"] {
        home.write(Path::new("tree").join(name), name);
    }
    let by = "(project acme, key version 1)";
    home.run("encrypt -p acme tree --update").does(&format!("3 files encrypted, 7 B {by}\n"));
    let before = sums(&home, "tree.sealed");
    home.run("encrypt -p acme tree --update").shows(&format!("0 files encrypted, 0 B {by}, 3 there already\n"));
    home.write("tree/b", "changed");
    home.write("tree/sub/d", "new");
    home.run("encrypt -p acme tree --update")
        .does(&format!("2 files encrypted, 10 B {by}, 1 existing file replaced, 2 there already\n"));
    let after = sums(&home, "tree.sealed");
    assert!(before[0] == after[0] && before[1] != after[1] && before[2] == after[2] && after.len() == 4);
    // Without it what stands there is left alone, with --force it is replaced.
    let outcome = home.run("encrypt -p acme tree");
    assert!(outcome.code() == 1 && outcome.stderr().contains("error: 4 of 4 files were not encrypted"));
    outcome.changed_nothing();
    home.run("encrypt -p acme tree --force")
        .does(&format!("4 files encrypted, 16 B {by}, 4 existing files replaced\n"));
    home.run("decrypt tree.sealed -o back").succeeds();
    home.run("decrypt tree.sealed -o back --update").shows("0 files decrypted, 0 B (project acme), 4 there already\n");
    home.write("back/a", "old");
    fs::remove_file(home.path("back/sub/c")).unwrap();
    // When a file is encrypted is known to the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    home.run("encrypt -p acme tree --force").succeeds();
    home.run("decrypt tree.sealed -o back --update")
        .does("2 files decrypted, 6 B (project acme), 1 existing file replaced, 2 there already\n");
    assert_eq!((home.read("back/a"), home.read("back/sub/c")), (b"a".to_vec(), b"sub/c".to_vec()));
}

#[test]
fn an_original_goes_only_when_its_sealed_copy_proves_to_be_the_same() {
    let home = Home::with_project();
    for name in ["tree/a", "tree/sub/b", "file"] {
        home.write(name, vec![7; 40_000]);
        touch(&home, name, 1_000_000_000_000_000_000);
    }
    home.run("encrypt -p acme tree file --remove -o out").succeeds();
    assert!(!home.path("tree/a").exists() && !home.path("tree/sub/b").exists() && !home.path("file").exists());
    home.run("decrypt out/tree -o tree --json").succeeds();
    // A copy of the same length and time, but not of this content, or not whole.
    home.run("encrypt -p acme tree").succeeds();
    home.write("tree/a", vec![8; 40_000]);
    touch(&home, "tree/a", 1_000_000_000_000_000_000);
    let mut damaged = home.read("tree.sealed/sub/b.sealed");
    damaged[20_000] ^= 1;
    home.write("tree.sealed/sub/b.sealed", damaged);
    let outcome = home.run("encrypt -p acme tree --update --remove");
    let stderr = outcome.stderr().to_owned();
    assert!(stderr.contains("error: cannot remove tree/a\n"), "{stderr}");
    assert!(stderr.contains("error: cannot remove tree/sub/b\n"), "{stderr}");
    let last =
        "error: 2 originals were not removed\nhint: they are still there: the errors above say why and what to do\n";
    assert!(stderr.ends_with(last), "{stderr}");
    assert!(home.path("tree/a").exists() && home.path("tree/sub/b").exists());
    assert_ne!(outcome.code(), 0);
    outcome.changed_nothing();
}

#[test]
fn a_link_is_not_removed_in_place_of_what_it_leads_to() {
    let home = Home::with_project();
    home.write("data", "client data");
    symlink("data", home.path("link")).unwrap();
    home.run("encrypt -p acme link --remove").ends(
        1,
        "link -> link.sealed (project acme, key version 1)\n",
        "\
error: cannot remove link
cause: it is a symbolic link: deleting the link would not delete the file it points to
hint: its sealed copy is done; remove the original by yourself, or name it instead of the link
error: 1 original was not removed
hint: it is still there: the error above says why and what to do
",
    );
    assert!(home.path("link").is_symlink() && home.read("data") == b"client data");
}

#[test]
fn progress_is_lines_of_json_where_they_are_asked_for() {
    let home = Home::with_project();
    for number in 0..3 {
        home.write(format!("tree/{number}"), vec![1; 5 << 20]);
    }
    for words in ["encrypt -p acme tree", "decrypt tree.sealed -o back"] {
        let outcome = home.run(&format!("{words} --progress json"));
        let lines: Vec<serde_json::Value> =
            outcome.stderr().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = &lines.last().unwrap()["progress"];
        let number = |name: &str| last[name].as_u64().unwrap();
        assert_eq!((number("files"), number("files_done"), number("bytes_done")), (3, 3, 15 << 20), "{words}");
        assert!(number("bytes") >= 15 << 20, "{last}");
    }
    for threads in ["0", "17", "-1", "two"] {
        assert_eq!(home.run_alone(&format!("encrypt -p acme tree --threads {threads}")).code(), 2, "{threads}");
    }
    for threads in [1, 16] {
        home.run(&format!("encrypt -p acme tree -o t{threads} --threads {threads} --progress none")).succeeds();
    }
}

#[test]
fn on_a_full_disk_the_rest_is_not_tried_and_nothing_is_half_there() {
    let home = Home::with_project();
    for number in 0..40 {
        home.write(format!("tree/{number:02}"), vec![number; 100_000]);
    }
    let lines = "
        strongroom encrypt -p acme tree -o small/t --password-file pw; echo $?
        find small -type f | wc -l > count; find small -name '.*' -o -empty
        strongroom decrypt small/t -o back --password-file pw -q; echo $?";
    let Some(outcome) = super::inputs::with_small_disk(&home, lines) else { return };
    let stderr = outcome.stderr().to_owned();
    assert!(stderr.contains("cause: it was not tried, since the disk is full\n"), "{stderr}");
    assert_eq!((outcome.code(), outcome.text().ends_with("\n1\n0\n")), (0, true), "{}\n{stderr}", outcome.text());
    let done: usize = String::from_utf8(home.read("count")).unwrap().trim().parse().unwrap();
    assert!((5..=9).contains(&done) && below(&home, "back").len() == done, "{done}");
    for name in below(&home, "back") {
        assert!(home.read(Path::new("back").join(&name)) == home.read(Path::new("tree").join(&name)));
    }
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_a_hundred_thousand_tiny_files_in_one_folder_go_and_come_back() {
    go_and_come_back(100_000);
}

#[test]
fn a_thousand_tiny_files_in_one_folder_go_and_come_back() {
    go_and_come_back(1000);
}

fn go_and_come_back(files: u32) {
    let home = Home::with_project();
    fs::create_dir(home.path("tree")).unwrap();
    for number in 0..files {
        File::create(home.path(format!("tree/{number}"))).unwrap().write_all(&[number as u8; 10]).unwrap();
    }
    let time = |line: &str| {
        let start = Instant::now();
        home.shell(&format!("exec strongroom {line} --password-file pw")).succeeds();
        start.elapsed()
    };
    let sealed = time("encrypt -p acme tree");
    let opened = time("decrypt tree.sealed -o back");
    let updated = time("encrypt -p acme tree --update");
    assert_eq!(fs::read_dir(home.path("back")).unwrap().count(), files as usize);
    let last = files - 1;
    assert_eq!(home.read(format!("back/{last}")), [last as u8; 10]);
    let _ =
        writeln!(std::io::stderr(), "{files} files: sealed {sealed:.1?}, opened {opened:.1?}, updated {updated:.1?}");
}
