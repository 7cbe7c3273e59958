//! What commands find where the program has no agent yet.

use crate::cli::context::Context;
use crate::failure::{Exit, Failure};
use crate::home::Home;

/// Says that there is no agent on this system.
pub fn missing(doing: &str) -> Failure {
    Failure::new(Exit::Failed, "agent", format!("cannot {doing}")).cause("on this system there is no agent yet")
}

/// Ends nothing.
///
/// # Errors
/// Always.
pub fn lock(_: &Context) -> Result<bool, Failure> {
    Err(missing("lock the vault"))
}

/// Ends nothing.
pub fn lock_after_change(_: &Context) {}

/// Knows no project.
pub fn names(_home: &Home) -> Vec<String> {
    Vec::new()
}
