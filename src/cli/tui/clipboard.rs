//! Where a password goes that is copied.

use crate::crypto::secret::SecretText;

/// A place that other programs paste from.
pub trait Clipboard: Send {
    /// Puts a text there. Returns what to say about it, such as when it goes away again.
    ///
    /// # Errors
    /// Why it is not there, in words.
    fn copy(&self, text: &SecretText) -> Result<String, String>;
}

/// No clipboard.
pub struct NoClipboard;

impl Clipboard for NoClipboard {
    fn copy(&self, _: &SecretText) -> Result<String, String> {
        Err("the clipboard is not built in".into())
    }
}
