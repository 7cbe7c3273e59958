//! A real gnome-keyring-daemon that ends, halts, starts anew or is locked while the program runs: after it has read
//! the data-key item, and before it reads or writes the next one.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;
use std::time::Instant;

use rexpect::session::{PtySession, spawn_command};

use super::home::*;
use crate::support::desktop;
use crate::support::run::Typed;

const DAEMON: &str = "$(cat \"$DESKTOP_DAEMON\")";

/// The password command runs after the data-key item is read, so what it does to the daemon happens in the middle.
fn meanwhile(home: &Home, deed: &str, arguments: &[&str]) -> Output {
    let command = format!("{{ {deed}; }} >/dev/null; cat old");
    home.attended_by_nobody(arguments).args(["--json", "--password-command", &command]).output()
}

/// The commands that read the anchor, and those that also write.
fn commands() -> [&'static [&'static str]; 4] {
    [
        &["key", "show", "acme"],
        &["project", "add", "beta"],
        &["encrypt", "-p", "acme", "clients.csv"],
        &["passwd", "--new-password-file", "new"],
    ]
}

/// Asserts that a broken-off command left all as it was.
#[track_caller]
fn unharmed(home: &Home, vault: &[u8]) {
    assert_eq!(fs::read(home.vault()).unwrap(), vault);
    assert!(!home.path("clients.csv.sealed").exists());
    assert_eq!((home.opens("old"), home.opens("new")), (true, false));
    assert_eq!(items_in("aliases/default"), 2);
}

/// A line of the program on a terminal, where a person is slow enough for a daemon to change in between.
struct Attended(PtySession);

impl Attended {
    /// `under` is a program that runs this one, with its flags, or nothing.
    fn start(home: &Home, under: &str, line: &str) -> Self {
        let line = format!("{under} strongroom {line}; echo \"left with $?\"");
        let command = Typed::new(home, "sh").args(["-c", &line]).env("NO_COLOR", "1").command();
        Self(spawn_command(command, Some(60_000)).expect("a pseudo-terminal"))
    }

    fn answer(&mut self, question: &str, answer: &str) {
        self.0.exp_string(question).unwrap();
        self.0.send_line(answer).unwrap();
    }

    /// Waits for the end with this exit code and returns what was shown since the last question.
    #[track_caller]
    fn leaves_with(mut self, code: i32) -> String {
        let rest = self.0.exp_eof().unwrap();
        assert!(rest.contains(&format!("left with {code}\r\n")), "{rest}");
        rest
    }
}

/// Starts `passwd` at a terminal up to the question that is answered last, with [`OLD`] given and [`NEW`] once.
fn passwd_up_to_the_last_answer(home: &Home, under: &str) -> Attended {
    let mut terminal = Attended::start(home, under, &format!("--keychain-timeout 2 passwd {}", CHEAP.join(" ")));
    terminal.answer("master password: ", OLD);
    terminal.answer("1 or 2? [1] ", "2");
    terminal.answer("new master password (at least 15 characters): ", NEW);
    terminal.0.exp_string("repeat the password: ").unwrap();
    terminal
}

stories! {
    a_daemon_that_ends_in_the_middle_is_a_keychain_error_and_harms_nothing in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        for arguments in commands() {
            let start = Instant::now();
            let output = meanwhile(&home, &format!("kill -KILL {DAEMON}; sleep 0.3"), arguments);
            refused(&output, "no-service");
            assert!(start.elapsed() < GONE_WITHIN, "{arguments:?} took {:?}", start.elapsed());
            tool(&desktop::script(), &["--again"]);
            unharmed(&home, &before);
        }
    }

    a_daemon_that_is_started_anew_in_the_middle_is_found_again in "--unlocked" {
        let home = with_vault("os");
        let script = desktop::script();
        // The daemon's own folders, which the program is not to see.
        let deed = format!("kill -KILL {DAEMON}; XDG_DATA_HOME=\"$DESKTOP/data\" '{script}' --again");
        for arguments in commands() {
            let output = meanwhile(&home, &deed, arguments);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {errors}");
            assert_eq!(errors, "", "{arguments:?}");
        }
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
        assert!(home.warnings(&["project", "list", "--password-file", "new"]).is_empty());
        assert_eq!(items_in("aliases/default"), 2);
    }

    a_daemon_that_halts_in_the_middle_is_given_up_within_five_seconds in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        for arguments in commands() {
            let start = Instant::now();
            let output = meanwhile(&home, &format!("kill -STOP {DAEMON}"), arguments);
            let took = start.elapsed();
            refused(&output, "unresponsive");
            assert!(took < GONE_WITHIN, "{arguments:?} took {took:?}");
            signal_daemon("-CONT");
            unharmed(&home, &before);
        }
    }

    a_keychain_that_is_locked_in_the_middle_is_an_error_of_its_own in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
                    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login";
        let output = meanwhile(&home, lock, &["project", "add", "beta"]);
        refused(&output, "locked");
        assert_eq!(fs::read(home.vault()).unwrap(), before);
        home.fails(&["key", "show", "acme", "--password-file", "old"], "locked");
        // Another daemon unlocks it again.
        kill_daemon();
        tool(&desktop::script(), &["--again"]);
        unharmed(&home, &before);
    }

    a_password_change_that_a_daemon_did_not_live_to_see_leaves_the_old_one in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        let mut terminal = passwd_up_to_the_last_answer(&home, "");
        kill_daemon();
        terminal.0.send_line(NEW).unwrap();
        let said = terminal.leaves_with(6);
        assert!(said.contains("error: cannot change the master password") && said.contains("hint: "), "{said}");
        tool(&desktop::script(), &["--again"]);
        unharmed(&home, &before);
    }

    a_password_change_that_a_daemon_halts_in_keeps_one_that_opens in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        let mut terminal = passwd_up_to_the_last_answer(&home, "");
        signal_daemon("-STOP");
        let start = Instant::now();
        terminal.0.send_line(NEW).unwrap();
        let said = terminal.leaves_with(6);
        assert!(said.contains("error: cannot change the master password") && said.contains("hint: "), "{said}");
        // Two seconds for the daemon, the rest for the new password's own cost.
        assert!(start.elapsed() < GONE_WITHIN, "{:?}", start.elapsed());
        signal_daemon("-CONT");
        unharmed(&home, &before);
    }

    /// A daemon may do what it was told long after nobody waits for it any more.
    a_password_change_is_never_in_doubt_without_saying_so in "--unlocked" {
        let home = with_vault("os");
        let back = ["passwd", "--password-file", "new", "--new-password-file", "old"];
        // Every message to the bus waits, so that the moments between them are long enough to hit.
        let slowly = "strace -f -o trace -e trace=sendmsg -e inject=sendmsg:delay_enter=50000";
        let mut terminal = passwd_up_to_the_last_answer(&home, slowly);
        let start = Instant::now();
        terminal.0.send_line(NEW).unwrap();
        terminal.leaves_with(0);
        let whole = start.elapsed();
        home.succeed(&[&back[..], &CHEAP[..]].concat());
        let mut outcomes = BTreeSet::new();
        for step in 3..10 {
            let mut terminal = passwd_up_to_the_last_answer(&home, slowly);
            terminal.0.send_line(NEW).unwrap();
            std::thread::sleep(whole * step / 10);
            signal_daemon("-STOP");
            let said = terminal.0.exp_eof().unwrap();
            signal_daemon("-CONT");
            let (old, new) = (home.opens("old"), home.opens("new"));
            assert!(old || new, "step {step}: no password opens\n{said}");
            if said.contains("left with 0") {
                assert_eq!((old, new), (false, true), "step {step}\n{said}");
            } else if !said.contains("both may open") {
                assert_eq!((old, new), (true, false), "step {step}\n{said}");
            }
            outcomes.insert((old, new));
            if new {
                home.succeed(&[&back[..], &CHEAP[..]].concat());
            }
            assert_eq!((home.opens("old"), home.opens("new")), (true, false));
        }
        assert!(outcomes.len() > 1, "halted at one side of the change only: {outcomes:?}");
    }
}
