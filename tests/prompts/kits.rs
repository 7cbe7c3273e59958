//! Recovery kits at the terminal: made with the vault, used to get back in; and what asks for a name before it
//! destroys.

use std::fs;

use super::terminal::*;

const OFFER: &str = "Make one now? [Y/n] ";
pub const CODE: &str = "recovery code (14 groups; it is not shown): ";

/// Returns the groups of the code that the screen shows.
pub fn groups(terminal: &mut Terminal) -> Vec<String> {
    terminal.see("Then type two of its groups.");
    let of_code = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        !words.is_empty() && words.iter().all(|word| word.len() == 4 && word.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    let lines = terminal.screen.lines().filter(of_code).filter(|line| line.starts_with("    "));
    let groups: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_owned).collect();
    assert_eq!(groups.len(), 14, "{}", terminal.screen);
    groups
}

/// Waits for the question for a group, and returns which one it is for.
pub fn asked_for(terminal: &mut Terminal) -> usize {
    terminal.see_hidden("group ");
    let (_, number) = terminal.session.exp_regex("[0-9]+: ").unwrap();
    number.trim_end_matches(": ").parse::<usize>().unwrap() - 1
}

/// Types two groups back. They were shown, so they may be on the screen.
fn type_back(terminal: &mut Terminal, groups: &[String]) {
    for _ in 0..2 {
        let wanted = asked_for(terminal);
        terminal.session.send_line(&groups[wanted].to_lowercase()).unwrap();
    }
}

/// Makes a vault under [`OLD`] with a kit, and returns its code.
fn init_with_kit(home: &Home) -> String {
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, OLD);
    terminal.answer_hidden(AGAIN, OLD);
    terminal.answer(OFFER, "");
    let groups = groups(&mut terminal);
    type_back(&mut terminal, &groups);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("kit 1-") && screen.contains(", proven to open the vault"), "{screen}");
    groups.join("-")
}

/// The keychain's files.
fn items(home: &Home) -> Vec<std::path::PathBuf> {
    fs::read_dir(home.path(".local/state/strongroom/keychain")).unwrap().map(|item| item.unwrap().path()).collect()
}

#[test]
fn a_kit_made_with_the_vault_opens_it_after_keychain_and_password_are_lost() {
    let home = Home::new();
    let code = init_with_kit(&home);
    assert_eq!(home.run("project add acme", OLD), 0);
    for item in items(&home) {
        fs::remove_file(item).unwrap();
    }
    assert_eq!(home.run("project list", OLD), 6);
    let mut terminal = home.terminal(&format!("strongroom recover {CHEAP}"));
    let mut wrong = code.clone();
    wrong.replace_range(0..1, if code.starts_with('A') { "B" } else { "A" });
    terminal.answer_hidden(CODE, &wrong);
    terminal.see("not a recovery code: a character is mistyped, or two are swapped; try again");
    terminal.answer_hidden(CODE, &code.to_lowercase().replace('-', " "));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("kit 1-") && screen.contains(" opened the vault"), "{screen}");
    assert!(!screen.contains("warning"), "{screen}");
    assert_eq!((home.run("project show acme", NEW), home.run("project list", OLD)), (0, 3));
}

#[test]
fn groups_that_do_not_come_back_make_no_kit() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom kit new");
    terminal.answer_hidden(PASSWORD, OLD);
    groups(&mut terminal);
    for _ in 0..5 {
        asked_for(&mut terminal);
        terminal.session.send_line("UUUU").unwrap();
    }
    let screen = terminal.leaves_with(1);
    assert!(screen.contains("error: the recovery kit is not made"), "{screen}");
    assert_eq!(home.run("kit revoke 1", OLD), 4, "there is none");
}

#[test]
fn a_kit_that_is_declined_is_not_made_and_what_that_means_is_said() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, OLD);
    terminal.answer_hidden(AGAIN, OLD);
    terminal.answer(OFFER, "n");
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("warning: this vault has no recovery kit"), "{screen}");
    assert_eq!(home.run("project add acme", OLD), 0);
}

#[test]
fn an_interruption_at_the_kits_questions_says_what_exists_and_the_next_run_offers_the_kit_again() {
    for (at, key) in [("offer", "\x03"), ("offer", "\x04"), ("group", "\x03"), ("group", "\x04")] {
        let home = Home::new();
        let data = home.data();
        let line = format!("strongroom encrypt --init --keychain file -p acme {CHEAP} {data}");
        let mut terminal = home.terminal(&line);
        terminal.answer(CHOICE, "2");
        terminal.answer_hidden(NEW_PASSWORD, OLD);
        terminal.answer_hidden(AGAIN, OLD);
        terminal.see(OFFER);
        if at == "group" {
            terminal.session.send_line("y").unwrap();
            groups(&mut terminal);
            asked_for(&mut terminal);
        }
        terminal.press(key);
        let screen = terminal.leaves_with(130);
        let (code, paper) = match at {
            "group" => ("; the code above opens nothing", "throw away what you wrote down or printed; "),
            _ => ("", ""),
        };
        let said = format!(
            "\r\nerror: interrupted: the vault now exists at {}, without a recovery kit; nothing was encrypted{code}\r\n\
             hint: {paper}run the same command again: it offers the kit again, and then encrypts\r\n",
            home.path(".local/share/strongroom/vault.json").display()
        );
        assert!(screen.contains(&said), "{said}\n{screen}");
        assert!(!home.work("clients.csv.sealed").exists());

        let mut terminal = home.terminal(&line);
        terminal.answer_hidden(PASSWORD, OLD);
        terminal.answer(OFFER, "y");
        let groups = groups(&mut terminal);
        type_back(&mut terminal, &groups);
        let screen = terminal.leaves_with(0);
        assert!(screen.contains("clients.csv -> clients.csv.sealed"), "{screen}");
        fs::write(home.work("kit"), groups.join(" ")).unwrap();
        assert_eq!(home.run("kit test --kit-file kit", OLD), 0);
    }
}

#[test]
fn an_interruption_at_the_kits_question_of_a_fork_names_the_fork() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom vault fork fork2");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.see(OFFER);
    terminal.press("\x03");
    let screen = terminal.leaves_with(130);
    let said = format!(
        "\r\nerror: interrupted: the vault now exists at {0}/vault.json, without a recovery kit\r\n\
         hint: make the kit with `strongroom --vault {0} kit new`\r\n",
        home.work("fork2").display()
    );
    assert!(screen.contains(&said), "{said}\n{screen}");
}

#[test]
fn a_kit_is_offered_until_somebody_answers_and_only_to_a_person() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, OLD);
    terminal.answer_hidden(AGAIN, OLD);
    terminal.see(OFFER);
    terminal.press("\x03");
    let screen = terminal.leaves_with(130);
    assert!(screen.contains("hint: make the kit with `strongroom kit new`"), "{screen}");

    // A script's command is not held up.
    assert_eq!(home.run("project add beta", OLD), 0);
    fs::write(home.work("pw"), OLD).unwrap();
    let screen = home.terminal("strongroom project list --password-file pw").leaves_with(0);
    assert!(!screen.contains(OFFER), "{screen}");

    let mut terminal = home.terminal("strongroom project add acme");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.see(OFFER);
    terminal.press("\x03");
    let screen = terminal.leaves_with(130);
    assert!(screen.contains("has no recovery kit yet; nothing else was done"), "{screen}");
    assert_eq!(home.run("project show acme", OLD), 4);

    let mut terminal = home.terminal("strongroom project add acme");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer(OFFER, "n");
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("warning: this vault has no recovery kit"), "{screen}");
    let mut terminal = home.terminal("strongroom project list");
    terminal.answer_hidden(PASSWORD, OLD);
    let screen = terminal.leaves_with(0);
    assert!(!screen.contains(OFFER) && screen.contains("acme"), "{screen}");
}

/// Returns the last 24 lines of 80 columns, as a terminal of that size shows them.
fn in_sight(screen: &str) -> String {
    let mut lines = Vec::new();
    for line in screen.split("\r\n") {
        let letters: Vec<char> = line.chars().collect();
        // An empty line is one, too.
        lines.extend(letters.chunks(80).map(String::from_iter).chain(letters.is_empty().then(String::new)));
    }
    lines.split_off(lines.len().saturating_sub(24)).join("\n")
}

#[test]
fn the_numbered_groups_are_in_sight_at_every_question_for_one() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("stty rows 24 cols 80; strongroom kit new");
    terminal.answer_hidden(PASSWORD, OLD);
    let groups = groups(&mut terminal);
    let mut tries = 0;
    for _ in 0..2 {
        let wanted = loop {
            let wanted = asked_for(&mut terminal);
            let screen = in_sight(&terminal.screen);
            let lines: Vec<&str> = screen.lines().collect();
            for (number, group) in groups.iter().enumerate() {
                let (row, column) = (number / 7, number % 7);
                let at = lines.iter().rposition(|line| line.contains(&groups[row * 7])).expect(&screen);
                assert_eq!(lines[at].split_whitespace().nth(column), Some(&**group), "{screen}");
                assert_eq!(lines[at - 1].split_whitespace().nth(column), Some(&*(number + 1).to_string()), "{screen}");
            }
            // As many as may be wrong.
            if tries == 4 {
                break wanted;
            }
            tries += 1;
            terminal.session.send_line("UUUU").unwrap();
        };
        terminal.session.send_line(&groups[wanted]).unwrap();
    }
    terminal.leaves_with(0);
}

#[test]
fn a_project_is_destroyed_once_its_name_is_typed_and_not_before() {
    let home = Home::with_vault();
    let question = "type the project's name to destroy it: ";
    assert_eq!(home.run("project add beta --client 'Beta GmbH'", OLD), 0);
    let mut terminal = home.terminal("strongroom project destroy beta --no-recovery");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.see("Project beta (client \"Beta GmbH\") will be destroyed: its only key will be deleted.");
    terminal.answer(question, "");
    terminal.leaves_with(1);
    for (typed, code) in [("acne", 1), ("", 1), ("acme", 0)] {
        assert_eq!(home.run("project show acme", OLD), 0);
        let mut terminal = home.terminal("strongroom project destroy acme --no-recovery");
        terminal.answer_hidden(PASSWORD, OLD);
        terminal.see("Project acme will be destroyed: its only key will be deleted.");
        terminal.answer(question, typed);
        let screen = terminal.leaves_with(code);
        let wanted = if code == 0 { "project acme is destroyed" } else { "what was typed is not its name" };
        assert!(screen.contains(wanted), "{screen}");
    }
    assert_eq!(home.run("key show acme", OLD), 4);
}

#[test]
fn whoever_revokes_a_kit_is_offered_the_rotation_that_shuts_its_older_files_out() {
    let home = Home::with_vault();
    let question = "Rotate the data key now? [y/N] ";
    assert_eq!(home.run("kit new --recovery-file kit", OLD), 0);
    let mut terminal = home.terminal("strongroom kit revoke 1");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.see("is revoked");
    terminal.answer(question, "");
    let screen = terminal.leaves_with(0).replace("\r\n", " ");
    assert!(screen.contains("until the data key is rotated: `strongroom vault rotate`"), "{screen}");
    assert!(screen.contains("no valid recovery kit is left: make one with `strongroom kit new`"), "{screen}");
    assert_eq!(home.run("kit new --recovery-file kit-2", OLD), 0);
    let mut terminal = home.terminal("strongroom kit revoke 2");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer(question, "y");
    let groups = groups(&mut terminal);
    type_back(&mut terminal, &groups);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("the data key is rotated") && screen.contains("recovery kit 3-"), "{screen}");
    assert!(!screen.contains("make one with") && !screen.contains("strongroom vault rotate"), "{screen}");
    // A paper that is destroyed leaves nobody to be shut out, so nothing is asked.
    let mut terminal = home.terminal("strongroom kit revoke 3 --paper-destroyed");
    terminal.answer_hidden(PASSWORD, OLD);
    let screen = terminal.leaves_with(0);
    assert!(!screen.contains(question), "{screen}");
}
