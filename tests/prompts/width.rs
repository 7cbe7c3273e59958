//! A terminal of 80 columns: tables fit it, sentences are wrapped between words, and a pipe has one line a record.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::terminal::*;

/// A home with a project of a long name, which encrypted a file in a folder.
fn home_with(name: &str) -> Home {
    let home = Home::with_vault();
    fs::write(home.work("pw"), OLD).unwrap();
    fs::set_permissions(home.work("pw"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(home.work("data")).unwrap();
    fs::write(home.work("data/clients.csv"), DATA).unwrap();
    assert_eq!(home.run(&format!("project add '{name}' --client 'A client of several words in a long name'"), OLD), 0);
    assert_eq!(home.run(&format!("encrypt -p '{name}' data"), OLD), 0);
    assert_eq!(home.run("kit new --recovery-file kit", OLD), 0);
    assert_eq!(home.run("kit revoke 1 --paper-destroyed", OLD), 0);
    home
}

/// Runs a command on a terminal of 80 columns, and returns what it shows.
fn shown(home: &Home, words: &str) -> String {
    let line = format!("stty cols 80 rows 24; strongroom --password-file pw {words}");
    let screen = home.terminal(&line).leaves_with(0);
    let (told, _) = screen.split_once("left with 0").unwrap();
    // The session takes each byte for a character.
    String::from_utf8(told.chars().map(|c| u8::try_from(c).unwrap()).collect()).unwrap()
}

#[test]
fn tables_fit_the_terminal_and_a_pipe_has_one_line_a_record() {
    let long = "a".repeat(114);
    let words = "Müller 東京 & Partners ".repeat(6);
    for name in [long.as_str(), words.trim()] {
        let home = home_with(name);
        for (words, records) in [
            ("status --unlock".to_owned(), 0),
            ("project list".into(), 3),
            (format!("project show '{name}'"), 0),
            (format!("key list '{name}'"), 2),
            ("verify data.sealed".into(), 3),
            ("inspect --unlock data.sealed".into(), 2),
            ("inspect --unlock data.sealed/clients.csv.sealed".into(), 0),
            ("kit list".into(), 2),
        ] {
            let told = shown(&home, &words);
            for line in told.lines() {
                // Each of these characters takes two columns.
                let wide = line.chars().filter(|c| ('\u{2e80}'..='\u{9fff}').contains(c)).count();
                assert!(line.chars().count() + wide <= 80, "{words}: {line:?}\n{told}");
            }
            if records > 0 {
                assert_eq!(home.run(&format!("{words} >piped"), OLD), 0);
                let piped = fs::read_to_string(home.work("piped")).unwrap();
                assert_eq!(piped.lines().count(), records, "{words}: {piped}");
            }
        }
    }
}

#[test]
fn sentences_are_wrapped_between_words_and_commands_stay_whole() {
    let home = home_with("acme two");
    let mut terminal = home.terminal("stty cols 80 rows 24; strongroom project destroy acme --no-recovery");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer("type the project's name to destroy it: ", "no");
    let screen = terminal.leaves_with(1);
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    let text = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "Project acme will be destroyed: its only key will be deleted. This vault will never open its files again; \
                this cannot be undone. The data key is rotated as well:";
    assert!(text.contains(told), "{screen}");

    assert_eq!(home.run("project hold acme --reason 'a trial that takes its time and is not over yet'", OLD), 0);
    let mut terminal = home.terminal("stty cols 80 rows 24; strongroom project destroy acme");
    terminal.answer_hidden(PASSWORD, OLD);
    let screen = terminal.leaves_with(1);
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    assert!(screen.contains("`strongroom project release acme --reason TEXT`"), "{screen}");
}
