//! The end of an engagement: a destruction on record, its steps, and the certificate that names what is left.

use std::fs;

use serde_json::Value;

use crate::support::home::Home;
use crate::support::python::python;

/// A home with all that can be left of a project: a kit, a backup, a fork, a key that was shown, copies that stand.
fn home_with_traces() -> Home {
    let home = Home::with_project();
    fs::create_dir_all(home.path("data")).unwrap();
    fs::create_dir_all(home.path("out")).unwrap();
    home.write("data/a.csv", "id,answer\n1,2\n");
    home.run("encrypt -p acme data/a.csv --remove -q").succeeds();
    home.run("decrypt data/a.csv.sealed -o open.csv -q").succeeds();
    home.run("key show acme --format raw").succeeds();
    home.run("kit new --recovery-file one -q").succeeds();
    home.run("vault fork separate --no-recovery -q").succeeds();
    home.run("vault backup copy.json -q").succeeds();
    // Beside the vault file, as a sync service leaves one.
    let conflict = home.vault().with_file_name("vault (conflict).json");
    fs::copy(home.vault(), conflict).unwrap();
    home
}

fn certificate(home: &Home) -> Value {
    serde_json::from_slice(&home.read("out/acme-destruction.json")).unwrap()
}

fn says(lines: &Value, kind: &str) -> String {
    let lines = lines.as_array().unwrap().iter().filter(|line| line["kind"] == kind);
    lines.map(|line| line["says"].as_str().unwrap()).collect::<Vec<_>>().join("; ")
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn an_engagement_ends_with_a_certificate_that_names_all_that_is_left() {
    let home = home_with_traces();
    let kit = home.kit(1);
    home.run("destruction show acme --json").fails_in_json(4, "no-destruction");
    let words = "project destroy acme --yes acme --no-recovery --by Ada --json";
    let json = home.run(words).succeeds().json();
    assert_eq!(
        (&json["destruction"]["waits_for"], &json["destruction"]["closed"], &json["destruction"]["by"]),
        (&"proved".into(), &Value::Null, &"Ada".into())
    );
    assert_eq!(home.run("project show acme --json").succeeds().json()["state"], "destroying");
    let shown = home.run("destruction show acme").succeeds().text();
    assert!(shown.contains("NOT finished") && shown.contains("destruction continue acme --roots FOLDER"), "{shown}");
    // Before the end it says that it is not finished, and is replaced by the next one.
    home.run("destruction certificate acme --to out -q").succeeds();
    let early = certificate(&home);
    assert_eq!(early["waits_for"], "proved");
    let page = String::from_utf8(home.read("out/acme-destruction.html")).unwrap();
    assert!(page.contains("NOT finished") && !page.contains("Certificate of destruction"), "{page}");
    // What cannot be read proves nothing.
    let unread = home.vault().with_file_name("vault.json.older-unread");
    fs::create_dir(&unread).unwrap();
    home.run("destruction continue acme --roots data --json").fails_in_json(1, "not-tried");
    fs::remove_dir(unread).unwrap();
    let done = home.run("destruction continue acme --roots data --delete-files --json").succeeds().json();
    assert_eq!((&done["waits_for"], done["closed"].is_string()), (&Value::Null, true), "{done}");
    assert!(!home.path("data/a.csv.sealed").exists(), "it was on record as the project's, and did not open");
    assert_eq!(home.run("project show acme --json").succeeds().json()["state"], "destroyed");
    home.run("report key --rotate --reason lost -q").succeeds();
    home.run("destruction certificate acme --to out -q").succeeds();
    let allowed = String::from_utf8(home.read("out/acme.allowed")).unwrap();
    assert_eq!(allowed.lines().count(), 2, "what the key of before has signed can still be checked");
    let made = certificate(&home);
    let (destroyed, left) = (&made["destroyed"], &made["not_destroyed"]);
    assert!(says(destroyed, "Keys").starts_with("version 1, recognized by "), "{destroyed}");
    assert!(says(destroyed, "Encrypted files").starts_with("1 of 1 encrypted file"), "{destroyed}");
    for (kind, named) in [
        ("Recovery kits", kit.to_string().as_str()),
        ("Forks", "separate"),
        ("Other vault files", "separate"),
        ("Other vault files", "conflict"),
        ("Keys shown", "a key was handed out"),
        ("Openings", "1 opening"),
        ("Readable copies", "open.csv"),
        ("Backups", "not recorded by the program"),
    ] {
        assert!(says(left, kind).contains(named), "{kind}: {named}: {left}");
    }
    let states: Vec<&str> =
        made["erase"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["met", "not-met", "not-met", "not-met", "not-known"]);
    let page = String::from_utf8(home.read("out/acme-destruction.html")).unwrap();
    for never in ["Purge", "irrecoverable", "compliant"] {
        assert!(!page.contains(never), "{never}");
    }
    // Nothing replaces one that is finished.
    home.run("destruction certificate acme --to out --json").fails_in_json(1, "output-exists");
    let verified = home.run_alone("report verify out/acme-destruction.json --key out/acme.allowed --json");
    let verified = verified.succeeds().json();
    assert_eq!((&verified["key_known"], &verified["page"]), (&"known".into(), &"same".into()));
    // The example says the same, and sees a page that was altered.
    let example = || {
        let files = ["out/acme-destruction.json", "out/acme.allowed"].map(|file| home.path(file));
        python("examples/verify_report.py").args(files).output().expect("./test makes the virtual environment")
    };
    let output = example();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("verified: certificate of destruction 1 of 'acme'"));
    home.write("out/acme-destruction.html", page.replacen("Destroyed here", "All destroyed", 1));
    home.run_alone("report verify out/acme-destruction.json --json").fails_in_json(5, "page-differs");
    assert!(!example().status.success(), "an altered page");
    let sentence = made["certifies"].as_str().unwrap();
    assert!(
        sentence.starts_with("I certify that the keys to the data held for") && sentence.contains("acme"),
        "{sentence}"
    );
    let text = String::from_utf8(home.read("out/acme-destruction.json")).unwrap();
    home.write("out/acme-destruction.json", text.replacen("Recovery kits", "Recovery kit", 1));
    home.run_alone("report verify out/acme-destruction.json --json").fails_in_json(5, "bad-signature");
}

#[test]
fn what_still_opens_keeps_a_destruction_open_and_nothing_of_others_is_deleted() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt -q").succeeds();
    home.run("project add beta -q").succeeds();
    home.write("b.txt", "theirs");
    home.run("encrypt -p beta b.txt -q").succeeds();
    home.write("key", home.run("key show acme --format raw").succeeds().bytes());
    home.run("key import beta --from key --shared -q").succeeds();
    let stranger = Home::with_project();
    stranger.write("x", "x");
    stranger.run("encrypt -p acme x -q").succeeds();
    fs::copy(stranger.path("x.sealed"), home.path("x.sealed")).unwrap();
    home.run("project destroy acme --yes acme --no-recovery --keep-shared --no-sweep -q").succeeds();
    home.run("destruction continue acme --roots . --delete-files --json").fails_in_json(1, "still-opens");
    assert_eq!(home.run("destruction show acme --json").succeeds().json()["waits_for"], "proved");
    // What beta holds goes with beta.
    home.run("project destroy beta --yes beta --no-recovery --no-sweep -q").succeeds();
    home.run("destruction continue acme --roots . --delete-files -q").succeeds();
    assert!(!home.path("a.txt.sealed").exists(), "the project's");
    assert!(home.path("b.txt.sealed").exists() && home.path("x.sealed").exists(), "not known to be the project's");
    let shown = home.run("destruction show acme --json").succeeds().json();
    assert!(shown["closed"].is_string(), "{shown}");
    assert!(shown["steps"][0]["result"].as_str().unwrap().starts_with("left out"), "{shown}");
}

#[test]
fn a_destruction_needs_a_reason_where_reasons_are_required() {
    let home = Home::with_project();
    home.run("policy reason required --reason agreed -q").succeeds();
    let destroy = "project destroy acme --yes acme --recovery-file kit";
    home.run(&format!("{destroy} --json")).fails_in_json(2, "usage");
    assert_eq!(home.run("project show acme --json").succeeds().json()["destroyed"], Value::Null);
    home.run(&format!("{destroy} --reason over -q")).succeeds();
    home.run("destruction certificate acme -q").succeeds();
    let made: Value = serde_json::from_slice(&home.read("acme-destruction.json")).unwrap();
    assert_eq!(made["destruction"]["reason"], "over");
    // It is not finished, and nobody signs for it.
    assert!(made["certifies"].as_str().unwrap().starts_with("The destruction is not finished"));
}
