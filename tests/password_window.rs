//! The window of a real pinentry: that what is typed into it opens the vault.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::display::{Display, wait_until};
use crate::support::home::{Home, PASSWORD};

/// Does something on the display as a person would.
fn on(display: &Display, arguments: &[&str]) -> String {
    let output = Command::new("xdotool").args(arguments).env("DISPLAY", &display.name).output().expect("xdotool");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the process of a pinentry on this display.
fn pinentry(display: &Display) -> Option<u32> {
    let of_display = format!("DISPLAY={}", display.name);
    let is_one = |pid: &u32| {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let environment = read("environ");
        read("comm") == b"pinentry-fltk\n" && environment.split(|byte| *byte == 0).any(|v| v == of_display.as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.filter(is_one).min()
}

/// Waits for the window of a pinentry, types a text and presses a key there until that is closed, and returns that pinentry.
fn answer(display: &Display, before: Option<u32>, text: &str, key: &str) -> Option<u32> {
    let mut asking = None;
    let is_shown = || {
        asking = pinentry(display).filter(|pid| Some(*pid) != before);
        asking.is_some() && !on(display, &["search", "--onlyvisible", "--name", "^Strongroom$"]).is_empty()
    };
    wait_until(is_shown, "the window is there");
    // Shown is not yet listening, and nothing tells when it is.
    sleep(Duration::from_millis(200));
    let started = Instant::now();
    while pinentry(display) == asking {
        assert!(started.elapsed() < Duration::from_secs(60), "the window stays");
        // What was typed too early is lost: from the start, then.
        on(display, &["key", "ctrl+a", "BackSpace"]);
        on(display, &["type", "--delay", "2", text]);
        on(display, &["key", key]);
        let typed = Instant::now();
        while pinentry(display) == asking && typed.elapsed() < Duration::from_secs(10) {
            sleep(Duration::from_millis(10));
        }
    }
    asking
}

#[test]
#[ignore = "needs Xvfb, pinentry-fltk and xdotool: run ./test"]
fn a_password_is_typed_into_a_real_pinentry_and_typed_again_if_it_was_wrong() {
    let (home, display) = (Home::with_project(), Display::new());
    let ask = || -> Child {
        let typed = display.typed(&home, "project list");
        typed.env("PINENTRY_PROGRAM", "/usr/bin/pinentry-fltk").start()
    };
    let asking = ask();
    let first = answer(&display, None, "wrong-velvet-onion", "Return");
    let second = answer(&display, first, PASSWORD, "Return");
    let output = asking.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("acme"), "{}", String::from_utf8_lossy(&output.stderr));

    let asking = ask();
    answer(&display, second, "", "Escape");
    let output = asking.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(130), &b"error: interrupted\n"[..]));
}
