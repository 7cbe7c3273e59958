//! Runs a test again on a session bus of its own, so that no test sees the keychain of who runs it.

use std::ffi::OsString;
use std::process::Command;

use super::run_again;

/// Set in the process that runs on the private bus.
const INSIDE: &str = "STRONGROOM_TEST_DESKTOP";

/// The script that makes a desktop with gnome-keyring.
pub fn script() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/desktop/with-gnome-keyring.sh").into()
}

/// What leads to the bus and to the daemon, if this runs on a private desktop.
pub fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    let is_inside = std::env::var_os(INSIDE).is_some();
    let names = ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DESKTOP", "DESKTOP_DAEMON"];
    names.into_iter().filter(move |_| is_inside).filter_map(|name| Some((name, std::env::var_os(name)?)))
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
