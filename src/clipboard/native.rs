//! The clipboards of macOS and Windows, which keep a text by themselves.

use arboard::Clipboard;
#[cfg(target_os = "macos")]
use arboard::SetExtApple;
#[cfg(windows)]
use arboard::SetExtWindows;
use zeroize::Zeroizing;

use super::deadline::Deadline;
use super::said::NotHeld;
use crate::crypto::secret::SecretText;

/// Puts a text on the clipboard, and takes it off when it is time, if it is still there; `begin` is called as soon as it
/// is there.
///
/// # Errors
/// If there is no clipboard, or it fails; those of `begin`.
pub fn hold(text: &SecretText, until: &Deadline, begin: impl FnOnce() -> Result<(), NotHeld>) -> Result<(), NotHeld> {
    let failed = |error: arboard::Error| NotHeld::Failed(error.to_string());
    let mut clipboard = Clipboard::new().map_err(|error| NotHeld::NoDisplay(error.to_string()))?;
    let set = clipboard.set();
    #[cfg(target_os = "macos")]
    let set = set.exclude_from_history();
    // Neither the history nor the cloud gets it.
    #[cfg(windows)]
    let set = set.exclude_from_monitoring();
    set.text(text.expose()).map_err(failed)?;
    begin()?;
    while let Some(wait) = until.wait() {
        std::thread::sleep(wait);
    }
    // It is read once: macOS may tell the user of each time. If it cannot be read, it is no text of ours.
    let is_ours = clipboard.get_text().map(Zeroizing::new).is_ok_and(|now| *now == text.expose());
    if is_ours { clipboard.clear().map_err(failed) } else { Ok(()) }
}
