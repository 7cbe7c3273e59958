//! The access log as the program keeps it: what is recorded of each command, what is refused when it cannot be, and what
//! is told when somebody has altered it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::home::Home;
use crate::support::run::Outcome;

/// Returns this computer's log.
fn log_of(home: &Home) -> PathBuf {
    let folder = home.vault().parent().unwrap().join("log");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.remove(0)
}

/// Runs a command that ends with this code.
trait EndsWith {
    fn ends_with(self, code: i32);
}

impl EndsWith for Outcome {
    #[track_caller]
    fn ends_with(self, code: i32) {
        assert_eq!(self.code(), code, "{}", self.stderr());
    }
}

/// Returns what `log show` shows.
fn shown(home: &Home, words: &str) -> Vec<Value> {
    home.run(&format!("log show --json {words}")).succeeds().json().as_array().unwrap().clone()
}

fn actions(shown: &[Value]) -> Vec<(&str, &str)> {
    let word = |value| Value::as_str(value).unwrap_or("-");
    shown.iter().map(|access| (word(&access["action"]), word(&access["outcome"]))).collect()
}

#[test]
fn each_command_is_recorded_with_its_reason_and_how_it_ended() {
    let home = Home::with_project();
    home.write("a.csv", "id,amount\n");
    fs::create_dir(home.path("d")).unwrap();
    home.write("d/b.csv", "id\n");
    home.run("encrypt -p acme a.csv d").succeeds();
    home.run("decrypt a.csv.sealed -o out.csv --reason monthly").succeeds();
    home.run("decrypt a.csv.sealed -o -").succeeds();
    assert_eq!(home.run("decrypt a.csv.sealed -o out.csv").code(), 1, "refused before the vault is asked");
    home.run("decrypt d.sealed a.csv.sealed -o all").succeeds();
    home.run("cat a.csv.sealed --length 2").succeeds();
    home.run("verify a.csv.sealed").succeeds();
    home.run("key show acme").succeeds();
    home.run("key rotate acme").succeeds();
    home.run("rewrap -p acme a.csv.sealed").succeeds();
    home.run("project list").succeeds();
    let all = shown(&home, "");
    let done: Vec<_> = actions(&all).into_iter().skip_while(|(action, _)| *action != "file.seal").collect();
    assert_eq!(
        done,
        [
            ("file.seal", "done"),
            ("file.open", "done"),
            ("file.open", "done"),
            ("file.open", "done"),
            ("file.range", "done"),
            ("file.verify", "done"),
            ("key.show", "done"),
            ("key.rotate", "done"),
            ("file.rewrap", "done"),
        ]
    );
    let opened: Vec<&Value> = all.iter().filter(|access| access["action"] == "file.open").collect();
    assert_eq!((&opened[0]["reason"], &opened[0]["to"]), (&"monthly".into(), &"disk".into()));
    assert_eq!(opened[0]["copies"], serde_json::json!([home.path("out.csv")]));
    assert_eq!((&opened[1]["to"], &opened[1]["copies"]), (&"pipe".into(), &serde_json::json!([])));
    assert_eq!((&opened[2]["files"], opened[2]["copies"].as_array().unwrap().len()), (&2.into(), 2));
    assert_eq!(opened[0]["projects"], serde_json::json!(["acme"]));
    let sealed = all.iter().find(|access| access["action"] == "file.seal").unwrap();
    assert_eq!(sealed["copies"].as_array().unwrap().len(), 2, "the originals are readable copies");
    assert_eq!(shown(&home, "--last 1").len(), 1);
    assert!(shown(&home, "--since 2999-01-01").is_empty());
    // Neither names nor reasons can be read in the log itself.
    let bytes = fs::read(log_of(&home)).unwrap();
    for secret in ["monthly", "out.csv", "acme"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    home.run("log export log.jsonl --project acme").succeeds();
    let lines = String::from_utf8(home.read("log.jsonl")).unwrap();
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && lines.lines().count() >= 9);
}

#[test]
fn an_altered_log_shuts_until_that_is_accepted_for_good() {
    let home = Home::with_project();
    home.write("a.csv", "id,amount\n");
    home.run("encrypt -p acme a.csv").succeeds();
    home.run("cat a.csv.sealed").succeeds();
    let log = log_of(&home);
    let whole = fs::read(&log).unwrap();
    // An earlier log is put back, its end is cut off, it is gone.
    home.run("cat a.csv.sealed").succeeds();
    for put in [Some(whole.clone()), Some(whole[..1024].to_vec()), None] {
        match put {
            Some(bytes) => fs::write(&log, bytes).unwrap(),
            None => fs::remove_file(&log).unwrap(),
        }
        for _ in 0..2 {
            home.run("cat a.csv.sealed").ends_with(5);
        }
        home.run("log verify").ends_with(5);
        // What hands out nothing goes on.
        home.run("project list").succeeds();
    }
    home.run("log accept").ends_with(2);
    home.run("log accept --reason stolen").succeeds();
    home.run("cat a.csv.sealed").succeeds();
    let verified = home.run("log verify --json").succeeds().json();
    assert_eq!((&verified[0]["gaps"], &verified[0]["state"]), (&1.into(), &"ahead".into()));
    let gap = shown(&home, "").into_iter().find(|access| access["action"] == "log.gap").unwrap();
    assert_eq!(gap["reason"], "stolen");
}

#[test]
fn a_reason_can_be_required_and_the_log_made_optional() {
    let home = Home::with_project();
    home.write("a.csv", "id,amount\n");
    home.run("encrypt -p acme a.csv").succeeds();
    home.run("policy reason required").ends_with(2);
    home.run("policy reason required --reason agreed").succeeds();
    home.run("cat a.csv.sealed").ends_with(2);
    home.run("key show acme --reason  ").ends_with(2);
    home.run("cat a.csv.sealed --reason audit").succeeds();
    home.run("policy reason optional --reason over").succeeds();
    // One project may require more than the vault.
    home.run("project set acme --reasons required").succeeds();
    home.run("cat a.csv.sealed -p acme").ends_with(2);
    home.run("cat a.csv.sealed").ends_with(2);
    home.run("project set acme --reasons optional").succeeds();
    let log = log_of(&home);
    fs::remove_file(&log).unwrap();
    home.run("cat a.csv.sealed").ends_with(5);
    for words in ["policy log best-effort --reason trip", "cat a.csv.sealed"] {
        let outcome = home.run(words);
        assert_eq!(outcome.code(), 0, "{}", outcome.stderr());
        assert!(outcome.stderr().starts_with("warning: this access could not be recorded: "), "{}", outcome.stderr());
    }
    assert_eq!(home.run("policy show --json").succeeds().json()["log"], "best-effort");
}
