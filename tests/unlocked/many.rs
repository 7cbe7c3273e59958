//! Many files at once: what is opened without the password is the same as with it, with few questions.

use std::collections::BTreeMap;

use strongroom::agent::client::Client;
use strongroom::agent::place::Place;

use super::*;
use crate::support::run::Outcome;

/// More than are unwrapped with two questions.
const MANY: usize = 150;

impl Unlocked {
    /// Returns how many questions the agent has answered.
    fn answered(&self) -> u64 {
        let run = self.0.path(".local/state/strongroom/run");
        let place = Place::all(&[run], &self.0.vault()).unwrap().remove(0);
        Client::at(&place).unwrap().status().unwrap().answered
    }

    /// Makes a folder of sealed files, many of one project and some of another, of which some are not as they should be.
    fn seal_many(&self) {
        let home = &self.0;
        home.run_alone("project add bistro").succeeds();
        for number in 0..MANY {
            let project = if number % 10 == 3 { "bistro" } else { "acme" };
            home.write(format!("{project}/{number:03}.csv"), format!("row {number}\n"));
        }
        home.run_alone("encrypt --quiet --project acme acme -o sealed").succeeds();
        home.run_alone("encrypt --quiet --project bistro bistro -o sealed").succeeds();
        let name = |number: usize| format!("sealed/{number:03}.csv.sealed");
        let edit = |number: usize, edit: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = home.read(name(number));
            edit(&mut bytes);
            home.write(name(number), bytes);
        };
        // One block that is damaged, both, a file cut short, one of another program, and two with the same header.
        edit(20, &|bytes| bytes[60] ^= 1);
        edit(21, &|bytes| [60, 4096 + 60].into_iter().for_each(|at| bytes[at] ^= 1));
        edit(22, &|bytes| bytes.truncate(5000));
        edit(23, &|bytes| *bytes = b"id,name\n".repeat(2000));
        home.write(name(24), home.read(name(25)));
        // Of another vault.
        let other = Home::with_project();
        other.write("other.csv", "other");
        other.run("encrypt --quiet --project acme other.csv").succeeds();
        home.write(name(26), other.read("other.csv.sealed"));
    }
}

/// What a command said, without the order in which threads came to it.
fn said(outcome: &Outcome) -> (i32, Vec<String>, Vec<String>) {
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    (outcome.code(), lines(&outcome.text()), lines(outcome.stderr()))
}

fn files_in(home: &Home, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(home.path(folder)).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn many_files_are_opened_with_few_questions_as_with_the_password() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    unlocked.seal_many();
    for threads in [1, 4] {
        for words in ["verify", "verify -p acme", "inspect --unlock", "decrypt -o out", "decrypt --update -o out"] {
            let words = match words {
                "inspect --unlock" => "inspect --unlock sealed --json".to_owned(),
                _ => format!("{words} sealed --json --threads {threads}"),
            };
            let before = unlocked.answered();
            let alone = home.run_alone(&words);
            // Those of the files that are not as they should be are asked for one by one.
            let questions = unlocked.answered() - before;
            assert!(questions <= 40, "{words}: {questions} questions");
            let opened = words.starts_with("decrypt").then(|| files_in(home, "out"));
            if words.starts_with("decrypt -o") {
                fs::remove_dir_all(home.path("out")).unwrap();
            }
            let with = home.run(&words);
            match threads {
                1 => assert_eq!((alone.text(), alone.stderr()), (with.text(), with.stderr()), "{words}"),
                _ => assert_eq!(said(&alone), said(&with), "{words}"),
            }
            if let Some(opened) = opened {
                assert!(opened.len() >= MANY - 6, "{words}: {}", opened.len());
                assert!(opened == files_in(home, "out"), "{words}");
            }
        }
        fs::remove_dir_all(home.path("out")).unwrap();
    }
}

#[test]
fn a_single_file_is_one_question() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    home.write("a", "data");
    home.run_alone("encrypt -p acme a").succeeds();
    let questions = |words: &str| {
        let before = unlocked.answered();
        home.run_alone(words).succeeds();
        unlocked.answered() - before
    };
    // Who is there, what is to be recorded, the beginning, the content key, the project, the end, and the status of the one
    // who counts, with its own greeting.
    assert_eq!(questions("verify a.sealed"), 8);
    assert_eq!(unlocked.agent()["content_keys_unwrapped"], 1);
}
