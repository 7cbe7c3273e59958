//! Reports for the client: made, verified with the program, with `ssh-keygen` and with the example in Python.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::home::Home;
use crate::support::python::python;

/// A home with files of the project and, under the same folder, of another one.
fn home_with_files() -> Home {
    let home = Home::with_project();
    home.run("project add other").succeeds();
    fs::create_dir_all(home.path("data/wave-1")).unwrap();
    fs::create_dir_all(home.path("reports")).unwrap();
    for name in ["data/a.csv", "data/wave-1/b.csv"] {
        home.write(name, "id,answer\n1,2\n");
    }
    home.run("encrypt -p acme data/a.csv data/wave-1/b.csv --remove -q").succeeds();
    home.write("data/secret-client.csv", "theirs");
    home.run("encrypt -p other data/secret-client.csv --remove -q").succeeds();
    home
}

fn report(home: &Home, more: &str) -> serde_json::Value {
    home.run(&format!("report acme --roots data --to reports --json {more}")).succeeds().json()
}

/// Asks the system's `ssh-keygen`.
fn is_accepted(home: &Home, number: u32, bundle: &[u8]) -> bool {
    use std::io::Write;
    let identity = home.run("report key --json").succeeds().json()["identity"].as_str().unwrap().to_owned();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "strongroom-report", "-I", &identity, "-f"])
        .arg(home.path("reports/acme.allowed"))
        .arg("-s")
        .arg(home.path(format!("reports/acme-{number}.json.sig")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ssh-keygen is installed");
    child.stdin.take().unwrap().write_all(bundle).unwrap();
    child.wait_with_output().unwrap().status.success()
}

#[test]
fn a_report_is_made_verified_and_followed_by_the_next_one() {
    let home = home_with_files();
    let first = report(&home, "--annex");
    assert_eq!((&first["number"], first["files"].as_array().unwrap().len()), (&1.into(), 5));
    let text = String::from_utf8(home.read("reports/acme-1.json")).unwrap();
    assert!(text.contains("wave-1/b.csv.sealed") && !text.contains("secret-client"), "nothing of other clients");
    let bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let states: Vec<&str> =
        bundle["inventory"]["files"].as_array().unwrap().iter().map(|file| file["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["whole", "whole"]);
    assert!(
        is_accepted(&home, 1, text.as_bytes()) && !is_accepted(&home, 1, text.replace("whole", "while").as_bytes())
    );
    // Whoever has no key of before is told so, and who has one is told that, too.
    let alone = home.run_alone("report verify reports/acme-1.json --json").succeeds().json();
    assert_eq!(
        (&alone["key_known"], &alone["page"], &alone["annex"]),
        (&"unknown".into(), &"same".into(), &"same".into())
    );
    fs::copy(home.path("reports/acme.allowed"), home.path("contract.allowed")).unwrap();
    report(&home, "--sample");
    let words = "report verify reports/acme-2.json --after reports/acme-1.json --key contract.allowed";
    let followed = home.run_alone(&format!("{words} --json")).succeeds().json();
    assert_eq!((&followed["key_known"], &followed["after"]["is_next"]), (&"known".into(), &true.into()));
    let said = home.run_alone(words).succeeds().text();
    assert!(said.contains("a key that you know") && said.contains("it follows report 1"), "{said}");
    let second = String::from_utf8(home.read("reports/acme-2.json")).unwrap();
    assert!(second.contains("\"read\":\"sample\"") && second.contains("of the others only that they are there"));
    // The example says the same.
    let files = ["reports/acme-2.json", "contract.allowed", "reports/acme-1.json"].map(|file| home.path(file));
    let output =
        python("examples/verify_report.py").args(&files).output().expect("./test makes the virtual environment");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Nothing of a report replaces anything.
    let before = home.contents();
    home.run("report nobody --to reports").fails(
        4,
        "error: cannot make a report of \"nobody\"\ncause: there is no project \"nobody\" in this vault\nhint: see the \
         names with `strongroom project list`\n",
    );
    assert_eq!(home.contents(), before);
}

#[test]
fn what_was_altered_is_refused_with_the_reason() {
    let home = home_with_files();
    report(&home, "");
    report(&home, "");
    let verify = |words: &str, code: i32, kind: &str| {
        let words = format!("report verify reports/acme-2.json {words} --json");
        home.run_alone(&words).fails_in_json(code, kind);
    };
    let original = home.read("reports/acme-2.html");
    let page = String::from_utf8(original.clone()).unwrap();
    home.write("reports/acme-2.html", page.replacen("not known", "met", 1));
    verify("", 5, "page-differs");
    home.write("reports/acme-2.html", original);
    home.write("other.allowed", fs::read_to_string(home.path("reports/acme.allowed")).unwrap());
    verify("--key nothing", 4, "not-found");
    home.write("empty", "# nothing");
    verify("--key empty", 2, "bad-key");
    home.write("other.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUHtuGVjJqfRVeNMtpVMZGQcNHQXnAM5qMO3ayPP someone");
    verify("--key other.pub", 5, "other-key");
    // An older report in the newer one's place.
    home.run_alone("report verify reports/acme-1.json --after reports/acme-2.json --json")
        .fails_in_json(5, "report-does-not-follow");
    let bundle = home.read("reports/acme-2.json");
    home.write(
        "reports/acme-2.json",
        String::from_utf8(bundle.clone()).unwrap().replacen("\"number\":2", "\"number\":3", 1),
    );
    verify("", 5, "bad-signature");
    home.write("reports/acme-2.json", bundle);
    fs::remove_file(home.path("reports/acme-2.json.sig")).unwrap();
    verify("", 4, "not-found");
}

#[test]
fn a_record_that_may_have_holes_is_not_called_unbroken() {
    let home = home_with_files();
    let log = |number: u32| {
        report(&home, "");
        let bundle = home.read(format!("reports/acme-{number}.json"));
        let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
        let checks = bundle["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "log-unbroken").unwrap();
        (check["state"].as_str().unwrap().to_owned(), check["says"].as_str().unwrap().to_owned())
    };
    assert_eq!(log(1).0, "met");
    home.run("policy log best-effort --reason read-only").succeeds();
    let (state, says) = log(2);
    assert_eq!(state, "not-met", "{says}");
    assert!(says.contains("policy log best-effort"), "{says}");
}

#[test]
fn another_key_is_announced_by_the_one_before() {
    let home = home_with_files();
    let key = home.run("report key --json").succeeds().json();
    report(&home, "");
    fs::copy(home.path("reports/acme.allowed"), home.path("contract.allowed")).unwrap();
    home.run("report key --rotate")
        .fails(2, "error: a reason is required, and none is given\nhint: give it with --reason\n");
    let next = home.typed("report key --rotate --json --password-file pw --reason").arg("the laptop was lost").run();
    let next = next.succeeds().json();
    assert_ne!(next["keys"][0]["fingerprint"], key["keys"][0]["fingerprint"]);
    assert!(next["keys"][0]["statement"].as_str().unwrap().contains("the laptop was lost"));
    report(&home, "");
    let words = "report verify reports/acme-2.json --after reports/acme-1.json --key contract.allowed --json";
    let followed = home.run_alone(words).succeeds().json();
    assert_eq!((&followed["key_known"], &followed["after"]["same_key"]), (&"announced".into(), &false.into()));
}

#[test]
fn damage_and_strangers_files_are_not_met() {
    let home = home_with_files();
    let mut damaged = home.read("data/a.csv.sealed");
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    home.write("data/a.csv.sealed", damaged);
    let stranger = Home::with_project();
    stranger.write("x", "x");
    stranger.run("encrypt -p acme x -q").succeeds();
    fs::copy(stranger.path("x.sealed"), home.path("data/x.sealed")).unwrap();
    let made = report(&home, "");
    assert!(made["not_met"].as_u64().unwrap() >= 1);
    let text = String::from_utf8(home.read("reports/acme-1.json")).unwrap();
    let bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = bundle["inventory"]["files"].as_array().unwrap();
    let states: Vec<_> =
        files.iter().map(|file| (file["path"].as_str().unwrap(), file["state"].as_str().unwrap())).collect();
    assert_eq!(states, [("a.csv.sealed", "damaged"), ("wave-1/b.csv.sealed", "whole"), ("x.sealed", "foreign")]);
    assert!(text.contains("of 3 files: 1 damaged, 1 opened by no key here; the annex names them"));
}

#[test]
fn a_report_appears_whole_or_not_at_all() {
    let home = home_with_files();
    home.write("reports/acme-1.json.sig", "in the way");
    let before = home.contents();
    home.run("report acme --roots data --to reports --json").fails_in_json(1, "output-exists");
    let after = home.contents();
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(new.is_empty(), "{new:?}");
    // The number was not used up.
    fs::remove_file(home.path("reports/acme-1.json.sig")).unwrap();
    assert_eq!(report(&home, "")["number"], 1);
}
