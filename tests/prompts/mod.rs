//! The questions, asked on a real pseudo-terminal and answered as a person would: what is shown, what is not, and how
//! the terminal is left.
#![cfg(all(target_os = "linux", feature = "cli"))]

mod clipboard;
mod generating;
mod interrupts;
mod keys;
mod kits;
#[cfg(feature = "tui")]
mod screen;
mod streams;
pub mod terminal;
#[cfg(feature = "tui")]
pub mod tmux;
mod width;

use std::fs;
use std::process::Command;

use terminal::*;

#[test]
fn init_makes_six_words_and_goes_on_once_they_are_typed_back() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "1");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, "not-the-words-that-were-shown");
    terminal.see("not correct, try again");
    terminal.answer_hidden(TYPE_BACK, &words);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("next: strongroom project add NAME"), "{screen}");
    assert_eq!(home.run("project add acme", &words), 0);
    assert_eq!(home.run("project list", OLD), 3);
}

#[test]
fn six_words_are_what_enter_alone_chooses() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, &words);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", &words), 0);
}

#[test]
fn another_answer_than_1_or_2_is_refused_and_makes_nothing() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "3");
    let screen = terminal.leaves_with(2);
    assert!(screen.contains("the answer is 1 or 2"), "{screen}");
    home.untouched();
}

#[test]
fn init_takes_a_password_of_ones_own_once_it_is_strong_and_twice_the_same() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, "short-one-7");
    terminal.see("this password is too weak");
    terminal.answer_hidden(NEW_PASSWORD, "passwordpassword1");
    terminal.see("this password is too weak");
    terminal.answer_hidden(NEW_PASSWORD, OLD);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.see("they do not match, try again");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", NEW), 0);
    assert_eq!(home.run("project list", OLD), 3);
}

#[test]
fn ctrl_c_at_any_question_of_init_makes_nothing() {
    for questions in 0..4 {
        let home = Home::new();
        let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
        match questions {
            0 => terminal.see(CHOICE),
            1 => {
                terminal.answer(CHOICE, "1");
                terminal.see_hidden(TYPE_BACK);
            }
            2 => {
                terminal.answer(CHOICE, "2");
                terminal.see_hidden(NEW_PASSWORD);
                // Half a password is on its way.
                terminal.press("half-a-pass");
                terminal.typed.push("half-a-pass".into());
            }
            _ => {
                terminal.answer(CHOICE, "2");
                terminal.answer_hidden(NEW_PASSWORD, NEW);
                terminal.see_hidden(AGAIN);
            }
        }
        terminal.press("\x03");
        terminal.leaves_with(130);
        home.untouched();
    }
}

#[test]
fn the_end_of_input_at_a_question_is_an_interruption() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.see(CHOICE);
    terminal.session.send_control('d').unwrap();
    terminal.leaves_with(130);
    home.untouched();

    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    terminal.session.send_control('d').unwrap();
    terminal.leaves_with(130);
}

#[test]
fn signals_at_a_question_end_the_program_and_put_the_terminal_back() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let home = Home::with_vault();
        let before = fs::read(home.path(".local/share/strongroom/vault.json")).unwrap();
        let mut terminal = home.terminal("(echo $BASHPID >pid; exec strongroom project add beta)");
        terminal.see_hidden(PASSWORD);
        let pid = fs::read_to_string(home.work("pid")).unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap();
        assert!(sent.success());
        terminal.leaves_with(code);
        assert_eq!(fs::read(home.path(".local/share/strongroom/vault.json")).unwrap(), before);
    }
}

#[test]
#[cfg(not(target_os = "macos"))]
fn without_an_os_keychain_yes_keeps_the_key_in_a_file() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery {CHEAP}"));
    terminal.see("The OS keychain cannot be used: no session bus answers here");
    terminal.answer(KEEP_IN_FILE, "y");
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("keychain  file:"), "{screen}");
    // It is remembered: nobody is asked again.
    assert_eq!(home.run("project list", NEW), 0);
}

#[test]
#[cfg(not(target_os = "macos"))]
fn without_an_os_keychain_no_is_an_error_and_makes_nothing() {
    for no in ["n", "", "no"] {
        let home = Home::new();
        let mut terminal = home.terminal(&format!("strongroom init --no-recovery {CHEAP}"));
        terminal.answer(KEEP_IN_FILE, no);
        let screen = terminal.leaves_with(6);
        assert!(screen.contains("error: cannot use the OS keychain"), "{screen}");
        assert!(screen.contains("hint: ") && !screen.contains(CHOICE), "{screen}");
        home.untouched();
    }
}

#[test]
#[cfg(not(target_os = "macos"))]
fn encrypt_init_leads_through_everything_and_decrypt_opens_it_again() {
    let home = Home::new();
    let data = home.data();
    let mut terminal = home.terminal(&format!("strongroom encrypt --init --no-recovery --project acme {CHEAP} {data}"));
    terminal.answer(KEEP_IN_FILE, "yes");
    terminal.answer(CHOICE, "1");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, &words);
    let screen = terminal.leaves_with(0);
    // The line that the program itself proposes.
    let next = screen.lines().find_map(|line| line.strip_prefix("  strongroom decrypt ")).expect(&screen).trim();
    assert_eq!(fs::read_to_string(home.work(data)).unwrap(), DATA, "the original stays");
    assert!(screen.contains("the original is still there; to delete it once its encrypted copy"), "{screen}");
    let again = "strongroom encrypt --project acme clients.csv --update --remove";
    assert!(screen.replace("\r\n", " ").contains(&format!("`{again}`")), "{screen}");

    let mut terminal = home.terminal(&format!("strongroom decrypt {next}"));
    terminal.answer_hidden(PASSWORD, &words);
    terminal.leaves_with(0);
    assert_eq!(fs::read_to_string(home.work("clients-opened.csv")).unwrap(), DATA);

    assert_eq!(home.run(again.strip_prefix("strongroom ").unwrap(), &words), 0);
    assert!(!home.work(data).exists());
}

#[test]
fn a_wrong_password_may_be_typed_again_twice() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.answer_hidden(PASSWORD, NEW);
    terminal.see("wrong password; try again");
    terminal.answer_hidden(PASSWORD, NEW);
    terminal.see("wrong password; try again");
    terminal.answer_hidden(PASSWORD, OLD);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("acme"), "{screen}");

    let mut terminal = home.terminal("strongroom project list");
    for _ in 0..3 {
        terminal.answer_hidden(PASSWORD, NEW);
    }
    let screen = terminal.leaves_with(3);
    assert!(screen.contains("hint: check the keyboard layout and Caps Lock, and try again"), "{screen}");

    // What a file holds is the same the next time.
    fs::write(home.work("pw"), NEW).unwrap();
    let screen = home.terminal("strongroom project list --password-file pw").leaves_with(3);
    assert!(
        !screen.contains("try again") && screen.contains("the password in pw does not open this vault"),
        "{screen}"
    );
}

#[test]
fn the_password_is_asked_for_at_the_terminal_while_standard_input_is_data() {
    let home = Home::with_vault();
    let data = home.data();
    // What comes after strongroom on the same standard input gets all of it.
    let lines = [
        format!("{{ strongroom encrypt -p acme {data}; status=$?; cat >rest; }} <{data}; (exit $status)"),
        format!("{{ strongroom decrypt {data}.sealed -o opened; status=$?; cat >rest; }} <{data}; (exit $status)"),
        format!("cat {data} | {{ strongroom decrypt --force {data}.sealed -o opened; s=$?; cat >rest; (exit $s); }}"),
    ];
    for line in lines {
        let mut terminal = home.terminal(&line);
        terminal.answer_hidden(PASSWORD, OLD);
        terminal.leaves_with(0);
        assert_eq!(fs::read_to_string(home.work("rest")).unwrap(), DATA, "{line}");
        fs::remove_file(home.work("rest")).unwrap();
    }
    assert_eq!(fs::read_to_string(home.work("opened")).unwrap(), DATA);
}

#[test]
fn the_password_is_asked_for_at_the_terminal_while_both_outputs_are_files() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom key show acme >key 2>errors");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.leaves_with(0);
    assert_eq!(fs::read_to_string(home.work("key")).unwrap().len(), 45);
    assert_eq!(fs::read_to_string(home.work("errors")).unwrap(), "");
}

#[test]
fn a_raw_key_is_refused_on_a_terminal_before_any_question_and_goes_to_a_file() {
    let home = Home::with_vault();
    let screen = home.terminal("strongroom key show --format raw acme").leaves_with(2);
    assert!(screen.contains("raw bytes are not for a terminal") && !screen.contains(PASSWORD), "{screen}");

    let mut terminal = home.terminal("strongroom key show --format raw acme >key");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.leaves_with(0);
    assert_eq!(fs::read(home.work("key")).unwrap().len(), 32);
}

#[test]
fn passwd_offers_six_words_as_init_does() {
    let home = Home::with_vault();
    let mut terminal = home.terminal(&format!("strongroom passwd {CHEAP}"));
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer(CHOICE, "");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, &words);
    terminal.leaves_with(0);
    assert_eq!((home.run("project list", words), home.run("project list", OLD)), (0, 3));
}

#[test]
fn passwd_asks_for_the_old_and_twice_for_the_new_password() {
    let home = Home::with_vault();
    let mut terminal = home.terminal(&format!("strongroom passwd {CHEAP}"));
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, OLD);
    terminal.see("they do not match, try again");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", OLD), 3);
    assert_eq!(home.run("project list", NEW), 0);
}

#[test]
fn ctrl_c_at_a_question_of_passwd_leaves_the_old_password_in_force() {
    let home = Home::with_vault();
    let mut terminal = home.terminal(&format!("strongroom passwd {CHEAP}"));
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.see_hidden(AGAIN);
    terminal.press("\x03");
    terminal.leaves_with(130);
    assert_eq!(home.run("project list", OLD), 0);
    assert_eq!(home.run("project list", NEW), 3);
}

#[test]
fn no_input_asks_nothing_even_at_a_terminal() {
    let home = Home::with_vault();
    for line in ["project list", "passwd", "key show acme"] {
        let screen = home.terminal(&format!("strongroom --no-input {line}")).leaves_with(2);
        assert!(screen.contains("hint: ") && !screen.contains(PASSWORD), "{screen}");
    }
    let home = Home::new();
    let screen = home.terminal("strongroom --no-input init --no-recovery --keychain file").leaves_with(2);
    assert!(screen.contains("hint: ") && !screen.contains(CHOICE), "{screen}");
    home.untouched();
}
