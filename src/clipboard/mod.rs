//! The clipboard: a text that is taken off again. A hidden process of this program holds it, since what is on the
//! clipboard of X11 or Wayland is there only as long as a process hands it out. So the command that copies ends at once,
//! and what ends with the process is only what is still ours: what another program copies meanwhile stays.
//!
//! `starting` starts the process, and `process` is what runs in it. Each kind of clipboard has a file, and a function
//! `hold` there. [`terminal`] is what a terminal is sent to copy a text by itself.

#[cfg(feature = "clipboard")]
mod deadline;
#[cfg(all(feature = "clipboard", any(target_os = "macos", windows)))]
mod native;
#[cfg(feature = "clipboard")]
pub mod process;
#[cfg(feature = "clipboard")]
mod said;
#[cfg(feature = "clipboard")]
pub mod starting;
pub mod terminal;
#[cfg(all(feature = "clipboard", unix, not(target_os = "macos")))]
mod wayland;
#[cfg(all(feature = "clipboard", unix, not(target_os = "macos")))]
mod x11;

#[cfg(feature = "clipboard")]
pub use said::NotHeld;
