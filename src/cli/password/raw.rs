//! The bytes of a password as they were typed or read.

use crate::crypto::secret::Password;
use crate::failure::Failure;

/// Returns a line from the terminal as it was typed. The prompt has turned bytes that are not UTF-8 into U+FFFD.
pub fn typed(line: &str) -> &[u8] {
    if line.contains(char::REPLACEMENT_CHARACTER) { b"\xff" } else { line.as_bytes() }
}

/// Makes a password of bytes, or says why they are none.
///
/// # Errors
/// Where they cannot be a password.
pub fn checked(raw: &[u8]) -> Result<Password, Failure> {
    Password::new(raw).map_err(|error| Failure::of("use the password", error.into()))
}
