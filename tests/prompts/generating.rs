//! What `generate` says of a password on a terminal.

use super::terminal::*;

#[test]
fn how_hard_a_password_is_to_guess_is_said_on_a_terminal_alone() {
    let home = Home::new();
    for (words, said) in [
        ("generate", "about 129 bits: 20 random characters (lower, upper, digits, symbols)"),
        ("generate --words 6", "about 77 bits: 6 random words of a list of 7,776"),
        ("generate --count 2 --preset pin", "each about 19 bits: 6 random characters (digits)"),
    ] {
        let screen = home.terminal(&format!("strongroom {words}")).leaves_with(0);
        assert!(screen.contains(&format!("{said}\r\n")), "{words}: {screen}");
        for silent in [format!("{words} --quiet"), format!("{words} --json"), format!("{words} | cat")] {
            let screen = home.terminal(&format!("strongroom {silent}")).leaves_with(0);
            assert!(!screen.contains("about"), "{silent}: {screen}");
        }
    }
    home.untouched();
}
