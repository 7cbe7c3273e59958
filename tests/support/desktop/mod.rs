//! Runs a test again on a session bus of its own, so that no test sees the keychain of who runs it.

use std::process::Command;

use super::run_again;

/// Set in the process that runs on the private bus.
const INSIDE: &str = "STRONGROOM_TEST_DESKTOP";

/// The script that makes a desktop with gnome-keyring.
pub fn script() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/desktop/with-gnome-keyring.sh").into()
}

/// Runs `body` in a separate process on a desktop in the given mode of the script. `test` is the path of the
/// calling test.
pub fn inside(mode: &str, test: &str, body: impl FnOnce()) {
    // Windows and macOS have no bus to be apart on; the test machine's own keychain serves.
    if cfg!(any(windows, target_os = "macos")) || std::env::var_os(INSIDE).is_some() {
        return body();
    }
    run_again(Command::new(script()).arg(mode).env(INSIDE, mode), test);
}
