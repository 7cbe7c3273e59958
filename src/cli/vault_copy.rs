//! Copies of a vault file that commands are given: read, and what is wrong with them.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Subject};
use crate::failure::{Exit, Failure};
use crate::format::vault::SIZE_LIMIT;
use crate::words::{command, words};

/// What every vault file names itself in clear.
const FORMAT: &[u8] = b"strongroom-vault";

/// Refuses a second file of a vault that this computer has.
pub fn second_file(doing: impl std::fmt::Display, place: &str) -> Failure {
    Failure::new(Exit::Failed, "vault-known", format!("cannot {doing}")).cause(format!(
        "this computer already uses that vault at {place}; a second file of the same vault would use the same \
         keychain item and record"
    ))
}

/// Says what is wrong with a copy of a vault file, lest it be taken for the vault that stands.
pub fn of_copy(doing: impl std::fmt::Display, path: &Path, error: Error) -> Failure {
    match error {
        Error::Damaged { what, detail } if what.is_vault() => {
            let what = Subject::Copy(Some(path.display().to_string()));
            Failure::of(doing, Error::Damaged { what, detail })
                .hint("try another copy; the existing vault was left as it is")
        }
        other => Failure::of(doing, other),
    }
}

/// Reads a copy of a vault file, which may be anything.
pub fn read_copy(path: &Path) -> Result<Vec<u8>, Failure> {
    let doing = format!("read {}", path.display());
    let failed = |error: std::io::Error| Failure::io(&doing, &error);
    let (file, _) = crate::files::find::open_input(path)?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    let refused = |cause: &str| {
        Failure::new(Exit::Damaged, "damaged", format!("cannot {doing}")).cause(cause).hint(words![
            "name a vault file, such as ",
            command("vault backup"),
            " writes"
        ])
    };
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(refused("it is larger than a vault may be"));
    }
    if !bytes.windows(FORMAT.len()).any(|part| part == FORMAT) {
        return Err(refused("it is no vault file"));
    }
    Ok(bytes)
}
