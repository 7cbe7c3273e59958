//! Results on standard output, remarks on standard error.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::failure::{Failure, label};
use crate::format::name::printable;
use crate::format::vault::KeyState;
use crate::vault::KeyInfo;

/// How results and remarks are shown.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Results are JSON.
    pub json: bool,
    /// Remarks are left out.
    pub quiet: bool,
}

impl Output {
    /// Prints a result: text for people, or the JSON value.
    ///
    /// # Errors
    /// Where standard output cannot be written; a closed pipe ends the program quietly.
    pub fn result(self, text: &str, json: &Value) -> Result<(), Failure> {
        if self.json { print(format!("{json}\n").as_bytes()) } else { print(format!("{text}\n").as_bytes()) }
    }

    /// Prints a result that people see only without --quiet.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn done(self, text: &str, json: &Value) -> Result<(), Failure> {
        if self.quiet && !self.json { Ok(()) } else { self.result(text, json) }
    }

    /// Says something on standard error that --quiet and --json leave out.
    pub fn remark(self, text: &str) {
        if !self.quiet && !self.json {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", printable(text));
        }
    }

    /// Warns on standard error, always.
    pub fn warn(self, kind: &str, text: &str) {
        let line = if self.json {
            serde_json::json!({"warning": kind, "message": text}).to_string()
        } else {
            format!("{} {}", label("warning:", "33"), printable(text))
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Writes bytes to standard output.
///
/// # Errors
/// Where it cannot be written; a closed pipe ends the program quietly.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::io("write to standard output", &error))
}

/// Tells whether standard output is a terminal.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Lays out rows in aligned columns, under headings if there are any.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if !headings.is_empty() {
        table.set_header(headings.to_vec());
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Names a key's state.
pub fn state_name(key: &KeyInfo) -> &'static str {
    match key.state {
        KeyState::Active if key.current => "current",
        KeyState::Active => "earlier",
        KeyState::Retired => "retired",
        KeyState::Destroyed => "destroyed",
    }
}
