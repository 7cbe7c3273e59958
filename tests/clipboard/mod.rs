//! What `--clip` leaves on the clipboard of a real X server, for how long, and what the process that holds it shows of it.
#![cfg(all(target_os = "linux", feature = "clipboard"))]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::display::*;
use crate::support::home::Home;
use crate::support::run::Typed;

const SECRET: &str = "hunter2-quartz";

/// Long enough for no test to see the end of it.
const LONG: &str = "secret show portal --clip=600 --password-file pw";

macro_rules! on_display {
    ($($name:ident($home:ident, $display:ident) $body:block)*) => {$(
        #[test]
        #[ignore = "needs Xvfb and xclip: run ./test"]
        fn $name() {
            let $display = Display::new();
            let $home = with_secret();
            $body
        }
    )*};
}

fn with_secret() -> Home {
    let home = Home::with_project();
    store(&home, "", SECRET);
    home
}

fn store(home: &Home, flags: &str, text: &str) {
    let words = format!("secret set portal --user jo {flags} --from-fd 0 --password-file pw");
    home.typed(&words).input(text.as_bytes()).run().succeeds();
}

fn said(seconds: u32) -> String {
    format!("copied; it is taken off the clipboard in {seconds} s\n")
}

/// Waits until nobody holds a text of this home any more.
#[track_caller]
fn ended(home: &Home) -> Duration {
    wait_until(|| holders(home).is_empty(), "the process ends")
}

on_display! {
    a_password_is_there_with_the_hint_and_gone_when_its_time_is_over(home, display) {
        let started = Instant::now();
        display.typed(&home, "secret show portal --clip=3 --password-file pw").run().warns("", &said(3)).changed_nothing();
        assert_eq!(display.text().as_deref(), Some(SECRET));
        let targets = String::from_utf8(display.ask("TARGETS").stdout).unwrap();
        let targets: Vec<&str> = targets.lines().collect();
        assert!(targets.contains(&"x-kde-passwordManagerHint") && targets[2] == "UTF8_STRING", "{targets:?}");
        for (target, is) in [
            ("x-kde-passwordManagerHint", "secret"),
            ("STRING", SECRET),
            ("TEXT", SECRET),
            ("text/plain", SECRET),
            ("text/plain;charset=utf-8", SECRET),
        ] {
            let got = display.ask(target);
            assert_eq!((got.status.success(), String::from_utf8(got.stdout).unwrap().as_str()), (true, is), "{target}");
        }
        assert!(!display.ask("text/html").status.success());
        wait_until(|| display.text().is_none(), "it is taken off");
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(15), "{took:?}");
        ended(&home);
    }

    without_a_number_it_stays_for_45_seconds_and_json_says_so(home, display) {
        let copied = display.typed(&home, "secret show portal --clip --json --password-file pw").run().succeeds();
        assert_eq!(copied.json(), json!({"secret": "portal", "field": "password", "seconds": 45}));
        assert_eq!(display.text().as_deref(), Some(SECRET));
        let copied = display.typed(&home, "secret show portal --field user --clip=9 --json --password-file pw").run();
        assert_eq!(copied.succeeds().json(), json!({"secret": "portal", "field": "user", "seconds": 9}));
        assert_eq!(display.text().as_deref(), Some("jo"));
        let copied = display.typed(&home, "generate --clip=9 --preset pin --json").run().succeeds();
        assert_eq!(copied.json(), json!({"bits": 19.93, "seconds": 9}));
        let pin = display.text().unwrap();
        assert!(pin.len() == 6 && pin.bytes().all(|byte| byte.is_ascii_digit()), "{pin}");
        display.typed(&home, "generate --clip=9 --words 6").run().warns("", &said(9));
        assert_eq!(display.text().unwrap().split('-').count(), 6);
        display.typed(&home, "generate --clip=9 --quiet").run().does("");
        assert_eq!(display.text().unwrap().len(), 20);
        display.copy("over");
        ended(&home);
    }

    what_another_program_copies_stays_and_ends_the_process_at_once(home, display) {
        display.typed(&home, LONG).run().warns("", &said(600));
        assert_eq!(holders(&home).len(), 1);
        display.copy("another text");
        let took = ended(&home);
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(display.text().as_deref(), Some("another text"));
    }

    // The process is stopped while another program copies, so that it does not know of that when its time is over.
    what_another_program_has_copied_by_the_end_stays(home, display) {
        use rustix::process::{Pid, Signal, kill_process};
        display.typed(&home, "secret show portal --clip=2 --password-file pw").run().warns("", &said(2));
        let holder = Pid::from_raw(holders(&home)[0].try_into().unwrap()).unwrap();
        kill_process(holder, Signal::STOP).unwrap();
        display.copy("another text");
        std::thread::sleep(Duration::from_secs(3));
        kill_process(holder, Signal::CONT).unwrap();
        ended(&home);
        assert_eq!(display.text().as_deref(), Some("another text"));
    }

    of_two_copies_the_second_is_there_and_the_first_process_ends(home, display) {
        display.typed(&home, LONG).run().warns("", &said(600));
        let first = holders(&home);
        display.typed(&home, "secret show portal --field user --clip=600 --password-file pw").run().warns("", &said(600));
        wait_until(|| holders(&home).len() == 1, "the first process ends");
        assert!(!holders(&home).contains(&first[0]));
        assert_eq!(display.text().as_deref(), Some("jo"));
        display.copy("over");
        ended(&home);
    }

    a_text_is_handed_out_as_it_is_whatever_it_is(home, display) {
        let long = "0123456789abcdef".repeat(3000);
        for text in ["pässwörd €", "two\nlines\n\n", long.as_str()] {
            store(&home, "--field note", &format!("{text}\n"));
            display.typed(&home, "secret show portal --field note --clip --password-file pw").run().warns("", &said(45));
            assert_eq!(display.text().as_deref(), Some(text));
            // Which is in ISO Latin-1.
            assert_eq!(display.ask("STRING").status.success(), text.is_ascii());
        }
        display.copy("over");
        ended(&home);
    }

    the_process_shows_no_secret_and_keeps_nothing_of_the_shell(home, display) {
        let line = "exec 9> lock; flock 9; strongroom secret show portal --clip=600 --quiet --password-fd 5 5< pw";
        Typed::new(&home, "sh").args(["-c", line]).env("DISPLAY", &display.name).run().does("");
        Typed::new(&home, "flock").args(["--nonblock", "lock", "true"]).run().does("");
        let pid = holders(&home)[0];
        let process = format!("/proc/{pid}");
        assert_eq!(fs::read_link(Path::new(&process).join("cwd")).unwrap(), Path::new("/"));
        for descriptor in fs::read_dir(Path::new(&process).join("fd")).unwrap() {
            let path = descriptor.unwrap().path();
            let number: u32 = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            let target = fs::read_link(&path).unwrap().display().to_string();
            let fits = if number <= 2 { target == "/dev/null" } else { target.starts_with("socket:") };
            assert!(fits, "{number}: {target}");
        }
        let stat = fs::read_to_string(Path::new(&process).join("stat")).unwrap();
        // After the name in brackets: state, parent, process group, session, terminal.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let pid = pid.to_string();
        assert_eq!((fields[2], fields[3], fields[4]), (pid.as_str(), pid.as_str(), "0"));
        // Of no process of the computer: neither that one, nor the command that has ended.
        let mut looked_at = 0;
        for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            for name in ["cmdline", "environ"] {
                let Ok(shown) = fs::read(entry.path().join(name)) else { continue };
                looked_at += 1;
                assert_eq!(memchr::memmem::find(&shown, SECRET.as_bytes()), None, "{:?}/{name}", entry.path());
            }
        }
        assert!(looked_at > 4, "{looked_at}");
        assert_eq!(display.text().as_deref(), Some(SECRET));
        display.copy("over");
        ended(&home);
    }

    the_process_ends_with_the_display(home, display) {
        display.typed(&home, LONG).run().warns("", &said(600));
        assert_eq!(holders(&home).len(), 1);
        drop(display);
        ended(&home);
    }

    another_program_of_the_same_user_cannot_read_the_memory_of_the_process(home, display) {
        display.typed(&home, LONG).by_stranger().run().warns("", &said(600));
        let pid = holders(&home)[0];
        let read = format!("head -c 1 /proc/{pid}/environ");
        let mut typed = Typed::new(&home, "sh").args(["-c", &read]);
        if rustix::process::getuid().is_root() {
            let user = format!("{}", crate::support::home::STRANGER);
            typed = typed.through(&["setpriv", &format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
        }
        let output = typed.output();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains("Permission denied"), "{errors}");
        display.copy("over");
        ended(&home);
    }
}

#[test]
fn without_a_display_nothing_is_copied_and_that_is_said_at_once() {
    let home = with_secret();
    let started = Instant::now();
    let error = "\
error: cannot copy to the clipboard
cause: no display can be used (Wayland: [..]; X11: DISPLAY names none)
hint: run it in a desktop session; in a terminal, also over SSH, try --clip=osc52
";
    home.run("secret show portal --clip").fails(1, error);
    home.run_alone("generate --clip").fails(1, error);
    let (message, _) = home.typed("generate --clip --json").env("DISPLAY", ":4711").run().fails_in_json(1, "clipboard");
    assert!(message.starts_with("cannot copy to the clipboard: no display can be used ("), "{message}");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(holders(&home).is_empty());
}

#[test]
fn a_display_that_never_answers_is_given_up() {
    let home = Home::empty();
    let (_silent, display) = (6100..6900)
        .find_map(|port| Some((TcpListener::bind(("127.0.0.1", port)).ok()?, format!("127.0.0.1:{}", port - 6000))))
        .expect("a free port");
    let started = Instant::now();
    home.typed("generate --clip")
        .env("DISPLAY", display)
        .run()
        .fails(1, "error: cannot copy to the clipboard\ncause: the display does not answer\nhint: run it again\n");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!(holders(&home).is_empty());
}
