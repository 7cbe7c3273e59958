//! What `exit-codes` shows.

use serde::Serialize;

use crate::cli::layout::table;
use crate::failure::Exit;

/// An exit code.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExitCode {
    /// The code.
    pub code: u8,
    /// What it means.
    pub means: &'static str,
}

impl ExitCode {
    /// Shows a code.
    pub fn of(exit: Exit) -> Self {
        Self { code: exit as u8, means: exit.means() }
    }
}

/// Returns codes in lines.
pub fn exit_codes_text(codes: &[ExitCode]) -> String {
    table(&["CODE", "MEANS"], codes.iter().map(|code| vec![code.code.to_string(), code.means.to_owned()]).collect())
}
