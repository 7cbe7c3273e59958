//! Data and terminals: nobody types a file, and what is shown is text that acts on nothing.

use std::fs;

use super::terminal::*;

const SEALED: &str = "clients.csv.sealed";

/// A home whose work folder has this file, sealed.
fn home_with(data: &[u8]) -> Home {
    let home = Home::with_vault();
    fs::write(home.work("clients.csv"), data).unwrap();
    assert_eq!(home.run("encrypt -p acme clients.csv", OLD), 0);
    home
}

#[test]
fn sealed_bytes_are_not_shown_on_a_terminal() {
    let home = home_with(DATA.as_bytes());
    for line in ["strongroom encrypt -p acme clients.csv -o -", "strongroom encrypt -p acme - < clients.csv"] {
        let screen = home.terminal(line).leaves_with(2);
        assert!(screen.contains("error: sealed bytes are not for a terminal\r\n"), "{screen}");
        assert!(!screen.contains(PASSWORD), "{screen}");
    }
}

#[test]
fn a_file_is_not_typed_and_no_password_is_asked_for_it() {
    let home = home_with(DATA.as_bytes());
    for words in ["encrypt -p acme - -o x", "encrypt -p acme - | cat", "decrypt - -o x", "decrypt -"] {
        // A pipeline ends with its last command: its first one counts here.
        let screen = home.terminal(&format!("set -o pipefail; strongroom {words}")).leaves_with(2);
        assert!(screen.contains("error: standard input is a terminal\r\n"), "{words}: {screen}");
        assert!(!screen.contains(PASSWORD), "{words}: {screen}");
    }
    assert!(!home.work("x").exists());
}

#[test]
fn text_is_shown_on_a_terminal() {
    let home = home_with(DATA.as_bytes());
    for words in
        [format!("decrypt {SEALED} -o -"), format!("cat {SEALED} --offset 10"), format!("decrypt - < {SEALED}")]
    {
        let mut terminal = home.terminal(&format!("strongroom {words}"));
        terminal.answer_hidden(PASSWORD, OLD);
        let screen = terminal.leaves_with(0);
        assert!(screen.contains("\r\nAda,Graz\r\n"), "{words}: {screen}");
    }
}

#[test]
fn what_would_act_on_a_terminal_is_not_shown_on_one() {
    let chunk = 16384;
    let mut over_the_border = vec![b'a'; chunk - 1];
    over_the_border.extend("\u{9b}2J".bytes());
    for data in [&b"a\x1b[2Jb"[..], b"\0\x01", "\u{9b}2J".as_bytes(), &over_the_border] {
        let home = home_with(data);
        for words in [format!("decrypt {SEALED} -o -"), format!("cat {SEALED}")] {
            let mut terminal = home.terminal(&format!("strongroom {words}"));
            terminal.answer_hidden(PASSWORD, OLD);
            let screen = terminal.leaves_with(2);
            assert!(screen.contains("cause: what was encrypted is not plain text"), "{words}: {screen}");
            assert!(!screen.contains("[2J") && !screen.contains("2J"), "{words}: {screen}");
        }
        // Elsewhere it is what it is.
        assert_eq!(home.run(&format!("decrypt {SEALED} -o - > copy"), OLD), 0);
        assert!(fs::read(home.work("copy")).unwrap() == data);
    }
}
