//! The agent as commands use it: asked if it answers, started by `unlock`, ended by `lock` and by whatever makes its key
//! worthless.

#[cfg(unix)]
mod asking;
#[cfg(not(unix))]
mod elsewhere;

#[cfg(all(unix, feature = "tui"))]
pub use asking::quietly;
#[cfg(unix)]
pub use asking::{lock, lock_after_change, names, reach, start, started_failure, status};
#[cfg(not(unix))]
pub use elsewhere::{lock, lock_after_change, missing, names};
