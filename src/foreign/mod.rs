//! Stores of other password managers that this process does not read by itself: a store of `pass`, whose entries gpg
//! decrypts, and a KeePass file, which a process with limits opens. What they have becomes items in `imports`. Also files
//! of client data that gpg decrypts.
//! Nothing here prints or asks.

mod gpg;
pub mod gpg_file;
#[cfg(all(feature = "import-keepass", unix))]
pub mod keepass_process;
pub mod pass_store;

use crate::imports::keepass::Key;
use crate::imports::{ImportError, Imported};

/// Reads a KeePass file. `available` is the memory the computer has free, in bytes, where that is known.
///
/// # Errors
/// [`ImportError`], before anything is spent if its header asks for too much.
pub fn read_keepass(bytes: &[u8], key: &Key, available: Option<u64>) -> Result<Imported, ImportError> {
    #[cfg(all(feature = "import-keepass", unix))]
    return keepass_process::read(bytes, key, available);
    // Without limits for a process nothing would keep it from taking all there is.
    #[cfg(not(all(feature = "import-keepass", unix)))]
    {
        let _ = (bytes, key, available);
        Err(ImportError::KeePassLeftOut)
    }
}
