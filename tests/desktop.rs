//! The keychain of a desktop, each test on a session bus of its own, and a keychain that fails; the clipboard of a
//! display, and a password typed into a window there.

mod support;

mod clipboard;
mod desktop_stories;
mod keychain_faults;
#[cfg(feature = "os-keychain")]
mod keychain_os;
mod kill_loops;
mod password_window;
