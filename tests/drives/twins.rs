//! Two files whose names the drive does not tell apart: the second to arrive fails loudly, and no file is taken for
//! another.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::drive::on_each_drive;
use crate::faults::home::{Home, Struck as _};
use crate::support::proof;

/// What is sealed, by name. Same lengths and times, so that only the names differ.
const TWINS: [(&str, &str); 2] = [("Report.csv", "the first of the two"), ("report.csv", "another one, as long")];

fn with_twins(home: &Home) {
    for (name, content) in TWINS {
        home.write(format!("in/{name}"), content);
    }
    home.write("in/other.txt", "no twin");
    home.shell("touch -d '2026-01-02 03:04:06' in/*").succeeds();
}

/// Returns what is in a folder: name and content.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// One of the twins and the other file are there, each under its own name with its own content.
fn one_twin(files: &BTreeMap<String, String>, what: &str) {
    assert_eq!(files.len(), 2, "{what}: {files:?}");
    assert_eq!(files.get("other.txt").map(String::as_str), Some("no twin"), "{what}");
    assert!(TWINS.iter().any(|(name, content)| files.get(*name).is_some_and(|is| is == content)), "{what}: {files:?}");
}

fn clashes(home: &Home, words: &str) -> String {
    let run = home.typed(&format!("{words} --password-file old")).output();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(1), "{words}: {said}");
    said
}

fn is_a_clash(said: &str, words: &str) {
    assert!(said.contains("drive treats the two names as one"), "{words}: {said}");
    assert!(!said.contains("--force"), "{words}: {said}");
}

#[test]
#[ignore = "needs to mount: run ./test"]
fn a_file_never_takes_the_place_of_its_twin() {
    on_each_drive("twins on drives", |home, drive, name| {
        with_twins(home);
        home.succeeds("encrypt -p acme in --password-file old");
        home.succeeds("encrypt -p acme in -o hidden --hide-names --password-file old");
        let mut runs = 0;
        for flag in ["", "--update", "--force"] {
            // Sealing, opening, opening what has hidden names; each once where nothing is, and once where one twin is.
            for (command, is_sealed) in
                [("encrypt -p acme in", true), ("decrypt in.sealed", false), ("decrypt hidden", false)]
            {
                drive.clear();
                for round in 1..=2 {
                    let words = format!("{command} -o stick/out {flag}");
                    let said = clashes(home, &words);
                    // Without a flag, all of the second run's are refused for what is there already.
                    if round == 1 || !flag.is_empty() {
                        is_a_clash(&said, &words);
                    }
                    let mut files = "stick/out";
                    if is_sealed {
                        home.shell("rm -rf check").succeeds();
                        home.succeeds("decrypt stick/out -o check --password-file old");
                        files = "check";
                    }
                    one_twin(&contents(&home.path(files)), &format!("{words}, run {round}"));
                    runs += 1;
                }
            }
        }
        assert_eq!(home.leftovers(), Vec::<std::path::PathBuf>::new());
        let figure = format!("{runs} runs: the second twin refused each time, 0 files taken for another");
        let id = name.replace(' ', "-");
        proof::record(&format!("drives-twins-{id}"), &format!("names that differ in case, to {name}"), &figure);
    });
}

#[test]
#[ignore = "needs to mount: run ./test"]
fn a_copy_from_an_earlier_run_is_not_replaced_by_its_twin() {
    on_each_drive("twins of earlier runs on drives", |home, drive, _| {
        let [(first, content), (second, other)] = TWINS;
        for flag in ["--update", "--force"] {
            for (named, copy) in [
                ("in".to_owned(), format!("stick/out/{first}.sealed")),
                (format!("in/{second}"), format!("stick/{first}.sealed")),
            ] {
                drive.clear();
                home.shell("rm -rf in check; mkdir in").succeeds();
                home.write(format!("in/{first}"), content);
                let to = if named == "in" { "stick/out".to_owned() } else { format!("stick/{first}.sealed") };
                let original = if named == "in" { "in".to_owned() } else { format!("in/{first}") };
                home.succeeds(&format!("encrypt -p acme {original} -o {to} {flag} --remove --password-file old"));
                home.write(format!("in/{second}"), other);
                let to = to.replace(first, second);
                let words = format!("encrypt -p acme {named} -o {to} {flag} --remove");
                is_a_clash(&clashes(home, &words), &words);
                home.succeeds(&format!("decrypt {copy} -o check --password-file old"));
                assert_eq!(fs::read_to_string(home.path("check")).unwrap(), content, "{words}");
                assert_eq!(fs::read_to_string(home.path(format!("in/{second}"))).unwrap(), other, "{words}");
            }
        }
    });
}

#[test]
#[ignore = "needs to mount: run ./test"]
fn the_original_of_a_refused_twin_is_kept() {
    on_each_drive("--remove of twins on drives", |home, _, _| {
        with_twins(home);
        let words = "encrypt -p acme in -o stick/out --remove";
        is_a_clash(&clashes(home, words), words);
        let left = contents(&home.path("in"));
        assert_eq!(left.len(), 1);
        assert!(TWINS.iter().any(|(name, content)| left.get(*name).is_some_and(|is| is == content)));
        home.succeeds("decrypt stick/out -o check --password-file old");
        let sealed = contents(&home.path("check"));
        one_twin(&sealed, words);
        assert!(left.keys().all(|name| !sealed.contains_key(name)));
    });
}

#[test]
#[ignore = "needs to mount: run ./test"]
fn folders_that_are_twins_are_not_made_one() {
    on_each_drive("folders that are twins on drives", |home, drive, _| {
        home.write("in/Docs/a", "in Docs");
        home.write("in/docs/b", "in docs");
        home.succeeds("encrypt -p acme in --password-file old");
        home.succeeds("encrypt -p acme in --archive --password-file old");
        for words in ["encrypt -p acme in -o stick/out", "decrypt in.sealed -o stick/out"] {
            drive.clear();
            is_a_clash(&clashes(home, words), words);
            let folders: Vec<_> = fs::read_dir(home.path("stick/out")).unwrap().map(|entry| entry.unwrap()).collect();
            let [folder] = &folders[..] else { panic!("{folders:?}") };
            let name = folder.file_name().into_string().unwrap();
            let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
            let [file] = &files[..] else { panic!("{files:?}") };
            assert_eq!(file.to_string_lossy().starts_with('a'), name == "Docs", "{name} {file:?}");
        }
        // Of an archive, all or nothing.
        drive.clear();
        let words = "decrypt --extract in.tar.sealed -o stick/out";
        is_a_clash(&clashes(home, words), words);
        with_twins(home);
        home.succeeds("encrypt -p acme in --archive --force --password-file old");
        is_a_clash(&clashes(home, words), words);
        assert_eq!(fs::read_dir(home.path("stick")).unwrap().count(), 0);
    });
}
