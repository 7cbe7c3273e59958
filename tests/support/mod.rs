//! What the suites share: a home, the program that is run in it, a desktop with a keychain, and the figures of the proofs.
//! What only one suite needs is beside it.
#![allow(dead_code, reason = "each program of tests uses a part of it")]

pub mod desktop;
#[cfg(all(target_os = "linux", feature = "clipboard"))]
pub mod display;
#[cfg(all(target_os = "linux", feature = "cli"))]
pub mod hints;
#[cfg(all(target_os = "linux", feature = "cli"))]
pub mod home;
#[cfg(all(target_os = "linux", feature = "cli"))]
pub mod made;
pub mod proof;
#[cfg(target_os = "linux")]
pub mod python;
#[cfg(all(target_os = "linux", feature = "cli"))]
pub mod run;

use std::process::{Command, Stdio};

/// Runs one test again in a separate process, started by a command that runs what follows its arguments. `path` is
/// the test's path, which begins with its program's name.
#[track_caller]
pub fn run_again(command: &mut Command, path: &str) {
    let program = std::env::current_exe().expect("a test knows its own program");
    let test = path.split_once("::").expect("a path with its program").1;
    command.arg(program).args(["--exact", test, "--include-ignored", "--nocapture"]).stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A wrong name runs no test at all, which libtest calls a success.
    let passed = output.status.success() && out.contains("test result: ok. 1 passed");
    assert!(passed, "{command:?}: {}\n{out}\n{err}", output.status);
    print!("{out}");
}
