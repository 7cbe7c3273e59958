//! Where a password goes that is copied.

use crate::cli::clip::hold;
use crate::crypto::secret::SecretText;

/// How long a text stays there, in seconds: as long as with `--clip`.
const SECONDS: u32 = 45;

/// A place that other programs paste from.
pub trait Clipboard: Send {
    /// Puts a text there. Returns what to say about it, such as when it goes away again.
    ///
    /// # Errors
    /// Why it is not there, in words.
    fn copy(&self, text: &SecretText) -> Result<String, String>;
}

/// The clipboard of this computer.
pub struct ThisClipboard;

impl Clipboard for ThisClipboard {
    fn copy(&self, text: &SecretText) -> Result<String, String> {
        match hold(text, SECONDS) {
            Ok(()) => Ok(format!("copied; it is taken off the clipboard in {SECONDS} s")),
            Err(failure) => Err(failure.cause.map_or(failure.message, |cause| cause.to_string())),
        }
    }
}
