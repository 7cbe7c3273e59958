//! Runs a test again on a session bus of its own, so that no test sees the keychain of who runs it.

use std::process::{Command, Stdio};

/// Set in the process that runs on the private bus.
const INSIDE: &str = "STRONGROOM_TEST_DESKTOP";

/// The script that makes a desktop with gnome-keyring.
pub fn script() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/desktop/with-gnome-keyring.sh").into()
}

/// Runs `body` in a process of its own on a desktop in the given mode of the script. `test` is the name of the
/// calling test, with its modules.
pub fn inside(mode: &str, test: &str, body: impl FnOnce()) {
    // Windows and macOS have no bus to be apart on; the test machine's own keychain serves.
    if cfg!(any(windows, target_os = "macos")) || std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let program = std::env::current_exe().expect("a test knows its own program");
    let output = Command::new(script())
        .arg(mode)
        .arg(program)
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env(INSIDE, mode)
        .stdin(Stdio::null())
        .output()
        .expect("the desktop script starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A wrong name runs no test at all, which libtest calls a success.
    let passed = output.status.success() && out.contains("test result: ok. 1 passed");
    assert!(passed, "{test} on a desktop {mode}: {}\n{out}\n{err}", output.status);
}
