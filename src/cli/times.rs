//! Times as a user gives them.

use crate::format::Timestamp;

/// Reads a time, or a date for the midnight it begins with.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = || format!("{text}T00:00:00Z").parse();
    let moment = text.parse().or_else(|_| midnight());
    moment.map_err(|_| "give a time in UTC, as 2026-11-21T08:30:00Z, or a date, as 2026-11-21".into())
}
