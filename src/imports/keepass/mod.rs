//! KeePass files (KDBX 3.1 and 4). [`check`] reads the header, and nothing else: it costs nothing, and after it nobody
//! can be made to spend more than the limits. `open` reads the rest with the crate `keepass`, in a process of its own,
//! since a file can make that crate abort, and answers in JSON. [`read_answer`] makes items of the answer; it trusts the
//! process no more than a file.

mod answer;
#[cfg(feature = "import-keepass")]
mod document;
mod header;
#[cfg(feature = "import-keepass")]
mod opening;

pub use answer::read_answer;
pub(super) use header::is_keepass;
pub use header::{Header, check};
#[cfg(feature = "import-keepass")]
pub use opening::open;

use zeroize::Zeroizing;

use crate::crypto::secret::SecretText;

/// What a KeePass file is opened with: a password, a key file, or both.
#[derive(Default)]
pub struct Key {
    /// The password. An empty one is another key than none.
    pub password: Option<SecretText>,
    /// The bytes of the key file.
    pub file: Option<Zeroizing<Vec<u8>>>,
}

#[cfg(all(test, feature = "import-keepass"))]
mod tests;
