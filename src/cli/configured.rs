//! The keys that `config` sets: each is the default of the flag of that name.

use super::progress::SHOWN;
use crate::body::THREADS_LIMIT;
use crate::home::{Known, Takes};

/// The keys. A key's flag has the same name.
pub const KEYS: &[Known] = &[
    Known {
        key: "keychain-timeout",
        takes: Takes::Number { from: 1, to: 3600 },
        default: "60 at a terminal, 3 elsewhere",
        about: "how long the OS keychain may take, in seconds",
    },
    Known {
        key: "progress",
        takes: Takes::Word(SHOWN),
        default: "auto",
        about: "how the progress of long work is shown",
    },
    Known {
        key: "threads",
        takes: Takes::Number { from: 1, to: THREADS_LIMIT as u64 },
        default: "one for each core",
        about: "how many threads work on many or large files",
    },
];
