//! What shells are told: the scripts, and what Tab is answered.

use crate::support::home::Home;
use crate::support::run::{Outcome, PROGRAM, Typed};

/// Asks as bash does, for the word after these.
fn ask(home: &Home, words: &str) -> Outcome {
    let words: Vec<&str> = words.split(' ').collect();
    Typed::new(home, PROGRAM)
        .arg("--")
        .args(&words)
        .env("STRONGROOM_COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .run()
}

/// Returns what Tab offers after these words.
pub fn answer(home: &Home, words: impl AsRef<str>) -> Vec<String> {
    let text = ask(home, words.as_ref()).succeeds().changed_nothing().text();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn each_of_the_five_shells_gets_a_script_that_asks_the_program() {
    let home = Home::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.run_alone(&format!("completions {shell}")).succeeds().changed_nothing().text();
        assert!(script.contains("STRONGROOM_COMPLETE") && script.contains("strongroom"), "{shell}:\n{script}");
    }
    assert_eq!(home.run_alone("completions csh").code(), 2);
    // bash alone is everywhere; it would print what it does not understand.
    home.shell("strongroom completions bash > script && bash -n script && bash script").does("");
    let tab = "source ./script; COMP_WORDS=(strongroom enc); COMP_CWORD=1; _clap_complete_strongroom strongroom enc \
               strongroom; echo \"${COMPREPLY[@]}\"";
    Typed::new(&home, "bash").args(["-c", tab]).run().does("encrypt\n");
}

#[test]
fn commands_flags_and_words_complete() {
    let home = Home::empty();
    assert_eq!(answer(&home, "strongroom exit"), ["exit-codes"]);
    assert_eq!(answer(&home, "strongroom project re"), ["rename", "release"]);
    assert!(answer(&home, "strongroom encrypt --hide").contains(&"--hide-names".to_owned()));
    assert_eq!(answer(&home, "strongroom encrypt --progress j"), ["json"]);
}

#[test]
fn files_that_can_be_opened_complete_and_names_that_a_shell_would_act_on_do_not() {
    let home = Home::empty();
    home.write("w/a.sealed", "");
    home.write("w/a.csv", "");
    home.write("w/a$(touch x).sealed", "");
    home.write("w/ab/c", "");
    for command in ["decrypt", "cat", "verify", "inspect", "rewrap", "reencrypt"] {
        assert_eq!(answer(&home, format!("strongroom {command} w/a")), ["w/a.sealed", "w/ab/"], "{command}");
    }
    assert_eq!(answer(&home, "strongroom encrypt w/a"), ["w/a.csv", "w/a.sealed", "w/ab/"]);
    assert_eq!(answer(&home, "strongroom --vault w/a"), ["w/ab/"]);
}

#[test]
fn the_project_of_the_folder_completes_and_no_question_is_asked_for_others() {
    let home = Home::with_project();
    let words = ["encrypt --project a", "decrypt -p a", "key show a", "project show a", "project rename a", "run -p a"];
    for words in words {
        assert_eq!(answer(&home, format!("strongroom {words}")), [""; 0], "{words}");
    }
    home.write(".strongroom.toml", "project = \"acme\"\n");
    for words in words {
        assert_eq!(answer(&home, format!("strongroom {words}")), ["acme"], "{words}");
    }
    assert_eq!(answer(&home, "strongroom project add a"), [""; 0]);
    // A name that cannot be, or a file of somebody else's, completes nothing and says nothing.
    for text in ["project = \"a'; rm\"\n", "vault = \"x\"\n"] {
        home.write(".strongroom.toml", text);
        assert_eq!(answer(&home, "strongroom encrypt --project a"), [""; 0], "{text}");
    }
}

#[test]
fn an_unknown_shell_is_refused() {
    let home = Home::empty();
    let asked = Typed::new(&home, PROGRAM).args(["--", "strongroom", "e"]).env("STRONGROOM_COMPLETE", "csh");
    assert_eq!(asked.run().code(), 1);
    Typed::new(&home, PROGRAM).arg("--version").env("STRONGROOM_COMPLETE", "").run().succeeds();
}
