//! Where the proof suites leave their figures: a line each, which `./test` prints as one table.

use std::fs;
use std::io::Write;
use std::path::Path;

/// Keeps one line of the table: what was done, and what came of it.
pub fn record(name: &str, what: &str, figure: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proof");
    fs::create_dir_all(&folder).expect("the folder of figures");
    fs::write(folder.join(name), format!("{what}\t{figure}\n")).expect("the figure");
}

/// Says that something cannot be done here, in the table and at once: not through print, which a passing test swallows.
pub fn leave_out(name: &str, what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {what}: {why}");
    record(name, what, &format!("not run: {why}"));
}
