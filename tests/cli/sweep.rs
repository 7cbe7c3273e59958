//! `strongroom sweep`: opened copies that are found again, and deleted. What was opened is on record in the access log.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};

use serde_json::Value;

use crate::support::home::Home;

/// Encrypts files, and decrypts them into `work`, which the access log records.
fn opened(home: &Home, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        home.write(format!("in/{name}"), bytes);
    }
    // Originals that stay would be on record, too.
    home.run("encrypt -p acme in -o kept --remove").succeeds();
    home.run("decrypt kept -o work").succeeds();
}

fn long(seed: u8) -> Vec<u8> {
    (0..200_000_u32).map(|at| (at % 251) as u8 ^ seed).collect()
}

/// Returns what a sweep says of each file: its path in the home, its state, and how far a copy is known.
fn states(home: &Home, json: &Value) -> Vec<(String, String, String)> {
    let text = |file: &Value, name: &str| file[name].as_str().unwrap_or_default().to_owned();
    let within = |path: String| path.strip_prefix(&format!("{}/", home.folder().display())).unwrap_or(&path).to_owned();
    let files = json["files"].as_array().unwrap();
    files.iter().map(|file| (within(text(file, "path")), text(file, "state"), text(file, "likeness"))).collect()
}

fn state(path: &str, state: &str, likeness: &str) -> (String, String, String) {
    (path.into(), state.into(), likeness.into())
}

#[test]
fn without_a_record_nothing_is_looked_for_and_nothing_is_promised() {
    let home = Home::with_project();
    home.write("work/a", "a");
    let text = home.run("sweep work").succeeds().changed_nothing().text();
    assert!(
        text.starts_with("no opened copy is on record, so nothing was searched for\nnot found by this: "),
        "{text}"
    );
}

#[test]
fn what_was_opened_is_found_wherever_it_went_and_removed() {
    let home = Home::with_project();
    let files: [(&str, &[u8]); 6] = [
        ("stands.csv", b"id,name\n1,Ada\n"),
        ("moved.bin", &long(1)),
        ("edited.csv", b"id,name\n2,Bea\n"),
        ("linked.csv", b"id,name\n3,Cy\n"),
        ("gone.csv", b"id,name\n4,Di\n"),
        ("strange\n\u{1b}[31m\u{202e}.csv", b"id,name\n5,Ed\n"),
    ];
    opened(&home, &files);
    fs::create_dir(home.path("deep")).unwrap();
    fs::rename(home.path("work/moved.bin"), home.path("deep/renamed.dat")).unwrap();
    fs::copy(home.path("deep/renamed.dat"), home.path("deep/copy.dat")).unwrap();
    home.write("work/edited.csv", "id,name\n2,Bob\n");
    fs::rename(home.path("work/linked.csv"), home.path("deep/target.csv")).unwrap();
    symlink(home.path("deep/target.csv"), home.path("work/linked.csv")).unwrap();
    fs::remove_file(home.path("work/gone.csv")).unwrap();
    fs::hard_link(home.path("work/stands.csv"), home.path("deep/hard.csv")).unwrap();
    let sparse = File::create(home.path("deep/sparse")).unwrap();
    sparse.set_len(200_000).unwrap();
    sparse.write_all_at(b"x", 100_000).unwrap();

    let found = home.run("sweep --json work deep kept").succeeds().changed_nothing().json();
    let strange = "work/strange\n\u{1b}[31m\u{202e}.csv";
    let mut expected = vec![
        state("work/stands.csv", "stands", "identical"),
        state("work/moved.bin", "gone", ""),
        state("work/edited.csv", "changed", ""),
        state("work/linked.csv", "changed", ""),
        state("work/gone.csv", "gone", ""),
        state(strange, "stands", "identical"),
        state("deep/renamed.dat", "stands-elsewhere", "identical"),
        state("deep/copy.dat", "stands-elsewhere", "identical"),
        state("deep/target.csv", "stands-elsewhere", "identical"),
        state("deep/hard.csv", "stands-elsewhere", "identical"),
    ];
    let mut got = states(&home, &found);
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
    assert_eq!(found["files"][0]["project"], "acme");

    let text = home.run("sweep work deep kept").succeeds().text();
    assert!(text.contains(r"strange\u{a}\u{1b}[31m\u{202e}.csv"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains("6 opened copies on record: 2 stands, 4 stands elsewhere, 2 changed, 2 gone\n"), "{text}");
    assert_eq!(home.run("sweep --exit-code work deep kept").code(), 1);

    let needs = home.run("sweep --remove work deep kept");
    assert!(needs.code() == 2 && needs.stderr().contains("--yes"), "{}", needs.stderr());
    let removed = home.run("sweep --remove --yes work deep kept");
    assert!(removed.ends_well() && removed.stderr().contains("hard link"), "{}", removed.stderr());
    assert!(removed.text().contains("deleted 6 files; deleting takes away a name: an SSD"), "{}", removed.text());
    let left: Vec<_> = home.contents().into_keys().filter(|path| path.starts_with(home.path("deep"))).collect();
    assert_eq!(left, [home.path("deep"), home.path("deep/sparse")]);
    assert!(home.path("work/edited.csv").exists() && !home.path(strange).exists());
    let after = home.run("sweep --exit-code work deep kept").succeeds().text();
    // The encrypted files, what was edited, and what only had the length.
    assert!(after.contains("no identical copy found in 8 files under these roots: "), "{after}");
}

#[test]
fn without_the_encrypted_file_a_copy_may_be_the_last_and_is_kept() {
    let home = Home::with_project();
    opened(&home, &[("long.bin", &long(3)), ("short.csv", b"1,2\n")]);
    fs::remove_dir_all(home.path("kept")).unwrap();
    let found = home.run("sweep --json work").succeeds().json();
    let mut got = states(&home, &found);
    got.sort();
    assert_eq!(
        got,
        [state("work/long.bin", "stands", "same-length-and-ends"), state("work/short.csv", "stands", "identical")]
    );
    let kept = home.run("sweep --remove --yes work");
    assert!(kept.code() == 1 && kept.stderr().contains("may be the last copy"), "{}", kept.stderr());
    assert!(home.path("work/long.bin").exists() && home.path("work/short.csv").exists());
    home.run("sweep --remove --yes --last-copies work").succeeds();
    assert!(!home.path("work/long.bin").exists() && !home.path("work/short.csv").exists());
}

#[test]
fn what_a_destroyed_projects_files_were_opened_to_is_still_found() {
    let home = Home::with_project();
    opened(&home, &[("long.bin", &long(4))]);
    home.run("project destroy acme --yes acme --recovery-file kit").succeeds();
    let found = home.run("sweep --json -p acme work kept").succeeds().json();
    assert_eq!(states(&home, &found), [state("work/long.bin", "stands", "same-length-and-ends")]);
}
