//! Files and folders that must not outlive an interrupted run.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Makes a file or folder that must not outlive an interrupted run. An interruption comes before it is made or after
/// it is known, never between.
///
/// # Errors
/// Those of `make`; nothing is remembered then.
pub fn make_unfinished<T>(path: &Path, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let made = make()?;
    unfinished.push(path.into());
    Ok(made)
}

/// Runs what an interruption must not cut in two: it comes before or after, never between.
pub fn uninterrupted<T>(run: impl FnOnce() -> T) -> T {
    let _held = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    run()
}

/// Tells that a file is finished or gone.
pub fn keep(path: &Path) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other != path);
}

/// Removes what is not finished. As long as the answer is held, no thread makes or names another file.
#[cfg(all(unix, feature = "cli"))]
pub fn remove_all() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    use std::fs;
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for path in unfinished.iter() {
        let _ = fs::remove_file(path);
        // A thread may still be filling a folder: what it adds after the folder was listed goes at the next try.
        for _ in 0..10 {
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                _ => break,
            }
        }
    }
    unfinished
}
