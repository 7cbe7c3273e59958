//! Where the proof suites leave their figures: a line each, which `./test` prints as one table.

use std::fs;
use std::path::Path;

/// Keeps one line of the table: what was done, and what came of it.
pub fn record(name: &str, what: &str, figure: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proof");
    fs::create_dir_all(&folder).expect("the folder of figures");
    fs::write(folder.join(name), format!("{what}\t{figure}\n")).expect("the figure");
}
