//! `strongroom import` of what clients send: workbooks and archives with a password, made by the programs that make such
//! files.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::proof;
use crate::support::python::made_by;

/// What is printed for whatever does not open.
const CAUSE: &str =
    "the old password or key, the scheme or one of its parameters is wrong, or the file was altered or cut short";

/// The folder with the files, made once for all tests, and what the script says of them.
static MADE: LazyLock<(PathBuf, Value)> = LazyLock::new(|| made_by("tests/python/client_files.py", "client-files"));

fn made(name: &str) -> Vec<u8> {
    fs::read(MADE.0.join(name)).unwrap()
}

/// Returns the names of the Office files.
fn office() -> Vec<&'static str> {
    MADE.1["office"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// Returns the archives: their names, the file with their password, and the names of their members.
fn archives() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let of = |(name, archive): (&'static String, &'static Value)| {
        let members = archive["members"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        (name.as_str(), archive["password"].as_str().unwrap(), members)
    };
    MADE.1["archives"].as_object().unwrap().iter().map(of).collect()
}

fn member(name: &str) -> Vec<u8> {
    let of_all = MADE.0.join("members").join(name);
    fs::read(of_all).unwrap_or_else(|_| made(&format!("members-public/{name}")))
}

fn home() -> Home {
    let home = Home::with_project();
    home.write("old", made("old"));
    home.write("old-ascii", made("old-ascii"));
    home.write("wrong", b"another one\n");
    home
}

/// Checks that a file is refused in the one way, and leaves nothing.
fn refused(home: &Home, words: &str) {
    let outcome = home.run(&format!("import --project acme {words}")).changed_nothing();
    assert_eq!(outcome.code(), 3, "{words}: {}", outcome.stderr());
    assert!(outcome.stderr().contains(CAUSE), "{words}: {}", outcome.stderr());
}

#[test]
#[ignore = "needs msoffcrypto-tool: run ./test"]
fn an_office_file_becomes_the_sealed_workbook_without_its_password() {
    let home = home();
    let names = office();
    for name in &names {
        home.write(name, made(name));
        refused(&home, &format!("--old-password-file wrong {name}"));
    }
    let outcome = home.run(&format!("import --project acme --old-password-file old {} --json", names.join(" ")));
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr());
    let result = outcome.json();
    for (name, imported) in names.iter().zip(result["files"].as_array().unwrap()) {
        let is_agile = !name.starts_with("standard");
        assert_eq!(imported["output"], json!(format!("{name}.sealed")));
        assert_eq!(imported["scheme"], json!("office"));
        assert_eq!(imported["proof"], json!(if is_agile { "tag" } else { "verifier" }), "{name}");
        assert_eq!(imported["unauthenticated_source"], json!(!is_agile), "{name}");
    }
    fs::create_dir(home.path("opened")).unwrap();
    home.run(&format!("decrypt {} -o opened", names.join(".sealed ") + ".sealed")).succeeds();
    for name in &names {
        assert!(home.read(format!("opened/{name}")) == made(&format!("plain-{name}")), "{name}");
    }
    let inspected = home.run("inspect --unlock clients.xlsx.sealed --json").json();
    assert_eq!(inspected[0]["sealed_in"]["name"], json!("clients.xlsx"));
    proof::record("client-office", "Office files with a password imported", &format!("{} files", names.len()));
}

#[test]
#[ignore = "needs msoffcrypto-tool: run ./test"]
fn an_office_file_that_was_cut_or_altered_is_refused() {
    let home = home();
    let name = "clients.xlsx";
    let whole = made(name);
    for length in [0, 8, 511, 512, 1024, 3000, 6000, 9000, whole.len() - 2048] {
        home.write(name, &whole[..length]);
        let outcome = home.run(&format!("import --project acme --scheme office --old-password-file old {name}"));
        // The directory may be at the end: what is left then is a compound file of another kind, or none.
        assert!(outcome.changed_nothing().code() == 3, "{length}");
    }
    let package = whole.len() - 4000;
    for at in [package, package - 3000, package - 6000] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        home.write(name, altered);
        refused(&home, &format!("--scheme office --old-password-file old {name}"));
    }
}

#[test]
#[ignore = "needs msoffcrypto-tool: run ./test"]
fn office_files_are_detected_and_what_is_not_to_be_imported_says_why() {
    let home = home();
    for name in ["clients.xlsx", "unencrypted.xlsx", "hostile-rounds.xlsx", "no-integrity.xlsx"] {
        home.write(name, made(name));
    }
    let detected = home.run("import --detect clients.xlsx unencrypted.xlsx --json").changed_nothing().json();
    assert_eq!((&detected[0]["scheme"], &detected[1]["scheme"]), (&json!("office"), &Value::Null));
    let start = Instant::now();
    refused(&home, "--old-password-file old hostile-rounds.xlsx");
    assert!(start.elapsed() < Duration::from_secs(2));
    let outcome = home.run("import --project acme --scheme office --old-password-file old unencrypted.xlsx");
    let outcome = outcome.changed_nothing();
    assert_eq!(outcome.code(), 1);
    assert!(outcome.stderr().contains("strongroom encrypt unencrypted.xlsx"), "{}", outcome.stderr());
    let outcome = home.run("import --project acme --iterations 5 --old-password-file old clients.xlsx");
    assert_eq!(outcome.changed_nothing().code(), 2);
    let words = "import --project acme --old-password-file old no-integrity.xlsx --json";
    assert_eq!(home.run(words).json()["files"][0]["unauthenticated_source"], json!(true));
}

#[test]
#[ignore = "needs pyzipper, Info-ZIP and 7-Zip: run ./test"]
fn an_archive_becomes_a_folder_of_sealed_members() {
    let home = home();
    let archives = archives();
    for (name, ..) in &archives {
        home.write(name, made(name));
        refused(&home, &format!("--old-password-file wrong {name}"));
    }
    for password in ["old", "old-ascii"] {
        let of = archives.iter().filter(|(_, its, _)| *its == password);
        let names: Vec<&str> = of.clone().map(|(name, ..)| *name).collect();
        // Each into a folder of its own: some have the same name but for their ending.
        fs::create_dir(home.path(format!("into-{password}"))).unwrap();
        let words =
            format!("import --project acme --old-password-file {password} -o into-{password} {}", names.join(" "));
        let outcome = home.run(&format!("{words} --json"));
        assert_eq!(outcome.code(), 0, "{}", outcome.stderr());
        let result = outcome.json();
        for (folder, (name, _, members)) in result["folders"].as_array().unwrap().iter().zip(of) {
            assert_eq!(folder["input"], json!(name));
            let files = folder["files"].as_array().unwrap();
            let mut names: Vec<&str> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
            names.sort_unstable();
            assert_eq!(&names, members, "{name}");
            for file in files {
                let is_public = file["name"] == json!("read me.txt");
                let is_tagged = name.ends_with("zip") && *name != "zipcrypto.zip" && !is_public;
                let is_empty_in_7z = file["bytes"] == json!(0) && name.ends_with("7z");
                let proof = if is_tagged {
                    "tag"
                } else if is_public || is_empty_in_7z {
                    "none"
                } else {
                    "crc"
                };
                assert_eq!(file["proof"], json!(proof), "{name} {file}");
                assert_eq!(file["unauthenticated_source"], json!(!is_tagged), "{name} {file}");
            }
            assert_eq!(home.mode(folder["output"].as_str().unwrap()), 0o700);
        }
        home.run(&format!("decrypt into-{password} -o opened-{password}")).succeeds();
    }
    for (name, password, members) in &archives {
        let folder = name.rsplit_once('.').unwrap().0;
        for path in members {
            assert!(home.read(format!("opened-{password}/{folder}/{path}")) == member(path), "{name} {path}");
        }
    }
    let inspected = home.run("inspect --unlock into-old-ascii/zipcrypto/clients.csv.sealed --json").json();
    assert_eq!(inspected[0]["sealed_in"]["unauthenticated_source"], json!(true));
    assert_eq!(inspected[0]["sealed_in"]["path"], json!("clients.csv"));
    proof::record("client-archives", "archives with a password imported", &format!("{} archives", archives.len()));
}

#[test]
#[ignore = "needs pyzipper, Info-ZIP and 7-Zip: run ./test"]
fn an_archive_of_which_a_member_fails_leaves_nothing() {
    let home = home();
    for (name, password, _) in archives() {
        let whole = made(name);
        home.write(name, &whole[..whole.len() - 30]);
        refused(
            &home,
            &format!("--scheme {} --old-password-file {password} {name}", &name[name.len() - 3..].replace(".7z", "7z")),
        );
    }
    // The last byte of a member's data, far behind what is looked at first.
    let mut altered = made("stored.zip");
    let at = altered.windows(4).rposition(|bytes| bytes == b"PK\x03\x04").unwrap() - 100;
    altered[at] ^= 1;
    home.write("stored.zip", altered);
    refused(&home, "--old-password-file old stored.zip");
    let mut altered = made("not-solid.7z");
    altered[400_000] ^= 1;
    home.write("not-solid.7z", altered);
    refused(&home, "--old-password-file old not-solid.7z");
}

#[test]
#[ignore = "needs pyzipper, Info-ZIP and 7-Zip: run ./test"]
fn archives_and_pdfs_are_detected_and_say_what_to_do() {
    let home = home();
    let names = ["aes-128.zip", "names-hidden.7z", "unencrypted.zip", "unencrypted.7z", "encrypted.pdf"];
    for name in names {
        home.write(name, made(name));
    }
    let detected = home.run(&format!("import --detect {} --json", names.join(" "))).changed_nothing().json();
    let schemes: Vec<&Value> = detected.as_array().unwrap().iter().map(|file| &file["scheme"]).collect();
    assert_eq!(schemes, [&json!("zip"), &json!("7z"), &Value::Null, &Value::Null, &Value::Null]);
    for name in ["unencrypted.zip", "unencrypted.7z", "encrypted.pdf"] {
        let outcome = home.run(&format!("import --project acme --old-password-file old {name}")).changed_nothing();
        assert_eq!(outcome.code(), 1, "{}", outcome.stderr());
        assert!(outcome.stderr().contains(&format!("strongroom encrypt {name}")), "{}", outcome.stderr());
    }
    let outcome = home.run("import --dry-run --old-password-file old aes-128.zip").changed_nothing().text();
    assert!(outcome.starts_with("aes-128.zip opens; it would become the folder aes-128\n"), "{outcome}");
    for flags in ["--force", "--sha256 00", "--yes", "--mode gcm"] {
        let flags = flags.replace("00", &"0".repeat(64));
        let outcome = home.run(&format!("import --project acme {flags} --old-password-file old aes-128.zip"));
        assert_eq!(outcome.changed_nothing().code(), 2, "{flags}");
    }
    fs::create_dir(home.path("aes-128")).unwrap();
    let outcome = home.run("import --project acme --old-password-file old aes-128.zip").changed_nothing();
    assert_eq!(outcome.code(), 1, "{}", outcome.stderr());
    let outcome = home.run("import --project acme --old-password-file old aes-128.zip -o other");
    assert!(outcome.text().starts_with("aes-128.zip -> other (project acme, key version 1)\n"), "{}", outcome.text());
}
