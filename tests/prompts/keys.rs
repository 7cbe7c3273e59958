//! What people and terminals do to a question besides answering it: keys that send signals, text pasted ahead, a
//! standard error that is elsewhere, bytes that are no text.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::terminal::*;

#[test]
fn the_key_that_dumps_a_program_does_nothing_at_a_hidden_question() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    // Ctrl-\ would leave a terminal that shows nothing to the shell, and a core file.
    terminal.press("\x1c");
    terminal.press(&format!("{OLD}\n"));
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("acme") && !screen.contains(OLD), "{screen}");
}

#[test]
fn ctrl_z_at_a_hidden_question_gives_the_terminal_back_and_the_question_comes_again() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("PS1='ready''> ' bash --norc --noprofile --noediting -i; (exit $?)");
    terminal.answer("ready> ", "sh -c 'strongroom project list; echo \"it was $?\"'");
    for _ in 0..2 {
        terminal.see_hidden(PASSWORD);
        terminal.press("half-a-pass");
        terminal.typed.push("half-a-pass".into());
        terminal.press("\x1a");
        terminal.see("Stopped");
        terminal.see("ready> ");
        assert!(terminal.echoes(), "the shell has a terminal that shows nothing");
        terminal.session.send_line("fg").unwrap();
    }
    // What was typed before is no part of it.
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.see("it was 0");
    terminal.answer("ready> ", "exit 0");
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("acme"), "{screen}");
}

#[test]
fn where_nothing_can_continue_it_the_key_that_suspends_only_asks_again() {
    let home = Home::with_vault();
    // The shell around it has no job control, and nobody else has.
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    terminal.press("half-a-pass\x1a");
    terminal.answer_hidden(PASSWORD, OLD);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("acme") && !screen.contains("half-a-pass"), "{screen}");
}

#[test]
fn a_hangup_at_a_hidden_question_ends_the_program_and_puts_the_terminal_back() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("(echo $BASHPID >pid; exec strongroom project list)");
    terminal.see_hidden(PASSWORD);
    let pid = fs::read_to_string(home.work("pid")).unwrap();
    assert!(Command::new("kill").args(["-HUP", pid.trim()]).status().unwrap().success());
    terminal.leaves_with(129);
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_goes_away_takes_the_question_with_it() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("(echo $BASHPID >pid; exec strongroom project list)");
    terminal.see_hidden(PASSWORD);
    let pid = fs::read_to_string(home.work("pid")).unwrap();
    drop(terminal);
    // Gone, or a zombie whose parent went with the terminal.
    let ended = || match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
        Ok(stat) => stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z')),
        Err(_) => true,
    };
    let patience = (0..3000).find(|_| {
        std::thread::sleep(Duration::from_millis(10));
        ended()
    });
    assert!(patience.is_some(), "the program outlives its terminal");
}

#[test]
fn a_refused_password_says_so_on_the_terminal_wherever_standard_error_goes() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP} 2>errors"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, "short-one-7");
    // Without this the same question comes again and nobody knows why.
    terminal.see("this password is too weak");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    assert_eq!(fs::read_to_string(home.work("errors")).unwrap(), "");
}

#[test]
fn with_json_standard_error_holds_json_alone_though_a_password_was_refused() {
    let home = Home::new();
    let mut terminal =
        home.terminal(&format!("strongroom --json init --no-recovery --keychain file {CHEAP} >result 2>errors"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, "short-one-7");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    let result: serde_json::Value = serde_json::from_slice(&fs::read(home.work("result")).unwrap()).unwrap();
    assert_eq!(result["generated_password"], serde_json::Value::Null);
    for line in fs::read_to_string(home.work("errors")).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    }
}

/// As a terminal set to Latin-1 sends them.
const LATIN_1: [&[u8]; 2] = [b"caf\xe9ab lantern orbit quarry mellow\n", b"caf\xe9cd lantern orbit quarry mellow\n"];

#[test]
fn bytes_that_are_no_text_are_a_bad_password_and_not_a_wrong_one() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    terminal.press_bytes(LATIN_1[0]);
    let screen = terminal.leaves_with(2);
    assert!(screen.contains("error: cannot use the password") && screen.contains("hint: "), "{screen}");
}

#[test]
fn a_new_password_of_bytes_that_are_no_text_is_refused() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.see_hidden(NEW_PASSWORD);
    terminal.press_bytes(LATIN_1[0]);
    // Taken for text, it would be the same as the other one, and no other terminal or file could give it again.
    terminal.see("cannot use the password");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", NEW), 0);
    assert_eq!(home.run("project list", LATIN_1[1]), 2);
}

#[test]
fn an_empty_password_is_refused_and_not_tried() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    terminal.session.send_line("").unwrap();
    let screen = terminal.leaves_with(2);
    assert!(screen.contains("hint: "), "{screen}");
}

#[test]
fn a_new_password_that_is_too_long_is_asked_for_again() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, &"lantern orbit quarry ".repeat(60));
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("1024"), "{screen}");
    assert_eq!(home.run("project list", NEW), 0);
}

#[test]
fn a_password_is_corrected_with_the_keys_of_the_terminal() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    // A whole line taken back with Ctrl-U, then one character with the erase key.
    terminal.press("wrong-from-the-start\x15");
    terminal.press(OLD);
    terminal.press("x\x7f\n");
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("acme") && !screen.contains(OLD), "{screen}");
}

#[test]
fn a_password_opens_however_its_accents_are_typed() {
    let home = Home::new();
    let (composed, decomposed) = ("caf\u{e9} lantern orbit quarry mellow", "cafe\u{301} lantern orbit quarry mellow");
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, composed);
    // The same for whoever types it on another keyboard.
    terminal.answer_hidden(AGAIN, decomposed);
    terminal.leaves_with(0);
    for password in [composed, decomposed] {
        assert_eq!(home.run("project list", password), 0, "{password}");
        let mut terminal = home.terminal("strongroom project list");
        terminal.answer_hidden(PASSWORD, password);
        terminal.leaves_with(0);
    }
}

#[test]
fn answers_pasted_ahead_are_taken_one_a_question() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --no-recovery --keychain file {CHEAP}"));
    terminal.see(CHOICE);
    terminal.press(&format!("2\n{NEW}\n{NEW}\n"));
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", NEW), 0);
}

#[test]
#[cfg(not(target_os = "macos"))]
fn ctrl_c_on_the_way_through_encrypt_init_makes_nothing() {
    for questions in 0..3 {
        let home = Home::new();
        let data = home.data();
        let mut terminal = home.terminal(&format!("strongroom encrypt --init --no-recovery -p acme {CHEAP} {data}"));
        if questions > 0 {
            terminal.answer(KEEP_IN_FILE, "y");
        }
        match questions {
            0 => terminal.see(KEEP_IN_FILE),
            1 => terminal.see(CHOICE),
            _ => {
                terminal.answer(CHOICE, "1");
                terminal.see_hidden(TYPE_BACK);
            }
        }
        terminal.press("\x03");
        terminal.leaves_with(130);
        home.untouched();
        let left: Vec<_> = fs::read_dir(home.work("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [data]);
    }
}

#[test]
fn ctrl_c_while_the_password_is_checked_ends_at_once_and_changes_nothing() {
    let home = Home::new();
    // Some seconds of Argon2id.
    assert_eq!(home.run("init --no-recovery --keychain file --kdf-memory 256 --kdf-passes 40 --kdf-lanes 4", OLD), 0);
    let before = fs::read(home.path(".local/share/strongroom/vault.json")).unwrap();
    let mut terminal = home.terminal("strongroom project add beta");
    terminal.answer_hidden(PASSWORD, OLD);
    std::thread::sleep(Duration::from_millis(300));
    terminal.press("\x03");
    terminal.leaves_with(130);
    assert_eq!(fs::read(home.path(".local/share/strongroom/vault.json")).unwrap(), before);
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_without_a_terminal_is_not_asked_though_its_session_once_had_one() {
    let home = Home::with_vault();
    // A service has no controlling terminal, even if a person started it from one.
    let screen = home.terminal("setsid --wait strongroom project list </dev/null").leaves_with(2);
    assert!(screen.contains("hint: give --password-file") && !screen.contains(PASSWORD), "{screen}");
}

#[test]
fn ctrl_c_at_a_hidden_question_ends_the_loop_around_it() {
    let home = Home::with_vault();
    let turns = r#"for turn in one two; do echo "turn $turn"; strongroom project list; done"#;
    // What is typed at a shell's prompt. The prompt is one that the echo of what is typed does not hold.
    let mut terminal = home.terminal("PS1='ready''> ' bash --norc --noprofile --noediting -i; (exit $?)");
    terminal.answer("ready> ", turns);
    terminal.see("turn one\r\n");
    terminal.see_hidden(PASSWORD);
    terminal.press("\x03");
    terminal.answer("ready> ", r#"echo "it was $?"; exit 0"#);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("it was 130\r\n") && !screen.contains("turn two"), "{screen}");

    // A script ends only where it gets the signal as well.
    for shell in ["bash -c", "sh -c"] {
        let mut terminal = home.terminal(&format!("{shell} '{turns}'"));
        terminal.see("turn one");
        terminal.see_hidden(PASSWORD);
        terminal.press("\x03");
        let screen = terminal.leaves_with(130);
        assert!(!screen.contains("turn two"), "{shell}: {screen}");
    }
}

#[test]
fn ctrl_c_that_reaches_the_script_a_moment_later_ends_it_too() {
    let home = Home::with_vault();
    let turns = r#"echo "script $$."; for turn in one two; do echo "turn $turn"; strongroom project list; done"#;
    for shell in ["bash -c", "sh -c"] {
        let mut terminal = home.terminal(&format!("{shell} '{turns}'"));
        terminal.see("script ");
        terminal.see(".\r\n");
        let script = terminal.screen.lines().last().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
        terminal.see_hidden(PASSWORD);
        let child = std::fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
        // What a terminal does at one blow, slowed down. Not by a shell, which takes longer to start than the wait.
        for (process, wait) in [(child.trim(), 3), (&script, 0)] {
            let process = rustix::process::Pid::from_raw(process.parse().unwrap()).unwrap();
            rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
            std::thread::sleep(Duration::from_millis(wait));
        }
        let screen = terminal.leaves_with(130);
        assert!(!screen.contains("turn two"), "{shell}: {screen}");
    }
}
