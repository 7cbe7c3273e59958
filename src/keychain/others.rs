//! Passwords that other programs have stored in the operating system's keychain, read the way that Python's keyring finds
//! them. Nothing of them is ever written or deleted here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::deadline;
use super::{KeychainError, OsKeychain, Prompting};

/// A password of another program.
pub struct OthersItem {
    /// The password, as text or bytes.
    pub secret: Zeroizing<Vec<u8>>,
    /// The words of the command that removes it.
    pub removal: Vec<String>,
}

impl fmt::Debug for OthersItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OthersItem").finish_non_exhaustive()
    }
}

/// Finds the password that a program has stored for a user of a service; `None` if there is none.
///
/// # Errors
/// If the keychain cannot answer in time, or has several.
pub fn others_item(
    service: &str,
    user: &str,
    prompting: Prompting,
    deadline: Duration,
) -> Result<Option<OthersItem>, KeychainError> {
    let keychain = Arc::new(OsKeychain::new(prompting));
    let asked = keychain.clone();
    let (service, user) = (service.to_owned(), user.to_owned());
    deadline::once(deadline, || super::Keychain::name(&*keychain), move || asked.others_item(&service, &user))
}
