//! The interpreter that `./test` sets up, with other implementations of what Strongroom reads and writes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of the package.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Begins a command of that interpreter, or of the one that `STRONGROOM_TEST_PYTHON` names.
pub fn interpreter() -> Command {
    let own = || OsString::from(format!("{ROOT}/target/venv/bin/python"));
    Command::new(std::env::var_os("STRONGROOM_TEST_PYTHON").unwrap_or_else(own))
}

/// Begins a command that runs a script of the package.
pub fn python(script: &str) -> Command {
    let mut command = interpreter();
    command.arg(Path::new(ROOT).join(script));
    command
}

/// Lets a script fill a new folder, and returns the folder and what the script says of it.
pub fn made_by(script: &str, name: &str) -> (PathBuf, Value) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let output = python(script).arg(&folder).output().expect("./test makes the virtual environment");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = serde_json::from_slice(&output.stdout).unwrap();
    (folder, said)
}
