//! `--clip=osc52`, which the terminal copies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::terminal::*;

/// What is said of it.
const SAID: &str = "nothing takes it off the clipboard for certain: copy something else after use";

/// Returns the text that a terminal is sent to copy, and what it shows besides.
#[track_caller]
fn copied(screen: &str, start: &str, end: &str) -> (String, String) {
    let (before, rest) = screen.split_once(start).unwrap_or_else(|| panic!("no sequence: {screen:?}"));
    let (text, after) = rest.split_once(end).unwrap_or_else(|| panic!("no end: {screen:?}"));
    (String::from_utf8(STANDARD.decode(text).unwrap()).unwrap(), format!("{before}{after}"))
}

#[test]
fn the_terminal_is_sent_the_password_and_nothing_shows_it() {
    let home = Home::new();
    let screen = home.terminal("strongroom generate --clip=osc52 --words 6").leaves_with(0);
    let (password, rest) = copied(&screen, "\x1b]52;c;", "\x07");
    assert_eq!(password.split('-').count(), 6);
    assert!(rest.contains(SAID) && !rest.contains(&password) && !rest.contains("tmux"), "{rest}");
    // Wherever the output goes.
    let line = "strongroom generate --clip=osc52 --json >copied 2>errors";
    let screen = home.terminal(line).leaves_with(0);
    let (password, rest) = copied(&screen, "\x1b]52;c;", "\x07");
    assert_eq!((password.len(), rest.contains(SAID)), (20, false), "{rest}");
    let shown = std::fs::read_to_string(home.work("copied")).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, serde_json::json!({"bits": shown["bits"], "seconds": null}));
    assert_eq!(std::fs::read_to_string(home.work("errors")).unwrap(), "");
}

#[test]
fn tmux_gets_it_wrapped() {
    let home = Home::new();
    let line = "TMUX=/tmp/tmux-0/default,1,0 strongroom generate --clip=osc52 --preset pin";
    let screen = home.terminal(line).leaves_with(0);
    let (pin, rest) = copied(&screen, "\x1bPtmux;\x1b\x1b]52;c;", "\x07\x1b\\");
    assert_eq!(pin.len(), 6);
    assert!(rest.contains("allow-passthrough"), "{rest}");
}
