//! The screen that the program opens alone, in a terminal that keeps its lines: what is shown, for how long, and what
//! is left of it.

use std::process::Command;
use std::time::{Duration, Instant};

use super::terminal::*;
use super::tmux::*;

#[test]
fn a_secret_is_found_shown_for_ten_seconds_and_leaves_nothing_in_the_terminal() {
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    tmux.reveals();
    let start = Instant::now();
    tmux.until("the value to be hidden", |screen| !screen.contains(VALUE));
    let shown = start.elapsed();
    // It was seen a moment after it was shown, and what watches takes its time on a busy computer.
    assert!(shown > Duration::from_secs(7) && shown < Duration::from_secs(20), "{shown:?}");
    // A screen that gets smaller is drawn again.
    tmux.does("resize-window -x 40 -y 10");
    tmux.see("Esc back");
    tmux.does("resize-window -x 39 -y 10");
    tmux.see("too small");
    tmux.does("resize-window -x 80 -y 24");
    tmux.see("press r to show them for 10 seconds");
    tmux.types("q");
    tmux.see("left with 0");
    tmux.keeps_nothing();
}

#[test]
fn suspended_it_hides_locks_and_continues() {
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    tmux.reveals();
    tmux.press("C-z");
    let screen = tmux.see("Stopped");
    assert!(!screen.contains(VALUE), "{screen}");
    tmux.keeps_nothing();
    // The shell has gone on with its line when the program stopped.
    tmux.types("clear; fg; echo \"left with $?\"");
    tmux.press("Enter");
    tmux.see(LOCKED);
    tmux.press("C-c");
    tmux.see("left with 0");
}

#[test]
fn a_signal_ends_it_and_puts_the_terminal_back() {
    let home = with_secret();
    let tmux = Tmux::start(&home);
    tmux.unlocks();
    tmux.reveals();
    assert!(Command::new("kill").args(["-TERM", &tmux.pid().to_string()]).status().unwrap().success());
    tmux.see("left with 143");
    tmux.keeps_nothing();
}

#[test]
fn the_vault_of_the_agent_is_shown_at_once_and_locked_from_the_screen() {
    let home = with_secret();
    assert_eq!(home.run("unlock", OLD), 0);
    let tmux = Tmux::start(&home);
    tmux.types("strongroom; echo \"left with $?\"");
    tmux.press("Enter");
    let screen = tmux.see("portal");
    assert!(screen.contains("15 min left"), "{screen}");
    tmux.types("l");
    let screen = tmux.see("the vault is locked");
    assert!(!screen.contains("portal"), "{screen}");
    let status = home.shell("strongroom status --json").output().unwrap();
    assert!(!String::from_utf8(status.stdout).unwrap().contains("\"agent\""));
    tmux.types("q");
    tmux.see("left with 0");
    tmux.keeps_nothing();
}

#[test]
fn where_it_cannot_be_shown_the_program_alone_prints_its_help() {
    let home = Home::with_vault();
    for line in [
        "TERM=dumb strongroom",
        "TERM= strongroom",
        "TERM=xterm strongroom </dev/null",
        "TERM=xterm strongroom | cat; (exit ${PIPESTATUS[0]})",
    ] {
        let screen = home.terminal(line).leaves_with(2);
        assert!(screen.contains("Usage: strongroom [OPTIONS] <COMMAND>"), "{line}: {screen}");
    }
    for line in ["TERM=xterm strongroom --no-input", "TERM=xterm strongroom --accept-rollback"] {
        let screen = home.terminal(line).leaves_with(2);
        assert!(screen.contains("Usage: strongroom"), "{line}: {screen}");
    }
    let screen = home.terminal("TERM=xterm strongroom --json").leaves_with(2);
    assert!(screen.contains("\"kind\":\"usage\""), "{screen}");
}
