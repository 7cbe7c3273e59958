//! The files of a report, which appear together: the signature last, so that whoever finds one has the rest.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, without_flags};
use crate::files::publish::{OutputFile, check_free, sync_folder_of};
use crate::format::signing::{REPORT, allowed_line};
use crate::vault::SigningInfo;

/// A file of a report that is to be written.
pub struct Planned {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub bytes: Vec<u8>,
    /// It takes the place of an earlier one.
    pub replaces: bool,
}

/// Returns NAME.allowed: every key that has signed for the vault, since earlier reports are still to be checked.
pub fn allowed(keys: &[SigningInfo], identity: &str) -> String {
    keys.iter().map(|key| allowed_line(identity, REPORT, key.created, &key.public.text())).collect()
}

/// Files that are written and have no name yet.
pub struct Written<'p>(Vec<(&'p Planned, OutputFile<'p>)>);

/// Writes every file without giving it its name.
///
/// # Errors
/// If a name is taken, or a file cannot be written: nothing is left then.
pub fn write(planned: &[Planned]) -> Result<Written<'_>, Failure> {
    let mut written = Vec::new();
    for planned in planned {
        check_free(&planned.path, planned.replaces).map_err(without_flags)?;
        let output = OutputFile::create(&planned.path, planned.replaces).map_err(without_flags)?;
        let mut to = output.file();
        to.write_all(&planned.bytes).map_err(|error| failed(&planned.path, &error))?;
        written.push((planned, output));
    }
    Ok(Written(written))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::io(format!("write {}", path.display()), error)
}

impl Written<'_> {
    /// Gives the files their names, in their order.
    ///
    /// # Errors
    /// If one cannot be named: those that were are taken away again.
    pub fn publish(self) -> Result<(), Failure> {
        let mut named: Vec<&Planned> = Vec::new();
        let mut result = Ok(());
        for (planned, output) in self.0 {
            result = output.name().map_err(without_flags);
            if result.is_err() {
                break;
            }
            named.push(planned);
        }
        if let (Ok(()), Some(last)) = (&result, named.last()) {
            result = sync_folder_of(&last.path).map_err(Failure::from);
        }
        if result.is_err() {
            for planned in named.iter().filter(|planned| !planned.replaces) {
                // Best effort: this process gave it its name a moment ago.
                let _ = fs::remove_file(&planned.path);
            }
        }
        result
    }
}
