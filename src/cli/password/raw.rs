//! The bytes of a password as they were typed or read.

use crate::crypto::secret::Password;
use crate::failure::Failure;

/// Makes a password of bytes, or says why they are none.
///
/// # Errors
/// Where they cannot be a password.
pub fn checked(raw: &[u8]) -> Result<Password, Failure> {
    Password::new(raw).map_err(|error| Failure::of("use the password", error.into()))
}
