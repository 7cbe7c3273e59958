//! The agent as commands use it: asked if it answers, started by `unlock`, ended by `lock` and by whatever makes its key
//! worthless.

mod asking;

#[cfg(all(unix, feature = "tui"))]
pub use asking::quietly;
pub use asking::{lock, lock_after_change, may_answer, names, reach, start, started_failure, status};
