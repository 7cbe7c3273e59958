//! Stories of a vault that `unlock` keeps unlocked: what works without the password then, what ends it, and what is in
//! the way of it.
#![cfg(all(target_os = "linux", feature = "cli"))]

mod day;
mod disk;
mod ends;
mod logind;
mod many;
mod process;
mod storm;
mod strangers;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::home::Home;

/// What a command says that needs the password and cannot ask for it, if an agent could answer.
pub const NEEDS_PASSWORD: &str = "\
error: the master password is needed, and there is no terminal to ask for it
hint: give --password-file, --password-fd or --password-command, or unlock the vault first: `strongroom unlock`
";
/// The same of a command that no agent answers.
pub const ASKS_FOR_PASSWORD: &str = "\
error: the master password is needed, and there is no terminal to ask for it
hint: give --password-file, --password-fd or --password-command
";

/// Where no system bus is.
const NO_BUS: &str = "unix:path=/nonexistent/bus";

/// A home with a project, whose vault an agent keeps unlocked until this is dropped.
pub struct Unlocked(pub Home);

impl Unlocked {
    /// Unlocks the vault of a new home.
    pub fn new() -> Self {
        Self::with("")
    }

    /// As [`Unlocked::new`], with these flags of `unlock`.
    pub fn with(flags: &str) -> Self {
        let unlocked = Self(Home::with_project());
        unlocked.unlock(flags);
        unlocked
    }

    /// Unlocks the vault, and returns what that printed as JSON.
    pub fn unlock(&self, flags: &str) -> Value {
        unlock(&self.0, flags)
    }

    /// Returns what `status` shows of the agent.
    pub fn agent(&self) -> Value {
        self.0.run_alone("status --json").succeeds().json()["agent"].clone()
    }

    /// Returns the agent's process.
    pub fn pid(&self) -> u32 {
        pid_in(&self.agent())
    }

    /// Returns the one socket.
    pub fn socket(&self) -> PathBuf {
        let files = fs::read_dir(self.0.path(".local/state/strongroom/run")).unwrap();
        let mut sockets = files.map(|file| file.unwrap().path()).filter(|path| path.extension().unwrap() == "sock");
        let socket = sockets.next().expect("a socket");
        assert_eq!(sockets.next(), None);
        socket
    }
}

impl Drop for Unlocked {
    fn drop(&mut self) {
        let _ = self.0.typed("lock").output();
    }
}

/// Unlocks the vault of a home.
pub fn unlock(home: &Home, flags: &str) -> Value {
    let words = format!("unlock --json {flags} --password-file pw");
    home.typed(&words).env("DBUS_SYSTEM_BUS_ADDRESS", NO_BUS).run().succeeds().json()
}

pub fn pid_in(json: &Value) -> u32 {
    json["pid"].as_u64().unwrap_or_else(|| panic!("no process: {json}")).try_into().unwrap()
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Waits until a process has ended, and is not only waiting to be asked for its exit code.
pub fn wait_for_end(pid: u32) {
    let is_running = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    wait_until(|| !is_running(), "the process ends");
}

/// Waits until something is so.
pub fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
