//! An X server without a screen, and what other programs on it see of the clipboard.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::home::Home;
use crate::support::run::Typed;

/// An X server, until this is dropped.
pub struct Display {
    server: Child,
    pub name: String,
}

impl Display {
    pub fn new() -> Self {
        // It would begin anew when its last client goes, and take no other one meanwhile.
        let mut server = Command::new("Xvfb")
            .args(["-noreset", "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb");
        // It says its number as soon as it answers.
        let mut number = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb did not come up");
        Self { server, name: format!(":{}", number.trim()) }
    }

    /// Begins a command on it.
    pub fn typed<'a>(&self, home: &'a Home, words: &str) -> Typed<'a> {
        home.typed(words).env("DISPLAY", &self.name)
    }

    fn xclip(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("xclip");
        command.args(["-selection", "clipboard"]).args(arguments).env("DISPLAY", &self.name).stdin(Stdio::null());
        command
    }

    /// Returns what another program gets if it asks for this kind of what is on the clipboard.
    pub fn ask(&self, target: &str) -> Output {
        self.xclip(&["-o", "-t", target]).output().expect("xclip")
    }

    /// Returns the text on the clipboard; `None` if there is none.
    pub fn text(&self) -> Option<String> {
        let output = self.ask("UTF8_STRING");
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Lets another program copy something.
    pub fn copy(&self, text: &str) {
        // It stays, and says so when the server ends.
        let (none, mut xclip) = (Stdio::null, self.xclip(&["-i"]));
        let mut xclip = xclip.stdin(Stdio::piped()).stdout(none()).stderr(none()).spawn().expect("xclip");
        xclip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(xclip.wait().unwrap().success());
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Returns the processes that hold a text for this home's user.
pub fn holders(home: &Home) -> Vec<u32> {
    let of_home = format!("HOME={}", home.folder().display());
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let holds = |pid: &u32| {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let (words, environment) = (read("cmdline"), read("environ"));
        words.split(|byte| *byte == 0).nth(1) == Some(b"clipboard-process")
            && environment.split(|byte| *byte == 0).any(|variable| variable == of_home.as_bytes())
    };
    processes.filter(holds).collect()
}

/// Waits until something is so, and returns how long that took.
#[track_caller]
pub fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) -> Duration {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    started.elapsed()
}
